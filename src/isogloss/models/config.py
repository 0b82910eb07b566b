"""What a model is made of, by its config alone: counted on its own class, built without a byte of weights.

The class is made on PyTorch's meta device, and a piece of it run with tensors that have shapes and no contents: so counts
and kept activations are those of the code that will train, for every architecture that it can load.
"""

from __future__ import annotations

import re
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from isogloss.errors import UserError
from isogloss.models.embedded import is_converted
from isogloss.models.hub import quiet_transformers
from isogloss.models.reference import ModelRef, check_model_folder

if TYPE_CHECKING:
    from transformers import PretrainedConfig


#: Names of the projections of an attention module are told by the module that holds them.
_ATTENTION = ("self_attn", "attention", "attn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """Sizes of a model, in numbers of parameters where not said otherwise.

    `parameters` are all; `trained` those of the text decoder and its head, which full training changes; `attention` the
    attention projections; `body` the weights of the decoder's linear layers, each multiplied with every token; `head` the
    output matrix; `block` one decoder block; `linears` (inputs, outputs) of each linear layer of the decoder;
    `tied` whether the output matrix is the embeddings'.
    """

    architecture: str
    layers: int
    hidden_size: int
    vocabulary: int
    attention_width: int
    windows: tuple[int | None, ...]
    parameters: int
    trained: int
    attention: int
    body: int
    head: int
    block: int
    linears: tuple[tuple[int, int], ...]
    tied: bool
    config: Any = field(compare=False)


def read_config(folder: Path) -> PretrainedConfig:
    """The config of a model's folder. Raises UserError where transformers cannot use it."""
    from transformers import AutoConfig

    with quiet_transformers():
        try:
            return AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        except (OSError, ValueError, KeyError) as error:
            raise UserError(f"{folder / 'config.json'} cannot be used: {error}") from error


def outline_of(config: PretrainedConfig) -> Outline:
    """Count the parameters of the class that `config` is of. Raises UserError where it is no causal language model."""
    import torch
    from torch import nn
    from transformers import AutoModelForCausalLM

    from isogloss.models.layers import text_decoder

    with quiet_transformers(), torch.device("meta"):
        try:
            model: Any = AutoModelForCausalLM.from_config(config)
        except ValueError as error:
            raise UserError(f"a {config.model_type} model is not a causal (decoder-only) language model") from error
        model.tie_weights()
    decoder, head = text_decoder(model), model.get_output_embeddings().weight
    own = list(decoder.parameters())
    tied = any(one is head for one in own)
    linears = {name: module for name, module in decoder.named_modules() if isinstance(module, nn.Linear)}
    text = config.get_text_config()
    heads = text.num_attention_heads
    layers = text.num_hidden_layers
    window = getattr(text, "sliding_window", None)
    kinds = getattr(text, "layer_types", None) or ["full_attention"] * layers
    return Outline(
        architecture=type(model).__name__,
        layers=layers,
        hidden_size=text.hidden_size,
        vocabulary=head.shape[0],
        attention_width=heads * (getattr(text, "head_dim", None) or text.hidden_size // heads),
        windows=tuple(window if kind == "sliding_attention" else None for kind in kinds),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        trained=sum(one.numel() for one in own) + (0 if tied else head.numel()),
        attention=sum(
            module.weight.numel() for name, module in linears.items() if name.rpartition(".")[0].endswith(_ATTENTION)
        ),
        body=sum(module.weight.numel() for module in linears.values()),
        head=head.numel(),
        block=sum(parameter.numel() for parameter in decoder.layers[0].parameters()),  # type: ignore[union-attr,index]
        linears=tuple((module.in_features, module.out_features) for module in linears.values()),
        tied=tied,
        config=config,
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """Bytes that autograd keeps from a forward to its backward: of each block, and outside of the blocks (embeddings, last
    norm, masks)."""

    block: float
    outside: float


@cache
def kept_for_backward(
    outline: Outline, *, rows: int, time: int, dtype: str, autocast: bool, adapters: bool = False
) -> Kept:
    """What a forward of `rows` sequences of `time` tokens keeps, weights in `dtype` (bfloat16 under `autocast` of float32).

    With `adapters` only those of linear layers are trained, which read the same inputs; norms keep nothing for themselves.

    Two decoders are run on tensors without contents, of one block and of two; their difference is a block.
    """
    one, two = (_kept(outline.config, layers, rows, time, dtype, autocast, adapters) for layers in (1, 2))
    return Kept(block=two - one, outside=max(0.0, one - (two - one)))


def _kept(config: Any, layers: int, rows: int, time: int, dtype: str, autocast: bool, adapters: bool) -> float:
    import copy

    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode
    from transformers import AutoModel

    text = copy.deepcopy(config.get_text_config())
    # All blocks keep the same; a whole-attention one needs no mask of its own.
    if getattr(text, "layer_types", None):
        text.layer_types = ["full_attention"] * layers
    text.num_hidden_layers = layers
    text.vocab_size, text.pad_token_id = 1024, 0  # the embeddings' size keeps nothing
    weights = torch.float32 if autocast else getattr(torch, dtype)
    with quiet_transformers(), FakeTensorMode(allow_non_fake_inputs=True):
        decoder: Any = AutoModel.from_config(text, dtype=weights).train()
        if adapters:
            decoder.requires_grad_(False)
            for module in decoder.modules():
                if isinstance(module, torch.nn.Linear):
                    module.requires_grad_(True)
        own = {parameter.untyped_storage()._cdata for parameter in decoder.parameters()}
        kept: dict[int, Any] = {}

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            if storage._cdata not in own:
                kept[storage._cdata] = storage
            return tensor

        ids, real = torch.zeros(rows, time, dtype=torch.long), torch.ones(rows, time, dtype=torch.long)
        low = torch.autocast("cpu", dtype=torch.bfloat16) if autocast else nullcontext()
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), low:
            decoder(input_ids=ids, attention_mask=real, use_cache=False)
        return float(sum(storage.nbytes() for storage in kept.values()))


# --------------------------------------------------------------------------------------------------------------------
# The size of a model, read from its config alone: for plans and estimates, before anything is loaded.


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelShape:
    """Of the text model: decoder layers, hidden size, tokens in the vocabulary, bytes a stored weight takes, and the class
    that the weights are of."""

    num_layers: int
    hidden_size: int
    vocabulary: int
    bytes_per_weight: int
    architecture: str


def model_shape(folder: Path) -> ModelShape:
    """Read as transformers does: a config.json leaves out what is its family's default."""
    from transformers import AutoConfig

    with quiet_transformers():
        config = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    text = config.get_text_config()
    return ModelShape(
        num_layers=text.num_hidden_layers,
        hidden_size=text.hidden_size,
        vocabulary=text.vocab_size,
        bytes_per_weight=4 if str(config.dtype).endswith("float32") else 2,
        architecture=next(iter(config.architectures or ()), config.model_type),
    )


# --------------------------------------------------------------------------------------------------------------------
# Shapes of published models, so that one can be planned for before anything of it is fetched.
#
# The settings are those of each repository's config.json that decide its size; the rest is the family's default in
# transformers. A model's `-pt`, `-it` and `-Instruct` versions have one shape.


class _Published(NamedTuple):
    """`kind` is transformers' model type; `vision` the image encoder's settings, where it has one."""

    kind: str
    settings: dict[str, Any]
    vision: dict[str, Any] | None = None


#: The image encoder of Gemma 3 from 4B on (SigLIP, 0.4B parameters): read with the model, never trained here.
_SIGLIP = {
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "num_attention_heads": 16,
    "image_size": 896,
    "patch_size": 14,
}


def _shape(
    hidden: int, layers: int, feed_forward: int, heads: int, kv_heads: int, head: int, vocabulary: int, **more: Any
) -> dict[str, Any]:
    return {
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "intermediate_size": feed_forward,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": head,
        "vocab_size": vocabulary,
        **more,
    }


_UNTIED = {"tie_word_embeddings": False}
_MODELS = {
    "google/gemma-3-270m": _Published("gemma3_text", _shape(640, 18, 2048, 4, 1, 256, 262144, sliding_window=512)),
    "google/gemma-3-1b": _Published("gemma3_text", _shape(1152, 26, 6912, 4, 1, 256, 262144, sliding_window=512)),
    "google/gemma-3-4b": _Published("gemma3", _shape(2560, 34, 10240, 8, 4, 256, 262208, sliding_window=1024), _SIGLIP),
    "google/gemma-3-12b": _Published(
        "gemma3", _shape(3840, 48, 15360, 16, 8, 256, 262208, sliding_window=1024), _SIGLIP
    ),
    "google/gemma-3-27b": _Published(
        "gemma3", _shape(5376, 62, 21504, 32, 16, 128, 262208, sliding_window=1024), _SIGLIP
    ),
    "meta-llama/Llama-3.1-8B": _Published("llama", _shape(4096, 32, 14336, 32, 8, 128, 128256, **_UNTIED)),
    "meta-llama/Llama-3.2-1B": _Published("llama", _shape(2048, 16, 8192, 32, 8, 64, 128256, tie_word_embeddings=True)),
    "Qwen/Qwen2.5-7B": _Published("qwen2", _shape(3584, 28, 18944, 28, 4, 128, 152064, **_UNTIED)),
    "Qwen/Qwen3-8B": _Published("qwen3", _shape(4096, 36, 12288, 32, 8, 128, 151936, **_UNTIED)),
    "CohereLabs/aya-expanse-8b": _Published("cohere", _shape(4096, 32, 14336, 32, 8, 128, 256000)),
}
#: Endings that change what a model was trained on, and not its shape.
_VERSION = re.compile(r"-(pt|it|base|instruct)$", re.IGNORECASE)


def published_config(name: str) -> PretrainedConfig | None:
    """The config of `org/name` from the table, None where it is not in there. Nothing is fetched."""
    known = {key.lower(): value for key, value in _MODELS.items()}
    found = known.get(name.lower()) or known.get(_VERSION.sub("", name).lower())
    if found is None:
        return None
    from transformers import AutoConfig

    if found.vision is None:
        return AutoConfig.for_model(found.kind, **found.settings)
    return AutoConfig.for_model(found.kind, text_config=found.settings, vision_config=found.vision)


def published_names() -> tuple[str, ...]:
    """The models in the table."""
    return tuple(_MODELS)


# --------------------------------------------------------------------------------------------------------------------
# A model before it is here: whether it is, and its config without its weights. The embedded one before it is converted.

#: The embedded model among the published ones.
_EMBEDDED = "google/gemma-3-270m"


def is_fetched(ref: ModelRef) -> bool:
    """Whether a model's files are whole on this machine, in the form in which they load. Asks no network."""
    if ref.kind == "embedded":
        return is_converted()
    if ref.kind != "hub":
        return True
    import huggingface_hub as hub
    from huggingface_hub import errors

    try:
        folder = hub.snapshot_download(ref.name, revision=ref.revision, local_files_only=True)
    except (errors.LocalEntryNotFoundError, errors.HFValidationError):
        return False
    try:
        check_model_folder(Path(folder), text=ref.text)
    except UserError:
        return False
    return True


def config_of_unfetched(ref: ModelRef) -> PretrainedConfig:
    """The config of a model: of a directory its own; of a Hub model, or the embedded one, that of the table of published
    ones, else the model's config.json alone, fetched or cached.

    Raises UserError where it is in neither and the Hub does not give it.
    """
    if ref.kind == "local":
        return read_config(Path(ref.name))
    if (known := published_config(_EMBEDDED if ref.kind == "embedded" else ref.name)) is not None:
        return known
    from isogloss.models.hub import snapshot

    return read_config(snapshot(ref, fetch=("config.json",), leave=("*/*",)))
