"""The model of a training: loaded with its trainable part, and saved as something that can be loaded again."""

from __future__ import annotations

import gc
import importlib.metadata
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal, NamedTuple, cast

import torch
from torch import nn

from isogloss.errors import RefusedError, UserError, did_you_mean
from isogloss.files import read_json, sealed_folder, write_json
from isogloss.methods.distributed import deepspeed_config
from isogloss.methods.job import Job
from isogloss.methods.log_probs import install_completion_forward
from isogloss.models.hub import quiet_transformers
from isogloss.models.layers import text_decoder
from isogloss.models.load import CONFIG, is_adapter, load_model
from isogloss.models.reference import DESCRIPTION, parse_model_ref

# --------------------------------------------------------------------------------------------------------------------
# ZeRO-3 from the first weight on: a process keeps its share of the model that is read, and never holds the whole.
#
# transformers builds a model inside DeepSpeed's `zero.Init` where it finds DeepSpeed's settings alive: each parameter is
# divided among the processes as soon as it is made, rank 0 alone reads the files, and one parameter after the other is
# whole for as long as its values are handed out. `model.parameters()` are then empty placeholders until they are gathered.


def loads_sharded(job: Job) -> bool:
    """Whether the job's model is divided among its processes while it is read.

    Not where it is itself an adapter over a base: these are merged at loading, which needs both as a whole.
    """
    return job.launch.engine == "deepspeed" and job.launch.zero == 3 and not is_adapter(job.model_path)


@contextmanager
def loading_sharded(job: Job) -> Iterator[str]:
    """Within, models are read divided among the processes, which all enter. Gives the device that takes this one's share.

    Call it before the training arguments are built: these put settings of their own in the place of the ones here.
    """
    import deepspeed
    from deepspeed.accelerator import get_accelerator
    from transformers.integrations.deepspeed import HfDeepSpeedConfig, unset_hf_deepspeed_config

    settings = deepspeed_config(job)
    assert settings is not None
    on_gpu = torch.cuda.is_available()
    device = get_accelerator().device_name(int(os.environ["LOCAL_RANK"])) if on_gpu else "cpu"
    if on_gpu:
        torch.cuda.set_device(device)
    deepspeed.init_distributed("nccl" if on_gpu else "gloo", auto_mpi_discovery=False, verbose=False)
    # The sizes of batches, which the Trainer fills in later, mean nothing for loading; DeepSpeed asks for them even so.
    sizes = {"train_micro_batch_size_per_gpu": 1, "gradient_accumulation_steps": 1}
    given = {name: value for name, value in settings.items() if name != "train_batch_size"}
    alive = HfDeepSpeedConfig({**given, **sizes})  # transformers refers to it weakly
    try:
        yield device
    finally:
        unset_hf_deepspeed_config()
        del alive


def settle(model: Any) -> None:
    """Leave a model that was read divided as a whole one is left; every process calls it."""
    # transformers undoes at saving what it renamed at loading. Here it has noted every renaming that the architecture
    # knows, also those that met no name of the file: undone they would give names that nothing loads.
    renamed = getattr(model, "_weight_conversions", None) or []
    model._weight_conversions = [one for one in renamed if one.was_used()]
    gc.collect()  # a head tied to the embeddings had parameters of its own, which refer to themselves


