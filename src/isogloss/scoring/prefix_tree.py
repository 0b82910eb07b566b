"""Rows that hold each token once: questions that begin alike, and options that do, share the places of what they share.

A row is a tree of tokens. A place sees its ancestors and itself, and its position is its depth, so that every path from the
root is computed as if it stood alone. Rows hold one language; with steering at all positions a shared place is the same
for all who share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from isogloss.models.forward import TextModel, fast_linear, pad
from isogloss.scoring.score import PackedRow

#: Places of a row that holds several items: longer ones share little more, and attention grows with the square.
ROW_PLACES = 128


@dataclass(frozen=True, slots=True)
class TreeRead:
    """Log-probability of token `target` at `place` counts towards `option` of `item`."""

    place: int
    target: int
    item: int
    option: int


@dataclass(frozen=True, slots=True)
class TreeRow:
    """Token, parent (place; -1 at the root) and depth of each place; `prompt_end` is the first item's last prompt place."""

    ids: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    reads: list[TreeRead] = field(default_factory=list)
    items: list[int] = field(default_factory=list)
    prompt_ends: list[int] = field(default_factory=list)

    @property
    def branches(self) -> bool:
        """Whether any place is not followed by its child: a plain causal mask is then not enough."""
        return any(parent != place - 1 for place, parent in enumerate(self.parents))


def tree_rows(rows: Sequence[PackedRow], *, share: bool, most_places: int = ROW_PLACES) -> list[TreeRow]:
    """Rows of one language as trees; with `share`, neighbours in the order of their tokens in one row while it stays
    within `most_places`. Without, each row stays alone (the options of an item share places all the same)."""
    found: list[TreeRow] = []
    builder: _Builder | None = None
    for row in sorted(rows, key=lambda row: (row.ids[: row.prompt_length], row.item, row.ids)):
        paths = _paths(row)
        if builder is None or not share or builder.size_with(paths) > most_places:
            builder = _Builder()
            found.append(builder.row)
        builder.add(row, paths)
    return found


def _paths(row: PackedRow) -> list[tuple[int, ...]]:
    """Each place of `row` as the tokens from the beginning to it, as it sees them."""
    paths: list[tuple[int, ...]] = []
    prompt = row.ids[: row.prompt_length]
    segment = 0
    path: tuple[int, ...] = ()
    for place, token in enumerate(row.ids):
        if row.segments[place] != segment:
            segment, path = row.segments[place], prompt
        path = (*path, token)
        paths.append(path)
    return paths


class _Builder:
    """A row in the making: the place of every path in it."""

    def __init__(self) -> None:
        self.row = TreeRow()
        self.place_of: dict[tuple[int, ...], int] = {(): -1}

    def size_with(self, paths: Sequence[tuple[int, ...]]) -> int:
        return len(self.row.ids) + sum(path not in self.place_of for path in set(paths))

    def add(self, row: PackedRow, paths: Sequence[tuple[int, ...]]) -> None:
        for path, depth in zip(paths, row.positions, strict=True):
            if path not in self.place_of:
                self.place_of[path] = len(self.row.ids)
                self.row.ids.append(path[-1])
                self.row.parents.append(self.place_of[path[:-1]])
                self.row.depths.append(depth)
        self.row.reads.extend(
            TreeRead(self.place_of[paths[one.place]], one.target, row.item, one.option) for one in row.reads
        )
        self.row.items.append(row.item)
        self.row.prompt_ends.append(self.place_of[paths[row.prompt_length - 1]])


@dataclass(frozen=True, slots=True)
class TreeBatch:
    """Rows padded on the right: `ids`, `real`, `positions` [B, T], `allowed` [B, T, T] (query may see key; None where all
    rows are plain sequences) and the N distinct positions that are read, as `rows_N`, `places_N`.

    `readers[n]` says who reads position n: (item, option, target).
    """

    rows: tuple[TreeRow, ...]
    ids: torch.Tensor
    real: torch.Tensor
    positions: torch.Tensor
    allowed: torch.Tensor | None
    rows_N: torch.Tensor
    places_N: torch.Tensor
    readers: tuple[tuple[tuple[int, int, int], ...], ...]

    @property
    def prompt_ends(self) -> torch.Tensor:
        """[B]: each row's last prompt place; of its first item where it holds several."""
        return torch.tensor([row.prompt_ends[0] for row in self.rows])


