"""Resolve a model reference to a folder with a content digest, and load it ready for reading or steering.

The digest is over the weights, config and tokenizer files alone, so that the same model has the same digest wherever it
lies: steering vectors made on the Hub's copy fit the local one. For a Hub model the commit stands in `ref.revision`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from isogloss.errors import RefusedError, UserError, did_you_mean
from isogloss.files import digest_of, read_json, sha256_file
from isogloss.models.embedded import embedded_model
from isogloss.models.hub import file_digests, quiet_transformers
from isogloss.models.reference import DESCRIPTION, ModelRef, check_model_folder, parse_model_ref

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


# --------------------------------------------------------------------------------------------------------------------
# Folders that hold a LoRA adapter made by this project: `adapter_config.json`, safetensors and `checkpoint.json`.
#
# Such a folder is a model reference. Its digest is over the base's digest and the adapter's files, and it loads as its base
# with the adapter merged into the weights, in float32, before they are cast.

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"


class Base(NamedTuple):
    """The model an adapter was trained on: its reference and the digest it had then."""

    name: str
    digest: str


def is_adapter(folder: Path) -> bool:
    """Whether `folder` holds an adapter that says what it was made from."""
    return (folder / CONFIG).is_file() and (folder / DESCRIPTION).is_file()


def base_of(folder: Path) -> Base:
    """The base named in the adapter's `checkpoint.json`. Raises UserError where it names none."""
    try:
        base = read_json(folder / DESCRIPTION)["base"]
        return Base(str(base["name"]), str(base["digest"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{folder / DESCRIPTION}: names no base model ({error!r}); train or fetch it again") from error


def adapter_digest(folder: Path, base_digest: str) -> str:
    """Hex sha256 over the base's digest and the names and contents of the adapter's files."""
    if not (folder / WEIGHTS).is_file():
        raise UserError(f"{folder}: the adapter lacks {WEIGHTS}; train or fetch it again")
    return digest_of({"base": base_digest, "adapter": file_digests(folder, [CONFIG, WEIGHTS])})


def check_base(folder: Path, base: Base, found_digest: str) -> None:
    """Raise RefusedError unless the base found under the recorded name is the one the adapter was trained on."""
    if found_digest != base.digest:
        raise RefusedError(
            f"{folder}: its adapter was trained on '{base.name}' with digest {base.digest}, and '{base.name}' now has "
            f"{found_digest}; an adapter fits its own base alone"
        )


def merged(model: Any, folder: Path) -> Any:
    """`model` (float32) with the adapter added into its weights; a plain model again."""
    from peft import PeftModel
    from safetensors import SafetensorError

    with quiet_transformers():
        try:
            return PeftModel.from_pretrained(model, str(folder)).merge_and_unload()
        except (SafetensorError, OSError, RuntimeError, ValueError, TypeError, KeyError) as error:
            raise UserError(f"{folder}: the adapter cannot be loaded onto its base: {error}") from error


# --------------------------------------------------------------------------------------------------------------------

DType = Literal["float32", "bfloat16"]

#: What makes a model: its digest covers these, and these alone are fetched from the Hub.
_CONFIG = ("config.json",)
_WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
_TOKENIZER = (
    "tokenizer*",
    "vocab*",
    "target_vocab.json",  # Marian with a vocabulary for each side
    "merges.txt",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template*",
    "*.model",
    "*.spm",  # Marian's, one for each side
)
_FETCHED = (*_CONFIG, *_WEIGHTS, *_TOKENIZER, "generation_config.json")
#: Other layouts of the same weights, which some repositories carry besides.
_NOT_FETCHED = ("*/*", "consolidated*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedModel:
    """Where a model's files are and what they hold. For a Hub model, `ref.revision` is the commit.

    `base` is the model below where `path` holds an adapter.
    """

    ref: ModelRef
    path: Path
    digest: str
    base: ResolvedModel | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedModel:
    """A causal language model in eval mode, without gradients, and its tokenizer, which has a pad token."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    ref: ModelRef
    path: Path
    digest: str
    num_layers: int
    hidden_size: int
    dtype: DType


def resolve(ref: ModelRef | str) -> ResolvedModel:
    """Find the model's files, converting or downloading them if need be.

    Raises:
        UserError: there is no such model, it cannot be fetched, or it is not in safetensors.
        RefusedError: it is an adapter, and its base is not the one it was trained on.
    """
    if isinstance(ref, str):
        ref = parse_model_ref(ref)
    match ref.kind:
        case "embedded":
            path = embedded_model()
        case "local":
            path = Path(ref.name)
        case "hub":
            from isogloss.models.hub import snapshot

            path = snapshot(ref, fetch=_FETCHED, leave=_NOT_FETCHED)
            ref = replace(ref, revision=path.name)
        case "registry":
            raise UserError(
                f"model '{ref.text}': models in the registry cannot be named as a base model, since they come with their "
                f"steering. Fetch it (isogloss fetch {ref.text} DIR) and name DIR/model where it was trained, or else its "
                "base; isogloss.load and isogloss generate take the reference itself"
            )
    check_model_folder(path, text=ref.text)
    if is_adapter(path):
        recorded = base_of(path)
        base = resolve(recorded.name)
        check_base(path, recorded, base.digest)
        return ResolvedModel(ref=ref, path=path, digest=adapter_digest(path, base.digest), base=base)
    return ResolvedModel(ref=ref, path=path, digest=model_digest(path))


def model_digest(folder: Path) -> str:
    """Hex sha256 over the names and contents of the config, safetensors and tokenizer files in `folder`."""
    return digest_of(file_digests(folder, _names(folder, (*_CONFIG, *_WEIGHTS, *_TOKENIZER))))


def load_model(
    ref: ModelRef | str,
    *,
    dtype: DType = "float32",
    device: str = "cpu",
    attn_implementation: str = "sdpa",
    tokenizers: dict[str, PreTrainedTokenizerBase] | None = None,
) -> LoadedModel:
    """Load a model for inference: eval mode, no gradients, safetensors only, none of the repository's own code run.

    `dtype` is float32 or bfloat16; float16 is not offered because activations of Gemma 3 overflow in it. Models loaded with
    the same `tokenizers` share one tokenizer where its files are the same: to load a large one takes longer than a small model.

    Raises:
        UserError: as :func:`resolve`, or the files hold no causal language model, are damaged, or lack weights.
    """
    import torch

    _check_dtype(dtype)
    _check_device(device)
    found = resolve(ref)
    tokenizer = _shared_tokenizer(_whole(found), {} if tokenizers is None else tokenizers)
    model = _model(found, dtype=getattr(torch, dtype), attn_implementation=attn_implementation)
    model.to(torch.device(device)).eval().requires_grad_(False)
    text_config = model.config.get_text_config()
    return LoadedModel(
        model=model,
        tokenizer=tokenizer,
        ref=found.ref,
        path=found.path,
        digest=found.digest,
        num_layers=text_config.num_hidden_layers,
        hidden_size=text_config.hidden_size,
        dtype=dtype,
    )


def _whole(found: ResolvedModel) -> ResolvedModel:
    """The model below all adapters."""
    return found if found.base is None else _whole(found.base)


def _model(found: ResolvedModel, *, dtype: Any, attn_implementation: str) -> Any:
    import torch

    if found.base is None:
        return _whole_model(found, dtype=dtype, attn_implementation=attn_implementation)
    base = _model(found.base, dtype=torch.float32, attn_implementation=attn_implementation)
    return merged(base, found.path).to(dtype)


def _whole_model(found: ResolvedModel, *, dtype: Any, attn_implementation: str) -> Any:
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

    where = f"model '{found.ref}'"
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    with quiet_transformers():
        try:
            config = AutoConfig.from_pretrained(found.path, **local)
        except (OSError, ValueError, KeyError) as error:
            raise UserError(f"{where}: {found.path / 'config.json'} cannot be used: {error}") from error
        known = [
            auto for auto in (AutoModelForCausalLM, AutoModelForImageTextToText) if type(config) in auto._model_mapping
        ]
        if getattr(config, "is_encoder_decoder", False) or not known:
            raise UserError(f"{where}: a {config.model_type} model is not a causal (decoder-only) language model")
        if attn_implementation == "sdpa" and not getattr(known[0]._model_mapping[type(config)], "_supports_sdpa", True):
            attn_implementation = "eager"  # Gemma 2 caps the scores, which the fused attention cannot.
        try:
            loaded: Any = known[0].from_pretrained(
                found.path,
                config=config,
                dtype=dtype,
                attn_implementation=attn_implementation,
                use_safetensors=True,
                output_loading_info=True,
                **local,
            )
        except (SafetensorError, OSError, RuntimeError, ValueError, ImportError) as error:
            raise UserError(f"{where}: the model in {found.path} cannot be loaded: {error}") from error
    model, info = loaded
    if missing := sorted(info["missing_keys"]):  # transformers would go on with random numbers in their place
        raise UserError(
            f"{where}: the safetensors in {found.path} lack {len(missing)} of the weights that config.json asks for "
            f"({', '.join(missing[:3])}, …); fetch or save the model again"
        )
    return model


def _names(folder: Path, patterns: tuple[str, ...]) -> list[str]:
    return sorted({path.name for pattern in patterns for path in folder.glob(pattern) if path.is_file()})


def _shared_tokenizer(found: ResolvedModel, tokenizers: dict[str, PreTrainedTokenizerBase]) -> PreTrainedTokenizerBase:
    # config.json too: it names the tokenizer's class where the tokenizer's own files do not.
    names = _names(found.path, (*_CONFIG, *_TOKENIZER))
    key = digest_of({name: sha256_file(found.path / name) for name in names})
    if key not in tokenizers:
        tokenizers[key] = _tokenizer(found)
    return tokenizers[key]


def _tokenizer(found: ResolvedModel) -> PreTrainedTokenizerBase:
    from transformers import AutoTokenizer

    where = f"model '{found.ref}'"
    with quiet_transformers():
        try:
            tokenizer = AutoTokenizer.from_pretrained(found.path, local_files_only=True, trust_remote_code=False)
        except (OSError, ValueError, KeyError, ImportError) as error:
            raise UserError(f"{where}: {found.path} holds no tokenizer that can be loaded: {error}") from error
    if tokenizer.pad_token is None:
        if tokenizer.eos_token is None:
            raise UserError(f"{where}: the tokenizer in {found.path} has neither a pad nor an eos token; set one")
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def _check_dtype(dtype: str) -> None:
    offered = ("float32", "bfloat16")
    if dtype in ("float16", "fp16", "half"):
        raise UserError(f"dtype '{dtype}' is not offered, because Gemma 3 overflows in it; use bfloat16 or float32")
    if dtype not in offered:
        raise UserError(f"dtype '{dtype}' is not known{did_you_mean(dtype, offered)}; it is float32 or bfloat16")


def _check_device(device: str) -> None:
    import torch

    try:
        kind = torch.device(device).type
    except RuntimeError as error:
        raise UserError(f"device '{device}' is not known; it is cpu, cuda, cuda:0, …") from error
    if kind == "cuda" and not torch.cuda.is_available():
        raise UserError(f"device '{device}': this machine or this build of torch has no CUDA; use cpu")
    if kind == "meta":
        raise UserError("device 'meta' computes nothing; use cpu")
    try:
        torch.empty(1, device=device)
    except (RuntimeError, NotImplementedError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"device '{device}': this machine or this build of torch has none ({reason})") from error
