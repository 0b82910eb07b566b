"""A figure as a Vega-Lite specification: the same one is the interactive chart of a page, the SVG and the PNG for papers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isogloss.files import write_atomic
from isogloss.report.data import Drawn, specification
from isogloss.report.style import PAGE_COLOURS, PAPER, settings

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
