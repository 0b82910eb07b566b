"""The plane of localization and transfer: points with their intervals, arrows from where they come, and names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from isogloss.report.canvas import AXIS_TITLES, LANGUAGES, SERIES, Limits, extent, frame_layers, halo, shape_legend
from isogloss.report.data import Drawn, chart_of, layered
from isogloss.report.labels import Frame, Place
from isogloss.report.marks import BOLD, Mark, places, reach, record_of
from isogloss.report.style import INK, PAPER

_ARROW = "M-1,-0.5L0,0L-1,0.5Z"


def plane(
    marks: Sequence[Mark],
    *,
    shapes: Mapping[str, str],
    size: tuple[int, int],
    origin: str = "",
    legend: Sequence[str] = (),
    shown: Sequence[str] | None = None,
    columns: int = 2,
    note: str = "",
) -> Drawn:
    """Points on localization Δ (across) and transfer Δ (up), with arrows, intervals, names, and erasure shaded.

    `shapes` gives each key's shape, in the order of the legend; `legend` says which of them stand there. Languages among
    the marks are shown as the parameter `languages` says, which starts as `shown` (None: all of them), and the limits
    follow; series as `series` says. `note` stands above the legend.
    """
    codes = list(dict.fromkeys(each.code for each in marks))
    shown = codes if shown is None else list(shown)
    limits = {code: extent(reach(each for each in marks if each.code == code), height=size[1]) for code in codes}
    whole = [pick(limits[code][index] for code in shown) for index, pick in enumerate((min, max, min, max))]
    frame = Frame(left=whole[0], right=whole[1], bottom=whole[2], top=whole[3], width=size[0], height=size[1])
    placed = places(marks, frame, together=shown, origin=origin, words=True)
    filtered = f"indexof({LANGUAGES}, datum.code) >= 0 && indexof({SERIES}, datum.series) >= 0"
    data = _data(marks, shapes, placed).transform_filter(filtered)
    layers = [
        *frame_layers(_moving(limits), words=True),
        *_mark_layers(data, marks),
        *shape_legend({name: shapes[name] for name in legend}, 2 * columns, note=note),
        *_origin(placed[-1], origin),
    ]
    values = {LANGUAGES: shown, SERIES: list(dict.fromkeys(each.series for each in marks))}
    return layered(layers, size=size, params=[{"name": name, "value": value} for name, value in values.items()])


def still_plane(
    marks: Sequence[Mark],
    *,
    shapes: Mapping[str, str],
    size: tuple[int, int],
    limits: Limits,
    legend: Sequence[str] = (),
    columns: int = 2,
    title: str = "",
    titles: tuple[str | None, str | None] = AXIS_TITLES,
) -> Drawn:
    """One of several planes with the same limits, without the names of its quadrants; all of its points are shown."""
    frame = Frame(left=limits[0], right=limits[1], bottom=limits[2], top=limits[3], width=size[0], height=size[1])
    placed = places(marks, frame, together=[], origin="", words=False)
    layers = [
        *frame_layers(limits, words=False, titles=titles),
        *_mark_layers(_data(marks, shapes, placed), marks),
        *shape_legend({name: shapes[name] for name in legend}, 2 * columns),
        *_origin(placed[-1], ""),
    ]
    return layered(layers, size=size, title=title)


def _data(marks: Sequence[Mark], shapes: Mapping[str, str], placed: Mapping[int, Place]) -> alt.Chart:
    return chart_of([record_of(mark, shapes[mark.key], placed.get(index)) for index, mark in enumerate(marks)])


def _mark_layers(data: alt.Chart, marks: Sequence[Mark]) -> list[alt.Chart]:
    """Intervals, arrows, points and names, in this order."""
    arrows = _arrows(data) if any(mark.start for mark in marks) else []
    return [*_crosses(data), *arrows, *_points(data), *_texts(data)]


def _moving(limits: Mapping[str, Limits]) -> tuple[alt.ExprRef, ...]:
    """Limits that hold every language that is shown; with none there is still a plane."""

    def bound(index: int, pick: str, edge: int) -> alt.ExprRef:
        given = ", ".join(
            f"indexof({LANGUAGES}, '{code}') >= 0 ? {each[index]:.3f} : {edge * -1e9:.0f}"
            for code, each in limits.items()
        )
        return alt.ExprRef(f"length({LANGUAGES}) ? {pick}({given}) : {edge}")

    return bound(0, "min", -1), bound(1, "max", 1), bound(2, "min", -1), bound(3, "max", 1)


def _crosses(data: alt.Chart) -> list[alt.Chart]:
    style: dict[str, Any] = {
        "strokeWidth": alt.ExprRef("datum.hollow ? 0.7 : 1.2"),
        "stroke": alt.ExprRef("datum.color"),
    }
    bounds: dict[str, dict[str, Any]] = {
        "x": {"x": alt.X("x_low:Q"), "y": alt.Y("y:Q"), "x2": alt.X2("x_high")},
        "y": {"x": alt.X("x:Q"), "y": alt.Y("y_low:Q"), "y2": alt.Y2("y_high")},
    }
    return [
        data.transform_filter(f"isValid(datum.{axis}_low)").mark_rule(opacity=0.75, **style).encode(**encoding)
        for axis, encoding in bounds.items()
    ]


def _arrows(data: alt.Chart) -> list[alt.Chart]:
    """A shaft, and a head that stops short of the mark, whatever the limits are."""
    start, end = ("scale('x', datum.x0)", "scale('y', datum.y0)"), ("scale('x', datum.x)", "scale('y', datum.y)")
    angle = f"atan2({end[1]} - {start[1]}, {end[0]} - {start[0]})"
    gap = "sqrt(datum.area) * 0.62"
    moved = data.transform_filter("isValid(datum.x0)")
    look: dict[str, Any] = {"opacity": 0.7}
    return [
        moved.mark_rule(
            strokeWidth=alt.ExprRef("datum.thick ? 1.8 : 0.9"), stroke=alt.ExprRef("datum.color"), **look
        ).encode(x=alt.X("x0:Q"), y=alt.Y("y0:Q"), x2=alt.X2("x:Q"), y2=alt.Y2("y:Q")),
        moved.mark_point(
            shape=_ARROW,
            filled=True,
            fill=alt.ExprRef("datum.color"),
            strokeWidth=0,
            size=alt.ExprRef("datum.thick ? 190 : 90"),
            angle=alt.ExprRef(f"{angle} * 180 / PI"),
            **look,
        ).encode(
            x=alt.XValue(alt.ExprRef(f"{end[0]} - {gap} * cos({angle})")),
            y=alt.YValue(alt.ExprRef(f"{end[1]} - {gap} * sin({angle})")),
        ),
    ]


def _points(data: alt.Chart) -> list[alt.Chart]:
    tooltip = [
        alt.Tooltip("series:N", title="Method"),
        alt.Tooltip("steering:N", title="Steering"),
        alt.Tooltip("language:N", title="Language"),
        alt.Tooltip("transfer:N", title="Transfer Δ [95 %]"),
        alt.Tooltip("localization:N", title="Localization Δ [95 %]"),
        alt.Tooltip("n:N", title="Items"),
    ]
    points = data.mark_point(
        filled=True,
        opacity=alt.ExprRef("datum.faint ? 0.4 : 1"),
        shape=alt.ExprRef("datum.shape"),
        size=alt.ExprRef("datum.area"),
        fill=alt.ExprRef(f"datum.hollow ? '{PAPER}' : datum.color"),
        stroke=alt.ExprRef(f"datum.hollow ? datum.color : '{PAPER}'"),
        strokeWidth=alt.ExprRef("datum.hollow ? 1.4 : 0.8"),
    ).encode(x=alt.X("x:Q"), y=alt.Y("y:Q"), tooltip=tooltip)
    return [points]


def _texts(data: alt.Chart) -> list[alt.Chart]:
    written = data.transform_filter("isValid(datum.text)").encode(x=alt.X("x:Q"), y=alt.Y("y:Q"))
    where: dict[str, Any] = {name: alt.ExprRef(f"datum.{name}") for name in ("dx", "dy", "align", "baseline")}
    type_: dict[str, Any] = {
        "fontSize": alt.ExprRef("datum.letters"),
        "fontWeight": alt.ExprRef("datum.bold ? 'bold' : 'normal'"),
    }
    return halo(written, text="text", **where, **type_)


def _origin(place: Place, name: str) -> list[alt.Chart]:
    here = chart_of([{"x": 0, "y": 0, "text": name}]).encode(x=alt.X("x:Q"), y=alt.Y("y:Q"))
    point = here.mark_point(filled=True, fill=INK, size=60 if name else 30, opacity=1)
    if not name:
        return [point]
    return [
        point,
        *halo(
            here,
            text="text",
            dx=place.dx,
            dy=place.dy,
            align=place.align,
            baseline=place.baseline,
            fontSize=BOLD - 1,
            fontWeight="bold",
        ),
    ]