def collate_trees(rows: Sequence[TreeRow], *, pad_id: int) -> TreeBatch:
    """Pad rows and lay out who sees whom. Padding sees the row's first place and is seen by nothing."""
    padded = pad([row.ids for row in rows], pad_id=pad_id)
    positions = pad([row.depths for row in rows], pad_id=0).ids
    allowed = None
    if any(row.branches for row in rows):
        allowed = torch.zeros(*padded.ids.shape, padded.ids.shape[1], dtype=torch.bool)
        for sees_TT, row in zip(allowed, rows, strict=True):
            for place, parent in enumerate(row.parents):
                if parent >= 0:
                    sees_TT[place] = sees_TT[parent]
                sees_TT[place, place] = True
            sees_TT[len(row.ids) :, 0] = True
    readers: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    for index, row in enumerate(rows):
        for one in row.reads:
            readers.setdefault((index, one.place), []).append((one.item, one.option, one.target))
    rows_N, places_N = torch.tensor(list(readers)).T
    return TreeBatch(
        tuple(rows), padded.ids, padded.real, positions, allowed, rows_N, places_N, tuple(map(tuple, readers.values()))
    )


# --------------------------------------------------------------------------------------------------------------------
# Read log-probabilities at positions of many batches at once, so that the head's weights are fetched less often.

#: Positions read at once: a slice of the head's weights is then used often enough to be worth fetching.
_CHUNK = 1024

#: (item, option, target token) of one who reads a position.
Reader = tuple[int, int, int]


class PooledReads:
    """Collects hidden states [N, D] and their readers; `sums[item, option]` is complete after :meth:`finish`.

    With `letters` an option's value is its one token's log-probability among the item's options, else the sum of its
    tokens' log-probabilities over the vocabulary (nats).
    """

    def __init__(self, parts: TextModel, *, letters: bool) -> None:
        self._parts, self._letters = parts, letters
        self._states: list[torch.Tensor] = []
        self._readers: list[Sequence[Reader]] = []
        self.sums: dict[tuple[int, int], float] = {}

    def add(self, hidden_ND: torch.Tensor, readers: Sequence[Sequence[Reader]]) -> None:
        """Positions to read, and for each who reads it."""
        self._states.append(hidden_ND)
        self._readers.extend(readers)
        if len(self._readers) >= _CHUNK:
            self.finish()

    def finish(self) -> None:
        """Read what is waiting."""
        if not self._readers:
            return
        hidden_ND, readers = torch.cat(self._states), self._readers
        self._states, self._readers = [], []
        with fast_linear():
            for begin in range(0, len(readers), _CHUNK):
                read = self._read_letters if self._letters else self._read_vocabulary
                read(hidden_ND[begin : begin + _CHUNK], readers[begin : begin + _CHUNK])

    def _read_vocabulary(self, hidden_ND: torch.Tensor, readers: Sequence[Sequence[Reader]]) -> None:
        flat = [(place, one) for place, group in enumerate(readers) for one in group]
        places = torch.tensor([place for place, _ in flat], device=hidden_ND.device)
        targets = torch.tensor([target for _, (_, _, target) in flat], device=hidden_ND.device)
        values = self._parts.log_probabilities(hidden_ND, places, targets).tolist()
        for (_, (item, option, _)), value in zip(flat, values, strict=True):
            self.sums[item, option] = self.sums.get((item, option), 0.0) + value

    def _read_letters(self, hidden_ND: torch.Tensor, readers: Sequence[Sequence[Reader]]) -> None:
        wanted = sorted({target for group in readers for _, _, target in group})
        column = {token: place for place, token in enumerate(wanted)}
        for values, group in zip(self._parts.logits_of(hidden_ND, wanted), readers, strict=True):
            for item in dict.fromkeys(item for item, _, _ in group):
                own = [(option, target) for reader, option, target in group if reader == item]
                shares = values[[column[target] for _, target in own]].log_softmax(-1).tolist()
                self.sums.update({(item, option): share for (option, _), share in zip(own, shares, strict=True)})
