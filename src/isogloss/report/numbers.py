"""How numbers are written: differences in signed points, rates in percent, intervals in brackets."""

from __future__ import annotations

from functools import cache

from isogloss.evaluate.results import MACRO, Estimate

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
