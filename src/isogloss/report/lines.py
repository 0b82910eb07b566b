"""Lines with interval bands: one panel of a figure, which others are made of side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from isogloss.report.chart import (
    INK,
    PAPER,
    SERIES,
    SOFT,
    STATE,
    Layout,
    chart_of,
    halo,
    layered,
    shape_legend,
    side_by_side,
)
from isogloss.report.labels import spread
from isogloss.results.format import Unit
from isogloss.results.scores import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line: (x, estimate) in order of x. `end` is written at its end; `state` is the choice it belongs to, if any."""

    name: str
    color: str
    points: Sequence[tuple[float, Estimate]]
    dash: Sequence[float] = ()
    shape: str = "circle"
    width: float = 1.8
    band: bool = True
    marks: bool = True
    end: str = ""
    faint: bool = False
    state: str = ""
    series: str = ""
    """What the page's checkboxes know it by; its name where empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A horizontal line that others are read against, with its name; a band where low and high are given."""

    y: float | None = None
    low: float | None = None
    high: float | None = None
    text: str = ""


def span_of(lines: Sequence[Line], unit: Unit, *, also: Sequence[float] = ()) -> tuple[float, float]:
    """Lowest and highest of lines and bands in the unit's numbers, with a little room."""
    values = [*also]
    for line in lines:
        for _, each in line.points:
            ends = (each.low, each.high) if line.band else ()
            values += [unit.factor * one for one in (each.value, *ends) if one is not None]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    room = 0.04 * (high - low) or 1.0
    return low - room, high + room


def panel(
    lines: Sequence[Line],
    *,
    unit: Unit,
    size: tuple[int, int],
    span: tuple[float, float],
    title: str = "",
    x_title: str | None = None,
    y_title: str | None = None,
    levels: Sequence[Level] = (),
    extra: Sequence[alt.Chart] = (),
    legend: Sequence[Line] = (),
    columns: int = 4,
    x_name: str = "Layer",
    small: bool = False,
) -> Layout:
    """Lines of estimates against a whole number (a layer, a step). `span` is the y axis in the unit's numbers.

    The lines in `legend` are named below. The lines of a figure whose page has checkboxes or a menu follow its parameters;
    `extra` layers are drawn below the lines.
    """
    data = chart_of([record for line in lines for record in _line_records(line, unit)])
    if any(line.state for line in lines):
        data = data.transform_filter(f"datum.state == {STATE}")
    data = data.transform_filter(f"!isValid(datum.series) || indexof({SERIES}, datum.series) >= 0")
    x = alt.X(
        "x:Q",
        title=x_title,
        scale=alt.Scale(domain=_reach(lines), zero=False, nice=False, padding=6),
        axis=alt.Axis(tickMinStep=1, grid=False, format="d", tickCount=5 if small else 9),
    )
    y = alt.Y(
        "y:Q",
        title=y_title,
        scale=alt.Scale(domain=span, nice=False, zero=False),
        axis=alt.Axis(tickCount=4 if small else 6),
    )
    tooltip = [
        alt.Tooltip("name:N", title="Line"),
        alt.Tooltip("x:Q", title=x_name),
        alt.Tooltip("value:N", title="Value [95 %]"),
        alt.Tooltip("n:Q", title="Items", format=",d"),
    ]
    drawn = data.encode(x=x, y=y)
    banded = data.transform_filter("isValid(datum.low)").encode(
        x=x, y=alt.Y("low:Q"), y2=alt.Y2("high:Q"), detail=alt.Detail("name:N")
    )
    dot = data.transform_filter("datum.marks").encode(x=x, y=y)
    layers: list[Any] = [
        *shape_legend(
            {line.name: line.shape for line in legend}, columns, colors={line.name: line.color for line in legend}
        ),
        *_levels(levels),
        banded.mark_area(opacity=0.12, fill=alt.ExprRef("datum.color"), line=False),
        *extra,
        drawn.mark_line(
            stroke=alt.ExprRef("datum.color"),
            strokeDash=alt.ExprRef("datum.dash"),
            strokeWidth=alt.ExprRef("datum.width"),
            opacity=alt.ExprRef("datum.faint ? 0.4 : 1"),
            strokeJoin="round",
        ).encode(detail=alt.Detail("name:N")),
        dot.mark_point(
            filled=True,
            size=14 if small else 26,
            opacity=1,
            fill=alt.ExprRef("datum.color"),
            shape=alt.ExprRef("datum.shape"),
            strokeWidth=0,
        ),
        # A wider target for the pointer than the mark itself.
        drawn.mark_point(filled=True, size=160, opacity=0).encode(tooltip=tooltip),
    ]
    if any(line.end for line in lines):
        layers += _ends(lines, unit, span, size, small=small)
    return layered(layers, size=size, title=title)


