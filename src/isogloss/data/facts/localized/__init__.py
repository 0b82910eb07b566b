"""The localized half of the embedded benchmark: no country is named, and the answer is that of the language's region.

"What number can you call in an emergency?" has one answer in Korean (119) and another in Spanish (112). Each fact gives
one item a paraphrase; each item has a contextual twin, the same question with its country named, and wrong options that
are right elsewhere, with the regions they are right for.

English stands for two regions, US and GB, each with items of its own. Asked without a country, an English question is
ambiguous between them, so the answer of the one is never a wrong option for the other; other countries' answers are.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

from isogloss.data.facts.localized.choose import choose_distractors
from isogloss.data.facts.localized.codes import code_and_language_facts
from isogloss.data.facts.localized.exclusions import EXCLUDED, excluded
from isogloss.data.facts.localized.formats import format_facts
from isogloss.data.facts.localized.geography import geography_facts
from isogloss.data.facts.localized.local_fact import LocalFact
from isogloss.data.facts.localized.measures import measure_facts
from isogloss.data.facts.localized.money import money_facts
from isogloss.data.facts.localized.public_holidays import holiday_facts
from isogloss.data.facts.localized.telephony import telephony_facts
from isogloss.data.facts.localized.weeks_and_clocks import clock_facts, week_facts
from isogloss.data.facts.localized.wording import wordings
from isogloss.data.rows import REGIONS, ChoiceItem

__all__ = ["EXCLUDED", "local_facts", "localized_items"]

_BUILDERS = (
    money_facts,
    telephony_facts,
    holiday_facts,
    week_facts,
    clock_facts,
    format_facts,
    geography_facts,
    code_and_language_facts,
    measure_facts,
)


def local_facts(region: str, *, language: str) -> list[LocalFact]:
    """Every fact of a region that is not excluded, in a fixed order."""
    facts = [fact for build in _BUILDERS for fact in build(region, language)]
    return [fact for fact in facts if not excluded(fact.kind, fact.region, fact.key)]


def _items(
    fact: LocalFact, wrong: tuple[str, ...], *, turns: Counter[tuple[str, int]], seed: int
) -> Iterator[ChoiceItem]:
    """One item a paraphrase. The right option takes each position in turn, so that all are equally frequent."""
    for number, wording in enumerate(
        wordings(fact.kind, language=fact.language, region=fact.region, fill=fact.fill), start=1
    ):
        identity = f"{fact.group}/{fact.language}/{number}"
        rng = random.Random(f"{seed}/{identity}")
        options = rng.sample(wrong, len(wrong))
        turn = fact.region, len(options) + 1
        answer = (seed + turns[turn]) % turn[1]
        turns[turn] += 1
        options.insert(answer, fact.gold)
        yield ChoiceItem(
            id=identity,
            group=fact.group,
            language=fact.language,
            axis="localization",
            region=fact.region,
            question=wording.question,
            context_question=wording.context_question,
            options=tuple(options),
            answer=answer,
            option_regions=tuple(tuple(sorted(fact.answers[option])) for option in options),
            kind=fact.kind,
            source=fact.source,
        )


def localized_items(*, seed: int) -> list[ChoiceItem]:
    """Every localized item of the eight regions, ordered by language, region and fact; the same for the same `seed`."""
    items: list[ChoiceItem] = []
    for language, regions in REGIONS.items():
        facts = [fact for region in regions for fact in local_facts(region, language=language)]
        turns: Counter[tuple[str, int]] = Counter()
        for fact, wrong in zip(facts, choose_distractors(facts, seed=seed), strict=True):
            if wrong:
                items += _items(fact, wrong, turns=turns, seed=seed)
    return sorted(items, key=lambda item: item.id)
