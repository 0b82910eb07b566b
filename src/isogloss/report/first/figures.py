"""The plane of one model: what each steering and control changes, by language and as the macro mean (figure 2)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import altair as alt

from isogloss.data.rows import Axis
from isogloss.errors import UserError
from isogloss.report.kit.chart import LANGUAGES, SERIES, Figure, chart_of, figure, halo
from isogloss.report.kit.lines import Dots, Level, Line, dot_panel, grid, panel, span_of
from isogloss.report.kit.plane import BOLD, SMALL, Mark, plane
from isogloss.report.kit.style import (
    BLUE,
    CIRCLE,
    DIAMOND,
    DOWN,
    INK,
    SQUARE,
    UP,
    VERMILLION,
    Boxes,
    Control,
    Numbers,
    look_of,
)
from isogloss.results.format import PERCENT, POINTS, delta_text, language_name, points, rate_text
from isogloss.results.names import COUNTRY, LOC_MID
from isogloss.results.scores import MACRO, Choice, Condition, Estimate, Results, SweepPoint, headline, macro_delta


def plane_figure(results: Results, *, columns: int = 2) -> Figure:
    """Localization Δ against transfer Δ in points, both to the unsteered model at the origin.

    Large markers with crosses: macro means and their intervals; hollow ones, named below: LOC in EN's layer and the
    controls. Small markers: languages, for the methods. The quadrant where transfer is gained and localization lost is
    marked as erasure. `columns=1` is drawn smaller, so that its text can be read on a narrow page.
    """
    conditions = placed(results)
    if not conditions:
        raise UserError(
            f"{results.pipeline}: no condition was compared with the unsteered model, so the plane is empty"
        )
    return figure(
        plane(
            [mark for each in conditions for mark in _marks(each)],
            shapes={each.label: look_of(each.name).shape for each in conditions},
            size=(540, 500) if columns > 1 else (300, 330),
            origin=results.baseline.label,
            # The controls crowd around the origin, where names of their own would cover one another.
            legend=[each.label for each in conditions if not _leads(each)],
            columns=columns,
        )
    )


def plane_controls(results: Results) -> tuple[Control, ...]:
    """Which languages and which conditions are shown."""
    conditions = placed(results)
    marks = [mark for each in conditions for mark in _marks(each)]
    codes = list(dict.fromkeys(mark.code for mark in marks))
    labels = [each.label for each in conditions]
    return (
        Boxes(signal=SERIES, legend="Methods and controls", options=[(each, each) for each in labels], checked=labels),
        Boxes(
            signal=LANGUAGES, legend="Languages", options=[(code, language_name(code)) for code in codes], checked=codes
        ),
    )


def placed(results: Results) -> list[Condition]:
    """The conditions that were measured on both axes."""
    return [each for each in results.conditions if macro_delta(each, "transfer") and macro_delta(each, "localization")]


def _leads(condition: Condition) -> bool:
    """Whether a condition has an arrow, a name and its languages on the plane: a method, but LOC in EN's layer."""
    return condition.role == "method" and condition.name != LOC_MID


