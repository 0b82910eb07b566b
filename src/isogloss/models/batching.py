"""Token rows into padded batches: sorted by length, under a token budget, padded on either side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch


def length_sorted_batches(lengths: Sequence[int], *, token_budget: int) -> Iterator[list[int]]:
    """Indices of rows in batches whose padded size (rows × longest) stays within `token_budget`.

    The longest first, so that a budget too large for memory fails at the start. A row longer than the budget stands alone.
    """
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    batch: list[int] = []
    for index in order:
        if batch and lengths[batch[0]] * (len(batch) + 1) > token_budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


@dataclass(frozen=True, slots=True)
class Padded:
    """Rows of token ids as one rectangle. `ids` and `real` are [batch, time]; `offset[i]` is where row i begins."""

    ids: torch.Tensor
    real: torch.Tensor
    offset: tuple[int, ...]


def pad(rows: Sequence[Sequence[int]], *, pad_id: int, side: str = "right") -> Padded:
    """Pad token rows to the longest on the left or right."""
    width = max(len(row) for row in rows)
    ids = torch.full((len(rows), width), pad_id, dtype=torch.long)
    real = torch.zeros((len(rows), width), dtype=torch.bool)
    offset = tuple(width - len(row) if side == "left" else 0 for row in rows)
    for index, (row, begin) in enumerate(zip(rows, offset, strict=True)):
        ids[index, begin : begin + len(row)] = torch.tensor(row, dtype=torch.long)
        real[index, begin : begin + len(row)] = True
    return Padded(ids, real, offset)


def causal_mask(real: torch.Tensor) -> torch.Tensor:
    """[batch, time, time] bool: query may see key, for rows of one sequence each with padding `real` [batch, time]."""
    time = real.shape[1]
    return torch.ones(time, time, dtype=torch.bool).tril() & real[:, None, :]
