"""The words and numbers that stand beside each figure: its alternative text, and the table behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from isogloss.data.rows import Axis
from isogloss.evaluate.results import MACRO, Estimate, Results
from isogloss.report.controls import Control
from isogloss.report.findings import COUNTRY, headline, macro_delta
from isogloss.report.numbers import delta_text, language_name, points, rate_text

if TYPE_CHECKING:
    from isogloss.report.drawn import Figure

_AXES: tuple[Axis, Axis] = ("transfer", "localization")


@dataclass(frozen=True, slots=True)
class Numbers:
    """A plain table: column names, and rows of cells whose first `names` are text and whose others are numbers."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    names: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A figure that a report can show: how to draw it (`draw(columns=1)` for narrow pages), and what stands beside.

    `controls` are what a reader can set on the page.
    """

    name: str
    draw: Callable[..., Figure]
    alternative: str
    numbers: Numbers
    controls: tuple[Control, ...] = ()


def plane_alternative(results: Results) -> str:
    """The plane in words: where each condition stands."""
    places = [
        f"{label} at {_place(transfer, localization)}" for label, transfer, localization in _macro_places(results)
    ]
    return (
        "Plane of localization change (across) against transfer change (up), in points from the unsteered model at the "
        f"origin. Transfer, localization: {'; '.join(places)}."
    )


def plane_numbers(results: Results) -> Numbers:
    """Both differences of each condition, by language and macro."""
    rows = []
    for condition in results.conditions:
        for code in (*results.languages, MACRO):
            estimates = [condition.delta.get(axis, {}).get(code) for axis in _AXES]
            if any(estimates):
                rows.append([condition.label, language_name(code), *(delta_text(each) for each in estimates)])
    return Numbers(("Condition", "Language", "Transfer Δ", "Localization Δ"), rows, names=2)


def sweep_alternative(results: Results) -> str:
    """The sweep in words: the range of layers, and where each kind's best and chosen points lie."""
    parts = []
    for kind, label, axis in (("en", "EN-steering", "transfer"), ("loc", "LOC-steering", "localization")):
        of_kind = [point for point in results.sweep if point.kind == kind]
        if not of_kind:
            continue
        best = max(of_kind, key=lambda point: getattr(point, axis).value)
        parts.append(
            f"{label} moves {axis} most at layer {best.layer}, γ {best.gamma:g} "
            f"({points(getattr(best, axis).value)} points)"
        )
    layers = sorted({point.layer for point in results.sweep})
    chosen = [f"{choice.kind.upper()} layer {choice.layer}, γ {choice.gamma:g}" for choice in results.choices]
    return (
        f"Lines of transfer and localization change against layer, {layers[0]} to {layers[-1]}, one for each γ, and "
        "for the chosen γ the change of the right option's probability. "
        f"{'; '.join(parts)}. Chosen: {'; '.join(chosen) or 'none'}."
    )


def sweep_numbers(results: Results) -> Numbers:
    """Every point of the sweep."""
    rows = [
        [
            point.kind.upper(),
            str(point.layer),
            f"{point.gamma:g}",
            delta_text(point.transfer),
            delta_text(point.localization),
            points(point.transfer_probability),
            points(point.localization_probability),
            delta_text(point.bias),
            f"{point.relative_norm:.2f}",
        ]
        for point in sorted(results.sweep, key=lambda point: (point.kind, point.gamma, point.layer))
    ]
    probabilities = ("Right option's probability Δ: transfer", "localization")
    columns = ("Vector", "Layer", "γ", "Transfer Δ", "Localization Δ", *probabilities, "English bias Δ")
    return Numbers((*columns, "γ‖v‖ / residual norm"), rows)


def sweep_caption(results: Results) -> str:
    """How to read the layer figure, and by which statistic its choice was made."""
    by_probability = any("probability" in choice.rule for choice in results.choices)
    statistic = (
        "The choice goes by the right option's probability among the options, which moves more smoothly from layer to "
        "layer than accuracy: its change at the chosen γ is the thin dashed line."
        if by_probability
        else "The choice goes by accuracy; the thin dashed line is the change of the right option's probability among "
        "the options at the chosen γ."
    )
    return (
        "Mean change over the non-English languages on the development split dev2, which chose; the test items above "
        f"were not used. Lines with marks: accuracy, with 95\u00a0% intervals as bands. {statistic} γ multiplies the "
        "vector."
    )


def languages_alternative(results: Results) -> str:
    """The languages in words: the widest gap of each axis, and the macro means."""
    parts = []
    for axis in _AXES:
        known = {code: each for code, each in results.baseline.accuracy.get(axis, {}).items() if code != MACRO}
        if not known:
            continue
        low, high = (pick(known, key=lambda code: known[code].value) for pick in (min, max))
        parts.append(
            f"{axis} unsteered from {rate_text(known[low])} in {language_name(low)} "
            f"to {rate_text(known[high])} in {language_name(high)}"
        )
    return f"Accuracy by language, with intervals, for {', '.join(_shown(results))}: {'; '.join(parts)}."


def languages_numbers(results: Results) -> Numbers:
    """Accuracy of every condition by language on both axes, and English bias."""
    rows = []
    for condition in (results.baseline, *results.conditions):
        for code in (*results.languages, MACRO):
            estimates = [*(condition.accuracy.get(axis, {}).get(code) for axis in _AXES), condition.bias.get(code)]
            if any(estimates):
                rows.append([condition.label, language_name(code), *(rate_text(each) for each in estimates)])
    return Numbers(("Condition", "Language", "Transfer", "Localization", "English bias"), rows, names=2)


def _shown(results: Results) -> list[str]:
    head = headline(results)
    ceiling = [condition.label for condition in results.conditions if condition.name == COUNTRY]
    return [results.baseline.label, *([head.label] if head else []), *ceiling]


def _macro_places(results: Results) -> list[tuple[str, Estimate, Estimate]]:
    placed = ((c.label, macro_delta(c, "transfer"), macro_delta(c, "localization")) for c in results.conditions)
    return [(label, up, across) for label, up, across in placed if up is not None and across is not None]


def _place(transfer: Estimate, localization: Estimate) -> str:
    return f"{points(transfer.value)}, {points(localization.value)}"
