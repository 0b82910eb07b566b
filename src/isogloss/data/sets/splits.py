"""Which items are dev1 (vectors), dev2 (layers and strengths) and test, drawn by a seed.

By question: a question with all its items and languages is in one split, so that nothing that was chosen on it is measured
on it. The publisher's own dev questions are drawn first and never measured: with Global-MMLU's 285 both dev splits come from
them and test is the whole published test, 14,042 questions a language, as in the paper. What is left of them is in no split.
By item, as the paper splits BLEnD: dev items of a question leave its other items in test, so numbers compare with the
paper's and look a little too good.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Literal

from isogloss.data.rows import ChoiceItem, Split

Splitting = Literal["question", "paper"]

#: Questions, or items, of each dev split where there are enough; a fifth of them where there are not.
DEV = 100
_SHARE = 5


def draw_splits(
    items: Sequence[ChoiceItem], *, seed: int, by: Splitting = "question", dev: Collection[str] = ()
) -> tuple[list[ChoiceItem], int]:
    """The items with their splits, in their order, and how many are in none.

    `dev` are the groups that the publisher keeps for development. Each axis is drawn on its own. `by="paper"` draws the
    localization axis by item in each language; questions of the transfer axis stand once in a language, and stay the same in
    all of them, since an EN vector compares translations.
    """
    kept: dict[str, Split] = {}
    for axis in ("transfer", "localization"):
        own = [item for item in items if item.axis == axis]
        if by == "paper" and axis == "localization":
            for language in sorted({item.language for item in own}):
                kept |= _by(lambda item: item.id, [one for one in own if one.language == language], seed=seed, dev=())
        else:
            kept |= _by(lambda item: item.group, own, seed=seed, dev=dev)
    drawn = [item.model_copy(update={"split": kept[item.id]}) for item in items if item.id in kept]
    return drawn, len(items) - len(drawn)


def _by(
    name_of: Callable[[ChoiceItem], str], items: Iterable[ChoiceItem], *, seed: int, dev: Collection[str]
) -> dict[str, Split]:
    """Split of each item by its ID; items of one name stay together."""
    named: dict[str, list[str]] = defaultdict(list)
    for item in items:
        named[name_of(item)].append(item.id)
    order = sorted(named, key=lambda name: (name not in dev, _draw(seed, name)))
    size = min(DEV, max(1, len(order) // _SHARE))
    split_of: dict[str, Split] = {}
    for place, name in enumerate(order):
        if place < 2 * size:
            split_of |= dict.fromkeys(named[name], "dev1" if place < size else "dev2")
        elif name not in dev:
            split_of |= dict.fromkeys(named[name], "test")
    return split_of


def _draw(seed: int, name: str) -> str:
    return hashlib.sha256(f"split/{seed}/{name}".encode()).hexdigest()
