"""A figure of the report: its records, how they are drawn, the words and the table beside it, and the controls on a page.

A `Figure` is declared once, in the module of its topic. Its chart, its table of numbers and its alternative text are made
from the same records. The looks are Okabe & Ito 2008, "Color Universal Design": colours that are told apart under the common
colour-vision deficiencies, always with a shape, a line style or a name.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import altair as alt

from isogloss.files import write_atomic
from isogloss.results.analyses import Panel, conditions_of
from isogloss.results.format import language_name
from isogloss.results.names import CONDITIONS, MODELS

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Numbers:
    """A plain table: column names, and rows of cells whose first `names` are text and whose others are numbers."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    names: int = 1


@dataclass(frozen=True, kw_only=True)
class Figure(Generic[Record]):
    """A figure of the report.

    Attributes:
        name: what its files and its place on the page are called.
        records: what it shows: everything that the chart draws, and the rows of the table.
        chart: draws the records, for a wide page (`columns=2`) or a narrow one (`columns=1`).
        alt: what the chart shows, in words.
        caption: how to read it.
        table: the columns of the table of numbers: title → text of a record's cell.
        names: how many of these columns are names, not numbers.
        tabled: which records are rows of the table.
        numbers: another table made from the records, where one record is not one row.
        controls: what a reader can set on the page.
        source: a sentence on the files that have more numbers than the table.
    """

    name: str
    records: Sequence[Record]
    chart: Callable[[Sequence[Record], int], Layout]
    alt: str
    caption: str = ""
    table: Mapping[str, Callable[[Record], str]] = field(default_factory=dict)
    names: int = 1
    tabled: Callable[[Record], bool] = lambda _record: True
    numbers: Numbers | None = None
    controls: tuple[Control, ...] = ()
    source: str = ""

    def draw(self, *, columns: int = 2) -> Plot:
        """The drawing for a wide page, or with `columns=1` for a narrow one."""
        return plot(self.chart(self.records, columns))

    def table_of_numbers(self) -> Numbers:
        """The numbers of the records."""
        if self.numbers is not None:
            return self.numbers
        rows = [[cell(record) for cell in self.table.values()] for record in self.records if self.tabled(record)]
        return Numbers(tuple(self.table), rows, self.names)


def pivot(cells: Iterable[tuple[tuple[str, ...], str, str]], names: Sequence[str], across: Sequence[str]) -> Numbers:
    """A table from (names of the row, column, text): a row for each new names, a dash where a column has nothing."""
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    for row, column, text in cells:
        rows.setdefault(row, {})[column] = text
    return Numbers(
        (*names, *across),
        [[*row, *(texts.get(column, "–") for column in across)] for row, texts in rows.items()],
        len(names),
    )


# --------------------------------------------------------------------------------------------------------------------
# Controls: which series a figure shows on the page, which of several states, which layer.

#: Parameters of a chart that a page's controls set: the languages, the series and the state whose marks are shown.
LANGUAGES, SERIES, STATE = "languages", "series", "state"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkboxes:
    """Checkboxes that set a list parameter of the chart: `options` are (value, label), `checked` the values shown first."""

    kind = "boxes"
    signal: str
    legend: str
    options: Sequence[tuple[str, str]]
    checked: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """A menu that sets a parameter of the chart to one of `options`, (value, label); the first is shown first."""

    kind = "choice"
    signal: str
    legend: str
    options: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slider:
    """A slider that puts another set of points into the chart's data set `data`: a frame for each of `values`.

    The page's script unpacks `frames[value]` together with `shared`; the chart is drawn with the frame `start`.
    """

    kind = "slider"
    legend: str
    data: str
    values: Sequence[int]
    start: int
    shared: Mapping[str, Any]
    frames: Mapping[int, Any]


Control = Checkboxes | Menu | Slider


def series_boxes(legend: str, labels: Iterable[str]) -> Checkboxes:
    """Checkboxes for the series of a chart, all of them checked."""
    named = list(dict.fromkeys(labels))
    return Checkboxes(signal=SERIES, legend=legend, options=[(label, label) for label in named], checked=named)


