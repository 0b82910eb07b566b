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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from isogloss.data.benchmark.local_calendar import clock_facts, holiday_facts, week_facts
from isogloss.data.benchmark.local_codes import code_and_language_facts, telephony_facts
from isogloss.data.benchmark.local_fact import LocalFact, left_out
from isogloss.data.benchmark.local_formats import format_facts, measure_facts, money_facts
from isogloss.data.benchmark.local_geography import geography_facts
from isogloss.data.benchmark.wording import home_regions, language_file, regions
from isogloss.data.rows import ENGLISH, ENGLISH_REGIONS, ChoiceItem

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
    """Every fact of a region that its language's file asks for and that is not left out, in a fixed order."""
    facts = [fact for build in _BUILDERS for fact in build(region, language)]
    asked = language_file(language).local
    return [fact for fact in facts if fact.kind in asked and not left_out(fact.kind, fact.region, fact.key)]


class Wording(NamedTuple):
    """One paraphrase: without its country, and with it. The two differ in naming the country alone."""

    question: str
    context_question: str


def wordings(kind: str, *, language: str, region: str, fill: Mapping[str, str]) -> tuple[Wording, ...]:
    """Every paraphrase of `kind` in `language`, with `fill` put in and the country of `region` unnamed and named."""
    own = language_file(language)
    unnamed = {slot: without for slot, (without, _) in own.slots.items()}
    named = {slot: having.format(own.regions[region].name) for slot, (_, having) in own.slots.items()}
    return tuple(
        Wording(_filled(template, {**unnamed, **fill}), _filled(template, {**named, **fill}))
        for template in own.local[kind]
    )


def _filled(template: str, slots: Mapping[str, str]) -> str:
    """The template with its slots filled; a slot that opens the sentence gets its capital."""
    text = template.format(**slots)
    return text[:1].upper() + text[1:] if template.startswith("{") else text


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
    """Every localized item of all regions, ordered by language, region and fact; the same for the same `seed`."""
    items: list[ChoiceItem] = []
    for language, own in regions().items():
        facts = [fact for region in own for fact in local_facts(region, language=language)]
        turns: Counter[tuple[str, int]] = Counter()
        for fact, wrong in zip(facts, choose_distractors(facts, seed=seed), strict=True):
            if wrong:
                items += _items(fact, wrong, turns=turns, seed=seed)
    return sorted(items, key=lambda item: item.id)


# --------------------------------------------------------------------------------------------------------------------
# Which wrong answers stand beside the right one. Two rules: where another answer is that of the US or Great Britain, one such
# option is offered (to questions that are not English); answers of the benchmark's own regions are preferred. And one aim:
# over a region's items nothing about the options alone tells the right one. What always picking the longest, the shortest,
# the most or the least frequent option would gain is summed up as options are chosen, and each choice is the one that keeps
# these sums nearest to zero. Two more passes over all facts choose again, now that the frequencies are known.

OPTIONS = 4
_ENGLISH_POOL, _CORE_POOL, _OTHER_POOL = 4, 8, 4
#: Questions in English share their distractors between two regions, so they draw on more countries.
_OTHER_POOL_ENGLISH = 8
_PASSES = 3

_SPREAD, _REUSE, _STRANGER, _NOISE = 0.5, 0.08, 0.05, 0.02


@dataclass(frozen=True, slots=True)
class Candidate:
    """A set of wrong options. `longest` and `shortest` are what picking by length gains; `taste` lower is better."""

    options: tuple[str, ...]
    longest: float
    shortest: float
    taste: float


def _gain(gold: float, others: Sequence[float]) -> float:
    """What picking the highest value scores above chance, ties split evenly."""
    top = max(others)
    if gold < top:
        return -1 / (len(others) + 1)
    ties = others.count(gold) + 1 if gold == top else 1
    return 1 / ties - 1 / (len(others) + 1)


def _sample(texts: Sequence[str], count: int, *, rng: random.Random) -> list[str]:
    return list(texts) if len(texts) <= count else sorted(rng.sample(texts, count))


