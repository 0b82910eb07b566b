"""The few things that the processes of a training tell each other. On one process all of them are no work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from isogloss.errors import IsoglossError

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
