"""The figures of the analyses over layers: perpendicularity (figure 10), convergence and retrieval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import product
from typing import Any, NamedTuple

from isogloss.data.rows import AXES, ENGLISH, Axis
from isogloss.report.agreement_figures import agreement_figure, labels_figure
from isogloss.report.chart import (
    BLUE,
    INK,
    SERIES,
    SOFT,
    VERMILLION,
    Figure,
    Layout,
    language_boxes,
    language_looks,
    language_menu,
    model_look,
    pivot,
    state_menu,
)
from isogloss.report.geometry import Geometry
from isogloss.report.lines import Level, Line, grid, panel, span_of
from isogloss.report.projections import projection_figures
from isogloss.results.analyses import (
    Convergence,
    LayerCurve,
    Panel,
    Perpendicularity,
    Retrieval,
    conditions_of,
)
from isogloss.results.format import DEGREES, PERCENT, PLAIN, degrees_text, language_name, plain_text, rate_text
from isogloss.results.names import QUESTIONS, VectorKind
from isogloss.results.scores import MACRO, Estimate


def geometry_figures(geometry: Geometry, *, layer: int | None) -> list[Figure[Any]]:
    """All figures of the analyses that there are numbers for; projections are drawn at `layer`, or in the middle."""
    figures = (
        perpendicularity_figure(geometry.perpendicularity),
        *projection_figures(geometry, layer=layer),
        convergence_figure(geometry.convergence),
        retrieval_figure(geometry.retrieval),
        agreement_figure(geometry.agreement),
        labels_figure(geometry.agreement),
    )
    return [figure for figure in figures if figure is not None]


def _languages(curves: Iterable[Mapping[str, LayerCurve]]) -> list[str]:
    """The macro mean first, then the languages that have a value at any layer."""
    codes = dict.fromkeys(code for by_language in curves for code, curve in by_language.items() if curve.layers)
    return sorted(codes, key=lambda code: code != MACRO)


# --------------------------------------------------------------------------------------------------------------------
# How perpendicular the EN and LOC directions are in each layer, between its two nulls (equation 6).

_NULLS: dict[VectorKind, tuple[str, str]] = {"en": ("EN halves", BLUE), "loc": ("LOC halves", VERMILLION)}
_RANDOM = "Random directions"


class Angle(NamedTuple):
    """S over layers of one model: in a language, the macro mean, or a null. `column` is its column of the table."""

    model: str
    code: str
    column: str
    line: Line


def perpendicularity_figure(values: Sequence[Perpendicularity]) -> Figure[Angle] | None:
    """S in degrees against layer, a panel a model: a line a language, the macro mean with its interval, and the nulls.

    Grey: two random directions. Blue and vermillion, dotted: two halves of the pairs of one kind. None without values.
    """
    codes = _languages(value.by_language for value in values)
    if not codes:
        return None
    records = [angle for value in values if _languages([value.by_language]) for angle in _angles(value, codes)]
    models = list(dict.fromkeys(angle.model for angle in records))
    parts = []
    for value in values:
        macro = value.by_language.get(MACRO)
        if macro is not None and macro.layers:
            low, lowest = min(macro.points(), key=lambda point: point[1].value)
            high, highest = macro.peak()
            parts.append(
                f"{value.label}: macro mean from {degrees_text(lowest)} at layer {low} to {degrees_text(highest)} at layer "
                f"{high}"
            )
    random = next((value.random.values[0] for value in values if value.random.values), None)
    beside = f" Two random directions: {degrees_text(random)}." if random else ""
    cells = (
        ((angle.model, language_name(angle.code), f"{layer:g}"), angle.column, degrees_text(estimate))
        for angle in sorted(records, key=lambda a: (models.index(a.model), a.column != "S", a.code != MACRO))
        for layer, estimate in angle.line.points
    )
    columns = ("S", *(name for name, _ in _NULLS.values()), _RANDOM)
    return Figure(
        name="perpendicularity",
        records=records,
        chart=_perpendicularity_chart,
        alt=(
            "Lines of the perpendicularity S of EN and LOC directions against layer, 90 degrees orthogonal, 0 parallel, "
            f"with both nulls. {'; '.join(parts)}.{beside}"
        ),
        caption=(
            "S = 90 − |angle − 90| between the mean EN and the mean LOC difference: 90 is orthogonal, 0 parallel. Thick: "
            "macro mean with its 95\u00a0% interval. Grey band: two random directions of this width. Dotted with bands: two "
            "random halves of the pairs of one kind, which is what S looks like where there is one direction."
        ),
        numbers=pivot(cells, ("Model", "Language", "Layer"), columns),
        controls=(language_boxes(codes, signal=SERIES),),
    )


def _angles(value: Perpendicularity, codes: Sequence[str]) -> list[Angle]:
    curves = [(value.random, "random", SOFT, _RANDOM)]
    curves += [(value.split_half[kind], *_NULLS[kind], _NULLS[kind][0]) for kind in _NULLS if kind in value.split_half]
    angles = [
        Angle(
            value.label,
            MACRO,
            column,
            Line(
                name=f"null: {name}",
                color=color,
                points=curve.points(),
                dash=(2, 3),
                width=1.3,
                marks=False,
                end=name,
            ),
        )
        for curve, name, color, column in curves
    ]
    looks = language_looks([ENGLISH, *(code for code in codes if code not in (MACRO, ENGLISH))])
    for code, curve in value.by_language.items():
        if code != MACRO:
            look = looks[code]
            line = Line(
                name=language_name(code),
                color=look.color,
                points=curve.points(),
                shape=look.shape,
                dash=look.dash,
                width=1.1,
                band=False,
                series=code,
            )
            angles.append(Angle(value.label, code, "S", line))
    if MACRO in value.by_language:
        points = value.by_language[MACRO].points()
        line = Line(name=language_name(MACRO), color=INK, points=points, width=2.6, end="macro", series=MACRO)
        angles.append(Angle(value.label, MACRO, "S", line))
    return [angle for angle in angles if angle.line.points]


def _perpendicularity_chart(records: Sequence[Angle], columns: int) -> Layout:
    models = list(dict.fromkeys(angle.model for angle in records))
    wide = columns > 1 and len(models) > 1
    known = list({angle.line.name: angle.line for angle in records if angle.line.series}.values())
    panels = [
        panel(
            [angle.line for angle in records if angle.model == model],
            unit=DEGREES,
            size=(375, 220) if wide else (640, 270) if columns > 1 else (235, 210),
            span=(0.0, 92.0),
            title=model,
            x_title="Layer" if index >= len(models) - (2 if wide else 1) else None,
            y_title="S (degrees)" if not (wide and index % 2) else None,
            legend=known,
            columns=4 * columns if columns > 1 else 3,
        )
        for index, model in enumerate(models)
    ]
    codes = sorted({angle.line.series: None for angle in records if angle.line.series}, key=lambda code: code != MACRO)
    return grid(panels, columns=2 if wide else 1, series=codes)


# --------------------------------------------------------------------------------------------------------------------
# How alike languages' states of the same questions are in each layer, universal beside localized.

_MEASURES = {"cka": "CKA", "cosine": "Mean cosine"}
_BASELINES = {"cka": "kinds of question alone", "cosine": "different questions"}
#: The columns of the table, by measure and whether it is the baseline.
_COLUMNS = {
    ("cka", False): "CKA",
    ("cka", True): "CKA of the kinds alone",
    ("cosine", False): "Mean cosine",
    ("cosine", True): "Cosine, different questions",
}


class Alignment(NamedTuple):
    """A measure of how alike languages are, or its baseline, over layers: one panel of the analysis on one axis."""

    panel: Panel
    axis: Axis
    measure: str
    baseline: bool
    curve: LayerCurve


def convergence_figure(values: Sequence[Convergence]) -> Figure[Alignment] | None:
    """Debiased CKA above mean cosine against layer, a line with its interval band a model; universal beside localized.

    Dotted: what it would be of other questions of the same kinds (CKA), or of any other ones (cosine). Unsteered states are
    shown; a page can show steered ones. None where no two languages can be compared.
    """
    records = [
        Alignment(value.panel, value.axis, measure, baseline, curve)
        for value in values
        for measure in _MEASURES
        for baseline, curve in ((False, getattr(value, measure)), (True, getattr(value, f"baseline_{measure}")))
    ]
    if not any(record.curve.layers for record in records if not record.baseline):
        return None
    parts = []
    for value in values:
        if value.panel.condition == values[0].panel.condition and (value.cka.layers or value.cosine.layers):
            what, curve = ("CKA", value.cka) if value.cka.layers else ("mean cosine", value.cosine)
            layer, highest = curve.peak()
            words = f"highest {what} {plain_text(highest)} at layer {layer}"
            parts.append(f"{value.panel.label}, {QUESTIONS[value.axis]} questions: {words}")
    cells = (
        (
            (record.panel.name, f"{QUESTIONS[record.axis]} questions", str(layer)),
            _COLUMNS[record.measure, record.baseline],
            plain_text(estimate),
        )
        for record in records
        for layer, estimate in record.curve.points()
    )
    return Figure(
        name="convergence",
        records=records,
        chart=_convergence_chart,
        alt=(
            "Lines of centred kernel alignment and mean cosine between languages against layer, with interval bands. "
            f"{'; '.join(parts)}."
        ),
        caption=(
            "Mean over pairs of languages, with 95\u00a0% intervals. CKA: debiased linear centred kernel alignment, 0 for "
            "unrelated states; dotted: with questions exchanged within their kinds, which is what the kinds alone give. "
            "Cosine: of the same question in two languages; dotted: of different questions, which a direction common to all "
            "states gives by itself."
        ),
        numbers=pivot(cells, ("Model", "Questions", "Layer"), tuple(_COLUMNS.values())),
        controls=state_menu("States", (value.panel for value in values)),
    )


def _convergence_chart(records: Sequence[Alignment], columns: int) -> Layout:
    lines = {(measure, axis): _alignment_lines(records, measure, axis) for measure, axis in product(_MEASURES, AXES)}
    axes = [axis for axis in AXES if any(lines[measure, axis] for measure in _MEASURES)]
    measures = [measure for measure in _MEASURES if any(lines[measure, axis] for axis in axes)]
    spans = {measure: span_of([line for axis in axes for line in lines[measure, axis]], PLAIN) for measure in measures}
    known = list({line.name: line for group in lines.values() for line in group if line.marks}.values())
    wide = columns > 1
    keys = [(m, a) for m in measures for a in axes] if wide else [(m, a) for a in axes for m in measures]
    across = len(axes) if wide else 1
    panels = [
        panel(
            lines[measure, axis],
            unit=PLAIN,
            size=(355, 200) if wide else (225, 160),
            span=spans[measure],
            title=f"{_MEASURES[measure]}, {QUESTIONS[axis]} questions",
            x_title="Layer" if index >= len(keys) - across else None,
            legend=known,
            columns=4 if wide else 3,
        )
        for index, (measure, axis) in enumerate(keys)
    ]
    return grid(panels, columns=across, state=records[0].panel.condition)


def _alignment_lines(records: Sequence[Alignment], measure: str, axis: Axis) -> list[Line]:
    lines = []
    shown = {
        (r.panel.name, r.panel.condition)
        for r in records
        if (r.measure, r.axis, r.baseline) == (measure, axis, False) and r.curve.layers
    }
    for record in records:
        if (record.measure, record.axis) != (measure, axis) or not record.curve.layers:
            continue
        look, label = model_look(record.panel.model), record.panel.label
        points, state = record.curve.points(), record.panel.condition
        if not record.baseline:
            lines.append(
                Line(name=label, color=look.color, points=points, dash=look.dash, shape=look.shape, state=state)
            )
        elif (record.panel.name, state) in shown:
            lines.append(_dotted(f"{label}, {_BASELINES[measure]}", look.color, points, state))
    return lines


def _dotted(name: str, color: str, points: Sequence[tuple[int, Estimate]], state: str) -> Line:
    """A thin line beside another of its colour, without intervals."""
    return Line(name=name, color=color, points=points, dash=(1, 3), width=1.2, band=False, marks=False, state=state)


# --------------------------------------------------------------------------------------------------------------------
# How often the nearest sentence in another language is the same sentence, by layer, for every model and steering.


class Found(NamedTuple):
    """Top-1 retrieval over layers in one language, or centred: after each language's mean state is taken off."""

    panel: Panel
    code: str
    centred: bool
    curve: LayerCurve


