"""Wrong options, chosen so that nothing but the fact tells which option is right.

Each answer of a kind stands as a distractor exactly three times as often as it is right: the distractors are three
permutations of the kind's own answers. So the frequency of an option says nothing. Starting from neighbours in a sorted
order, pairs of distractors are exchanged between questions while that makes the options of a question more alike
(same continent, similar length) or brings the score of "always the longest" and "always the shortest", in each
language, closer to chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

from isogloss.data.facts.fact import Answer, Fact

WRONG = 3
_CHANCE = 1 / (WRONG + 1)
_CONFLICT = 1000.0
_SWEEPS = 24
_TALLY_WEIGHT = 0.1


def extreme_credits(lengths: Sequence[int]) -> tuple[float, float]:
    """What picking the longest and picking the shortest option score when the first is right; ties share."""
    first, longest, shortest = lengths[0], max(lengths), min(lengths)
    return (
        1 / lengths.count(longest) if first == longest else 0.0,
        1 / lengths.count(shortest) if first == shortest else 0.0,
    )


def without_surplus(facts: Sequence[Fact], *, seed: int) -> list[Fact]:
    """Facts of one kind, less the surplus of answers that more than a fifth of the kind share.

    With four options an answer can be right in at most a quarter of the questions before it must stand in all of them.
    """
    order = sorted(facts, key=lambda fact: fact.key)
    Random(f"{seed}/surplus/{order[0].kind}").shuffle(order)
    while True:
        answer, count = max(Counter(fact.answer.key for fact in order).items(), key=lambda pair: (pair[1], pair[0]))
        if count * (WRONG + 2) <= len(order):
            return sorted(order, key=lambda fact: fact.key)
        order.remove(next(fact for fact in order if fact.answer.key == answer))


class _Search:
    """Three permutations of the answers of `facts`, improved by exchanges."""

    def __init__(self, facts: Sequence[Fact], *, random: Random) -> None:
        self.facts = facts
        self.random = random
        self.lengths = {fact.answer.key: [len(text) for text in fact.answer.text.values()] for fact in facts}
        count = len(facts)
        shifts = random.sample(range(1, min(count, 9)), WRONG)
        self.wrong = [[facts[(index + shift) % count].answer for shift in shifts] for index in range(count)]
        self.credits = [self._credits(index) for index in range(count)]
        self.tally = [sum(column) for column in zip(*self.credits, strict=True)]

    def _credits(self, index: int) -> list[float]:
        """Longest and shortest credit of a question in each language, less chance."""
        rows = [self.lengths[answer.key] for answer in (self.facts[index].answer, *self.wrong[index])]
        columns = zip(*rows, strict=True)
        return [credit - _CHANCE for column in columns for credit in extreme_credits(column)]

    def _conflicts(self, index: int) -> int:
        """How many distractors of a question are right, stand twice, or read like another option in some language."""
        fact, wrong = self.facts[index], self.wrong[index]
        right = sum(answer.key == fact.answer.key or answer.key in fact.also_right for answer in wrong)
        texts = [tuple(answer.text.values()) for answer in (fact.answer, *wrong)]
        alike = max(len(texts) - len(set(column)) for column in zip(*texts, strict=True))
        return right + alike

    def _unlikeness(self, index: int) -> float:
        gold = self.facts[index].answer
        own = self.lengths[gold.key]
        cost = _CONFLICT * self._conflicts(index)
        for answer in self.wrong[index]:
            cost += 2 * (answer.near != gold.near)
            cost += 2 * sum(abs(a - b) / (a + b) for a, b in zip(own, self.lengths[answer.key], strict=True)) / len(own)
        return cost

    def invalid(self) -> list[int]:
        """Questions with a conflict."""
        return [index for index in range(len(self.facts)) if self._conflicts(index)]

    def exchange(self, index: int, other: int, slot: int, other_slot: int) -> None:
        """Exchange one distractor of two questions, and keep the exchange if nothing gets worse."""
        if self.wrong[index][slot].key == self.wrong[other][other_slot].key:
            return
        before = self._unlikeness(index) + self._unlikeness(other)
        self._swap(index, other, slot, other_slot)
        after = self._unlikeness(index) + self._unlikeness(other)
        if after - before > _TALLY_WEIGHT * 400:
            self._swap(index, other, slot, other_slot)
            return
        credits = self._credits(index), self._credits(other)
        gone = self.credits[index], self.credits[other]
        tally = [total - a - b + c + d for total, a, b, c, d in zip(self.tally, *gone, *credits, strict=True)]
        change = sum(value * value for value in tally) - sum(value * value for value in self.tally)
        if after - before + _TALLY_WEIGHT * change <= 0:
            self.credits[index], self.credits[other] = credits
            self.tally = tally
        else:
            self._swap(index, other, slot, other_slot)

    def _swap(self, index: int, other: int, slot: int, other_slot: int) -> None:
        first, second = self.wrong[index], self.wrong[other]
        first[slot], second[other_slot] = second[other_slot], first[slot]

    def sweep(self, reach: int) -> None:
        """Offer each distractor one exchange with a question at most `reach` away in the sorted order."""
        count = len(self.facts)
        for index in range(count):
            for slot in range(WRONG):
                other = (index + self.random.randint(1, reach)) % count
                if other != index:
                    self.exchange(index, other, slot, self.random.randrange(WRONG))


def choose_distractors(facts: Sequence[Fact], *, seed: int) -> dict[str, tuple[Answer, ...]]:
    """{fact key: three wrong answers} for the facts of one kind; deterministic in the facts and the seed.

    Raises AssertionError if no valid assignment is found, which means that answers repeat too much for the kind.
    """
    random = Random(f"{seed}/distractors/{facts[0].kind}")
    order = sorted(facts, key=lambda fact: (fact.answer.near, len(fact.answer.text["en"]), fact.key))
    search = _Search(order, random=random)
    for sweep in range(_SWEEPS):
        search.sweep(len(order) - 1 if sweep % 2 else min(len(order) - 1, 24))
    for _ in range(200):
        invalid = search.invalid()
        if not invalid:
            break
        for index in invalid:
            for slot in range(WRONG):
                other = random.randrange(len(order))
                if other != index:
                    search.exchange(index, other, slot, random.randrange(WRONG))
    assert not search.invalid(), f"{facts[0].kind}: no valid distractors for {len(search.invalid())} facts"
    return {fact.key: tuple(wrong) for fact, wrong in zip(order, search.wrong, strict=True)}
