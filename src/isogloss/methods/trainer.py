"""What all methods share of a trainer: guards, sealed checkpoints, the log, snapshots, and stopping when asked.

A method's trainer:

    class MistTrainer(Footing, SFTTrainer):
        def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
            …
            self.note(sft=part)              # optional parts of the loss for log.jsonl

    arguments = training_arguments(job, SFTConfig, steps=steps)        # anything else that the class needs by keyword
    trainer = MistTrainer(model=…, args=arguments, train_dataset=…, data_collator=…, processing_class=tokenizer)
    trainer.entry_names = names
    run_training(trainer, job)               # resume or start, train, seal final/; InterruptedRun after SIGTERM

Batches carry `index` [B], positions in `entry_names`, or the method overrides `row_names`. Losses that `compute_loss`
returns, and parts, are summed over the micro-batches of a step and averaged over processes.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from transformers import Trainer, TrainerCallback, training_args

from isogloss.errors import InterruptedRun
from isogloss.methods.batches import shares
from isogloss.methods.callbacks import Guard, StepLog
from isogloss.methods.distributed import (
    any_rank,
    barrier,
    by_first,
    deepspeed_config,
    engine_line,
    is_first,
    sums,
    world_size,
)
from isogloss.methods.job import CHECKPOINTS, FINAL, SNAPSHOTS, Job, newest_valid, seal_checkpoint
from isogloss.methods.model import save_trained
from isogloss.processes import caught_signals
from isogloss.spec.align import Optimizer

# --------------------------------------------------------------------------------------------------------------------
# From a job to the arguments of a Hugging Face trainer: batch, schedule, precision, engine.

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


# --------------------------------------------------------------------------------------------------------------------


class Footing(Trainer):
    """Mixin in front of a Hugging Face `Trainer` class. Inert until :func:`run_training` gives it a job."""

    job: Job | None = None
    entry_names: tuple[str, ...] = ()
    guard: Guard
    step_log: StepLog
    _parts: defaultdict[str, float]
    _tokens: int = 0
    _engine_norm: float = 0.0

    def note(self, **parts: Any) -> None:
        """Add scalar parts of this micro-batch's loss to the step's line in the log."""
        if self.job is not None:
            for name, value in parts.items():
                self._parts[name] += float(value)

    def row_names(self, inputs: dict[str, Any]) -> list[str]:
        """Names of the rows in a batch."""
        return [self.entry_names[place] for place in inputs["index"].tolist()]

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        if self.job is not None:
            self.guard.begin(self.row_names(inputs))
            self._tokens += int(inputs["attention_mask"].sum())
        return super().training_step(model, inputs, num_items_in_batch)

    def _get_grad_norm(self, model: Any, grad_norm: Any = None) -> Any:
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)
        if self.job is not None:
            self.guard.check_gradient(norm, step=self.state.global_step + 1)
        return norm

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if self.job is None:
            super().log(logs, start_time)
        elif "loss" in logs:  # a step's line; the other call sums up the whole run
            names = sorted(self._parts)
            tokens, *parts = sums([self._tokens, *(self._parts[name] for name in names)])
            self.step_log.write(
                self.state.global_step,
                steps=self.state.max_steps,
                loss=logs["loss"],
                learning_rate=logs["learning_rate"],
                grad_norm=float(logs.get("grad_norm", self._engine_norm)),
                tokens=round(tokens),
                parts={name: part / world_size() for name, part in zip(names, parts, strict=True)},
            )
            self._tokens = 0
            self._parts.clear()

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        if self.job is None:
            return
        folder = self.job.folder / CHECKPOINTS / f"checkpoint-{self.state.global_step}"
        barrier()
        if is_first():
            seal_checkpoint(folder, job=self.job, processes=world_size())
        barrier()
        self.guard.checkpoint = folder

    def create_model_card(self, *args: Any, **options: Any) -> None:
        """None is written: `checkpoint.json` says what a trained model is."""

    def save_weights(self, folder: Path) -> None:
        """Seal the weights or the adapter as they are now; every process calls it, rank 0 writes."""
        assert self.job is not None
        state = None
        if self.is_deepspeed_enabled and self.job.launch.zero == 3:
            state = self.accelerator.get_state_dict(self.model_wrapped)
        if is_first():
            save_trained(
                self.model, self.processing_class, folder, job=self.job, step=self.state.global_step, state=state
            )
        barrier()


class _Steps(TrainerCallback):
    """Between optimizer steps: snapshots, and the wish to stop."""

    def __init__(self, trainer: Footing, job: Job, stops: list[int]) -> None:
        self.trainer, self.job, self.stops = trainer, job, stops

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        line = engine_line(self.trainer, self.job)
        if is_first():
            print(f"{self.job.method}: {line}; {state.max_steps - state.global_step} steps to go", file=sys.stderr)
        if self.trainer.is_deepspeed_enabled and self.job.launch.zero == 0:
            _guard_engine(self.trainer)
        self.trainer.step_log.begin(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        # A snapshot comes before the checkpoint of the same step: what is resumed from there has its snapshot.
        if state.global_step in check_steps(state.max_steps, self.job.train.checks):
            self.trainer.save_weights(self.job.folder / SNAPSHOTS / f"step-{state.global_step}")
        if state.global_step >= state.max_steps:
            control.should_save = False  # final/ is written next
        elif any_rank(bool(self.stops)):
            control.should_save = control.should_training_stop = True
        return control


def check_steps(steps: int, checks: int) -> list[int]:
    """The steps before the last at which the model is scored: with it they are `checks`, evenly spaced."""
    return sorted({round(steps * number / checks) for number in range(1, checks)} - {0, steps})


def run_training(trainer: Any, job: Job) -> None:
    """Resume from the newest valid checkpoint or start, train, and seal `final/`. Every process calls it.

    Raises:
        TrainingError: a loss or gradient is not finite.
        InterruptedRun: SIGTERM or SIGINT came; the step was finished and a checkpoint committed.
        UserError: there are checkpoints that do not fit the job or the number of processes.
    """
    resumed = by_first(lambda: newest_valid(job, processes=world_size()))
    trainer.job = job
    trainer.guard = Guard(learning_rate=job.train.learning_rate)
    trainer.guard.checkpoint = resumed
    trainer.step_log = StepLog(job, writes=is_first())
    trainer._parts = defaultdict(float)
    _guard_backward(trainer)
    if resumed is not None and is_first():
        print(f"{job.method}: resumed from {resumed.name}", file=sys.stderr)
    with caught_signals() as stops:
        trainer.add_callback(_Steps(trainer, job, stops))
        trainer.train(resume_from_checkpoint=None if resumed is None else str(resumed))
        if trainer.state.global_step < trainer.state.max_steps:
            raise InterruptedRun(
                f"{job.method}: stopped after step {trainer.state.global_step} of {trainer.state.max_steps}; its checkpoint "
                "is kept, the same command goes on"
            )
        trainer.save_weights(job.folder / FINAL)


def _guard_backward(trainer: Any) -> None:
    """Look at every loss between forward and backward: DeepSpeed's engine updates inside the last backward of a step."""
    backward = trainer.accelerator.backward

    def guarded(loss: torch.Tensor, **options: Any) -> None:
        trainer.guard.check_loss(loss, step=trainer.state.global_step + 1, last=trainer.accelerator.sync_gradients)
        backward(loss, **options)

    trainer.accelerator.backward = guarded


def _guard_engine(trainer: Any) -> None:
    """DeepSpeed without ZeRO tells no norm of the gradient, and would update with one that is not finite."""
    from deepspeed.utils import safe_get_full_grad

    engine = trainer.model_wrapped
    step = engine.step

    def guarded(*args: Any, **options: Any) -> None:
        gradients = [safe_get_full_grad(one) for one in engine.module.parameters() if one.requires_grad]
        norms = [gradient.float().norm() for gradient in gradients if gradient is not None]
        trainer._engine_norm = float(torch.stack(norms).norm())
        trainer.guard.check_gradient(trainer._engine_norm, step=trainer.state.global_step + 1)
        step(*args, **options)

    engine.step = guarded
