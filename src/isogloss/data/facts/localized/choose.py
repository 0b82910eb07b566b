"""Which wrong answers stand beside the right one.

Two rules: where another answer is that of the US or Great Britain, one such option is offered (to questions that are
not English); answers of the benchmark's own regions are preferred. And one aim: over a region's items nothing about the
options alone tells the right one. What always picking the longest, the shortest, the most or the least frequent option
would gain is summed up as options are chosen, and each choice is the one that keeps these sums nearest to zero. Two
more passes over all facts choose again, now that the frequencies are known.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from isogloss.data.facts.localized.local_fact import CORE, LocalFact
from isogloss.data.rows import ENGLISH, ENGLISH_REGIONS

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
    core = [text for text, regions in known.items() if text not in english and regions.intersection(CORE)]
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
        strangers = sum(not fact.answers[text].intersection(CORE) for text in options)
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
