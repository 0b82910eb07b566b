"""MIDALIGN's order of work: which rows and which sentence pairs make each optimizer step.

It follows from the data, the settings and the seed alone, whatever the launch shape.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Literal

from isogloss.errors import UserError
from isogloss.methods.encoding import Entry, batch_order

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
