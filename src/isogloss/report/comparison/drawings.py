"""The figures of the comparison, as far as its numbers allow them."""

from __future__ import annotations

from functools import partial

from isogloss.evaluate.results import MACRO, Comparison
from isogloss.report.comparison import bias, details
from isogloss.report.comparison.curves import (
    curve_languages,
    curves_controls,
    curves_figure,
    languages_curves_figure,
    line_of,
    loss_figure,
)
from isogloss.report.comparison.planes import (
    languages_planes_figure,
    methods_controls,
    methods_figure,
    placed,
    plane_languages,
)
from isogloss.report.comparison.rows import QUANTITIES
from isogloss.report.details import Drawing


def comparison_drawings(comparison: Comparison) -> list[Drawing]:
    """The plane of methods, macro and by language; English bias; the curves over training, macro and by language; the losses."""
    found = []
    if placed(comparison, MACRO):
        found.append(
            Drawing(
                name="methods",
                draw=partial(methods_figure, comparison),
                alternative=details.methods_alternative(comparison),
                numbers=details.planes_numbers(comparison, by_language=False),
                controls=methods_controls(comparison),
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
    if bias.bias_languages(comparison):
        found.append(
            Drawing(
                name="bias",
                draw=partial(bias.bias_figure, comparison),
                alternative=bias.bias_alternative(comparison),
                numbers=bias.bias_numbers(comparison),
                controls=bias.bias_controls(comparison),
            )
        )
    if any(line_of(model, quantity, MACRO) for model in comparison.models for quantity in QUANTITIES):
        found.append(
            Drawing(
                name="curves",
                draw=partial(curves_figure, comparison),
                alternative=details.curves_alternative(comparison),
                numbers=details.curves_numbers(comparison, by_language=False),
                controls=curves_controls(comparison),
            )
        )
    if curve_languages(comparison):
        found.append(
            Drawing(
                name="curves-languages",
                draw=partial(languages_curves_figure, comparison),
                alternative=details.languages_curves_alternative(comparison),
                numbers=details.curves_numbers(comparison, by_language=True),
                controls=curves_controls(comparison),
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