def _marks(condition: Condition) -> list[Mark]:
    """The macro mean, and for a method its languages."""
    leads, look = _leads(condition), look_of(condition.name)
    found = []
    for code, up in condition.delta["transfer"].items():
        across = condition.delta["localization"].get(code)
        macro = code == MACRO
        if across is None or code == "en" or not (leads or macro):
            continue
        found.append(
            Mark(
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
        )
    # The macro mean is drawn last, above the languages.
    return sorted(found, key=lambda each: each.code == MACRO)


# --------------------------------------------------------------------------------------------------------------------
# Accuracy by language on both axes: unsteered, under the combined method, and with the country named in the prompt.

_AXES: tuple[Axis, Axis] = ("transfer", "localization")


def languages_figure(results: Results, *, columns: int = 2) -> Figure:
    """A row a language, whiskers are 95 % intervals. `columns=1` stacks the two panels."""
    head = headline(results)
    ceiling = next((each for each in results.conditions if each.name == COUNTRY), None)
    shown = [each for each in (results.baseline, head, ceiling) if each is not None]
    codes = [code for code in (*results.languages, MACRO) if any(code in shown[0].accuracy.get(a, {}) for a in _AXES)]
    rows = [language_name(code) for code in codes]
    size = (370 if columns > 1 else 235, 44 * len(codes) + 10)
    dots = {axis: [_series(each, axis, codes) for each in shown] for axis in _AXES}
    panels = [
        dot_panel(
            dots[axis],
            rows,
            unit=PERCENT,
            size=size,
            title=axis.capitalize(),
            x_title="Accuracy (%)",
            names=columns == 1 or axis == "transfer",
            ruled=rows[-1] if codes[-1:] == [MACRO] else "",
            series_title="Condition",
            legend=dots["transfer"],
        )
        for axis in _AXES
    ]
    return figure(grid(panels, columns=columns, series=[each.label for each in shown]))


def _series(condition: Condition, axis: Axis, codes: list[str]) -> Dots:
    look = look_of(condition.name)
    known = condition.accuracy.get(axis, {})
    values = [(language_name(code), known[code]) for code in codes if code in known]
    return Dots(name=condition.label, color=look.color, shape=look.shape, values=values)


# --------------------------------------------------------------------------------------------------------------------
# What each vector does in each layer with each strength (figures 4b and 9), and the choice made from it.

_KINDS = {"en": ("EN-steering", BLUE), "loc": ("LOC-steering", VERMILLION)}
#: Line style and marker by rank of γ, so that lines differ by more than shade.
_STROKES = (((2, 2), DOWN), ((6, 3), CIRCLE), ((), SQUARE), ((8, 3, 2, 3), UP), ((5, 1, 1, 1, 1, 1), DIAMOND))


def sweep_figure(results: Results, *, columns: int = 2) -> Figure:
    """Macro transfer Δ and localization Δ on dev2 against layer: a line for each γ, interval bands, the choice ringed.

    A thin dashed line is the macro change of the right option's probability at the chosen γ.
    `columns=2` puts EN and LOC side by side; `columns=1` stacks the panels for narrow pages.
    """
    kinds = [kind for kind in _KINDS if any(point.kind == kind for point in results.sweep)]
    if not kinds:
        raise UserError(f"{results.pipeline}: there is no sweep to draw")
    panels = list(product(_AXES, kinds)) if columns > 1 else [(axis, kind) for kind in kinds for axis in _AXES]
    wide = len(kinds) if columns > 1 else 1
    lines = {key: _lines(results, *key) for key in panels}
    spans = {
        axis: span_of([line for key, each in lines.items() if key[0] == axis for line in each], POINTS, also=[0.0])
        for axis in _AXES
    }
    size = (390, 190) if columns > 1 else (262, 170)
    return figure(
        grid(
            [
                panel(
                    lines[axis, kind],
                    unit=POINTS,
                    size=size,
                    span=_room_above(spans[axis]),
                    title=f"{_KINDS[kind][0]}: {axis}",
                    y_title=f"{axis.capitalize()} Δ (points)" if columns == 1 or index % wide == 0 else None,
                    x_title="Layer" if index >= len(panels) - wide else None,
                    levels=[Level(y=0.0)],
                    extra=_chosen(results, axis, kind, spans[axis]),
                )
                for index, (axis, kind) in enumerate(panels)
            ],
            columns=wide,
            series=_gammas(results),
        )
    )


def sweep_controls(results: Results) -> tuple[Control, ...]:
    """Which strengths are shown."""
    gammas = _gammas(results)
    if len(gammas) < 2:
        return ()
    options = [(each, f"γ {each}") for each in gammas]
    return (Boxes(signal=SERIES, legend="Strengths", options=options, checked=gammas),)


def _gammas(results: Results) -> list[str]:
    return [f"{gamma:g}" for gamma in sorted({point.gamma for point in results.sweep})]


def _room_above(span: tuple[float, float]) -> tuple[float, float]:
    """For the words that name the choice."""
    return span[0], span[1] + 0.1 * (span[1] - span[0])


def _lines(results: Results, axis: Axis, kind: str) -> list[Line]:
    points = [point for point in results.sweep if point.kind == kind]
    gammas = sorted({point.gamma for point in points})
    found = []
    for rank, gamma in enumerate(gammas):
        dash, shape = _STROKES[rank % len(_STROKES)]
        found.append(
            Line(
                name=f"{_KINDS[kind][0]}, γ {gamma:g}",
                color=_KINDS[kind][1],
                points=[(point.layer, getattr(point, axis)) for point in _at(points, gamma)],
                dash=dash,
                shape=shape,
                width=1.0 + 0.8 * (rank + 1) / len(gammas),
                end=f"γ {gamma:g}",
                series=f"{gamma:g}",
            )
        )
    return found


def _at(points: Sequence[SweepPoint], gamma: float) -> list[SweepPoint]:
    return sorted((point for point in points if point.gamma == gamma), key=lambda point: point.layer)


def _chosen(results: Results, axis: Axis, kind: str, span: tuple[float, float]) -> list[alt.Chart]:
    """The chosen layer and strength, and the change of the right option's probability at that strength."""
    points = [point for point in results.sweep if point.kind == kind]
    layers: list[alt.Chart] = []
    for choice in results.choices:
        line = _at(points, choice.gamma) if choice.kind == kind else []
        if not line:
            continue
        probabilities = [
            {"x": point.layer, "y": round(100 * getattr(point, f"{axis}_probability"), 4)} for point in line
        ]
        layers.append(
            chart_of(probabilities)
            .mark_line(stroke=INK, strokeWidth=1, strokeDash=[5, 3], opacity=0.85)
            .encode(x=alt.X("x:Q"), y=alt.Y("y:Q"))
        )
        layers += [
            layer for point in line if point.layer == choice.layer for layer in _ring(choice, point, axis, span, line)
        ]
    return layers


def _ring(
    choice: Choice, point: SweepPoint, axis: Axis, span: tuple[float, float], line: Sequence[SweepPoint]
) -> list[alt.Chart]:
    record = {
        "x": point.layer,
        "y": round(100 * getattr(point, axis).value, 4),
        "top": _room_above(span)[1],
        "text": f"chosen: layer {choice.layer}, γ {choice.gamma:g}",
    }
    here = chart_of([record])
    last = max(each.layer for each in line)
    align = "left" if point.layer < 0.3 * last else "right" if point.layer > 0.7 * last else "center"
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
# The words and numbers that stand beside each figure: its alternative text, and the table behind it.


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
