"""The figures of the pipeline's own model: the plane (figure 2), the sweep of layers (figures 4b and 9), the languages."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import product
from typing import Any, NamedTuple

import altair as alt

from isogloss.data.rows import AXES, ENGLISH, Axis
from isogloss.report.chart import (
    BLUE,
    CIRCLE,
    DIAMOND,
    DOWN,
    INK,
    SERIES,
    SQUARE,
    UP,
    VERMILLION,
    Checkboxes,
    Figure,
    Layout,
    chart_of,
    condition_look,
    halo,
    language_boxes,
    series_boxes,
)
from isogloss.report.lines import Dots, Level, Line, dot_panel, grid, panel, span_of
from isogloss.report.plane import BOLD, SMALL, Mark, plane
from isogloss.results.format import PERCENT, POINTS, delta_text, language_name, points, rate_text
from isogloss.results.names import CONDITIONS, COUNTRY, KINDS, LOC_MID, OWN_AXIS, Quantity, VectorKind
from isogloss.results.scores import MACRO, Choice, Condition, Estimate, Results, SweepPoint, headline, macro_delta


def first_run_figures(results: Results, *, trained: bool = False) -> list[Figure[Any]]:
    """The plane, the sweep and the languages, as far as they were measured; `trained` where the page has other models too."""
    plane = plane_figure(results, model="unaligned, unsteered model" if trained else "unsteered model")
    return [figure for figure in (plane, sweep_figure(results), languages_figure(results)) if figure]


class InLanguage(NamedTuple):
    """A condition in one language, or its macro mean."""

    condition: Condition
    code: str

    def rate(self, quantity: Quantity) -> Estimate | None:
        """Accuracy, or the English-bias rate."""
        return self.condition.rates(quantity).get(self.code)

    def change(self, quantity: Quantity) -> Estimate | None:
        """The paired difference to the unsteered model."""
        return self.condition.changes(quantity).get(self.code)


def _in_languages(results: Results, conditions: Sequence[Condition]) -> list[InLanguage]:
    return [InLanguage(condition, code) for condition in conditions for code in (*results.languages, MACRO)]


# --------------------------------------------------------------------------------------------------------------------
# The plane: what each steering and control changes, by language and as the macro mean.


def plane_figure(results: Results, *, model: str = "unsteered model") -> Figure[InLanguage] | None:
    """Localization Δ against transfer Δ in points, both to the unsteered model at the origin.

    Large markers with crosses are macro means and their intervals; hollow ones, named below, are LOC in EN's layer and the
    controls. Small markers are languages, for the methods. The quadrant where transfer is gained and localization lost is
    marked as erasure. None where no condition was measured on both axes.
    """
    placed = [condition for condition in results.conditions if all(macro_delta(condition, axis) for axis in AXES)]
    if not placed:
        return None
    records = [r for r in _in_languages(results, results.conditions) if any(map(r.change, AXES))]
    labels = [condition.label for condition in placed]
    places = [f"{condition.label} at {_place(condition)}" for condition in placed]
    controls = " and LOC in EN's layer" if any(condition.name == LOC_MID for condition in placed) else ""
    return Figure(
        name="plane",
        records=records,
        chart=partial(_plane_chart, origin=results.baseline.label),
        alt=(
            "Plane of localization change (across) against transfer change (up), in points from the unsteered model at the "
            f"origin. Transfer, localization: {'; '.join(places)}."
        ),
        caption=(
            f"Change from the {model}, in points. Large markers: mean over the non-English languages, with 95\u00a0% "
            f"intervals; hollow ones, named below, are controls{controls}. Small markers: languages."
        ),
        table={
            "Condition": lambda record: record.condition.label,
            "Language": lambda record: language_name(record.code),
            "Transfer Δ": lambda record: delta_text(record.change("transfer")),
            "Localization Δ": lambda record: delta_text(record.change("localization")),
        },
        names=2,
        controls=(
            series_boxes("Methods and controls", labels),
            language_boxes(mark.code for mark in _marks(records)),
        ),
    )


def _plane_chart(records: Sequence[InLanguage], columns: int, *, origin: str) -> Layout:
    marks = _marks(records)
    conditions = {record.condition.label: record.condition for record in records}
    drawn = [conditions[label] for label in dict.fromkeys(mark.series for mark in marks)]
    return plane(
        marks,
        shapes={condition.label: condition_look(condition.name).shape for condition in drawn},
        size=(540, 500) if columns > 1 else (300, 330),
        origin=origin,
        # The controls crowd around the origin, where names of their own would cover one another.
        legend=[condition.label for condition in drawn if not _leads(condition)],
        columns=columns,
    )


def _leads(condition: Condition) -> bool:
    """Whether a condition has an arrow, a name and its languages on the plane: a method, but LOC in EN's layer."""
    return condition.role == "method" and condition.name != LOC_MID


