"""From a job to the arguments of a Hugging Face trainer: batch, schedule, precision, engine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from transformers import training_args

from isogloss.methods.engine import deepspeed_config
from isogloss.methods.job import CHECKPOINTS, Job
from isogloss.methods.shares import shares
from isogloss.spec.align import Optimizer

Arguments = TypeVar("Arguments")


def training_arguments(job: Job, cls: type[Arguments], *, steps: int, **extra: Any) -> Arguments:
    """The arguments that follow from a job, as `cls` (`TrainingArguments` or one below it); `extra` goes over them.

    Data come in their own order, one line is logged a step, and nothing is reported anywhere else. Raises UserError where
    `train.batch` cannot be divided by the launch shape.
    """
    train, launch = job.train, job.launch
    micro, accumulated = micro_batches(job, processes=int(os.environ.get("WORLD_SIZE", "1")))
    on_gpu = torch.cuda.is_available()
    settings: dict[str, Any] = {
        "output_dir": str(job.folder / CHECKPOINTS),
        "max_steps": steps,
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": accumulated,
        "train_sampling_strategy": "sequential",
        "learning_rate": train.learning_rate,
        "lr_scheduler_type": "constant_with_warmup" if train.schedule == "constant" else train.schedule,
        "warmup_steps": round(train.warmup * steps),
        "weight_decay": train.weight_decay,
        "max_grad_norm": train.max_grad_norm,
        "optim": optimizer_name(job),
        "bf16": job.dtype == "bfloat16",
        "use_cpu": not on_gpu and launch.engine == "none",
        "gradient_checkpointing": launch.gradient_checkpointing,
        "gradient_checkpointing_kwargs": {"use_reentrant": False} if launch.gradient_checkpointing else None,
        "ddp_find_unused_parameters": False,
        "deepspeed": deepspeed_config(job),
        "seed": train.seed,
        "data_seed": train.seed,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "save_strategy": "steps",
        "save_steps": train.save_every,
        "save_total_limit": None,
        "remove_unused_columns": False,
        "dataloader_num_workers": 0,
        "dataloader_pin_memory": on_gpu,
        "disable_tqdm": True,
        "report_to": "none",
    }
    with _bfloat16_on_processors():
        return cls(**{**settings, **extra})


def optimizer_name(job: Job) -> str:
    """What transformers calls the job's optimizer."""
    # AdamW in one pass over the weights: with all parameters ten times as fast on a processor as PyTorch's plain loop.
    names: dict[Optimizer, str] = {
        "adamw": "adamw_torch_fused",
        "adamw-8bit": "adamw_bnb_8bit",
        "paged-adamw-8bit": "paged_adamw_8bit",
        "adafactor": "adafactor",
    }
    return names[job.train.optimizer]


def micro_batches(job: Job, *, processes: int) -> tuple[int, int]:
    """(rows a process computes at once, how often it does so in a step).

    Raises:
        UserError: `train.batch` is not a multiple of the processes, or of processes times `micro_batch`.
    """
    return shares(job.train.batch, job.launch.micro_batch, processes=processes)


@contextmanager
def _bfloat16_on_processors() -> Iterator[None]:
    """Within, transformers does not take bfloat16 under DeepSpeed for a mistake where there is no GPU."""
    original = training_args.is_torch_bf16_gpu_available
    training_args.is_torch_bf16_gpu_available = lambda: True
    try:
        yield
    finally:
        training_args.is_torch_bf16_gpu_available = original