def retrieval_figure(values: Sequence[Retrieval]) -> Figure[Found] | None:
    """Top-1 retrieval in percent against layer, a panel a steering, a line with its band a model.

    Dotted, where measured: centred. The macro mean is shown; a page can show a language instead. None without values.
    """
    codes = _languages(value.by_language for value in values)
    if not codes:
        return None
    records = [
        Found(value.panel, code, centred, by_language[code])
        for value in values
        for code in codes
        for centred, by_language in ((False, value.by_language), (True, value.centred))
        if code in by_language and by_language[code].layers
    ]
    parts = []
    for value in values:
        if MACRO in value.by_language and value.by_language[MACRO].layers:
            layer, best = value.by_language[MACRO].peak()
            parts.append(f"{value.panel.name} {rate_text(best)} at layer {layer}")
    sizes = " or ".join(f"{size:,}" for size in sorted({value.sentences for value in values}))
    centred = (
        " Thin and dotted: after each language's mean state is taken off, so without what merely tells languages apart."
        if any(value.centred for value in values)
        else ""
    )
    cells = (
        (
            (f"{found.panel.name}, centred" if found.centred else found.panel.name, str(layer)),
            language_name(found.code),
            rate_text(rate),
        )
        for found in sorted(records, key=lambda found: found.centred)
        for layer, rate in found.curve.points()
    )
    return Figure(
        name="retrieval",
        records=records,
        chart=partial(_retrieval_chart, chances={value.panel.condition: value.chance for value in reversed(values)}),
        alt=(
            f"Lines of top-1 retrieval against layer among {sizes} sentences. Best layer of each, macro mean: "
            f"{'; '.join(parts)}."
        ),
        caption=(
            f"Top-1 retrieval by cosine of mean-pooled states among {max(value.sentences for value in values):,} sentences, "
            f"mean of both directions to and from English, with 95\u00a0% intervals.{centred}"
        ),
        numbers=pivot(cells, ("Model", "Layer"), tuple(map(language_name, codes))),
        controls=(language_menu(codes),),
    )


