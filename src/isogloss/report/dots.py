"""Dots with whiskers in rows: what is compared is named on the left, and each series has its own height in a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from isogloss.evaluate.results import Estimate
from isogloss.report.canvas import SERIES, shape_legend
from isogloss.report.data import Drawn, chart_of, layered
from isogloss.report.lines import STATE
from isogloss.report.style import INK, PAPER
from isogloss.report.units import Unit


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
) -> Drawn:
    """A row for each of `rows`; `ruled` draws a line above that row.

    The series in `legend` are named below, each by its first look.
    """
    shown = list({each.name: each for each in series}.values())
    domain = [each.name for each in (legend or shown)]
    records = [record for each in series for record in _records(each, unit)]
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


def _records(each: Dots, unit: Unit) -> list[dict[str, Any]]:
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
