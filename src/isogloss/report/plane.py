"""The plane of localization (across) and transfer (up): its frame, points with intervals and arrows, and where names go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from isogloss.report.chart import (
    INK,
    LANGUAGES,
    PAPER,
    SERIES,
    SOFT,
    VERMILLION,
    Layout,
    chart_of,
    halo,
    layered,
    shape_legend,
)
from isogloss.report.labels import Frame, Label, Place, place_labels
from isogloss.results.format import delta_text, language_name
from isogloss.results.scores import MACRO, Estimate

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

#: Type of names in pixels.
BOLD, SMALL = 13.0, 10.5
_AREA = 95.0
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
) -> Layout:
    """Points on localization Δ (across) and transfer Δ (up), with arrows, intervals, names, and erasure shaded.

    A page can change which languages and series are shown; the limits follow.

    Args:
        shapes: the shape of each key of the marks, in the order of the legend.
        origin: the name of the origin; without one it is a small dot.
        legend: which keys are in the legend.
        shown: the languages shown at first (None: all).
        note: text above the legend.
    """
    codes = list(dict.fromkeys(mark.code for mark in marks))
    shown = codes if shown is None else list(shown)
    limits = {code: extent(reach(mark for mark in marks if mark.code == code), height=size[1]) for code in codes}
    bounds = [pick(limits[code][index] for code in shown) for index, pick in enumerate((min, max, min, max))]
    frame = Frame(left=bounds[0], right=bounds[1], bottom=bounds[2], top=bounds[3], width=size[0], height=size[1])
    placed = _places(marks, frame, together=shown, origin=origin, words=True)
    filtered = f"indexof({LANGUAGES}, datum.code) >= 0 && indexof({SERIES}, datum.series) >= 0"
    data = _data(marks, shapes, placed).transform_filter(filtered)
    layers = [
        *frame_layers(_moving(limits), words=True),
        *_mark_layers(data, marks),
        *shape_legend({name: shapes[name] for name in legend}, 2 * columns, note=note),
        *_origin(placed[-1], origin),
    ]
    values = {LANGUAGES: shown, SERIES: list(dict.fromkeys(mark.series for mark in marks))}
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
) -> Layout:
    """One of several planes with the same limits, without the names of its quadrants; all of its points are shown."""
    frame = Frame(left=limits[0], right=limits[1], bottom=limits[2], top=limits[3], width=size[0], height=size[1])
    placed = _places(marks, frame, together=[], origin="", words=False)
    layers = [
        *frame_layers(limits, words=False, titles=titles),
        *_mark_layers(_data(marks, shapes, placed), marks),
        *shape_legend({name: shapes[name] for name in legend}, 2 * columns),
        *_origin(placed[-1], ""),
    ]
    return layered(layers, size=size, title=title)


def _data(marks: Sequence[Mark], shapes: Mapping[str, str], placed: Mapping[int, Place]) -> alt.Chart:
    return chart_of([_record(mark, shapes[mark.key], placed.get(index)) for index, mark in enumerate(marks)])


def _mark_layers(data: alt.Chart, marks: Sequence[Mark]) -> list[alt.Chart]:
    """Intervals, arrows, points and names, in this order."""
    arrows = _arrows(data) if any(mark.start for mark in marks) else []
    return [*_crosses(data), *arrows, *_points(data), *_texts(data)]


def _moving(limits: Mapping[str, Limits]) -> tuple[alt.ExprRef, ...]:
    """Limits that hold every language that is shown; with none there is still a plane."""

    def bound(index: int, pick: str, edge: int) -> alt.ExprRef:
        bounds = ", ".join(
            f"indexof({LANGUAGES}, '{code}') >= 0 ? {bound[index]:.3f} : {edge * -1e9:.0f}"
            for code, bound in limits.items()
        )
        return alt.ExprRef(f"length({LANGUAGES}) ? {pick}({bounds}) : {edge}")

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


# --------------------------------------------------------------------------------------------------------------------
# The frame: axes whose quadrants have a meaning.


def extent(places: Iterable[tuple[float, float]], *, height: float, words: bool = True) -> Limits:
    """Left, right, bottom and top of a plane that shows all four quadrants around the places.

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


