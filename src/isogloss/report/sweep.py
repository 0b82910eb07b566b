"""What each vector does in each layer with each strength (figures 4b and 9), and the choice made from it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import altair as alt

from isogloss.data.rows import Axis
from isogloss.errors import UserError
from isogloss.evaluate.results import Choice, Results, SweepPoint
from isogloss.report.canvas import SERIES, halo
from isogloss.report.controls import Boxes, Control
from isogloss.report.data import chart_of
from isogloss.report.drawn import Figure, figure
from isogloss.report.lines import Level, Line, grid, panel, span_of
from isogloss.report.style import BLUE, CIRCLE, DIAMOND, DOWN, INK, SQUARE, UP, VERMILLION
from isogloss.report.units import POINTS

_KINDS = {"en": ("EN-steering", BLUE), "loc": ("LOC-steering", VERMILLION)}
_AXES: tuple[Axis, Axis] = ("transfer", "localization")
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
