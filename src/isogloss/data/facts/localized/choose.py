"""Which wrong answers stand beside the right one, and in which order.

Three rules: where another answer is that of the US or Great Britain, exactly one such option is offered (to questions
that are not English); answers of the benchmark's own regions are preferred; and over a region's items neither length nor
frequency tells the right option: what the always-longest, always-shortest and most-frequent choices gain is counted as
options are chosen, and kept near chance.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from isogloss.data.facts.localized.local_fact import CORE, LocalFact
from isogloss.data.rows import ENGLISH, ENGLISH_REGIONS

OPTIONS = 4
_ENGLISH_POOL, _POOL = 5, 12


@dataclass
class Balance:
    """Running sums over the facts of a region; `uses` counts options over the facts of a language."""

    uses: Counter[str]
    longest: float = 0.0
    shortest: float = 0.0
    frequent: float = 0.0
    sizes: dict[int, int] = field(default_factory=dict)


def _share(gold: float, others: Sequence[float]) -> float:
    """What picking the highest value scores, ties split evenly, less chance."""
    values = [gold, *others]
    top = max(values)
    return (1 / values.count(top) if gold == top else 0.0) - 1 / len(values)


def _sample(texts: Sequence[str], count: int, *, rng: random.Random) -> list[str]:
    return list(texts) if len(texts) <= count else sorted(rng.sample(texts, count))


def _candidates(fact: LocalFact, *, rng: random.Random) -> Iterator[tuple[str, ...]]:
    """Every set of wrong options that keeps the rule about English ones."""
    known = fact.distractors()
    english = [text for text, regions in known.items() if regions & ENGLISH_REGIONS and fact.language != ENGLISH]
    core = [text for text, regions in known.items() if text not in english and regions.intersection(CORE)]
    others = [text for text in known if text not in english and text not in core]
    pool = core[:_POOL] + _sample(others, max(_POOL - len(core), _POOL // 2), rng=rng)
    wanted = min(OPTIONS - 1, len(pool) + len(english))
    if not english:
        yield from combinations(pool, wanted)
        return
    few = max(1, wanted - len(pool))
    for chosen in combinations(_sample(english, _ENGLISH_POOL, rng=rng), few):
        for rest in combinations(pool, wanted - few):
            yield chosen + rest


def _cost(fact: LocalFact, options: Sequence[str], *, balance: Balance, noise: float) -> float:
    lengths = [len(text) for text in options]
    own = len(fact.gold)
    uses = [balance.uses[text] for text in options]
    drift = (
        (balance.longest + _share(own, lengths)) ** 2
        + (balance.shortest + _share(-own, [-length for length in lengths])) ** 2
        + (balance.frequent + _share(balance.uses[fact.gold], uses)) ** 2
    )
    spread = sum(abs(length - own) for length in lengths) / (own + max(lengths))
    strangers = sum(not fact.answers[text].intersection(CORE) for text in options)
    return drift + 0.5 * spread + 0.1 * sum(uses) / (1 + len(uses)) + 0.05 * strangers + 0.01 * noise


def choose_distractors(fact: LocalFact, *, balance: Balance, seed: int) -> tuple[str, ...]:
    """The wrong options of a fact; adds what they change to `balance`."""
    rng = random.Random(f"{seed}/{fact.language}/{fact.group}")
    best = min(
        ((_cost(fact, options, balance=balance, noise=rng.random()), options) for options in _candidates(fact, rng=rng)),
        default=(0.0, ()),
    )[1]
    if best:
        lengths = [len(text) for text in best]
        balance.longest += _share(len(fact.gold), lengths)
        balance.shortest += _share(-len(fact.gold), [-length for length in lengths])
        balance.frequent += _share(balance.uses[fact.gold], [balance.uses[text] for text in best])
        balance.uses.update([fact.gold, *best])
    return best


def gold_position(count: int, *, balance: Balance, first: int) -> int:
    """Where the right option stands among `count`: each position in turn, so that all are equally frequent."""
    turn = balance.sizes.get(count, first)
    balance.sizes[count] = turn + 1
    return turn % count