# --------------------------------------------------------------------------------------------------------------------
# Points, and where their names go.


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A point of a plane. `across` and `up` are changes as fractions; the plane is drawn in points.

    Attributes:
        series, kind, code: what it is: the checkbox that shows it, the steering, the language.
        key: its key in the legend of shapes.
        start: where its arrow begins; None without an arrow. The arrow of a solid mark is thick.
        cross: whether its intervals are drawn.
        size: its diameter, relative to 1.
        text: its label, in letters of so many pixels.
    """

    series: str
    kind: str
    key: str
    color: str
    across: Estimate
    up: Estimate
    code: str = MACRO
    start: tuple[float, float] | None = None
    hollow: bool = False
    faint: bool = False
    cross: bool = True
    size: float = 1.0
    text: str = ""
    bold: bool = False
    letters: float = SMALL

    @property
    def place(self) -> tuple[float, float]:
        """In points."""
        return 100 * self.across.value, 100 * self.up.value


def reach(marks: Iterable[Mark]) -> list[tuple[float, float]]:
    """The marks and points along their intervals."""
    found = []
    for mark in marks:
        x, y = mark.place
        found.append((x, y))
        if mark.cross:
            for low, high, along in ((mark.across.low, mark.across.high, 0), (mark.up.low, mark.up.high, 1)):
                if low is None or high is None:
                    continue
                for step in (0.33, 0.66, 1.0):
                    for end in (low, high):
                        moved = (x, y)[along] + step * (100 * end - (x, y)[along])
                        found.append((moved, y) if along == 0 else (x, moved))
    return found


def _shafts(marks: Sequence[Mark]) -> list[tuple[float, float]]:
    """Points along the arrows."""
    found = []
    for mark in marks:
        if mark.start is not None:
            (x0, y0), (x, y) = mark.start, mark.place
            found += [(x0 + step * (x - x0), y0 + step * (y - y0)) for step in (0.25, 0.5, 0.75)]
    return found


def _places(
    marks: Sequence[Mark], frame: Frame, *, together: Sequence[str], origin: str, words: bool
) -> dict[int, Place]:
    """Where each mark's text goes, by its index, and the origin's under −1.

    Names of the languages in `together` keep out of one another's way; each other language is placed by itself.
    """
    found: dict[int, Place] = {}
    width = frame.width
    taken = [(0.0, 0.0, 110.0, 44.0), (width - 75.0, 0.0, width, 18.0)] if words else []
    alone = dict.fromkeys(each.code for each in marks if each.code not in together)
    for codes in ([*together], *([code] for code in alone)):
        near = [each for each in marks if each.code in codes]
        own = [(index, each) for index, each in enumerate(marks) if each.code in codes and each.text]
        # Names of models first: they may take the best places.
        own.sort(key=lambda each: not each[1].bold)
        labels = [
            Label(
                x=mark.place[0],
                y=mark.place[1],
                text=mark.text,
                bold=mark.bold,
                size=mark.letters,
                distance=12.0 * mark.size if mark.bold else 8.0 * max(mark.size, 0.7),
            )
            for _, mark in own
        ]
        first = [Label(x=0, y=0, text=origin, bold=True, distance=9.0)] if origin and MACRO in codes else []
        avoid = [(0.0, 0.0), *reach(near), *_shafts(near)]
        places = place_labels(frame, [*first, *labels], avoid=avoid, taken=taken)
        found |= dict(zip([*([-1] if first else []), *(index for index, _ in own)], places, strict=True))
    found.setdefault(-1, Place(7, -7, "left", "bottom"))
    return found


def _record(mark: Mark, shape: str, place: Place | None) -> dict[str, Any]:
    x, y = mark.place
    record: dict[str, Any] = {
        "x": round(x, 3),
        "y": round(y, 3),
        "code": mark.code,
        "series": mark.series,
        "shape": shape,
        "color": mark.color,
        "area": round(_AREA * mark.size**2, 1),
        "hollow": mark.hollow,
        "faint": mark.faint,
        "steering": mark.kind,
        "language": language_name(mark.code),
        "transfer": delta_text(mark.up),
        "localization": delta_text(mark.across),
        "n": items_text(mark.up, mark.across),
    }
    if mark.start is not None:
        record |= {"x0": round(mark.start[0], 3), "y0": round(mark.start[1], 3), "thick": not mark.hollow}
    if mark.cross:
        record |= _bounds("x", mark.across) | _bounds("y", mark.up)
    if place is not None and mark.text:
        record |= {"text": mark.text, "dx": place.dx, "dy": place.dy, "align": place.align, "baseline": place.baseline}
        record |= {"bold": mark.bold, "letters": mark.letters}
    return record


def items_text(up: Estimate, across: Estimate) -> str:
    """How many items are behind a point, by axis."""
    return f"{up.n:,} transfer, {across.n:,} localization"


def _bounds(axis: str, estimate: Estimate) -> dict[str, float]:
    if estimate.low is None or estimate.high is None:
        return {}
    return {f"{axis}_low": round(100 * estimate.low, 3), f"{axis}_high": round(100 * estimate.high, 3)}
