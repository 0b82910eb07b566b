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

from isogloss.data.benchmark.fact import Answer, Fact

WRONG = 3
_CHANCE = 1 / (WRONG + 1)
_CONFLICT = 1000.0
_SWEEPS = 48
_TALLY_WEIGHT = 0.1
#: By how much more unlike an exchange may make options if that brings lengths back to chance.
_PATIENCE = 2.0
_REACH = 24
_REPAIRS = 200


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


def _unlikeness(right: Answer, wrong: Answer) -> float:
    """How unlike the right answer a wrong one is: 2 for another `near`, and up to 2 for another length."""
    pairs = zip(right.text.values(), wrong.text.values(), strict=True)
    lengths = [abs(len(a) - len(b)) / (len(a) + len(b)) for a, b in pairs]
    return 2 * (right.near != wrong.near) + 2 * sum(lengths) / len(lengths)


def _same_texts(answers: Sequence[Answer]) -> list[set[int]]:
    """For each answer the numbers of those (itself included) that read like it in some language."""
    alike: list[set[int]] = [{index} for index in range(len(answers))]
    for column in zip(*(answer.text.values() for answer in answers), strict=True):
        numbers: dict[str, list[int]] = {}
        for index, text in enumerate(column):
            numbers.setdefault(text, []).append(index)
        for index, text in enumerate(column):
            alike[index].update(numbers[text])
    return alike


class _Search:
    """Three permutations of the answers of `facts`, improved by exchanges. Answers are numbers; costs are looked up."""

    def __init__(self, facts: Sequence[Fact], *, random: Random) -> None:
        self.random = random
        self.answers = list({fact.answer.key: fact.answer for fact in facts}.values())
        number = {answer.key: index for index, answer in enumerate(self.answers)}
        self.right = [number[fact.answer.key] for fact in facts]
        self.forbidden = [{number[key] for key in fact.also_right if key in number} for fact in facts]
        self.lengths = [[len(text) for text in answer.text.values()] for answer in self.answers]
        self.unlike = [[_unlikeness(first, second) for second in self.answers] for first in self.answers]
        self.alike = _same_texts(self.answers)
        count = len(facts)
        shifts = random.sample(range(1, min(count, 9)), WRONG)
        self.wrong = [[self.right[(index + shift) % count] for shift in shifts] for index in range(count)]
        self.credits = [self._credits(index) for index in range(count)]
        self.tally = [sum(column) for column in zip(*self.credits, strict=True)]

    def _credits(self, index: int) -> list[float]:
        """Longest and shortest credit of a question in each language, less chance."""
        rows = [self.lengths[answer] for answer in (self.right[index], *self.wrong[index])]
        return [credit - _CHANCE for column in zip(*rows, strict=True) for credit in extreme_credits(column)]

    def _conflicts(self, index: int) -> int:
        """How many distractors of a question are right, and how many pairs of options read alike in some language."""
        first, second, third = self.wrong[index]
        right, alike, forbidden = self.right[index], self.alike, self.forbidden[index]
        pairs = ((right, first), (right, second), (right, third), (first, second), (first, third), (second, third))
        return sum([wrong in forbidden for wrong in (first, second, third)]) + sum([b in alike[a] for a, b in pairs])

    def _cost(self, index: int) -> float:
        unlike = self.unlike[self.right[index]]
        return _CONFLICT * self._conflicts(index) + sum([unlike[wrong] for wrong in self.wrong[index]])

    def invalid(self) -> list[int]:
        """Questions with a conflict."""
        return [index for index in range(len(self.right)) if self._conflicts(index)]

    def exchange(self, index: int, other: int, slot: int, other_slot: int) -> None:
        """Exchange one distractor of two questions, and keep the exchange if nothing gets worse."""
        if self.wrong[index][slot] == self.wrong[other][other_slot]:
            return
        before = self._cost(index) + self._cost(other)
        self._swap(index, other, slot, other_slot)
        change = self._cost(index) + self._cost(other) - before
        if change <= _PATIENCE:
            credits = self._credits(index), self._credits(other)
            gone = self.credits[index], self.credits[other]
            tally = [t - a - b + c + d for t, a, b, c, d in zip(self.tally, *gone, *credits, strict=True)]
            change += _TALLY_WEIGHT * (sum([t * t for t in tally]) - sum([t * t for t in self.tally]))
            if change <= 0:
                self.credits[index], self.credits[other] = credits
                self.tally = tally
                return
        self._swap(index, other, slot, other_slot)

    def _swap(self, index: int, other: int, slot: int, other_slot: int) -> None:
        first, second = self.wrong[index], self.wrong[other]
        first[slot], second[other_slot] = second[other_slot], first[slot]

    def sweep(self, reach: int) -> None:
        """Offer each distractor one exchange with a question at most `reach` away in the sorted order."""
        count = len(self.right)
        for index in range(count):
            for slot in range(WRONG):
                other = (index + self.random.randint(1, reach)) % count
                if other != index:
                    self.exchange(index, other, slot, self.random.randrange(WRONG))

    def repair(self) -> None:
        """Offer each distractor of a question with a conflict an exchange with any other question."""
        for index in self.invalid():
            for slot in range(WRONG):
                other = self.random.randrange(len(self.right))
                if other != index:
                    self.exchange(index, other, slot, self.random.randrange(WRONG))


def choose_distractors(facts: Sequence[Fact], *, seed: int) -> dict[str, tuple[Answer, ...]]:
    """{fact key: three wrong answers} for the facts of one kind; deterministic in the facts and the seed.

    Raises AssertionError if no valid assignment is found, which means that answers repeat too much for the kind.
    """
    order = sorted(facts, key=lambda fact: (fact.answer.near, len(fact.answer.text["en"]), fact.key))
    search = _Search(order, random=Random(f"{seed}/distractors/{facts[0].kind}"))
    for sweep in range(_SWEEPS):
        search.sweep(len(order) - 1 if sweep % 2 else min(len(order) - 1, _REACH))
    for _ in range(_REPAIRS):
        if not search.invalid():
            break
        search.repair()
    assert not search.invalid(), f"{facts[0].kind}: no valid distractors for {len(search.invalid())} facts"
    return {
        fact.key: tuple(search.answers[wrong] for wrong in three)
        for fact, three in zip(order, search.wrong, strict=True)
    }