def _marks(records: Sequence[InLanguage]) -> list[Mark]:
    """The macro mean of each condition, and for a method its languages."""
    return [
        _mark(record, across, up)
        for record in records
        if (across := record.change("localization")) is not None
        and (up := record.change("transfer")) is not None
        and record.code != ENGLISH
        and (_leads(record.condition) or record.code == MACRO)
        and all(macro_delta(record.condition, axis) for axis in AXES)
    ]


def _mark(record: InLanguage, across: Estimate, up: Estimate) -> Mark:
    condition, code = record
    macro, leads, look = code == MACRO, _leads(condition), condition_look(condition.name)
    return Mark(
        series=condition.label,
        kind=condition.note or "–",
        key=condition.label,
        color=look.color,
        across=across,
        up=up,
        code=code,
        start=(0.0, 0.0) if leads and macro else None,
        hollow=not leads,
        cross=macro,
        size=look.area**0.5 * (1.0 if macro else 0.55),
        text=("" if not leads else condition.label) if macro else code,
        bold=macro,
        letters=BOLD if macro else SMALL,
    )


def _place(condition: Condition) -> str:
    return ", ".join(points(delta.value) for axis in AXES if (delta := macro_delta(condition, axis)) is not None)


# --------------------------------------------------------------------------------------------------------------------
# The sweep: what each vector does in each layer with each strength, and the choice made from it.

_COLORS: dict[VectorKind, str] = {"en": BLUE, "loc": VERMILLION}
#: Line style and marker by rank of γ, so that lines differ by more than shade.
_STROKES = (((2, 2), DOWN), ((6, 3), CIRCLE), ((), SQUARE), ((8, 3, 2, 3), UP), ((5, 1, 1, 1, 1, 1), DIAMOND))


def sweep_figure(results: Results) -> Figure[SweepPoint] | None:
    """Macro transfer Δ and localization Δ on dev2 against layer: a line for each γ, interval bands, the choice ringed.

    A thin dashed line is the macro change of the right option's probability at the chosen γ. None without a sweep.
    """
    if not results.sweep:
        return None
    records = sorted(results.sweep, key=lambda point: (point.kind, point.gamma, point.layer))
    gammas = _gammas(records)
    options = [(gamma, f"γ {gamma}") for gamma in gammas]
    boxes = Checkboxes(signal=SERIES, legend="Strengths", options=options, checked=gammas)
    return Figure(
        name="sweep",
        records=records,
        chart=partial(_sweep_chart, choices=results.choices),
        alt=_sweep_alt(records, results.choices),
        caption=_sweep_caption(results.choices),
        table={
            "Vector": lambda point: point.kind.upper(),
            "Layer": lambda point: str(point.layer),
            "γ": lambda point: f"{point.gamma:g}",
            "Transfer Δ": lambda point: delta_text(point.transfer),
            "Localization Δ": lambda point: delta_text(point.localization),
            "Right option's probability Δ: transfer": lambda point: points(point.transfer_probability),
            "localization": lambda point: points(point.localization_probability),
            "English bias Δ": lambda point: delta_text(point.bias),
            "γ‖v‖ / residual norm": lambda point: f"{point.relative_norm:.2f}",
        },
        controls=(boxes,) if len(gammas) > 1 else (),
    )