def language_boxes(
    codes: Iterable[str], *, signal: str = LANGUAGES, checked: Sequence[str] | None = None
) -> Checkboxes:
    """Checkboxes for languages, all of them checked unless `checked` says which."""
    listed = list(dict.fromkeys(codes))
    options = [(code, language_name(code)) for code in listed]
    return Checkboxes(
        signal=signal, legend="Languages", options=options, checked=listed if checked is None else checked
    )


def language_menu(codes: Iterable[str]) -> Menu:
    """A menu of languages, of which one is shown."""
    return Menu(signal=STATE, legend="Language", options=[(code, language_name(code)) for code in codes])


def state_menu(legend: str, panels: Iterable[Panel]) -> tuple[Control, ...]:
    """A menu of the panels' conditions, where there are several; the first is shown first."""
    conditions = list(conditions_of(panels).items())
    return (Menu(signal=STATE, legend=legend, options=conditions),) if len(conditions) > 1 else ()


# --------------------------------------------------------------------------------------------------------------------
# Looks.

#: Text and lines, the background, lesser text, and grid lines.
INK, PAPER, SOFT, GRID = "#22262d", "#fefefe", "#5b6471", "#dfe3e8"
BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"
_COLORS = {
    **{"ink": INK, "blue": BLUE, "vermillion": VERMILLION, "green": GREEN},
    **{"purple": PURPLE, "orange": ORANGE, "sky": SKY},
}

#: Marks as the plotting library names them, or as a path within a square from −1 to 1.
CIRCLE, SQUARE, DIAMOND, PLUS = "circle", "square", "diamond", "cross"
UP, DOWN, LEFT, RIGHT = "triangle-up", "triangle-down", "triangle-left", "triangle-right"
STAR = "M0,-1L0.26,-0.36L0.95,-0.31L0.42,0.14L0.59,0.81L0,0.44L-0.59,0.81L-0.42,0.14L-0.95,-0.31L-0.26,-0.36Z"
EX = "M-0.9,-0.55L-0.55,-0.9L0,-0.35L0.55,-0.9L0.9,-0.55L0.35,0L0.9,0.55L0.55,0.9L0,0.35L-0.55,0.9L-0.9,0.55L-0.35,0Z"
HEXAGON = "M0,-0.95L0.82,-0.48L0.82,0.48L0,0.95L-0.82,0.48L-0.82,-0.48Z"
_SHAPES = {
    **{"circle": CIRCLE, "square": SQUARE, "diamond": DIAMOND, "plus": PLUS, "star": STAR, "x": EX},
    **{"up": UP, "down": DOWN, "left": LEFT, "right": RIGHT, "hexagon": HEXAGON},
}
_LINES: dict[str, tuple[float, ...]] = {
    **{"solid": (), "dotted": (1.5, 3), "dashed": (8, 3), "dash-dot": (8, 3, 2, 3)},
}
FONT = "system-ui, 'Segoe UI', Roboto, 'Liberation Sans', 'DejaVu Sans', Arial, sans-serif"


@dataclass(frozen=True, slots=True)
class Look:
    """Colour, marker, its area relative to a circle's, and line style (lengths of dash and gap; empty: solid)."""

    color: str
    shape: str
    area: float = 1.0
    dash: tuple[float, ...] = ()


