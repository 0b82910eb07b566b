"""What picking an option without reading the question scores: always the longest, the shortest, the most frequent.

A sound benchmark keeps each near chance in every language.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from isogloss.data.rows import Axis, ChoiceItem


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcut:
    """Accuracies (fractions) of the shortcuts over `n` items of a language and axis, beside chance."""

    language: str
    axis: Axis
    n: int
    chance: float
    longest: float
    shortest: float
    most_frequent: float


def picked(values: Sequence[float], answer: int) -> float:
    """What picking the highest value scores; equals share."""
    best = max(values)
    return 1 / list(values).count(best) if values[answer] == best else 0.0


def shortcuts(items: Sequence[ChoiceItem]) -> list[Shortcut]:
    """One row a language and axis. Frequencies are counted over all options of that language in `items`."""
    rows = []
    for language in sorted({item.language for item in items}):
        own = [item for item in items if item.language == language]
        frequency = Counter(option for item in own for option in item.options)
        for axis in sorted({item.axis for item in own}):
            part = [item for item in own if item.axis == axis]
            count = len(part)
            rows.append(
                Shortcut(
                    language=language,
                    axis=axis,
                    n=count,
                    chance=sum(1 / len(item.options) for item in part) / count,
                    longest=sum(picked([len(option) for option in item.options], item.answer) for item in part) / count,
                    shortest=sum(picked([-len(option) for option in item.options], item.answer) for item in part)
                    / count,
                    most_frequent=sum(
                        picked([frequency[option] for option in item.options], item.answer) for item in part
                    )
                    / count,
                )
            )
    return rows
