"""One look for all figures: the Okabe–Ito colours, a shape beside each colour, and ink that a page can recolour.

Colours: Okabe & Ito 2008, "Color Universal Design"; told apart under the common colour-vision deficiencies, and always
paired with a marker shape or a line style.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogloss.files import write_atomic
from isogloss.report.findings import BASELINE, COUNTRY, EN, LOC, LOC_MID, OTHER, RANDOM, SUR

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Text and lines; a page replaces it by its own text colour. The halo behind labels is the page's background.
INK, PAPER = "#22262d", "#fefefe"
BLUE, VERMILLION, GREEN, PURPLE, ORANGE = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"

#: Colours that a page has its own of.
_PAGE_COLOURS = {
    INK: "currentColor",
    PAPER: "var(--paper)",
    BLUE: "var(--blue)",
    VERMILLION: "var(--vermillion)",
    GREEN: "var(--green)",
}

#: Pixels an inch of a PNG: twice a screen's 96.
_DPI = 192

_SETTINGS: dict[Any, Any] = {
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "axes.unicode_minus": True,
    "legend.frameon": False,
    "figure.facecolor": PAPER,
    "axes.facecolor": "none",
    "svg.fonttype": "path",
    "svg.hashsalt": "isogloss",
}


@dataclass(frozen=True, slots=True)
class Look:
    """Colour and marker of one condition."""

    color: str
    marker: str
    size: float = 9.0


_LOOKS = {
    BASELINE: Look(INK, "o", 8.0),
    EN: Look(BLUE, "^", 10.0),
    LOC_MID: Look(VERMILLION, "<", 7.0),
    LOC: Look(VERMILLION, "s"),
    SUR: Look(GREEN, "D"),
    COUNTRY: Look(PURPLE, "*", 12.0),
    RANDOM: Look(INK, "X"),
    OTHER: Look(ORANGE, "P", 10.0),
}
_SPARE = (Look(ORANGE, "v"), Look(PURPLE, "h"), Look(BLUE, "p"), Look(VERMILLION, "<"), Look(GREEN, ">"))


def look_of(name: str) -> Look:
    """The look of a condition; names without a look of their own share the spare ones."""
    return _LOOKS.get(name, _SPARE[sum(name.encode()) % len(_SPARE)])


@contextmanager
def house_style() -> Iterator[None]:
    """Matplotlib's settings for our figures, put back afterwards."""
    import matplotlib

    with matplotlib.rc_context(_SETTINGS):
        yield


def save(figure: Figure, stem: Path) -> tuple[Path, Path]:
    """Write `stem`.png (192 pixels an inch) and `stem`.svg; the same figure gives the same bytes."""
    png, svg = stem.with_suffix(".png"), stem.with_suffix(".svg")
    buffer = io.BytesIO()
    with house_style():
        figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    write_atomic(png, buffer.getvalue())
    write_atomic(svg, _svg(figure))
    return png, svg


def inline_svg(figure: Figure, prefix: str, alternative: str) -> str:
    """An `<svg>` element for a page: its colours follow the page's, its ids start with `prefix`, no background.

    The page defines `--paper`, and lighter colours for a dark background.
    """
    text = _svg(figure, transparent=True)
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'href="#', f'href="#{prefix}-', text)
    text = re.sub(r"url\(#", f"url(#{prefix}-", text)
    for color, variable in _PAGE_COLOURS.items():
        text = text.replace(color, variable)
    escaped = alternative.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    text = re.sub(r'(<svg\b[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg\b[^>]*?) height="[^"]*"', r"\1", text, count=1)
    return text.replace("<svg ", f'<svg role="img" aria-label="{escaped}" ', 1)


def _svg(figure: Figure, *, transparent: bool = False) -> str:
    buffer = io.StringIO()
    with house_style():
        figure.savefig(buffer, format="svg", transparent=transparent, metadata={"Date": None, "Creator": None})
    return buffer.getvalue()
