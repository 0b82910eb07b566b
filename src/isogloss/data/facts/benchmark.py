"""The embedded benchmark: both halves together, with splits.

Splits are by group, so that no question of one split has a sister in another.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from random import Random

from isogloss.data.facts.card import data_card
from isogloss.data.facts.universal import universal_items
from isogloss.data.rows import ChoiceItem, Split
from isogloss.files import write_atomic

#: Each run of five groups of a stratum gives one to dev1 (vectors), one to dev2 (layers, strengths), three to test.
_PATTERN: tuple[Split, ...] = ("dev1", "test", "dev2", "test", "test")


def _strata(items: Iterable[ChoiceItem]) -> dict[tuple[str, ...], list[str]]:
    """{(axis, regions, kinds) of a group: groups}; a group may hold several kinds and, across languages, regions."""
    traits: dict[str, tuple[set[str], set[str], set[str]]] = {}
    for item in items:
        axes, regions, kinds = traits.setdefault(item.group, (set(), set(), set()))
        axes.add(item.axis)
        regions.add(item.region or "")
        kinds.add(item.kind or "")
    strata: dict[tuple[str, ...], list[str]] = {}
    for group, trait in traits.items():
        strata.setdefault(tuple(",".join(sorted(part)) for part in trait), []).append(group)
    return strata


def assign_splits(items: Iterable[ChoiceItem], *, seed: int) -> list[ChoiceItem]:
    """The items, in their order, with dev1, dev2 and test in the proportions 1 : 1 : 3 of groups in every stratum.

    A stratum is one axis, kind and region. The pattern runs on from stratum to stratum, so that small ones even out.
    """
    rows = list(items)
    random = Random(f"{seed}/splits")
    strata = _strata(rows)
    split: dict[str, Split] = {}
    place = random.randrange(len(_PATTERN))
    for stratum in sorted(strata):
        groups = sorted(strata[stratum])
        random.shuffle(groups)
        for group in groups:
            split[group] = _PATTERN[place % len(_PATTERN)]
            place += 1
    return [item.model_copy(update={"split": split[item.group]}) for item in rows]


def build_benchmark(*, seed: int = 0) -> tuple[ChoiceItem, ...]:
    """All items of both halves, sorted by id. The same seed and package versions give the same items anywhere."""
    from isogloss.data.facts.localized import localized_items

    items = [*universal_items(seed=seed), *localized_items(seed=seed)]
    items = sorted(assign_splits(items, seed=seed), key=lambda item: item.id)
    ids = [item.id for item in items]
    assert len(set(ids)) == len(ids), "two items share an id"
    return tuple(items)


def as_lines(items: Iterable[ChoiceItem]) -> str:
    """Items in the `choices` format: one JSON object a line."""
    return "".join(json.dumps(item.model_dump(mode="json"), ensure_ascii=False) + "\n" for item in items)


def write_benchmark(folder: Path, *, seed: int = 0) -> None:
    """Write `choices.jsonl` and `card.md` (what is in it, what is not and why) into `folder`."""
    items = build_benchmark(seed=seed)
    write_atomic(folder / "choices.jsonl", as_lines(items))
    write_atomic(folder / "card.md", data_card(items))