_SPARE = (Look(ORANGE, DOWN), Look(PURPLE, HEXAGON), Look(SKY, STAR), Look(VERMILLION, LEFT), Look(GREEN, RIGHT))
_SPARE_MODELS = (Look(PURPLE, PLUS, dash=(5, 2, 1, 2, 1, 2)), Look(ORANGE, HEXAGON, dash=(4, 2)))
_LANGUAGE_LOOKS = (
    Look(INK, CIRCLE, dash=()),
    Look(BLUE, SQUARE, dash=(6, 2)),
    Look(VERMILLION, UP, dash=(2, 2)),
    Look(GREEN, DIAMOND, dash=(8, 2, 2, 2)),
    Look(PURPLE, DOWN, dash=(4, 4)),
    Look(ORANGE, PLUS, dash=(10, 3)),
    Look(SKY, STAR, 1.5, dash=(1, 3)),
    Look(SOFT, HEXAGON, dash=(6, 2, 1, 2, 1, 2)),
    Look(BLUE, LEFT, dash=(3, 1)),
    Look(VERMILLION, RIGHT, dash=(12, 2)),
    Look(GREEN, EX, dash=(1, 1)),
)


def condition_look(name: str) -> Look:
    """The look of a condition; conditions without a name of their own share the spare looks."""
    if name not in CONDITIONS:
        return _SPARE[sum(name.encode()) % len(_SPARE)]
    condition = CONDITIONS[name]
    return Look(_COLORS[condition.color], _SHAPES[condition.shape], condition.area)


def model_look(name: str) -> Look:
    """The look of a model; models without a name of their own share the spare looks."""
    if name not in MODELS:
        return _SPARE_MODELS[sum(name.encode()) % len(_SPARE_MODELS)]
    model = MODELS[name]
    return Look(_COLORS[model.color], _SHAPES[model.shape], dash=_LINES[model.line])


def language_looks(codes: Iterable[str]) -> dict[str, Look]:
    """A look for each language by its place in the list; after eleven they repeat."""
    return {code: _LANGUAGE_LOOKS[index % len(_LANGUAGE_LOOKS)] for index, code in enumerate(codes)}


def settings() -> dict[str, Any]:
    """The plotting library's settings: ink, type, thin grid lines, no decoration."""
    text = {"labelColor": INK, "titleColor": INK}
    return {
        "aria": False,  # a figure is one picture with one description, not a thousand elements
        "font": FONT,
        "background": "transparent",
        "padding": 4,
        "view": {"stroke": None},
        "axis": {
            **text,
            "labelFontSize": 11,
            "titleFontSize": 12,
            "titleFontWeight": "normal",
            "domainColor": INK,
            "domainWidth": 0.8,
            "tickColor": INK,
            "tickSize": 4,
            "gridColor": GRID,
            "gridWidth": 0.7,
            "labelOverlap": True,
        },
        "legend": {
            **text,
            "titleFontSize": 11,
            "titleFontWeight": "normal",
            "labelFontSize": 11.5,
            "symbolSize": 90,
            "labelLimit": 400,
        },
        "title": {"color": INK, "fontSize": 13, "anchor": "start", "subtitleColor": SOFT, "subtitleFontSize": 11},
        "header": {
            **{"labelColor": INK, "titleColor": INK, "labelFontSize": 12, "labelFontWeight": "bold", "title": None},
            "labelLimit": 400,
        },
        "text": {"color": INK, "fontSize": 11},
        "concat": {"spacing": 26},
        "facet": {"spacing": 16},
    }


# --------------------------------------------------------------------------------------------------------------------
# Charts of records, and their layout.

Layout = dict[str, Any]
"""A specification, whole or of one panel; its data are still in their places."""


@dataclass(frozen=True, slots=True)
class _Data:
    """Keeps the plotting library from copying records at every step, as it does with lists."""

    rows: tuple[Mapping[str, Any], ...]


def chart_of(rows: Iterable[Mapping[str, Any]]) -> alt.Chart:
    """A chart of these rows without marks yet."""
    data = alt.Data(values=[])
    data["values"] = _Data(tuple(rows))
    return alt.Chart(data)


def layered(layers: Iterable[alt.Chart], *, size: tuple[int, int], title: str = "", **properties: Any) -> Layout:
    """Charts upon one another on common axes, the first undermost.

    Put together here and not by the plotting library, which copies every layer several times.
    """
    parts = [layer.to_dict(validate=False, context={"top_level": False}) for layer in layers]
    named = {"title": title} if title else {}
    return {"layer": parts, "width": size[0], "height": size[1], **named, **properties}


