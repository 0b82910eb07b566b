"""The report: one self-contained page, and its figures, tables and numbers as files beside it.

The page needs no network, follows the reader's light or dark setting, and fits a telephone and a desk. Its charts react
to the pointer and to controls; without JavaScript, and on paper, the same figures stand still.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from isogloss.evaluate.results import Comparison, Results
from isogloss.files import write_atomic
from isogloss.report import details
from isogloss.report.comparison import comparison_csv, comparison_findings
from isogloss.report.comparison.cells import language_columns, language_lines, macro_lines, own_lines
from isogloss.report.comparison.drawings import comparison_drawings
from isogloss.report.comparison.rows import steering_legend
from isogloss.report.comparison.tables import LANGUAGES_READING, MACRO_READING
from isogloss.report.details import Drawing
from isogloss.report.findings import COUNTRY, OTHER, RANDOM, control_findings, findings
from isogloss.report.geometry import Geometry
from isogloss.report.geometry.drawings import geometry_drawings
from isogloss.report.geometry.files import write_geometry
from isogloss.report.geometry.shown import shown_geometry
from isogloss.report.languages import languages_figure
from isogloss.report.numbers import duration, language_name
from isogloss.report.pictures import Picture, picture
from isogloss.report.plane import placed, plane_controls, plane_figure
from isogloss.report.scripts import scripts
from isogloss.report.searched.drawings import search_drawings
from isogloss.report.searched.shown import shown_searches
from isogloss.report.searched.study import Searches
from isogloss.report.sweep import sweep_controls, sweep_figure
from isogloss.report.table import COLUMNS, READING, cells, results_csv, rows
from isogloss.report.templating import rendered

#: Why a control is there, by the name of its condition.
_PURPOSES = {
    COUNTRY: "What the model knows once the place is named: a ceiling for localization without steering.",
    RANDOM: "A vector of equal norm without meaning: what a push of that size does by itself.",
    OTHER: "A vector made for another language: whether it matters whose vector it is.",
}


def write_report(
    results: Results,
    folder: Path,
    *,
    comparison: Comparison | None = None,
    searches: Searches | None = None,
    geometry: Geometry | None = None,
    missing: Sequence[str] = (),
) -> Path:
    """Write `report.html`, `figures/*.png` and `*.svg`, tables and numbers into `folder`; returns the page.

    The numbers are `table.csv` and `results.json`, with a comparison of trained models also `comparison.csv` and
    `comparison.json`; the page then leads with that. Searches get a section of their own, and so do the analyses,
    whose numbers are `geometry.json`, `projections.csv` and `coordinates.npy`. `missing` says what a run that is not
    finished lacks. Each file is whole or absent; what is there already is replaced. The same results give the same
    bytes.
    """
    layer = next((choice.layer for choice in results.choices if choice.kind == "loc"), None)
    drawings = _drawings(results)
    if comparison is not None:
        drawings += comparison_drawings(comparison)
        write_atomic(folder / "comparison.csv", comparison_csv(comparison))
        write_atomic(folder / "comparison.json", comparison.model_dump_json(indent=1) + "\n")
    if searches is not None:
        drawings += search_drawings(searches)
    if geometry is not None:
        drawings += geometry_drawings(geometry, layer=layer)
        write_geometry(geometry, folder, layer=layer)
    pictures = {drawing.name: picture(drawing, folder / "figures") for drawing in drawings}
    write_atomic(folder / "table.csv", results_csv(results))
    write_atomic(folder / "results.json", results.model_dump_json(indent=1) + "\n")
    page = folder / "report.html"
    shown = {
        "comparison": None if comparison is None else _compared(comparison),
        "searches": None if searches is None else shown_searches(searches),
        "geometry": None if geometry is None else shown_geometry(geometry, layer=layer),
        "missing": missing,
    }
    write_atomic(page, _render(results, pictures, shown))
    return page


def _drawings(results: Results) -> list[Drawing]:
    """The figures that these results allow."""
    found = []
    if placed(results):
        found.append(
            Drawing(
                name="plane",
                draw=partial(plane_figure, results),
                alternative=details.plane_alternative(results),
                numbers=details.plane_numbers(results),
                controls=plane_controls(results),
            )
        )
    if results.sweep:
        found.append(
            Drawing(
                name="sweep",
                draw=partial(sweep_figure, results),
                alternative=details.sweep_alternative(results),
                numbers=details.sweep_numbers(results),
                controls=sweep_controls(results),
            )
        )
    found.append(
        Drawing(
            name="languages",
            draw=partial(languages_figure, results),
            alternative=details.languages_alternative(results),
            numbers=details.languages_numbers(results),
        )
    )
    return found


def _render(results: Results, pictures: dict[str, Picture], shown: dict[str, Any]) -> str:
    controls = [condition for condition in results.conditions if condition.role == "control"]
    longest = max(results.seconds.values(), default=0.0)
    return rendered(
        "page.html",
        **shown,
        results=results,
        pictures=pictures,
        scripts=scripts(),
        findings=findings(results),
        sweep_caption=details.sweep_caption(results),
        columns=COLUMNS,
        reading=READING,
        rows=[(row.condition, cells(row)) for row in rows(results)],
        controls=[
            (condition.label, _PURPOSES.get(condition.name, ""), sentence)
            for condition, sentence in zip(controls, control_findings(results), strict=True)
        ],
        languages=[(language_name(code), code, results.regions.get(code, "–")) for code in results.languages],
        times=[
            (stage, duration(value), value / longest if longest else 0.0) for stage, value in results.seconds.items()
        ],
        total=duration(sum(results.seconds.values())),
    )


def _compared(comparison: Comparison) -> dict[str, Any]:
    """What the page shows of the comparison beside its figures."""
    return {
        "findings": comparison_findings(comparison),
        "macro_lines": macro_lines(comparison),
        "macro_reading": f"{MACRO_READING} {steering_legend(comparison)}.",
        "language_columns": language_columns(comparison),
        "language_lines": language_lines(comparison),
        "language_reading": LANGUAGES_READING,
        "own_lines": own_lines(comparison),
        "curve_items": comparison.curve_items,
    }
