"""How the rows of an optimizer step are shared out: no torch, so that a plan can ask as well."""

from __future__ import annotations

from isogloss.errors import UserError


def shares(batch: int, micro_batch: int | None, *, processes: int) -> tuple[int, int]:
    """(rows a process computes at once, how often it does so in a step) for `train.batch` and `launch.micro_batch`.

    Raises:
        UserError: `train.batch` is not a multiple of the processes, or of processes times `micro_batch`.
    """
    if batch % processes:
        raise UserError(
            f"train.batch is {batch}, which {processes} processes cannot share evenly; set it to a multiple of {processes}"
        )
    share = batch // processes
    micro = share if micro_batch is None else min(micro_batch, share)
    if share % micro:
        raise UserError(
            f"launch.micro_batch is {micro_batch}, and train.batch {batch} gives each of {processes} processes {share} rows a "
            f"step, which is no multiple of it; set micro_batch to a divisor of {share}"
        )
    return micro, share // micro
