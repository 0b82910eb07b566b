"""Pairs of prompts whose difference is a steering direction: EN (English − own language) and LOC (country named − not)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from isogloss.data.rows import ENGLISH, ChoiceItem
from isogloss.errors import UserError
from isogloss.files import digest_of
from isogloss.steering.vectors import Kind

#: item, question → prompt; the prompt format of the scoring that the vectors will steer.
PromptOf = Callable[[ChoiceItem, str], str]


@dataclass(frozen=True, slots=True)
class Pair:
    """The direction of `language` is the mean over its pairs of h(towards) − h(away)."""

    language: str
    towards: str
    away: str


def en_pairs(items: Sequence[ChoiceItem], prompt_of: PromptOf) -> list[Pair]:
    """(English, own language) of the same question: x_en and x_xx of the paper, matched by `group` and order of id."""
    by_group: dict[str, dict[str, list[ChoiceItem]]] = defaultdict(lambda: defaultdict(list))
    for item in sorted(items, key=lambda item: item.id):
        by_group[item.group][item.language].append(item)
    pairs = []
    for languages in by_group.values():
        english = languages.get(ENGLISH, [])
        for language, others in languages.items():
            if language != ENGLISH:
                matched = zip(english, others, strict=False)
                pairs += [Pair(language, prompt_of(en, en.question), prompt_of(xx, xx.question)) for en, xx in matched]
    return _checked(pairs, "en", "items that share their `group` with an English item")


def loc_pairs(items: Sequence[ChoiceItem], prompt_of: PromptOf) -> list[Pair]:
    """(country named, country not named) of the same question in the same language."""
    pairs = [
        Pair(item.language, prompt_of(item, item.context_question), prompt_of(item, item.question))
        for item in sorted(items, key=lambda item: item.id)
        if item.context_question is not None
    ]
    return _checked(pairs, "loc", "items with a `context_question`")


def take_pairs(pairs: Sequence[Pair], *, most: int) -> list[Pair]:
    """At most `most` pairs a language, spread evenly over those there are."""
    by_language: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_language[pair.language].append(pair)
    taken = []
    for own in by_language.values():
        count = min(most, len(own))
        taken += [own[index * len(own) // count] for index in range(count)]
    return taken


def pairs_digest(pairs: Sequence[Pair]) -> str:
    """Digest of the prompts themselves."""
    return digest_of([[pair.language, pair.towards, pair.away] for pair in pairs])


def _checked(pairs: list[Pair], kind: Kind, needed: str) -> list[Pair]:
    distinct = [pair for pair in dict.fromkeys(pairs) if pair.towards != pair.away]
    if not distinct:
        raise UserError(f"no pairs for {kind.upper()} vectors: they need {needed}, and the data has none")
    return distinct
