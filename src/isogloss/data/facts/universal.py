"""The universal half of the embedded benchmark: facts with one truth everywhere, each in seven languages.

The same options in the same order, and the same right one, in all languages of a fact.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from random import Random

from isogloss.data.facts.distractors import WRONG, choose_distractors, without_surplus
from isogloss.data.facts.fact import Fact
from isogloss.data.facts.roles import role_of
from isogloss.data.facts.universal_codes import (
    calling_code_facts,
    currency_facts,
    domain_facts,
    language_code_facts,
    official_language_facts,
)
from isogloss.data.facts.universal_places import border_facts, capital_facts, city_facts, continent_facts
from isogloss.data.facts.wording_universal import WORDING, question
from isogloss.data.rows import LANGUAGES, ChoiceItem

_REPEATED_ANSWERS = ("continent-of", "country-of-city", "currency-of", "language-of")


@cache
def all_facts() -> tuple[Fact, ...]:
    """Every universal fact, whatever it is for."""
    return (
        *capital_facts(),
        *city_facts(),
        *continent_facts(),
        *border_facts(),
        *calling_code_facts(),
        *domain_facts(),
        *currency_facts(),
        *official_language_facts(),
        *language_code_facts(),
    )


def balanced_facts(facts: Iterable[Fact], *, seed: int) -> dict[str, list[Fact]]:
    """{kind: its facts, sorted by key}, none of a kind's answers right in more than a fifth of it."""
    kinds: dict[str, list[Fact]] = {}
    for fact in facts:
        kinds.setdefault(fact.kind, []).append(fact)
    for kind in _REPEATED_ANSWERS:
        kinds[kind] = without_surplus(kinds[kind], seed=seed)
    return {kind: sorted(kinds[kind], key=lambda fact: fact.key) for kind in sorted(kinds)}


def universal_facts(*, seed: int) -> dict[str, list[Fact]]:
    """{kind: its evaluated facts, sorted by key}."""
    return balanced_facts((fact for fact in all_facts() if role_of(fact) == "evaluated"), seed=seed)


def _spread(count: int, *, ways: int, random: Random) -> list[int]:
    """`count` numbers below `ways`, each as often as the others (or once more), in random order."""
    numbers = [index % ways for index in range(count)]
    random.shuffle(numbers)
    return numbers


def universal_items(*, seed: int) -> list[ChoiceItem]:
    """All evaluated universal items, `split` not yet assigned: axis transfer, no region, ids like `transfer/capital-of/FR/ko`."""
    items = []
    for kind, facts in universal_facts(seed=seed).items():
        random = Random(f"{seed}/order/{kind}")
        wrong = choose_distractors(facts, seed=seed)
        positions = _spread(len(facts), ways=WRONG + 1, random=random)
        wordings = _spread(len(facts), ways=len(WORDING[kind]["en"]), random=random)
        for fact, position, wording in zip(facts, positions, wordings, strict=True):
            options = list(wrong[fact.key])
            random.shuffle(options)
            options.insert(position, fact.answer)
            items += [
                ChoiceItem(
                    id=f"transfer/{kind}/{fact.key}/{language}",
                    group=f"transfer/{fact.topic}",
                    language=language,
                    axis="transfer",
                    question=question(fact, language, wording=wording),
                    options=tuple(option.text[language] for option in options),
                    answer=position,
                    option_regions=tuple(option.regions for option in options),
                    kind=kind,
                    source=fact.source,
                )
                for language in LANGUAGES
            ]
    return items