def _reach(lines: Sequence[Line]) -> list[float]:
    """From the first layer or step to the last, whichever lines are shown."""
    every = [x for line in lines for x, _ in line.points] or [0.0, 1.0]
    return [min(every), max(every)]


def _line_records(line: Line, unit: Unit) -> list[dict[str, Any]]:
    found = []
    for x, each in line.points:
        record: dict[str, Any] = {
            "name": line.name,
            "x": x,
            "y": round(unit.factor * each.value, 4),
            "value": unit.text(each),
            "n": each.n,
            "color": line.color,
            "dash": list(line.dash) or [1, 0],
            "shape": line.shape,
            "width": line.width,
        }
        if line.band:
            record |= unit.bounds(each)
        flags = {"marks": line.marks, "faint": line.faint}
        record |= {name: True for name, given in flags.items() if given}
        named = {"state": line.state, "series": line.series}
        record |= {name: given for name, given in named.items() if given}
        found.append(record)
    return found


def _levels(levels: Sequence[Level]) -> list[alt.Chart]:
    layers = []
    for level in levels:
        data = chart_of([{"y": level.y, "low": level.low, "high": level.high, "text": level.text}])
        if level.low is not None:
            layers.append(data.mark_rect(fill=SOFT, opacity=0.16).encode(y=alt.Y("low:Q"), y2=alt.Y2("high:Q")))
        if level.y is not None:
            layers.append(
                data.mark_rule(stroke=INK, strokeWidth=0.9, strokeDash=[2, 2], opacity=0.75).encode(y=alt.Y("y:Q"))
            )
        if level.text:
            where = "y:Q" if level.y is not None else "high:Q"
            layers += halo(
                data.encode(y=alt.Y(where), x=alt.XValue(4)),
                text="text",
                align="left",
                baseline="top",
                dy=3,
                fontSize=10,
                color=SOFT,
            )
    return layers


def _ends(
    lines: Sequence[Line], unit: Unit, span: tuple[float, float], size: tuple[int, int], *, small: bool
) -> list[alt.Chart]:
    """Names beside the ends of lines, moved apart; those of one state do not mind another's."""
    letters = 10.5 if small else 11.5
    gap = 1.15 * letters / size[1] * (span[1] - span[0])
    records = []
    for state in dict.fromkeys(line.state for line in lines):
        named = [line for line in lines if line.end and line.state == state and line.points]
        heights = spread([unit.factor * line.points[-1][1].value for line in named], gap)
        for line, height in zip(named, heights, strict=True):
            record = {"y": round(height, 4), "text": line.end, "color": line.color}
            record |= {name: given for name, given in (("state", state), ("series", line.series)) if given}
            records.append(record)
    data = chart_of(records)
    if any(line.state for line in lines):
        data = data.transform_filter(f"datum.state == {STATE}")
    data = data.transform_filter(f"!isValid(datum.series) || indexof({SERIES}, datum.series) >= 0")
    return [
        data.mark_text(
            align="left", dx=6, fontSize=letters, fontWeight="bold", color=alt.ExprRef("datum.color"), baseline="middle"
        ).encode(y=alt.Y("y:Q"), x=alt.XValue(size[0]), text=alt.Text("text:N"))
    ]


def grid(
    panels: Sequence[Layout],
    *,
    columns: int,
    series: Sequence[str] = (),
    state: str = "",
    spacing: int | tuple[int, int] = 24,
) -> Layout:
    """Panels side by side with the parameters that a page's controls set: the series shown, and the state."""
    between = spacing if isinstance(spacing, int) else {"row": spacing[0], "column": spacing[1]}
    params = [{"name": SERIES, "value": list(series)}, {"name": STATE, "value": state}]
    return side_by_side(panels, columns=columns, spacing=between, params=params)


