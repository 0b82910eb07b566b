"""The page of one model's analyses, without a pipeline: `analyses.html`, and its figures and numbers beside it."""

from __future__ import annotations

from pathlib import Path

from isogloss.files import write_atomic
from isogloss.report.geometry import Geometry
from isogloss.report.geometry.drawings import geometry_drawings
from isogloss.report.geometry.files import write_geometry
from isogloss.report.geometry.shown import shown_geometry
from isogloss.report.pictures import picture
from isogloss.report.scripts import scripts
from isogloss.report.templating import rendered

PAGE = "analyses.html"


def write_look(geometry: Geometry, folder: Path, *, title: str, facts: str, layer: int | None = None) -> Path:
    """Write the page, `figures/*.png` and `*.svg`, `geometry.json` and, with projections, their files; returns the page.

    `layer` is where projections are drawn (the middle one by default).
    """
    pictures = {
        drawing.name: picture(drawing, folder / "figures") for drawing in geometry_drawings(geometry, layer=layer)
    }
    write_geometry(geometry, folder, layer=layer)
    page = folder / PAGE
    shown = shown_geometry(geometry, layer=layer)
    write_atomic(page, rendered(PAGE, title=title, facts=facts, geometry=shown, pictures=pictures, scripts=scripts()))
    return page
