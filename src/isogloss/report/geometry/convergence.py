"""How alike languages' states of the same questions are in each layer, universal beside localized."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Literal

from isogloss.analysis.results import Convergence
from isogloss.data.rows import Axis
from isogloss.errors import UserError
from isogloss.report.comparison.looks import look_of_model
from isogloss.report.controls import Choice, Control
from isogloss.report.details import Numbers
from isogloss.report.drawn import Figure, figure
from isogloss.report.geometry.given import at, conditions, panel_name, peak
from isogloss.report.lines import STATE, Line, grid, panel, span_of
from isogloss.report.units import PLAIN, plain_text

Measure = Literal["cka", "cosine"]
_MEASURES: dict[Measure, str] = {"cka": "CKA", "cosine": "Mean cosine"}
_AXES: dict[Axis, str] = {"transfer": "universal questions", "localization": "localized questions"}


def convergence_figure(given: Sequence[Convergence], *, columns: int = 2) -> Figure:
    """Debiased CKA above mean cosine against layer, a line with its interval band a model; universal beside localized.

    Dotted: what it would be of other questions of the same kinds (CKA), or of any other ones (cosine). Unsteered states are
    shown; a page can show steered ones.
    """
    axes = [axis for axis in _AXES if any(each.axis == axis and measured(each) for each in given)]
    if not axes:
        raise UserError("no two languages can be compared at any layer, so there is nothing to draw")
    lines = {(measure, axis): _lines(given, measure, axis) for measure, axis in product(_MEASURES, axes)}
    measures = [measure for measure in _MEASURES if any(lines[measure, axis] for axis in axes)]
    spans = {measure: span_of([line for axis in axes for line in lines[measure, axis]], PLAIN) for measure in measures}
    known = list({line.name: line for each in lines.values() for line in each if line.marks}.values())
    wide = columns > 1
    keys = [(m, a) for m in measures for a in axes] if wide else [(m, a) for a in axes for m in measures]
    across = len(axes) if wide else 1
    panels = [
        panel(
            lines[measure, axis],
            unit=PLAIN,
            size=(355, 200) if wide else (225, 160),
            span=spans[measure],
            title=f"{_MEASURES[measure]}, {_AXES[axis]}",
            x_title="Layer" if index >= len(keys) - across else None,
            legend=known,
            columns=4 if wide else 3,
        )
        for index, (measure, axis) in enumerate(keys)
    ]
    return figure(grid(panels, columns=across, state=conditions(each.panel for each in given)[0][0]))


def measured(each: Convergence) -> bool:
    """Whether any layer has either measure."""
    return bool(each.cka.layers or each.cosine.layers)


def convergence_controls(given: Sequence[Convergence]) -> tuple[Control, ...]:
    """Which steering's states are shown, where there is a choice."""
    options = conditions(each.panel for each in given)
    return (Choice(signal=STATE, legend="States", options=options),) if len(options) > 1 else ()


def convergence_alternative(given: Sequence[Convergence]) -> str:
    """The highest CKA of every unsteered model in words, the highest cosine where there is no CKA."""
    first = conditions(each.panel for each in given)[0][0]
    parts = []
    for each in given:
        if each.panel.condition == first and measured(each):
            what, curve = ("CKA", each.cka) if each.cka.layers else ("mean cosine", each.cosine)
            layer, highest = peak(curve)
            told = f"highest {what} {plain_text(highest)} at layer {layer}"
            parts.append(f"{each.panel.label}, {_AXES[each.axis]}: {told}")
    return (
        "Lines of centred kernel alignment and mean cosine between languages against layer, with interval bands. "
        f"{'; '.join(parts)}."
    )


def convergence_numbers(given: Sequence[Convergence]) -> Numbers:
    """Every panel, axis and layer."""
    rows = []
    for each in given:
        curves = [dict(at(curve)) for curve in (each.cka, each.baseline_cka, each.cosine, each.baseline_cosine)]
        for layer in sorted({layer for curve in curves for layer in curve}):
            values = [curve.get(layer) for curve in curves]
            rows.append([panel_name(each.panel), _AXES[each.axis], str(layer), *map(plain_text, values)])
    columns = ("CKA", "CKA of the kinds alone", "Mean cosine", "Cosine, different questions")
    return Numbers(("Model", "Questions", "Layer", *columns), rows, names=2)


def _lines(given: Sequence[Convergence], measure: Measure, axis: Axis) -> list[Line]:
    found = []
    for each in given:
        look = look_of_model(each.panel.model)
        curve, baseline, of = (
            (each.cka, each.baseline_cka, "kinds of question alone")
            if measure == "cka"
            else (each.cosine, each.baseline_cosine, "different questions")
        )
        if each.axis != axis or not curve.layers:
            continue
        found.append(
            Line(
                name=each.panel.label,
                color=look.color,
                points=list(at(curve)),
                dash=look.dash,
                shape=look.shape,
                state=each.panel.condition,
            )
        )
        if baseline.layers:
            found.append(
                Line(
                    name=f"{each.panel.label}, {of}",
                    color=look.color,
                    points=list(at(baseline)),
                    dash=(1, 3),
                    width=1.2,
                    band=False,
                    marks=False,
                    state=each.panel.condition,
                )
            )
    return found
