"""In which numbers a figure shows its fractions, and how they are written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from isogloss.evaluate.results import Estimate
from isogloss.report.numbers import delta_text, rate_text


@dataclass(frozen=True, slots=True)
class Unit:
    """How fractions become the numbers of an axis and of a tooltip."""

    factor: float
    text: Callable[[Estimate | None], str]

    def bounds(self, estimate: Estimate) -> dict[str, float]:
        """`low` and `high` of a record behind a figure, where there is an interval."""
        if estimate.low is None or estimate.high is None:
            return {}
        return {"low": round(self.factor * estimate.low, 4), "high": round(self.factor * estimate.high, 4)}


def degrees_text(estimate: Estimate | None) -> str:
    """`81.2° [78.0, 84.1]`."""
    if estimate is None:
        return "–"
    end = "" if estimate.low is None or estimate.high is None else f" [{estimate.low:.1f},\u00a0{estimate.high:.1f}]"
    return f"{estimate.value:.1f}°{end}"


def plain_text(estimate: Estimate | None) -> str:
    """`0.712 [0.690, 0.731]`."""
    if estimate is None:
        return "–"
    end = "" if estimate.low is None or estimate.high is None else f" [{estimate.low:.3f},\u00a0{estimate.high:.3f}]"
    return f"{estimate.value:.3f}{end}".replace("-", "−")


POINTS, PERCENT = Unit(100.0, delta_text), Unit(100.0, rate_text)
DEGREES, PLAIN = Unit(1.0, degrees_text), Unit(1.0, plain_text)