def side_by_side(panels: Sequence[Layout], *, columns: int, **properties: Any) -> Layout:
    """Panels in so many columns."""
    return {"concat": list(panels), "columns": columns, **properties}


def halo(chart: alt.Chart, *, text: str, **settings: Any) -> list[alt.Chart]:
    """Text upon a rim of paper, so that it can be read over lines."""
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
# A drawing as a Vega-Lite specification: the interactive chart of a page, the SVG and the PNG for papers.

#: Pixels an inch of a PNG: twice a screen's 96.
DPI = 192
_SCREEN = 96


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing: its whole specification, with data."""

    spec: dict[str, Any] = field(repr=False)

    def svg(self) -> str:
        """The drawing as an SVG document; the same specification gives the same text."""
        import vl_convert

        return _lean(vl_convert.vegalite_to_svg(self.spec))

    def savefig(self, path: Path, *, dpi: int = DPI) -> None:
        """Write it as SVG or PNG (on white), by the ending of `path`; the file is whole or absent."""
        write_atomic(path, self.svg() if path.suffix == ".svg" else _png(self.svg(), dpi))


def plot(layout: Layout) -> Plot:
    """The drawing of layers or panels, in the one look of all figures, with its data once each by name."""
    datasets: dict[str, Any] = {}
    named: dict[str, Any] = _named(layout, datasets)
    named["datasets"] = {**named.get("datasets", {}), **datasets}
    return Plot({"$schema": alt.SCHEMA_URL, **named, "config": settings()})


def save(drawing: Plot, stem: Path) -> str:
    """Write `stem`.png (192 pixels an inch) and `stem`.svg; returns the text of the latter."""
    svg = drawing.svg()
    write_atomic(stem.with_suffix(".png"), _png(svg, DPI))
    write_atomic(stem.with_suffix(".svg"), svg)
    return svg


def inline_svg(svg: str, alt_text: str) -> str:
    """An `<svg>` element for a page, as wide as its column but not wider than drawn."""
    start = svg.index("<svg")
    head, body = svg[start : svg.index(">", start)], svg[svg.index(">", start) :]
    width = re.search(r'\bwidth="([\d.]+)"', head)
    assert width, "a drawing has a width"
    head = re.sub(r' (?:width|height|class)="[^"]*"', "", head)
    text = alt_text.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return f'{head} role="img" aria-label="{text}" style="max-width:{float(width[1]):g}px"{body}'


def _named(part: Any, datasets: dict[str, Any]) -> Any:
    """The part with its data by a name that follows from their content."""
    if isinstance(part, dict):
        held = part.get("values")
        if isinstance(held, _Data):
            written = json.dumps(held.rows, sort_keys=True).encode()
            name = f"data-{hashlib.sha256(written).hexdigest()[:12]}"
            datasets[name] = list(held.rows)
            return {"name": name}
        return {key: _named(value, datasets) for key, value in part.items()}
    return [_named(each, datasets) for each in part] if isinstance(part, list) else part


def _png(svg: str, dpi: int) -> bytes:
    import vl_convert

    # The background is the first thing drawn: a sheet of paper behind what is transparent on a page.
    sheet = re.sub(r"(<svg\b[^>]*>)", rf'\1<rect width="100%" height="100%" fill="{PAPER}"/>', svg, count=1)
    return vl_convert.svg_to_png(sheet, scale=dpi / _SCREEN)


#: What the library writes for its own use, or against defaults.
_IDLE = re.compile(
    r' (?:class="[^"]*"|aria-[a-z]+="[^"]*"|pointer-events="none"|stroke-miterlimit="10"|transform="translate\(0,0\)")'
)


def _lean(svg: str) -> str:
    """Without the unseen targets that a pointer has in the interactive chart, and with hundredths of a pixel."""
    seen = _IDLE.sub("", re.sub(r'<path [^>]*\bopacity="0"/>', "", svg))
    return re.sub(r"\d+\.\d{3,}", lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), seen)
