"""The steps of a training divided into micro-batches, and those as tensors.

The Trainer's data set has a micro-batch as its item, with a batch size of one: so a step's rows need not be divisible by
processes and micro-batches, and every item of a round is of one kind on all processes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from isogloss.errors import UserError
from isogloss.methods.alternation import Kind, Step
from isogloss.methods.encoding import Entry
from isogloss.spec.launch import LaunchSpec


@dataclass(frozen=True)
class MicroBatch:
    """What one process computes at once: indices of entries of its kind. `total` is the whole step's, over all processes
    and micro-batches: completion tokens for SFT, pairs for alignment.
    """

    kind: Kind
    entries: tuple[int, ...]
    total: int


def parts_of(shape: LaunchSpec, *, processes: int, rows: int, pairs: int) -> int:
    """Into how many micro-batches a process divides its share of a step's `rows`, and likewise of its `pairs`.

    Raises:
        UserError: then some would be empty.
    """
    parts = 1
    if shape.micro_batch is not None:
        parts = max(math.ceil(math.ceil(count / processes) / shape.micro_batch) for count in (rows, pairs))
    for setting, count in (("train.batch", rows), ("midalign.batch", pairs)):
        if count < parts * processes:
            raise UserError(
                f"{setting} is {count}, too few for {parts * processes} parts ({processes} "
                f"process{'es' if processes > 1 else ''}, each with {parts} micro-batch{'es' if parts > 1 else ''} a "
                "step); set it higher, or launch fewer processes, or with a larger micro_batch"
            )
    return parts


def micro_batches(
    steps: Sequence[Step], entries: Mapping[Kind, Sequence[Entry]], *, processes: int, parts: int
) -> list[MicroBatch]:
    """Every micro-batch of the training in the order in which processes take them: a round of one for each process, then
    the next round; where a step holds both kinds, rounds alternate between them.

    A step's longest entries come first: neighbours are about equally long, so little is padded and processes keep pace.
    """
    sizes = {kind: [max(map(len, entry.sequences)) for entry in those] for kind, those in entries.items()}
    found: list[MicroBatch] = []
    for step in steps:
        divided = []
        for kind, chosen in step:
            ordered = sorted(chosen, key=lambda index: -sizes[kind][index])
            total = len(ordered)
            if kind == "sft":
                total = sum(len(entries[kind][index].sequences[0].completion) for index in ordered)
            bounds = [len(ordered) * part // (processes * parts) for part in range(processes * parts + 1)]
            divided.append(
                [MicroBatch(kind, tuple(ordered[low:high]), total) for low, high in itertools.pairwise(bounds)]
            )
        for first in range(0, processes * parts, processes):
            for those in divided:
                found += those[first : first + processes]
    return found


@dataclass(frozen=True)
class Collator:
    """Micro-batches as tensors, padded on the right.

    SFT: `input_ids`, `attention_mask`, `completion_mask` [B, T]. Alignment: `input_ids`, `attention_mask` [2B, T], the
    English sentences first. Both: `index` [B], the entries' place among all (SFT's first), and `total`.
    """

    entries: Mapping[Kind, Sequence[Entry]]
    pad: int

    @property
    def names(self) -> tuple[str, ...]:
        """The entries' names, by `index`."""
        return tuple(entry.name for kind in ("sft", "alignment") for entry in self.entries[kind])

    def __call__(self, items: Sequence[MicroBatch]) -> dict[str, torch.Tensor]:
        (item,) = items
        chosen = [self.entries[item.kind][index] for index in item.entries]
        width = len(chosen[0].sequences)
        sequences = [entry.sequences[which] for which in range(width) for entry in chosen]
        length = max(map(len, sequences))
        batch = {
            "input_ids": torch.full((len(sequences), length), self.pad),
            "attention_mask": torch.zeros(len(sequences), length, dtype=torch.int64),
            "index": torch.tensor(item.entries) + (len(self.entries["sft"]) if item.kind == "alignment" else 0),
            "total": torch.tensor(item.total),
        }
        if item.kind == "sft":
            batch["completion_mask"] = torch.zeros(len(sequences), length, dtype=torch.bool)
        for row, one in enumerate(sequences):
            batch["input_ids"][row, : len(one)] = torch.tensor(one.prompt + one.completion)
            batch["attention_mask"][row, : len(one)] = 1
            if item.kind == "sft":
                batch["completion_mask"][row, len(one.prompt) : len(one)] = True
        return batch