def _sweep_chart(records: Sequence[SweepPoint], columns: int, *, choices: Sequence[Choice]) -> Layout:
    """`columns=2` puts EN and LOC side by side."""
    kinds = [kind for kind in KINDS if any(point.kind == kind for point in records)]
    panels = list(product(AXES, kinds)) if columns > 1 else [(axis, kind) for kind in kinds for axis in AXES]
    wide = len(kinds) if columns > 1 else 1
    lines = {key: _lines(records, *key) for key in panels}
    spans = {
        axis: span_of([line for key, group in lines.items() if key[0] == axis for line in group], POINTS, also=[0.0])
        for axis in AXES
    }
    drawn = [
        panel(
            lines[axis, kind],
            unit=POINTS,
            size=(390, 190) if columns > 1 else (262, 170),
            span=_room_above(spans[axis]),
            title=f"{CONDITIONS[kind].label}: {axis}",
            y_title=f"{axis.capitalize()} Δ (points)" if columns == 1 or index % wide == 0 else None,
            x_title="Layer" if index >= len(panels) - wide else None,
            levels=[Level(y=0.0)],
            extra=_chosen(records, choices, axis, kind, spans[axis]),
        )
        for index, (axis, kind) in enumerate(panels)
    ]
    return grid(drawn, columns=wide, series=_gammas(records))


def _sweep_alt(records: Sequence[SweepPoint], choices: Sequence[Choice]) -> str:
    parts = []
    for kind in KINDS:
        if of_kind := [point for point in records if point.kind == kind]:
            axis = OWN_AXIS[kind]
            best = max(of_kind, key=lambda point: getattr(point, axis).value)
            parts.append(
                f"{CONDITIONS[kind].label} moves {axis} most at layer {best.layer}, γ {best.gamma:g} "
                f"({points(getattr(best, axis).value)} points)"
            )
    layers = sorted({point.layer for point in records})
    chosen = [f"{choice.kind.upper()} layer {choice.layer}, γ {choice.gamma:g}" for choice in choices]
    return (
        f"Lines of transfer and localization change against layer, {layers[0]} to {layers[-1]}, one for each γ, and "
        "for the chosen γ the change of the right option's probability. "
        f"{'; '.join(parts)}. Chosen: {'; '.join(chosen) or 'none'}."
    )


def _sweep_caption(choices: Sequence[Choice]) -> str:
    """How to read the figure, and by which statistic its choice was made."""
    by_probability = any("probability" in choice.rule for choice in choices)
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


def _gammas(records: Sequence[SweepPoint]) -> list[str]:
    return [f"{gamma:g}" for gamma in sorted({point.gamma for point in records})]


def _room_above(span: tuple[float, float]) -> tuple[float, float]:
    """For the words that name the choice."""
    return span[0], span[1] + 0.1 * (span[1] - span[0])


def _lines(records: Sequence[SweepPoint], axis: Axis, kind: VectorKind) -> list[Line]:
    of_kind = [point for point in records if point.kind == kind]
    gammas = sorted({point.gamma for point in of_kind})
    lines = []
    for rank, gamma in enumerate(gammas):
        dash, shape = _STROKES[rank % len(_STROKES)]
        lines.append(
            Line(
                name=f"{CONDITIONS[kind].label}, γ {gamma:g}",
                color=_COLORS[kind],
                points=[(point.layer, getattr(point, axis)) for point in of_kind if point.gamma == gamma],
                dash=dash,
                shape=shape,
                width=1.0 + 0.8 * (rank + 1) / len(gammas),
                end=f"γ {gamma:g}",
                series=f"{gamma:g}",
            )
        )
    return lines


def _chosen(
    records: Sequence[SweepPoint], choices: Sequence[Choice], axis: Axis, kind: VectorKind, span: tuple[float, float]
) -> list[alt.Chart]:
    """The chosen layer and strength, and the change of the right option's probability at that strength."""
    layers: list[alt.Chart] = []
    for choice in choices:
        line = [point for point in records if (point.kind, point.gamma) == (kind, choice.gamma)]
        if choice.kind != kind or not line:
            continue
        probabilities = [
            {"x": point.layer, "y": round(100 * getattr(point, f"{axis}_probability"), 4)} for point in line
        ]
        layers.append(
            chart_of(probabilities)
            .mark_line(stroke=INK, strokeWidth=1, strokeDash=[5, 3], opacity=0.85)
            .encode(x=alt.X("x:Q"), y=alt.Y("y:Q"))
        )
        last = max(point.layer for point in line)
        for point in line:
            if point.layer == choice.layer:
                layers += _ring(point, axis, top=_room_above(span)[1], share=point.layer / last)
    return layers