def _option_sets(fact: LocalFact, *, rng: random.Random) -> Iterator[tuple[str, ...]]:
    """Sets of wrong options that keep the rule about English ones; only a sample where there are very many."""
    known = fact.distractors()
    english = [text for text, regions in known.items() if regions & ENGLISH_REGIONS and fact.language != ENGLISH]
    core = [text for text, regions in known.items() if text not in english and regions.intersection(home_regions())]
    others = [text for text in known if text not in english and text not in core]
    core = _sample(core, _CORE_POOL, rng=rng)
    few = _OTHER_POOL_ENGLISH if fact.language == ENGLISH else max(_OTHER_POOL, _CORE_POOL - len(core))
    pool = core + _sample(others, few, rng=rng)
    wanted = min(OPTIONS - 1, len(pool) + len(english))
    from_english = max(1, wanted - len(pool)) if english else 0
    for first in combinations(_sample(english, _ENGLISH_POOL, rng=rng), from_english):
        for rest in combinations(pool, wanted - from_english):
            yield first + rest


def _candidates(fact: LocalFact, *, seed: int) -> list[Candidate]:
    rng = random.Random(f"{seed}/{fact.language}/{fact.group}")
    found = []
    own = len(fact.gold)
    for options in _option_sets(fact, rng=rng):
        if not options:
            continue
        lengths = [len(text) for text in options]
        spread = sum(abs(length - own) for length in lengths) / (own + max(lengths))
        strangers = sum(not fact.answers[text].intersection(home_regions()) for text in options)
        found.append(
            Candidate(
                options=options,
                longest=_gain(own, lengths),
                shortest=_gain(-own, [-length for length in lengths]),
                taste=_SPREAD * spread + _STRANGER * strangers + _NOISE * rng.random(),
            )
        )
    return found


def _sums(facts: Sequence[LocalFact], chosen: Sequence[Candidate | None], uses: Counter[str]) -> dict[str, list[float]]:
    """{region: what the four rules of thumb gain in all}: longest, shortest, most frequent, least frequent."""
    sums: dict[str, list[float]] = {}
    for fact, candidate in zip(facts, chosen, strict=True):
        region = sums.setdefault(fact.region, [0.0] * 4)
        if candidate is not None:
            counts = [uses[text] for text in candidate.options]
            region[0] += candidate.longest
            region[1] += candidate.shortest
            region[2] += _gain(uses[fact.gold], counts)
            region[3] += _gain(-uses[fact.gold], [-count for count in counts])
    return sums


def _best(fact: LocalFact, candidates: Sequence[Candidate], *, sums: list[float], uses: Counter[str]) -> Candidate:
    own = uses[fact.gold]

    def cost(candidate: Candidate) -> float:
        counts = [uses[text] for text in candidate.options]
        gains = (
            candidate.longest,
            candidate.shortest,
            _gain(own, counts),
            _gain(-own, [-count for count in counts]),
        )
        drift = sum((total + gain) ** 2 for total, gain in zip(sums, gains, strict=True))
        return drift + _REUSE * sum(counts) + candidate.taste

    return min(candidates, key=cost)


def choose_distractors(facts: Sequence[LocalFact], *, seed: int) -> list[tuple[str, ...]]:
    """The wrong options of each of one language's facts, in their order; empty where no other answer is known."""
    candidates = [_candidates(fact, seed=seed) for fact in facts]
    chosen: list[Candidate | None] = [None] * len(facts)
    uses = Counter(fact.gold for fact in facts)
    for number in range(_PASSES):
        order = random.Random(f"{seed}/{number}").sample(range(len(facts)), len(facts))
        for index in order:
            fact, before = facts[index], chosen[index]
            if not candidates[index]:
                continue
            if before is not None:
                uses.subtract(before.options)
            chosen[index] = None
            sums = _sums(facts, chosen, uses)[fact.region]
            best = _best(fact, candidates[index], sums=sums, uses=uses)
            uses.update(best.options)
            chosen[index] = best
    return [() if candidate is None else candidate.options for candidate in chosen]
