"""Stop before an update that would be made with a loss or gradient that is not finite.

One such update makes every weight NaN, and a trainer goes on with it to the end. Both checks come before the optimizer
changes anything, on every process at once; plain, under DDP and under DeepSpeed, whose engine updates inside `backward`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from isogloss.errors import UserError
from isogloss.methods.ranks import any_rank, gathered

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