def _ring(point: SweepPoint, axis: Axis, *, top: float, share: float) -> list[alt.Chart]:
    """A ring around the chosen point, named above it; `share` is how far right it stands."""
    record = {
        "x": point.layer,
        "y": round(100 * getattr(point, axis).value, 4),
        "top": top,
        "text": f"chosen: layer {point.layer}, γ {point.gamma:g}",
    }
    here = chart_of([record])
    align = "left" if share < 0.3 else "right" if share > 0.7 else "center"
    return [
        here.mark_rule(stroke=INK, strokeWidth=0.9, strokeDash=[2, 2], opacity=0.7).encode(x=alt.X("x:Q")),
        here.mark_point(filled=False, stroke=INK, size=190, strokeWidth=1.5, opacity=1).encode(
            x=alt.X("x:Q"), y=alt.Y("y:Q")
        ),
        *halo(
            here.encode(x=alt.X("x:Q"), y=alt.Y("top:Q")), text="text", align=align, baseline="top", dy=1, fontSize=11
        ),
    ]


# --------------------------------------------------------------------------------------------------------------------
# Accuracy by language on both axes: unsteered, under the combined method, and with the country named in the prompt.


def languages_figure(results: Results) -> Figure[InLanguage]:
    """A row a language, whiskers are 95 % intervals; the table has every condition."""
    head = headline(results)
    ceiling = [condition for condition in results.conditions if condition.name == COUNTRY]
    shown = [results.baseline, *([head] if head else []), *ceiling]
    parts = []
    for axis in AXES:
        rates = {code: rate for code, rate in results.baseline.rates(axis).items() if code != MACRO}
        if rates:
            low, high = (pick(rates, key=lambda code: rates[code].value) for pick in (min, max))
            parts.append(
                f"{axis} unsteered from {rate_text(rates[low])} in {language_name(low)} "
                f"to {rate_text(rates[high])} in {language_name(high)}"
            )
    names = ", ".join(condition.label for condition in shown)
    quantities: tuple[Quantity, ...] = (*AXES, "english_bias")
    conditions = _in_languages(results, (results.baseline, *results.conditions))
    return Figure(
        name="languages",
        records=[record for record in conditions if any(map(record.rate, quantities))],
        chart=partial(_languages_chart, shown=[condition.name for condition in shown]),
        alt=f"Accuracy by language, with intervals, for {names}: {'; '.join(parts)}.",
        caption="Accuracy with 95\u00a0% intervals. The macro mean leaves English out.",
        table={
            "Condition": lambda record: record.condition.label,
            "Language": lambda record: language_name(record.code),
            "Transfer": lambda record: rate_text(record.rate("transfer")),
            "Localization": lambda record: rate_text(record.rate("localization")),
            "English bias": lambda record: rate_text(record.rate("english_bias")),
        },
        names=2,
    )


def _languages_chart(records: Sequence[InLanguage], columns: int, *, shown: Sequence[str]) -> Layout:
    """`columns=1` stacks the two panels. The first of `shown` says which languages have a row."""
    codes = [r.code for r in records if r.condition.name == shown[0] and any(map(r.rate, AXES))]
    rows = [language_name(code) for code in codes]
    conditions = {record.condition.name: record.condition for record in records}
    dots = {axis: [_dots(conditions[name], axis, codes) for name in shown if name in conditions] for axis in AXES}
    panels = [
        dot_panel(
            dots[axis],
            rows,
            unit=PERCENT,
            size=(370 if columns > 1 else 235, 44 * len(codes) + 10),
            title=axis.capitalize(),
            x_title="Accuracy (%)",
            names=columns == 1 or axis == "transfer",
            ruled=rows[-1] if codes[-1:] == [MACRO] else "",
            series_title="Condition",
            legend=dots["transfer"],
        )
        for axis in AXES
    ]
    return grid(panels, columns=columns, series=[series.name for series in dots["transfer"]])


def _dots(condition: Condition, axis: Axis, codes: Sequence[str]) -> Dots:
    look, rates = condition_look(condition.name), condition.rates(axis)
    values = [(language_name(code), rates[code]) for code in codes if code in rates]
    return Dots(name=condition.label, color=look.color, shape=look.shape, values=values)