@contextmanager
def gathered_in_forward(model: nn.Module) -> Iterator[None]:
    """Within, `model` computes although it is divided: each module's own parameters are whole during its forward.

    For a few tokens before an engine is there to do it. Every process runs the same forwards, without gradients.
    """
    from deepspeed.runtime.zero import GatheredParameters

    whole: dict[nn.Module, Any] = {}

    def gather(module: nn.Module, _inputs: Any) -> None:
        with torch.inference_mode(mode=False):  # or what is gathered could not be put into the parameter
            whole[module] = GatheredParameters(list(module.parameters(recurse=False)))
            whole[module].__enter__()

    def release(module: nn.Module, _inputs: Any, _output: Any) -> None:
        with torch.inference_mode(mode=False):
            whole.pop(module).__exit__(None, None, None)

    hooks = []
    for module in model.modules():
        if next(module.parameters(recurse=False), None) is not None:
            hooks += [module.register_forward_pre_hook(gather), module.register_forward_hook(release)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


# --------------------------------------------------------------------------------------------------------------------

#: Packages whose version can change a result.
_PACKAGES = ("isogloss", "torch", "transformers", "trl", "peft", "accelerate", "deepspeed")
#: Names of the projections of an attention module, over model families.
_ATTENTION = frozenset({"q_proj", "k_proj", "v_proj", "o_proj", "qkv_proj", "query_key_value", "c_attn", "out_proj"})


class Trainable(NamedTuple):
    """A model in training mode, with gradients where it is trained, and its tokenizer."""

    model: Any
    tokenizer: Any


def load_trainable(job: Job, *, device: str = "cpu", trainable: Literal["all", "attention"] = "all") -> Trainable:
    """The job's model, able to give `completion_mask` log-probabilities, with adapters where LoRA is asked for.

    Trained weights are float32: all of them, or the adapters over a frozen base in `job.dtype`. Only the text decoder and
    its head are trained, not a vision tower; `attention` narrows that to the attention projections. Under ZeRO-3 the
    model comes divided among the processes, which all call this, on the engine's device, and in `job.dtype`, from which
    the engine makes the float32 weights that it trains.

    Raises:
        RefusedError: the files are not those the job was made for.
        UserError: the model cannot be loaded, or LoRA targets name no linear layer of it.
    """
    with ExitStack() as stack:
        sharded = loads_sharded(job)
        if sharded:
            device = stack.enter_context(loading_sharded(job))
        return _trainable(job, device=device, trainable=trainable, sharded=sharded)


def _trainable(job: Job, *, device: str, trainable: Literal["all", "attention"], sharded: bool) -> Trainable:
    lora = job.train.parameters == "lora"
    low = job.dtype == "bfloat16" and (lora or sharded)
    loaded = load_model(str(job.model_path), dtype="bfloat16" if low else "float32", device=device)
    if loaded.digest != job.model_digest:
        raise RefusedError(
            f"model '{job.model_name}': {job.model_path} has digest {loaded.digest}, and the training was set up for "
            f"{job.model_digest}; the files changed in between"
        )
    model: Any = loaded.model
    model.config.use_cache = False
    if sharded:
        settle(model)
    with gathered_in_forward(model) if sharded else nullcontext():
        install_completion_forward(model)
    if lora:
        model = _with_adapters(model, job, trainable, sharded=sharded)
    else:
        for name, parameter in _text_parameters(model):
            parameter.requires_grad_(trainable == "all" or bool(_ATTENTION.intersection(name.split("."))))
        if not any(parameter.requires_grad for parameter in model.parameters()):
            raise UserError(f"model '{job.model_name}': no attention projections were found under their usual names")
    return Trainable(model.train(), loaded.tokenizer)


def _text_parameters(model: Any) -> list[tuple[str, nn.Parameter]]:
    """The parameters of the text decoder and the output head (once, where they are tied)."""
    named = dict(text_decoder(model).named_parameters())
    known = {id(parameter) for parameter in named.values()}
    head = model.get_output_embeddings().named_parameters(prefix="lm_head")
    return [*named.items(), *((name, parameter) for name, parameter in head if id(parameter) not in known)]


def _with_adapters(model: Any, job: Job, trainable: str, *, sharded: bool) -> Any:
    from peft import LoraConfig, get_peft_model

    settings = job.train.lora
    decoder = text_decoder(model)
    prefix = next(name for name, module in model.named_modules() if module is decoder)
    linear = [name for name, module in decoder.named_modules() if isinstance(module, nn.Linear)]
    if settings.targets != "all-linear":
        linear = _named(linear, settings.targets, job)
    if trainable == "attention":
        linear = [name for name in linear if name.rsplit(".", 1)[-1] in _ATTENTION]
    if not linear:
        raise UserError(
            f"train.lora.targets: none of {settings.targets} is an attention projection, which alone are trained"
        )
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.rank,
        lora_alpha=cast(int, settings.alpha),  # a float does as well
        lora_dropout=settings.dropout,
        bias="none",
        target_modules=_short_names(model, [f"{prefix}.{name}" for name in linear]),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(job.train.seed)
        # Over a base that is divided already, the engine takes adapters as they are: in the dtype of its forward.
        adapted: Any = get_peft_model(model, config, autocast_adapter_dtype=not sharded)
    adapted.peft_config["default"].base_model_name_or_path = job.model_name
    return adapted


def _named(linear: Sequence[str], targets: Sequence[str], job: Job) -> list[str]:
    known = sorted({name.rsplit(".", 1)[-1] for name in linear})
    for target in targets:
        if not any(name == target or name.endswith(f".{target}") for name in linear):
            raise UserError(
                f"train.lora.targets: '{target}' is no linear layer of the decoder of '{job.model_name}'"
                f"{did_you_mean(target, known)}; it has {', '.join(known)}"
            )
    return [name for name in linear if any(name == target or name.endswith(f".{target}") for target in targets)]


def _short_names(model: nn.Module, targets: Sequence[str]) -> list[str]:
    """The last parts of the names where these mean no other module (a vision tower's), else the names in full."""
    short = {name.rsplit(".", 1)[-1] for name in targets}
    meant = {name for name, module in model.named_modules() if name.rsplit(".", 1)[-1] in short}
    return sorted(short) if meant == set(targets) else sorted(targets)


def save_trained(
    model: Any, tokenizer: Any, folder: Path, *, job: Job, step: int, state: dict[str, Any] | None = None
) -> None:
    """Seal `folder`, replacing what was there, with the adapter or the full weights, and `checkpoint.json`.

    One process calls this. `state` is the whole state dict where the model's own holds only a shard of it (ZeRO-3).
    """
    adapted = hasattr(model, "peft_config")
    with sealed_folder(folder, step=step, job=job.digest) as aside, quiet_transformers():
        if adapted:
            model.save_pretrained(aside, state_dict=state, save_embedding_layers=False)
            (aside / "README.md").unlink(missing_ok=True)  # PEFT's empty model card
            _write_steady(aside / CONFIG)
        else:
            model.save_pretrained(aside, state_dict=state)
            tokenizer.save_pretrained(aside)
        write_json(aside / DESCRIPTION, description(job, step=step))


def _write_steady(path: Path) -> None:
    """The adapter's configuration in the same bytes every time; its lists come from sets."""
    fields = read_json(path)
    write_json(
        path, {key: sorted(value) if key == "target_modules" else value for key, value in sorted(fields.items())}
    )


def description(job: Job, *, step: int) -> dict[str, Any]:
    """What a trained model is and what it was made from (`checkpoint.json`)."""
    return {
        "method": job.method,
        "base": {"name": _base_name(job), "digest": job.model_digest},
        "step": step,
        "languages": list(job.languages),
        "settings": job.section.model_dump(mode="json"),
        "dtype": job.dtype,
        "data": {"instructions": job.instructions_digest, "parallel": job.parallel_digest},
        "versions": {name: _version(name) for name in _PACKAGES},
    }


def _base_name(job: Job) -> str:
    """The reference of the base, by an absolute path where it is a directory."""
    ref = parse_model_ref(job.model_name)
    return ref.name if ref.kind == "local" else ref.text


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
