"""How numbers are written: rates, differences, intervals, durations, sizes, and tables in Markdown.

Pages and terminals get typographic signs and spaces that do not break. Logs, MLflow and model cards get the `ascii_` forms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

from isogloss.results.scores import MACRO, Estimate

MINUS = "−"


def points(value: float) -> str:
    """A difference of fractions as signed percentage points: `0.0312` is `+3.1`."""
    text = f"{100 * value:+.1f}"
    return "0.0" if float(text) == 0.0 else text.replace("-", MINUS)


def rate(value: float) -> str:
    """A fraction in percent without the sign: `0.362` is `36.2`."""
    return f"{100 * value:.1f}"


def percent(value: float) -> str:
    """A fraction in percent: `0.362` is `36.2 %`, with a narrow no-break space."""
    return f"{rate(value)}\u202f%"


def interval(estimate: Estimate, *, signed: bool = True) -> str:
    """`[+1.2, +5.0]` in points, or `[33.1, 39.5]` in percent, without a line break; `[no interval]` where there is none."""
    if estimate.low is None or estimate.high is None:
        return "[no interval]"
    write = points if signed else rate
    return f"[{write(estimate.low)},\u00a0{write(estimate.high)}]"


def delta_text(estimate: Estimate | None) -> str:
    """`+3.1 [+1.2, +5.0]`, or a dash where nothing was measured."""
    return "–" if estimate is None else f"{points(estimate.value)} {interval(estimate)}"


def rate_text(estimate: Estimate | None) -> str:
    """`36.2 % [33.1, 39.5]`, or a dash where nothing was measured."""
    return "–" if estimate is None else f"{percent(estimate.value)} {interval(estimate, signed=False)}"


def rate_number(estimate: Estimate | None) -> str:
    """`36.2`, for tables whose heads say percent; a dash where nothing was measured."""
    return "–" if estimate is None else rate(estimate.value)


def amount(estimate: Estimate) -> str:
    """`3.1 points [+1.2, +5.0]`: the size of a difference without its sign."""
    return f"{rate(abs(estimate.value))} points {interval(estimate)}"


def signed_amount(estimate: Estimate) -> str:
    """`+3.1 points [−0.2, +6.0]`."""
    return f"{points(estimate.value)} points {interval(estimate)}"


def degrees_text(estimate: Estimate | None) -> str:
    """`81.2° [78.0, 84.1]`."""
    return "–" if estimate is None else f"{estimate.value:.1f}°{_bounds(estimate, '.1f')}"


def plain_text(estimate: Estimate | None) -> str:
    """`0.712 [0.690, 0.731]`."""
    return "–" if estimate is None else f"{estimate.value:.3f}{_bounds(estimate, '.3f')}".replace("-", MINUS)


def _bounds(estimate: Estimate, digits: str) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    return f" [{estimate.low:{digits}},\u00a0{estimate.high:{digits}}]"


@dataclass(frozen=True, slots=True)
class Unit:
    """In which numbers a figure shows fractions (`factor`), and how they are written beside it (`text`)."""

    factor: float
    text: Callable[[Estimate | None], str]

    def bounds(self, estimate: Estimate) -> dict[str, float]:
        """`low` and `high` of a record behind a figure; empty where there is no interval."""
        if estimate.low is None or estimate.high is None:
            return {}
        return {"low": round(self.factor * estimate.low, 4), "high": round(self.factor * estimate.high, 4)}


POINTS, PERCENT = Unit(100.0, delta_text), Unit(100.0, rate_text)
DEGREES, PLAIN = Unit(1.0, degrees_text), Unit(1.0, plain_text)

# --------------------------------------------------------------------------------------------------------------------
# For logs, MLflow and model cards.


def ascii_points(value: float) -> str:
    """`+3.1`, `-0.4`."""
    return f"{100 * value:+.1f}"


def ascii_change(estimate: Estimate, *, form: str = " [{}, {}]") -> str:
    """`+2.1 [+0.3, +4.0]`, the interval in this form; the value alone where there is no interval."""
    if estimate.low is None or estimate.high is None:
        return ascii_points(estimate.value)
    return ascii_points(estimate.value) + form.format(ascii_points(estimate.low), ascii_points(estimate.high))


def ascii_range(estimate: Estimate) -> str:
    """`33.1 to 39.5` in percent, or a dash where there is no interval."""
    if estimate.low is None or estimate.high is None:
        return "–"
    return f"{rate(estimate.low)} to {rate(estimate.high)}"


# --------------------------------------------------------------------------------------------------------------------
# Durations, sizes, languages, tables.


def duration(seconds: float) -> str:
    """A measured time: `4.2 s`, `3 min 35 s`, `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def estimated_duration(seconds: float, *, digits: int = 1) -> str:
    """An estimated time, minutes with so many digits: `45 s`, `12.5 min`, `1.5 h`."""
    if seconds < 90 and digits:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.{digits}f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def gib(size: float) -> str:
    """Bytes in GiB: `1,234.5`."""
    return f"{size / 2**30:,.1f}"


@cache
def language_name(code: str) -> str:
    """The English name of a language code; the code itself where it has none."""
    from babel import Locale

    if code == MACRO:
        return "Macro mean"
    return Locale("en").languages.get(code, code)


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool = True) -> str:
    """A table in Markdown, its first column left-aligned and with `numbers` the others right-aligned."""
    lines = [f"| {' | '.join(header)} |", f"|---|{('--:|' if numbers else '---|') * (len(header) - 1)}"]
    lines += [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return "\n".join(lines)
