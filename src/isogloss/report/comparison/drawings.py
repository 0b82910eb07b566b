"""The figures of the comparison, as far as its numbers allow them."""

from __future__ import annotations

from functools import partial

from isogloss.evaluate.results import MACRO, Comparison
from isogloss.report.comparison import details
from isogloss.report.comparison.curves import (
    curve_languages,
    curves_figure,
    languages_curves_figure,
    line_of,
    loss_figure,
)
from isogloss.report.comparison.planes import languages_planes_figure, methods_figure, placed, plane_languages
from isogloss.report.comparison.rows import QUANTITIES
from isogloss.report.details import Drawing


def comparison_drawings(comparison: Comparison) -> list[Drawing]:
    """The plane of methods, macro and by language; the curves over training, macro and by language; the losses."""
    found = []
    if placed(comparison, MACRO):
        found.append(
            Drawing(
                name="methods",
                draw=partial(methods_figure, comparison),
                alternative=details.methods_alternative(comparison),
                numbers=details.planes_numbers(comparison, by_language=False),
            )
        )
    if plane_languages(comparison):
        found.append(
            Drawing(
                name="methods-languages",
                draw=partial(languages_planes_figure, comparison),
                alternative=details.languages_planes_alternative(comparison),
                numbers=details.planes_numbers(comparison, by_language=True),
            )
        )
    if any(line_of(model, quantity, MACRO) for model in comparison.models for quantity in QUANTITIES):
        found.append(
            Drawing(
                name="curves",
                draw=partial(curves_figure, comparison),
                alternative=details.curves_alternative(comparison),
                numbers=details.curves_numbers(comparison, by_language=False),
            )
        )
    if curve_languages(comparison):
        found.append(
            Drawing(
                name="curves-languages",
                draw=partial(languages_curves_figure, comparison),
                alternative=details.languages_curves_alternative(comparison),
                numbers=details.curves_numbers(comparison, by_language=True),
            )
        )
    if any(model.losses for model in comparison.models):
        found.append(
            Drawing(
                name="loss",
                draw=partial(loss_figure, comparison),
                alternative=details.loss_alternative(comparison),
                numbers=details.loss_numbers(comparison),
            )
        )
    return found
