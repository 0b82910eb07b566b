"""One look for all figures: the Okabe–Ito colours, a shape or a dash beside each, and colours that a page can recolour.

Colours: Okabe & Ito 2008, "Color Universal Design"; told apart under the common colour-vision deficiencies, and always
paired with a marker shape, a line style or a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isogloss.results.names import BASELINE, COUNTRY, EN, LOC, LOC_MID, OTHER, RANDOM, SUR

if TYPE_CHECKING:
    from isogloss.report.kit.chart import Figure


@dataclass(frozen=True, slots=True)
class Numbers:
    """A plain table: column names, and rows of cells whose first `names` are text and whose others are numbers."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    names: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A figure that a report can show: how to draw it (`draw(columns=1)` for narrow pages), and what stands beside.

    `controls` are what a reader can set on the page.
    """

    name: str
    draw: Callable[..., Figure]
    alternative: str
    numbers: Numbers
    controls: tuple[Control, ...] = ()


# --------------------------------------------------------------------------------------------------------------------

#: Text and lines, the background, lesser text, and grid lines.
INK, PAPER, SOFT, GRID = "#22262d", "#fefefe", "#5b6471", "#dfe3e8"
BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"

#: What a page calls these colours: each scheme, light and dark, has its own.
PAGE_COLOURS = {
    INK: "var(--ink)",
    PAPER: "var(--paper)",
    SOFT: "var(--soft)",
    GRID: "var(--line)",
    BLUE: "var(--blue)",
    VERMILLION: "var(--vermillion)",
    GREEN: "var(--green)",
    PURPLE: "var(--purple)",
    ORANGE: "var(--orange)",
    SKY: "var(--sky)",
}

#: Marks as the plotting library names them, or as a path within a square from −1 to 1.
CIRCLE, SQUARE, DIAMOND, PLUS = "circle", "square", "diamond", "cross"
UP, DOWN, LEFT, RIGHT = "triangle-up", "triangle-down", "triangle-left", "triangle-right"
STAR = "M0,-1L0.26,-0.36L0.95,-0.31L0.42,0.14L0.59,0.81L0,0.44L-0.59,0.81L-0.42,0.14L-0.95,-0.31L-0.26,-0.36Z"
EX = "M-0.9,-0.55L-0.55,-0.9L0,-0.35L0.55,-0.9L0.9,-0.55L0.35,0L0.9,0.55L0.55,0.9L0,0.35L-0.55,0.9L-0.9,0.55L-0.35,0Z"
HEXAGON = "M0,-0.95L0.82,-0.48L0.82,0.48L0,0.95L-0.82,0.48L-0.82,-0.48Z"

FONT = "system-ui, 'Segoe UI', Roboto, 'Liberation Sans', 'DejaVu Sans', Arial, sans-serif"


@dataclass(frozen=True, slots=True)
class Look:
    """Colour, marker, its area relative to a circle's, and line style (lengths of dash and gap; empty: solid)."""

    color: str
    shape: str
    area: float = 1.0
    dash: tuple[float, ...] = ()


_LOOKS = {
    BASELINE: Look(INK, CIRCLE),
    EN: Look(BLUE, UP),
    LOC_MID: Look(VERMILLION, LEFT, 0.7),
    LOC: Look(VERMILLION, SQUARE),
    SUR: Look(GREEN, DIAMOND),
    COUNTRY: Look(PURPLE, STAR, 1.6),
    RANDOM: Look(INK, EX),
    OTHER: Look(ORANGE, PLUS, 1.1),
}
_SPARE = (Look(ORANGE, DOWN), Look(PURPLE, HEXAGON), Look(SKY, STAR), Look(VERMILLION, LEFT), Look(GREEN, RIGHT))
_LANGUAGES = (
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


def look_of(name: str) -> Look:
    """The look of a condition; names without a look of their own share the spare ones."""
    return _LOOKS.get(name, _SPARE[sum(name.encode()) % len(_SPARE)])


def looks_of_languages(codes: Iterable[str]) -> dict[str, Look]:
    """A look for each language by its place in the list; after eleven they repeat."""
    return {code: _LANGUAGES[index % len(_LANGUAGES)] for index, code in enumerate(codes)}


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
# What a reader can set on a page: which series a figure shows, which of several states, which layer.


@dataclass(frozen=True, slots=True, kw_only=True)
class Boxes:
    """Checkboxes that set a list parameter of the figure: `options` are (value, label), `checked` the values shown first."""

    kind = "boxes"
    signal: str
    legend: str
    options: Sequence[tuple[str, str]]
    checked: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A menu that sets a parameter of the figure to one of `options`, (value, label); the first is shown first."""

    kind = "choice"
    signal: str
    legend: str
    options: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slider:
    """A slider that puts another set of points into the figure's data set `data`: a frame for each of `values`.

    `frames[value]` is what the page's script unpacks together with `shared`; `start` is the frame the figure is drawn with.
    """

    kind = "slider"
    legend: str
    data: str
    values: Sequence[int]
    start: int
    shared: Mapping[str, Any]
    frames: Mapping[int, Any]


Control = Boxes | Choice | Slider
