"""What figures share: the frame of a plane whose quadrants have a meaning, text on a rim, and the legend of shapes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import altair as alt

from isogloss.report.data import chart_of
from isogloss.report.style import INK, PAPER, SOFT, VERMILLION

#: Parameters that a page's checkboxes set: the languages and the series whose points are shown.
LANGUAGES, SERIES = "languages", "series"
_ERASURE = ["erasure:", "transfer gained,", "localization lost"]
_BOTH = "both gained"
#: Pixels that these take from the upper edge.
_WORDS = 52.0
AXIS_TITLES: tuple[str | None, str | None] = (
    "Localization Δ (points): answers that fit the region  →",
    "Transfer Δ (points): answers that hold everywhere  →",
)

Limits = tuple[float, float, float, float]
"""Left, right, bottom and top of a plane, in points."""


def extent(places: Iterable[tuple[float, float]], *, height: float, words: bool = True) -> Limits:
    """Left, right, bottom and top that show all four quadrants around the places.

    With `words` the names of the quadrants have room above the highest place, in a plane of `height` pixels.
    """
    across, up = zip((0.0, 0.0), *places, strict=True)
    found: list[float] = []
    for values, least in ((across, 0.5), (up, 0.42)):
        reach = max(max(map(abs, values)), 1.0)
        found += [min(min(values) - 0.14 * reach, -least * reach), max(max(values) + 0.14 * reach, 0.42 * reach)]
    left, right, bottom, top = found
    if words:
        share = _WORDS / height
        top = max(top, (max(up) - share * bottom) / (1 - share))
    return left, right, bottom, top


def frame_layers(
    limits: Sequence[float | alt.ExprRef], *, words: bool, titles: tuple[str | None, str | None] = AXIS_TITLES
) -> list[alt.Chart]:
    """Both axes, the erasure quadrant, the lines at zero, and with `words` the names of the upper quadrants."""
    ticks = alt.Axis(grid=False, tickCount=7)
    x, y = (
        kind(
            f"{axis}:Q",
            scale=alt.Scale(domainMin=low, domainMax=high, nice=False, zero=False),
            title=title,
            axis=ticks,
        )
        for kind, axis, low, high, title in (
            (alt.X, "x", limits[0], limits[1], titles[0]),
            (alt.Y, "y", limits[2], limits[3], titles[1]),
        )
    )
    nothing = chart_of([{"x": 0, "y": 0}])
    # From the upper left corner to the origin, in pixels: a larger rectangle, cut to the plane, takes seconds to turn
    # into a PNG.
    middle = {"x2": alt.X2Value(alt.ExprRef("scale('x', 0)")), "y2": alt.Y2Value(alt.ExprRef("scale('y', 0)"))}
    layers = [
        nothing.mark_point(opacity=0).encode(x=x, y=y),
        nothing.mark_rect(color=VERMILLION, opacity=0.09).encode(x=alt.XValue(0), y=alt.YValue(0), **middle),
        nothing.mark_rule(color=INK, strokeWidth=0.8, opacity=0.6).encode(x=alt.X("x:Q")),
        nothing.mark_rule(color=INK, strokeWidth=0.8, opacity=0.6).encode(y=alt.Y("y:Q")),
    ]
    if words:
        upper: dict[str, Any] = {"baseline": "top", "fontSize": 10.5, "color": SOFT, "lineHeight": 13}
        layers += [
            nothing.mark_text(text=_ERASURE, align="left", **upper).encode(x=alt.XValue(5), y=alt.YValue(4)),
            nothing.mark_text(text=_BOTH, align="right", **upper).encode(
                x=alt.XValue(alt.ExprRef("width - 4")), y=alt.YValue(4)
            ),
        ]
    return layers


def halo(chart: alt.Chart, *, text: str, **settings: Any) -> list[alt.Chart]:
    """Text upon a rim of paper, so that it can be read over lines; a second field colours it."""
    encoding = {"text": alt.Text(f"{text}:N")}
    rim: dict[str, Any] = {"stroke": PAPER, "strokeWidth": 3, "strokeJoin": "round", "color": PAPER}
    return [
        chart.mark_text(**{**settings, **rim}).encode(**encoding),
        chart.mark_text(**settings).encode(**encoding),
    ]


def shape_legend(
    shapes: Mapping[str, str], columns: int, *, colors: Mapping[str, str] | None = None, note: str = ""
) -> list[alt.Chart]:
    """A layer that draws nothing but a legend: each name with its shape, hollow in ink or filled with its colour."""
    if not shapes:
        return []
    names = list(shapes)
    key = alt.Legend(orient="bottom", columns=columns, symbolOpacity=1, symbolStrokeWidth=1.4, title=note or None)
    encoding: dict[str, Any] = {
        "shape": alt.Shape("key:N", scale=alt.Scale(domain=names, range=list(shapes.values())), legend=key)
    }
    if colors:
        scale = alt.Scale(domain=names, range=[colors[name] for name in names])
        encoding["color"] = alt.Color("key:N", scale=scale, legend=key)
    mark = chart_of([{"key": name} for name in names]).mark_point(opacity=0, filled=colors is not None)
    if colors is None:
        mark = chart_of([{"key": name} for name in names]).mark_point(opacity=0, color=INK)
    return [mark.encode(x=alt.XValue(0), y=alt.YValue(0), **encoding)]
