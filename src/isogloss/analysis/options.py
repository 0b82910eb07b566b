"""Which option of an item is which option of the same question in another language. Never guessed: None where unknown."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence

from isogloss.data.rows import ChoiceItem

#: Gold answers in the same places everywhere count as the same order of options only if chance would hardly do it.
_BY_CHANCE = 0.05


def same_order(pairs: Sequence[tuple[ChoiceItem, ChoiceItem]]) -> bool:
    """Whether two languages show their options in the same order: as many in each pair, and gold in the same place in
    all of them, which orders drawn apart would do with a probability under 5 %. Data whose gold option always comes
    first tell nothing of the others."""
    if not pairs or any(len(one.options) != len(other.options) or one.answer != other.answer for one, other in pairs):
        return False
    by_place = Counter(one.answer for one, _ in pairs)
    meeting = sum((count / len(pairs)) ** 2 for count in by_place.values())
    return meeting ** len(pairs) <= _BY_CHANCE


def same_option(source: ChoiceItem, option: int, target: ChoiceItem) -> int | None:
    """The option of `target` that is `option` of `source`: it has the same text, or is right for a region that the other
    is right for too, and no other of either item is. None where there is none, or more than one."""
    texts = [_plain(text) for text in target.options]
    if texts.count(_plain(source.options[option])) == 1:
        return texts.index(_plain(source.options[option]))
    there = _sharing(source, option, target)
    return there[0] if len(there) == 1 and _sharing(target, there[0], source) == [option] else None


def is_same(source: ChoiceItem, option: int, target: ChoiceItem, other: int) -> bool | None:
    """Whether two options are the same; None where neither texts nor regions tell."""
    if (found := same_option(source, option, target)) is not None:
        return found == other
    told = (source.option_regions, option), (target.option_regions, other)
    if all(regions is not None and regions[place] for regions, place in told):
        return False if other not in _sharing(source, option, target) else None
    return None


def _sharing(source: ChoiceItem, option: int, target: ChoiceItem) -> list[int]:
    """Options of `target` right for a region for which `option` of `source` is right."""
    if source.option_regions is None or target.option_regions is None:
        return []
    regions = set(source.option_regions[option] or ())
    return [place for place, other in enumerate(target.option_regions) if regions.intersection(other or ())]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()