# --------------------------------------------------------------------------------------------------------------------
# Dots with whiskers in rows: what is compared is named on the left, and each series has its own height in a row.


@dataclass(frozen=True, slots=True, kw_only=True)
class Dots:
    """A series: its look, and (row, estimate) pairs. `hollow` fills it with paper; `state` is the choice it belongs to."""

    name: str
    color: str
    shape: str
    values: Sequence[tuple[str, Estimate]]
    hollow: bool = False
    state: str = ""


def dot_panel(
    series: Sequence[Dots],
    rows: Sequence[str],
    *,
    unit: Unit,
    size: tuple[int, int],
    title: str = "",
    x_title: str | None = None,
    names: bool = True,
    legend: Sequence[Dots] = (),
    columns: int = 3,
    ruled: str = "",
    series_title: str = "Series",
    span: tuple[float, float] | None = None,
) -> Layout:
    """A row for each of `rows`; `ruled` draws a line above that row.

    The series in `legend` are named below, each by its first look.
    """
    shown = list({each.name: each for each in series}.values())
    domain = [each.name for each in (legend or shown)]
    records = [record for each in series for record in _dot_records(each, unit)]
    data = chart_of(records)
    if any(each.state for each in series):
        data = data.transform_filter(f"datum.state == {STATE}")
    data = data.transform_filter(f"indexof({SERIES}, datum.series) >= 0")
    y = alt.Y(
        "row:N",
        sort=None,
        title=None,
        scale=alt.Scale(domain=list(rows), paddingInner=0.18, paddingOuter=0.1),
        axis=alt.Axis(domain=False, ticks=False, labelPadding=8, labelLimit=160, labels=names, grid=False),
    )
    x = alt.X(
        "x:Q",
        title=x_title,
        scale=alt.Scale(zero=False, nice=False, padding=10) if span is None else alt.Scale(domain=span, nice=False),
        axis=alt.Axis(tickCount=6),
    )
    offset = alt.YOffset("series:N", sort=None, scale=alt.Scale(domain=domain))
    tooltip = [
        alt.Tooltip("series:N", title=series_title),
        alt.Tooltip("row:N", title="Row"),
        alt.Tooltip("value:N", title="Value [95 %]"),
        alt.Tooltip("n:Q", title="Items", format=",d"),
    ]
    placed = data.encode(y=y, yOffset=offset)
    layers: list[Any] = []
    if legend:
        layers += shape_legend(
            {each.name: each.shape for each in legend}, columns, colors={e.name: e.color for e in legend}
        )
    layers += [
        placed.transform_filter("isValid(datum.low)")
        .mark_rule(strokeWidth=1.2, opacity=0.85, stroke=alt.ExprRef("datum.color"))
        .encode(x=alt.X("low:Q"), x2=alt.X2("high:Q")),
        placed.mark_point(
            filled=True,
            size=64,
            opacity=1,
            shape=alt.ExprRef("datum.shape"),
            fill=alt.ExprRef(f"datum.hollow ? '{PAPER}' : datum.color"),
            stroke=alt.ExprRef("datum.color"),
            strokeWidth=1.2,
        ).encode(x=x),
        placed.mark_point(filled=True, size=200, opacity=0).encode(x=x, tooltip=tooltip),
    ]
    if ruled:
        line = chart_of([{"row": ruled}])
        layers.append(
            line.mark_rule(stroke=INK, strokeWidth=0.8, opacity=0.6).encode(
                y=alt.Y("row:N", scale=alt.Scale(domain=list(rows)), bandPosition=0)
            )
        )
    return layered(layers, size=size, title=title)


def _dot_records(each: Dots, unit: Unit) -> list[dict[str, Any]]:
    found = []
    for row, estimate in each.values:
        record: dict[str, Any] = {
            "series": each.name,
            "row": row,
            "x": round(unit.factor * estimate.value, 4),
            "value": unit.text(estimate),
            "n": estimate.n,
            "color": each.color,
            "shape": each.shape,
        }
        record |= unit.bounds(estimate)
        if each.hollow:
            record["hollow"] = True
        if each.state:
            record["state"] = each.state
        found.append(record)
    return found
