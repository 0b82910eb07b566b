"""Several continuations of one prompt in one row: the prompt once, each continuation seeing the prompt and itself.

A row is prompt ‖ c₁ without its last token ‖ c₂ without its last token ‖ …; a 4-D mask keeps the continuations apart and the
position ids of each go on from the prompt's end. The first token of every continuation is read at the prompt's last
position.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch

from isogloss.models.batching import Padded, pad


@dataclass(frozen=True, slots=True)
class Read:
    """Log-probability of token `target` at `place` in the row counts towards `option`."""

    place: int
    target: int
    option: int


@dataclass(frozen=True, slots=True)
class PackedRow:
    """One row: token ids, segment (0 the prompt, k the k-th continuation) and position of each place, and its reads."""

    item: int
    ids: tuple[int, ...]
    segments: tuple[int, ...]
    positions: tuple[int, ...]
    prompt_length: int
    reads: tuple[Read, ...]


def pack(item: int, prompt: Sequence[int], continuations: Sequence[Sequence[int]]) -> PackedRow:
    """All continuations of an item behind one prompt."""
    return _row(item, prompt, dict(enumerate(continuations)))


def separate(item: int, prompt: Sequence[int], continuations: Sequence[Sequence[int]]) -> list[PackedRow]:
    """One row per continuation, for architectures whose attention takes no 4-D mask."""
    return [_row(item, prompt, {option: ids}) for option, ids in enumerate(continuations)]


def _row(item: int, prompt: Sequence[int], continuations: dict[int, Sequence[int]]) -> PackedRow:
    ids, segments, positions = list(prompt), [0] * len(prompt), list(range(len(prompt)))
    reads = []
    for segment, (option, tokens) in enumerate(continuations.items(), start=1):
        reads.append(Read(len(prompt) - 1, tokens[0], option))
        for step, (token, target) in enumerate(pairwise(tokens)):
            reads.append(Read(len(ids), target, option))
            ids.append(token)
            segments.append(segment)
            positions.append(len(prompt) + step)
    return PackedRow(item, tuple(ids), tuple(segments), tuple(positions), len(prompt), tuple(reads))


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """Rows as rectangles: `padded` ids, `positions` [B, T], `allowed` [B, T, T] (query may see key)."""

    rows: tuple[PackedRow, ...]
    padded: Padded
    positions: torch.Tensor
    allowed: torch.Tensor

    @property
    def prompt_ends(self) -> torch.Tensor:
        """Place of the last prompt token of each row, [B]."""
        ends = [row.prompt_length - 1 + begin for row, begin in zip(self.rows, self.padded.offset, strict=True)]
        return torch.tensor(ends)


def collate(rows: Sequence[PackedRow], *, pad_id: int, side: str = "right") -> PackedBatch:
    """Pad rows and lay out who may see whom. Padding sees the row's first places and is seen by nothing real."""
    padded = pad([row.ids for row in rows], pad_id=pad_id, side=side)
    segments = pad([row.segments for row in rows], pad_id=-1, side=side).ids
    positions = pad([row.positions for row in rows], pad_id=0, side=side).ids
    time = padded.ids.shape[1]
    earlier = torch.ones(time, time, dtype=torch.bool).tril()
    own_or_prompt = (segments[:, None, :] == 0) | (segments[:, None, :] == segments[:, :, None])
    allowed = earlier & own_or_prompt & padded.real[:, None, :]
    return PackedBatch(tuple(rows), padded, positions, allowed)