def _retrieval_chart(records: Sequence[Found], columns: int, *, chances: Mapping[str, float]) -> Layout:
    shown = list(conditions_of(found.panel for found in records).items())
    across = min(len(shown), 2) if columns > 1 else 1
    lines = {condition: _retrieval_lines(records, condition) for condition, _ in shown}
    known = list({line.name: line for group in lines.values() for line in group if line.marks}.values())
    panels = [
        panel(
            lines[condition],
            unit=PERCENT,
            size=((355 if across > 1 else 640), 210) if columns > 1 else (225, 165),
            span=(-8.0, 102.0),
            title=label,
            x_title="Layer" if index >= len(shown) - across else None,
            y_title="Top-1 (%)" if index % across == 0 else None,
            levels=[Level(y=100 * chances[condition], text="chance")],
            legend=known,
            columns=4 if columns > 1 else 3,
        )
        for index, (condition, label) in enumerate(shown)
    ]
    codes = sorted({found.code: None for found in records}, key=lambda code: code != MACRO)
    return grid(panels, columns=across, state=codes[0])


def _retrieval_lines(records: Sequence[Found], condition: str) -> list[Line]:
    lines = []
    for found in records:
        if found.panel.condition == condition:
            look, label, points = model_look(found.panel.model), found.panel.label, found.curve.points()
            lines.append(
                _dotted(f"{label}, centred", look.color, points, found.code)
                if found.centred
                else Line(
                    name=label, color=look.color, points=points, dash=look.dash, shape=look.shape, state=found.code
                )
            )
    return lines
