"""Direct labels that keep out of each other's way, and off the marks they name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from isogloss.report.kit.chart import (
    AXIS_TITLES,
    LANGUAGES,
    SERIES,
    Drawn,
    Limits,
    chart_of,
    extent,
    frame_layers,
    halo,
    layered,
    shape_legend,
)
from isogloss.report.kit.style import INK, PAPER
from isogloss.results.format import delta_text, language_name
from isogloss.results.scores import MACRO, Estimate

#: Mean width of a letter over the size of its type, plain and bold; capitals are wider by a fifth.
_WIDTH, _BOLD_WIDTH, _CAPITAL = 0.56, 0.61, 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The limits of a plot in data coordinates and its size in pixels."""

    left: float
    right: float
    bottom: float
    top: float
    width: float
    height: float

    def pixel(self, x: float, y: float) -> tuple[float, float]:
        """Where (x, y) is drawn, from the plot's upper left corner."""
        across = (x - self.left) / (self.right - self.left)
        up = (y - self.bottom) / (self.top - self.bottom)
        return across * self.width, (1 - up) * self.height


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Text for the mark at (x, y) in data coordinates; sizes in pixels, `distance` from the mark's centre."""

    x: float
    y: float
    text: str
    size: float = 12.0
    bold: bool = False
    distance: float = 9.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a label is written: pixels from its mark (down is positive), and which of its edges is there."""

    dx: float
    dy: float
    align: str
    baseline: str


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: _Box) -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def distance(self, x: float, y: float) -> float:
        """Pixels from the point to the nearest edge, 0 inside."""
        return math.hypot(max(self.left - x, 0.0, x - self.right), max(self.top - y, 0.0, y - self.bottom))


def place_labels(
    frame: Frame,
    labels: Sequence[Label],
    *,
    avoid: Sequence[tuple[float, float]] = (),
    taken: Sequence[tuple[float, float, float, float]] = (),
) -> list[Place]:
    """The freest of sixteen directions at three distances for each label, the first labels first.

    A label that another mark would be nearer to than its own is nearly as bad as one upon another label.
    `avoid` holds marks that labels should not cover, in data coordinates; `taken` boxes that are written in already, in
    pixels (left, top, right, bottom).
    """
    pixels = [frame.pixel(x, y) for x, y in (*avoid, *((each.x, each.y) for each in labels))]
    named = [frame.pixel(each.x, each.y) for each in labels]
    boxes = [_Box(*each) for each in taken]
    found = []
    for label, own in zip(labels, named, strict=True):
        others = [each for each in named if each != own]
        best: tuple[float, Place, _Box] | None = None
        for far in (1.0, 1.8, 2.8):
            for step in range(16):
                place = _place(step * math.pi / 8, far * label.distance)
                box = _box(label, own, place)
                nearer = any(box.distance(*other) < box.distance(*own) + 2 for other in others)
                cost = far + 0.03 * step + 12.0 * nearer + _cost(box, boxes, pixels, frame)
                if best is None or cost < best[0]:
                    best = (cost, place, box)
        assert best is not None
        found.append(best[1])
        boxes.append(best[2])
    return found


def text_width(label: Label) -> float:
    """Pixels, roughly: of its longest line."""
    longest = max(sum(_CAPITAL if each.isupper() else 1.0 for each in line) for line in label.text.split("\n"))
    return longest * label.size * (_BOLD_WIDTH if label.bold else _WIDTH)


def _place(angle: float, distance: float) -> Place:
    """`distance` pixels from the mark, growing away from it."""
    across, up = math.cos(angle), math.sin(angle)
    align = "center" if abs(across) < 0.3 else "left" if across > 0 else "right"
    baseline = "middle" if abs(up) < 0.3 else "bottom" if up > 0 else "top"
    return Place(round(distance * across, 2), round(-distance * up, 2), align, baseline)


def _box(label: Label, own: tuple[float, float], place: Place) -> _Box:
    width, height = text_width(label), 1.2 * label.size * (1 + label.text.count("\n"))
    x, y = own[0] + place.dx, own[1] + place.dy
    left = x - {"left": 0.0, "center": 0.5, "right": 1.0}[place.align] * width
    top = y - {"top": 0.0, "middle": 0.5, "bottom": 1.0}[place.baseline] * height
    return _Box(left, top, left + width, top + height)


def _cost(box: _Box, taken: Sequence[_Box], marks: Sequence[tuple[float, float]], frame: Frame) -> float:
    """Leaving the frame weighs most, then covered labels, then covered marks."""
    labels = sum(box.overlaps(other) for other in taken)
    covered = sum(box.left - 3 < x < box.right + 3 and box.top - 3 < y < box.bottom + 3 for x, y in marks)
    outside = box.left < 0 or box.right > frame.width or box.top < 0 or box.bottom > frame.height
    return 60.0 * outside + 30.0 * labels + 1.5 * covered


def spread(values: Sequence[float], gap: float) -> list[float]:
    """`values` moved apart as little as need be, so that no two are nearer than `gap`; their order is kept."""
    order = sorted(range(len(values)), key=values.__getitem__)
    clusters: list[tuple[float, list[int]]] = []
    for index in order:
        clusters.append((values[index], [index]))
        while len(clusters) > 1:
            (upper, tops), (lower, bottoms) = clusters[-1], clusters[-2]
            if upper - lower >= gap * (len(tops) + len(bottoms)) / 2:
                break
            members = bottoms + tops
            clusters[-2:] = [(sum(values[i] for i in members) / len(members), members)]
    moved = list(values)
    for centre, members in clusters:
        for rank, index in enumerate(members):
            moved[index] = centre + gap * (rank - (len(members) - 1) / 2)
    return moved


# --------------------------------------------------------------------------------------------------------------------
# What stands on a plane of localization and transfer: a point with its intervals, and where its name goes.

#: Type of names in pixels.
BOLD, SMALL = 13.0, 10.5
_AREA = 95.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A point of a plane. `across` and `up` are changes as fractions; it is drawn in points.

    `series` and `kind` say what it is; `key` is what its shape stands under in the legend. An arrow comes from `start`,
    thick where the mark is solid. `text` is written beside it in letters of that size in pixels; `cross` draws its
    intervals; `size` is relative.
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


def places(
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


def record_of(mark: Mark, shape: str, place: Place | None) -> dict[str, Any]:
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


# --------------------------------------------------------------------------------------------------------------------
# The plane of localization and transfer: points with their intervals, arrows from where they come, and names.

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
