"""How numbers are written: differences in signed points, rates in percent, intervals in brackets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from isogloss.data.rows import Axis
from isogloss.results.scores import MACRO, Estimate, verdict

MINUS = "−"


def points(value: float) -> str:
    """A difference of fractions as signed percentage points: `0.0312` is `+3.1`."""
    text = f"{100 * value:+.1f}"
    return "0.0" if float(text) == 0.0 else text.replace("-", MINUS)


def percent(value: float) -> str:
    """A fraction as a rate: `0.362` is `36.2 %`, with a narrow no-break space."""
    return f"{100 * value:.1f}\u202f%"


def interval(estimate: Estimate, *, signed: bool = True) -> str:
    """`[+1.2, +5.0]` in points, or `[33.1, 39.5]` in percent, without a line break; says so where there is none."""
    if estimate.low is None or estimate.high is None:
        return "[no interval]"
    if signed:
        return f"[{points(estimate.low)},\u00a0{points(estimate.high)}]"
    return f"[{100 * estimate.low:.1f},\u00a0{100 * estimate.high:.1f}]"


def delta_text(estimate: Estimate | None) -> str:
    """`+3.1 [+1.2, +5.0]`, or a dash where nothing was measured."""
    return "–" if estimate is None else f"{points(estimate.value)} {interval(estimate)}"


def rate_text(estimate: Estimate | None) -> str:
    """`36.2 % [33.1, 39.5]`, or a dash where nothing was measured."""
    return "–" if estimate is None else f"{percent(estimate.value)} {interval(estimate, signed=False)}"


def duration(seconds: float) -> str:
    """`4.2 s`, `3 min 35 s`, `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


@cache
def language_name(code: str) -> str:
    """The English name of a language code; the code itself where it has none."""
    from babel import Locale

    if code == MACRO:
        return "Macro mean"
    return Locale("en").languages.get(code, code)


# --------------------------------------------------------------------------------------------------------------------
# In which numbers a figure shows its fractions, and how they are written.


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


def change(estimate: Estimate, what: str) -> str:
    """`raises transfer by 3.1 points [1.2, 5.0]`, or the honest lesser claim."""
    kind = verdict(estimate)
    if kind == "gain":
        return f"raises {what} by {amount(estimate)}"
    if kind == "loss":
        return f"lowers {what} by {amount(estimate)}"
    if kind == "no clear change":
        return f"shows no clear change in {what} ({signed_amount(estimate)})"
    return f"moves {what} by {points(estimate.value)} points (too few questions for an interval)"


def changes(measured: Mapping[Axis, Estimate]) -> str:
    """What something does to both axes: `raises transfer by … and lowers localization by …`."""
    if all(verdict(estimate) == "no clear change" for estimate in measured.values()):
        sizes = " or ".join(f"{axis} ({signed_amount(estimate)})" for axis, estimate in measured.items())
        return f"shows no clear change in {sizes}"
    return " and ".join(change(estimate, axis) for axis, estimate in measured.items())


def amount(estimate: Estimate) -> str:
    """`3.1 points [+1.2, +5.0]`, the size without its sign."""
    return f"{100 * abs(estimate.value):.1f} points {interval(estimate)}"


def signed_amount(estimate: Estimate) -> str:
    """`+3.1 points [−0.2, +6.0]`."""
    return f"{points(estimate.value)} points {interval(estimate)}"
