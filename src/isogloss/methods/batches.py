"""The steps of a training divided into micro-batches, and those as tensors.

The Trainer's data set has a micro-batch as its item, with a batch size of one: so a step's rows need not be divisible by
processes and micro-batches, and every item of a round is of one kind on all processes.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch

from isogloss.data.rows import ENGLISH, ParallelRow
from isogloss.errors import UserError
from isogloss.methods.rows import Decision, Entry, Tokens, batch_order, decision
from isogloss.spec.align import LaunchSpec

# --------------------------------------------------------------------------------------------------------------------
# MIDALIGN's order of work: which rows and which sentence pairs make each optimizer step.
#
# It follows from the data, the settings and the seed alone, whatever the launch shape.

Kind = Literal["sft", "alignment"]
#: Of each kind that the step holds, which entries.
Step = tuple[tuple[Kind, tuple[int, ...]], ...]


def steps_of_work(
    rows: Sequence[Entry],
    pairs: Sequence[Entry],
    *,
    steps: int,
    alternate: Literal["step", "micro-batch"],
    batch: int,
    pair_batch: int,
    seed: int,
) -> list[Step]:
    """What each of `steps` optimizer steps computes, `batch` rows or `pair_batch` pairs or both; SFT comes first."""
    both = alternate == "micro-batch"
    sft_steps = steps if both else (steps + 1) // 2
    alignment_steps = steps if both else steps // 2
    order = batch_order(rows, total=sft_steps * batch, seed=seed)
    sft: list[tuple[Kind, tuple[int, ...]]] = [
        ("sft", tuple(order[first : first + batch])) for first in range(0, len(order), batch)
    ]
    alignment: list[tuple[Kind, tuple[int, ...]]] = [
        ("alignment", chosen) for chosen in pair_batches(pairs, size=pair_batch, count=alignment_steps, seed=seed)
    ]
    if both:
        return list(zip(sft, alignment, strict=True))
    return [(alignment[step // 2] if step % 2 else sft[step // 2],) for step in range(steps)]


def pair_batches(pairs: Sequence[Entry], *, size: int, count: int, seed: int) -> list[tuple[int, ...]]:
    """`count` batches of `size` pairs in which no sentence stands twice: it would be its own negative.

    Every pass over the pairs is in another seeded order, which mixes languages. A pair that clashes with its batch waits
    for the next one.

    Raises:
        UserError: the data do not hold so many pairs that differ in both sentences.
    """
    waiting: list[int] = []
    batches: list[tuple[int, ...]] = []
    passes = 0
    while len(batches) < count:
        batch: list[int] = []
        seen: set[tuple[int, ...]] = set()
        place, begun = 0, passes
        while len(batch) < size:
            if place == len(waiting):
                if passes > begun:  # A whole pass was looked through: every pair left out clashes.
                    raise UserError(
                        f"midalign.batch is {size} sentence pairs, but only {len(batch)} of the {len(pairs)} pairs differ "
                        "from one another in both sentences; give more parallel sentences, or set a smaller batch"
                    )
                order = list(range(len(pairs)))
                random.Random(f"{seed}/pairs/{passes}").shuffle(order)
                waiting += order
                passes += 1
            sentences = {one.completion for one in pairs[waiting[place]].sequences}
            if seen & sentences:
                place += 1
            else:
                seen |= sentences
                batch.append(waiting.pop(place))
        batches.append(tuple(batch))
    return batches


# --------------------------------------------------------------------------------------------------------------------


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


# --------------------------------------------------------------------------------------------------------------------
# How the rows of an optimizer step are shared out: no torch, so that a plan can ask as well.


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


# --------------------------------------------------------------------------------------------------------------------
# Parallel rows as sentence pairs: English with each other language of a row.


def pair_entries(rows: Sequence[ParallelRow], tokenizer: Any) -> tuple[list[Entry], tuple[Decision, ...]]:
    """An entry a row and language: the English sentence and its translation, as two sequences without a prompt.

    They open as the tokenizer opens a text (with BOS, in most families) and do not end with EOS.

    Raises:
        UserError: no row has English and another language.
    """
    pairs, alone = [], []
    for row in rows:
        others = [language for language in row.text if language != ENGLISH]
        if ENGLISH not in row.text or not others:
            alone.append(row.id)
            continue
        english = _sentence(tokenizer, row.text[ENGLISH])
        pairs += [
            Entry(f"{row.id} (en–{language})", row.id, language, (english, _sentence(tokenizer, row.text[language])))
            for language in others
        ]
    if not pairs:
        raise UserError(
            "the parallel files hold no sentence in English and another language of the training; alignment pairs "
            "English with each other language, so `languages` and the rows need both"
        )
    made = decision("parallel rows left out: not in English and another language", alone, total=len(rows))
    return pairs, made


def _sentence(tokenizer: Any, text: str) -> Tokens:
    ids = tuple(tokenizer.encode(text))
    ended = len(ids) > 1 and ids[-1] == tokenizer.eos_token_id  # Some tokenizers close every text.
    return Tokens((), ids[:-1] if ended else ids)
