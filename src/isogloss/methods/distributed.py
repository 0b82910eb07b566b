"""Which engine trains: DeepSpeed's settings for a launch shape, and the proof that the engine asked for is in charge."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from isogloss.errors import IsoglossError, UserError
from isogloss.methods.job import Job
from isogloss.spec.align import LaunchSpec

#: Operators that DeepSpeed would compile in the first launch on a processor, for minutes. Plain PyTorch does their work.
_COMPILED = ("deepspeed_shm_comm", "deepspeed_ccl_comm")


def deepspeed_config(job: Job) -> dict[str, Any] | None:
    """DeepSpeed's settings for the job's launch shape, or None without DeepSpeed. Call it before the training arguments
    are built, on every process.

    Batch sizes are left to the Trainer (`auto`). The optimizer stays PyTorch's AdamW: DeepSpeed's own would be compiled
    first. Only with an offloaded optimizer on a GPU machine it is DeepSpeed's, which is several times as fast there.
    `launch.deepspeed` goes over what follows from the rest, key by key.

    Raises:
        UserError: DeepSpeed is not installed, or the settings offload what the ZeRO stage does not shard.
    """
    shape = job.launch
    if shape.engine == "none":
        return None
    check_engine(shape)
    on_cpu = _on_cpu()
    if on_cpu:
        _compile_nothing()
        _meet_over_gloo()
    zero: dict[str, Any] = {"stage": shape.zero}
    if shape.zero == 3:
        zero["stage3_gather_16bit_weights_on_model_save"] = True
    if shape.offload == "cpu":
        zero["offload_optimizer"] = {"device": "cpu", "pin_memory": not on_cpu}
        if shape.zero == 3:
            zero["offload_param"] = {"device": "cpu", "pin_memory": not on_cpu}
    settings = {
        "train_micro_batch_size_per_gpu": "auto",
        "gradient_accumulation_steps": "auto",
        "gradient_clipping": job.train.max_grad_norm,
        "bf16": {"enabled": job.dtype == "bfloat16"},
        "fp16": {"enabled": False},
        "zero_optimization": zero,
        "zero_allow_untested_optimizer": True,
        "zero_force_ds_cpu_optimizer": not on_cpu,
        "steps_per_print": 2**31,
    }
    return _merged(settings, shape.deepspeed)


def check_engine(shape: LaunchSpec) -> None:
    """Raise UserError where the shape asks for DeepSpeed and it is not installed, or cannot do what is asked."""
    if shape.engine == "none":
        return
    if importlib.util.find_spec("deepspeed") is None:
        raise UserError(
            "the launch shape asks for DeepSpeed, which is not installed; pip install 'isogloss[deepspeed]', or set "
            "engine: none"
        )
    if shape.offload == "cpu" and shape.zero == 0:
        raise UserError("launch: offload: cpu needs zero: 1, 2 or 3; stage 0 shards nothing that could be offloaded")
    if "optimizer" in shape.deepspeed or "scheduler" in shape.deepspeed:
        raise UserError(
            "launch: deepspeed.optimizer and deepspeed.scheduler are set by the method's `train` section "
            "(learning_rate, schedule, warmup, weight_decay); take them out of the launch shape"
        )


def check_optimizer(job: Job) -> None:
    """Raise UserError where the job's optimizer is not installed here, or its engine cannot take it."""
    name, shape = job.train.optimizer, job.launch
    if name == "adafactor" and shape.engine == "deepspeed":
        raise UserError(
            "train.optimizer: adafactor needs matrices, and DeepSpeed lays all parameters out in a row; take engine: none, "
            "or optimizer: adamw-8bit"
        )
    if not name.endswith("8bit"):
        return
    if shape.offload != "none":
        raise UserError(
            f"train.optimizer: {name} works on a GPU, and the launch shape offloads it; take one of the two"
        )
    if importlib.util.find_spec("bitsandbytes") is None:
        raise UserError(
            f"train.optimizer: {name} needs bitsandbytes, which is not installed; pip install bitsandbytes, or set "
            "optimizer: adamw"
        )
    if shape.device == "cpu" or _on_cpu():
        where = "the launch shape says device: cpu" if shape.device == "cpu" else "this machine has none"
        raise UserError(f"train.optimizer: {name} needs a CUDA GPU, and {where}; set optimizer: adamw")


