"""English bias of every model, before and after steering, macro and in each language (with the curves: figure 5b)."""

from __future__ import annotations

from isogloss.errors import UserError
from isogloss.evaluate.results import MACRO, Comparison
from isogloss.report.comparison.looks import SHAPE_NAMES, SHAPES
from isogloss.report.comparison.rows import NONE, comparison_rows
from isogloss.report.controls import Choice, Control
from isogloss.report.details import Numbers
from isogloss.report.dots import Dots, dot_panel
from isogloss.report.drawn import Figure, figure
from isogloss.report.findings import EN, LOC, SUR
from isogloss.report.lines import STATE, grid
from isogloss.report.numbers import delta_text, language_name, percent, rate_text
from isogloss.report.style import BLUE, GREEN, INK, VERMILLION
from isogloss.report.units import PERCENT

_COLOURS = {NONE: INK, EN: BLUE, LOC: VERMILLION, SUR: GREEN}


def bias_figure(comparison: Comparison, *, columns: int = 2) -> Figure:
    """A row a model: how often it picks what is true of the US or Great Britain but wrong here, unsteered and steered.

    The macro mean is shown; a page can show a language instead.
    """
    codes = bias_languages(comparison)
    if not codes:
        raise UserError("English bias was measured for no model of the comparison, so there is nothing to draw")
    labels = [model.label for model in comparison.models]
    dots = [
        Dots(
            name=SHAPE_NAMES[steering],
            color=_COLOURS[steering],
            shape=shape,
            values=[
                (row.model.label, rate)
                for row in comparison_rows(comparison)
                if row.condition.name == steering and (rate := row.rates("english_bias").get(code)) is not None
            ],
            hollow=steering != NONE,
            state=code,
        )
        for code in codes
        for steering, shape in SHAPES.items()
    ]
    panel = dot_panel(
        dots,
        labels,
        unit=PERCENT,
        size=(560 if columns > 1 else 235, 58 * len(labels)),
        x_title="English bias (%)",
        columns=2 * columns,
        series_title="Steering",
        legend=dots[: len(SHAPES)],
    )
    return figure(grid([panel], columns=1, series=list(SHAPE_NAMES.values()), state=codes[0]))


def bias_controls(comparison: Comparison) -> tuple[Control, ...]:
    """Which language is shown."""
    options = [(code, language_name(code)) for code in bias_languages(comparison)]
    return (Choice(signal=STATE, legend="Language", options=options),)


def bias_languages(comparison: Comparison) -> list[str]:
    """The macro mean and the languages in which English bias was measured."""
    rows = list(comparison_rows(comparison))
    return [c for c in (MACRO, *comparison.languages) if any(c in row.rates("english_bias") for row in rows)]


def bias_alternative(comparison: Comparison) -> str:
    """Each model's macro rates in words."""
    parts = []
    for model in comparison.models:
        rates = {each.name: each.bias[MACRO] for each in model.conditions if MACRO in each.bias}
        told = [f"{words} {percent(rates[name].value)}" for name, words in SHAPE_NAMES.items() if name in rates]
        if told:
            parts.append(f"{model.label}: {', '.join(told)}")
    return f"Dots of English bias for every model, unsteered and steered, mean over languages. {'; '.join(parts)}."


def bias_numbers(comparison: Comparison) -> Numbers:
    """Rate and change of English bias of every model and steering in every language."""
    rows = []
    for row in comparison_rows(comparison):
        for code in bias_languages(comparison):
            rate, change = row.rates("english_bias").get(code), row.changes("english_bias").get(code)
            if rate is not None:
                name = row.name if row.unsteered else f"{row.model.label} {row.name}"
                rows.append([name, language_name(code), rate_text(rate), delta_text(change)])
    return Numbers(("Model and steering", "Language", "English bias", "Δ from unaligned, unsteered"), rows, names=2)
