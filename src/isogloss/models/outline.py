"""What a model is made of, by its config alone: counted on its own class, built without a byte of weights.

The class is made on PyTorch's meta device, and a piece of it run with tensors that have shapes and no contents: so counts
and kept activations are those of the code that will train, for every architecture that it can load.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogloss.errors import UserError
from isogloss.models.quiet import quiet_transformers

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

    from isogloss.models.blocks import text_decoder

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