def engine_line(trainer: Any, job: Job) -> str:
    """What is in charge of `trainer`, once its training has begun: "DeepSpeed ZeRO-2, 2 processes, bf16".

    Raises:
        RuntimeError: it is not what the launch shape asks for. Accelerate drops DeepSpeed, or distribution, without a
            word under some settings of the environment (ACCELERATE_USE_CPU=true).
    """
    import torch.distributed as dist

    processes = dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1
    expected = int(os.environ.get("WORLD_SIZE", "1"))
    if processes != expected or trainer.args.world_size != expected:
        raise RuntimeError(
            f"{expected} processes were started, but the trainer works with {trainer.args.world_size} of "
            f"{processes}; is ACCELERATE_USE_CPU or another ACCELERATE_ variable set?"
        )
    many = f"{processes} process{'es' if processes > 1 else ''}"
    precision = "bf16" if job.dtype == "bfloat16" else "fp32"
    if job.launch.engine == "none":
        return f"PyTorch{' DDP' if processes > 1 else ''}, {many}, {precision}"
    return f"{_deepspeed_in_charge(trainer, job)}, {many}, {precision}"


def _deepspeed_in_charge(trainer: Any, job: Job) -> str:
    from deepspeed.runtime.engine import DeepSpeedEngine

    engine = trainer.model_wrapped
    if not isinstance(engine, DeepSpeedEngine):
        raise RuntimeError(
            f"the launch shape asks for DeepSpeed, but {type(engine).__name__} is in charge of the model; is "
            "ACCELERATE_USE_CPU or another ACCELERATE_ variable set?"
        )
    stage = engine.zero_optimization_stage()
    if stage != job.launch.zero:
        raise RuntimeError(f"the launch shape asks for ZeRO stage {job.launch.zero}, the engine runs stage {stage}")
    return f"DeepSpeed ZeRO-{stage}{' offloaded' if job.launch.offload != 'none' else ''}"


def _on_cpu() -> bool:
    import torch

    return not torch.cuda.is_available()


def _compile_nothing() -> None:
    import deepspeed.ops

    for name in _COMPILED:
        deepspeed.ops.__compatible_ops__[name] = False


def _meet_over_gloo() -> None:
    """Accelerate knows no backend for DeepSpeed without a GPU: every process would take itself for the only one, and
    train on all the data. Gloo is that backend.
    """
    from accelerate import PartialState

    choose = PartialState._prepare_backend
    if getattr(choose, "takes_gloo", False):
        return

    def choose_gloo(self: Any, cpu: bool = False, sagemaker_dp: bool = False, backend: str | None = None) -> Any:
        for_deepspeed = not cpu and os.environ.get("ACCELERATE_USE_DEEPSPEED") == "true"
        return choose(self, cpu, sagemaker_dp, backend or ("gloo" if for_deepspeed else None))

    choose_gloo.takes_gloo = True  # type: ignore[attr-defined]
    PartialState._prepare_backend = choose_gloo


def _merged(settings: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`over` laid over `settings`, group by group."""
    both = {**settings}
    for name, value in over.items():
        inner = both.get(name)
        both[name] = _merged(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return both


# --------------------------------------------------------------------------------------------------------------------
# The few things that the processes of a training tell each other. On one process all of them are no work.

Value = TypeVar("Value")


def world_size() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def is_first() -> bool:
    """Whether this is rank 0, which alone writes shared files."""
    return world_size() == 1 or dist.get_rank() == 0


def barrier() -> None:
    """Wait until every process is here."""
    if world_size() > 1:
        dist.barrier()


def sums(values: Sequence[float]) -> list[float]:
    """Each value summed over processes."""
    if world_size() == 1:
        return list(values)
    device = "cuda" if "nccl" in str(dist.get_backend()) else "cpu"
    tensor = torch.tensor(list(values), dtype=torch.float64, device=device)
    dist.all_reduce(tensor)
    return tensor.tolist()


def any_rank(flag: bool) -> bool:
    """Whether the flag is up on any process."""
    return sums([float(flag)])[0] > 0


def gathered(value: Value) -> list[Value]:
    """The value of every process, by rank; a picklable object."""
    if world_size() == 1:
        return [value]
    values: list[Any] = [None] * world_size()
    dist.all_gather_object(values, value)
    return values


def by_first(work: Callable[[], Value]) -> Value:
    """Rank 0 does the work and every process gets its result, or raises its error for the user."""
    if world_size() == 1:
        return work()
    outcome: list[Any] = [None, None]
    if is_first():
        try:
            outcome[0] = work()
        except IsoglossError as error:
            outcome[1] = (type(error), str(error))
    dist.broadcast_object_list(outcome, src=0)
    if outcome[1] is not None:
        kind, message = outcome[1]
        again = kind.__new__(kind)  # not by its constructor, which may take other things than the message
        again.args = (message,)
        raise again
    result: Value = outcome[0]
    return result
