"""Stop before an update that would be made with a loss or gradient that is not finite.

One such update makes every weight NaN, and a trainer goes on with it to the end. Both checks come before the optimizer
changes anything, on every process at once; plain, under DDP and under DeepSpeed, whose engine updates inside `backward`.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from isogloss.errors import UserError
from isogloss.files import write_atomic
from isogloss.methods.distributed import any_rank, gathered
from isogloss.methods.job import LOG, Job

#: So many rows of a step are named.
_NAMED = 32


class TrainingError(UserError):
    """The training cannot go on; what it was doing stands in the message. The last checkpoint is intact."""


class Guard:
    """Watches the micro-batches of one optimizer step after another."""

    def __init__(self, *, learning_rate: float) -> None:
        self.learning_rate = learning_rate
        self.checkpoint: Path | None = None
        self._names: list[str] = []
        self._losses: list[tuple[torch.Tensor, int]] = []

    def begin(self, names: Sequence[str]) -> None:
        """A micro-batch of these rows is about to be computed."""
        self._names += names

    def check_loss(self, loss: torch.Tensor, *, step: int, last: bool) -> None:
        """After a micro-batch's forward, before its backward. `last` of its step: raise TrainingError if any was bad."""
        self._losses.append((loss.detach(), len(self._names)))
        if not last:
            return
        values = torch.stack([value.float() for value, _ in self._losses]).tolist()
        bad = [place for place, value in enumerate(values) if not math.isfinite(value)]
        if any_rank(bool(bad)):
            ends = [end for _, end in self._losses]
            mine = [(values[place], self._names[ends[place - 1] if place else 0 : ends[place]]) for place in bad]
            found = [one for rank in gathered(mine) for one in rank]
            names = [name for _, those in found for name in those]
            raise TrainingError(self._message(f"the loss is {found[0][0]}", names, step))

    def check_gradient(self, norm: Any, *, step: int) -> None:
        """After the last backward of a step: raise TrainingError unless the gradient's norm is finite.

        The norm is over all processes, so all of them raise.
        """
        if norm is not None and not math.isfinite(value := float(norm)):
            names = [name for rank in gathered(self._names) for name in rank]
            raise TrainingError(self._message(f"the norm of the gradient is {value} (the loss is finite)", names, step))
        self._names, self._losses = [], []

    def _message(self, what: str, names: Sequence[str], step: int) -> str:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        kept = f"{self.checkpoint} is intact" if self.checkpoint else "there was no checkpoint yet"
        return (
            f"step {step}: {what}; stopped before the update, {kept}. "
            f"Rows: {', '.join(names[:_NAMED])}{more}. "
            f"Lower train.learning_rate (now {self.learning_rate:g}), or look at these rows if it is always them"
        )


# --------------------------------------------------------------------------------------------------------------------
# `log.jsonl`: one line an optimizer step, by rank 0. A resumed training cuts it back, so that no step stands twice.


class StepLog:
    """Counts the time and tokens of a step, and writes its line."""

    def __init__(self, job: Job, *, writes: bool) -> None:
        self.path: Path | None = job.folder / LOG if writes else None
        self._since = time.perf_counter()

    def begin(self, step: int) -> None:
        """Training goes on after `step` (0: from the start)."""
        if self.path is not None:
            cut_back(self.path, step)
        self._since = time.perf_counter()

    def write(self, step: int, *, steps: int, tokens: int, parts: Mapping[str, float], **values: float) -> None:
        """One line. `tokens` are the real ones of the whole step, over all processes; `seconds` since the last line."""
        now = time.perf_counter()
        seconds, self._since = now - self._since, now
        line: dict[str, Any] = {"step": step, "steps": steps, **values}
        if parts:
            line["parts"] = dict(parts)
        line |= {"tokens": tokens, "tokens_per_second": round(tokens / seconds, 1), "seconds": round(seconds, 4)}
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


def read_log(path: Path) -> list[dict[str, Any]]:
    """Its whole lines; the last one may be torn where the process was killed."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]


def cut_back(path: Path, step: int) -> None:
    """Remove lines after `step`, and a torn one."""
    kept = [line for line in read_log(path) if line["step"] <= step]
    write_atomic(path, "".join(json.dumps(line) + "\n" for line in kept))
