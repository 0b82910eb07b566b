"""Data for a chart, as plain records, and what becomes of them in its specification."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import altair as alt

from isogloss.files import write_atomic
from isogloss.report.kit.style import INK, PAGE_COLOURS, PAPER, SOFT, VERMILLION, settings

Drawn = dict[str, Any]
"""A specification, whole or of one panel; its data are still in their places."""


@dataclass(frozen=True, slots=True)
class Records:
    """Records that the plotting library passes on as they are: lists it would copy, with all in them, at every step."""

    rows: tuple[Mapping[str, Any], ...]


def chart_of(records: Iterable[Mapping[str, Any]]) -> alt.Chart:
    """A chart of these records without marks yet."""
    data = alt.Data(values=[])
    data["values"] = Records(tuple(records))
    return alt.Chart(data)


def specification(drawn: Drawn) -> dict[str, Any]:
    """The whole Vega-Lite specification, with its data once each, by a name that follows from their content."""
    datasets: dict[str, Any] = {}
    named: dict[str, Any] = _named(drawn, datasets)
    return {"$schema": alt.SCHEMA_URL, **named, "datasets": datasets}


def layered(layers: Iterable[alt.Chart], *, size: tuple[int, int], title: str = "", **properties: Any) -> Drawn:
    """Charts upon one another on common axes, the first undermost.

    Put together here and not by the plotting library, which copies every layer several times; and so are panels.
    """
    parts = [layer.to_dict(validate=False, context={"top_level": False}) for layer in layers]
    named = {"title": title} if title else {}
    return {"layer": parts, "width": size[0], "height": size[1], **named, **properties}


def concatenation(panels: Sequence[Drawn], *, columns: int, **properties: Any) -> Drawn:
    """Panels side by side in so many columns."""
    return {"concat": list(panels), "columns": columns, **properties}


def _named(part: Any, datasets: dict[str, Any]) -> Any:
    if isinstance(part, dict):
        held = part.get("values")
        if isinstance(held, Records):
            name = _name(held)
            datasets[name] = list(held.rows)
            return {"name": name}
        return {key: _named(value, datasets) for key, value in part.items()}
    return [_named(each, datasets) for each in part] if isinstance(part, list) else part


def _name(records: Records) -> str:
    written = json.dumps(records.rows, sort_keys=True).encode()
    return f"data-{hashlib.sha256(written).hexdigest()[:12]}"


# --------------------------------------------------------------------------------------------------------------------
# What figures share: the frame of a plane whose quadrants have a meaning, text on a rim, and the legend of shapes.

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


# --------------------------------------------------------------------------------------------------------------------
# A figure as a Vega-Lite specification: the same one is the interactive chart of a page, the SVG and the PNG for papers.

#: Pixels an inch of a PNG: twice a screen's 96.
DPI = 192
_SCREEN = 96


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing: its whole specification, with data, in light colours."""

    spec: dict[str, Any] = field(repr=False)

    def svg(self) -> str:
        """The drawing as an SVG document; the same figure gives the same text."""
        import vl_convert

        return _lean(_own_ids(vl_convert.vegalite_to_svg(self.spec), "part-"))

    def savefig(self, path: Path, *, dpi: int = DPI) -> None:
        """Write it as SVG or PNG (on white), by the ending of `path`; the file is whole or absent."""
        write_atomic(path, self.svg() if path.suffix == ".svg" else _png(self.svg(), dpi))


def figure(drawn: Drawn) -> Figure:
    """The figure of layers or panels, in the one look of all figures."""
    return Figure({**specification(drawn), "config": settings()})


def save(drawn: Figure, stem: Path) -> str:
    """Write `stem`.png (192 pixels an inch) and `stem`.svg; returns the text of the latter."""
    svg = drawn.svg()
    write_atomic(stem.with_suffix(".png"), _png(svg, DPI))
    write_atomic(stem.with_suffix(".svg"), svg)
    return svg


def inline_svg(svg: str, prefix: str, alternative: str) -> str:
    """An `<svg>` element for a page, as wide as its column but not wider than drawn.

    Its colours follow the page's, which defines a variable for each; its ids start with `prefix`.
    """
    text = _own_ids(svg, f"{prefix}-")
    for color, variable in PAGE_COLOURS.items():
        text = text.replace(color, variable)
    start = text.index("<svg")
    head, body = text[start : text.index(">", start)], text[text.index(">", start) :]
    width = re.search(r'\bwidth="([\d.]+)"', head)
    assert width, "a drawing has a width"
    head = re.sub(r' (?:width|height|class)="[^"]*"', "", head)
    return f'{head} role="img" aria-label="{_escaped(alternative)}" style="max-width:{float(width[1]):g}px"{body}'


def _png(svg: str, dpi: int) -> bytes:
    import vl_convert

    # The background is the first thing drawn: a sheet of paper behind what a page shows on its own.
    sheet = re.sub(r"(<svg\b[^>]*>)", rf'\1<rect width="100%" height="100%" fill="{PAPER}"/>', svg, count=1)
    return vl_convert.svg_to_png(sheet, scale=dpi / _SCREEN)


def _own_ids(svg: str, prefix: str) -> str:
    """Number the ids in the order in which they come: the converter counts on from one drawing to the next."""
    ids = dict.fromkeys(re.findall(r'\bid="([^"]+)"', svg))
    new = {name: f"{prefix}{index}" for index, name in enumerate(ids)}
    return re.sub(r'(\bid="|url\(#|href="#)([^")]+)', lambda found: found[1] + new.get(found[2], found[2]), svg)


#: What the library writes for its own use, or against defaults.
_IDLE = re.compile(
    r' (?:class="[^"]*"|aria-[a-z]+="[^"]*"|pointer-events="none"|stroke-miterlimit="10"|transform="translate\(0,0\)")'
)


def _lean(svg: str) -> str:
    """Without the unseen targets that a pointer has in the interactive chart, and with hundredths of a pixel."""
    seen = _IDLE.sub("", re.sub(r'<path [^>]*\bopacity="0"/>', "", svg))
    return re.sub(r"\d+\.\d{3,}", lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), seen)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
