"""The report: one self-contained page, and its figures, table and numbers as files beside it.

The page needs no network and no script, follows the reader's light or dark setting, and fits a telephone and a desk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from isogloss.evaluate.results import Results
from isogloss.files import write_atomic
from isogloss.report import details
from isogloss.report.details import Numbers
from isogloss.report.figures import languages_figure, plane_figure, sweep_figure
from isogloss.report.findings import COUNTRY, OTHER, RANDOM, control_findings, findings, macro_delta
from isogloss.report.numbers import duration, language_name
from isogloss.report.style import inline_svg, save
from isogloss.report.table import COLUMNS, READING, cells, results_csv, rows

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Why a control is there, by the name of its condition.
_PURPOSES = {
    COUNTRY: "What the model knows once the place is named: a ceiling for localization without steering.",
    RANDOM: "A vector of equal norm without meaning: what a push of that size does by itself.",
    OTHER: "A vector made for another language: whether it matters whose vector it is.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A figure on the page: inline drawings for wide and narrow screens, and the numbers behind them."""

    wide: str
    narrow: str
    numbers: Numbers


def write_report(results: Results, folder: Path) -> Path:
    """Write `report.html`, `figures/*.png` and `*.svg`, `table.csv` and `results.json` into `folder`; returns the page.

    Each file is whole or absent; what is there already is replaced. The same results give the same bytes.
    """
    pictures = {}
    for name, draw, alternative, numbers in _pictures(results):
        figure = draw()
        save(figure, folder / "figures" / name)
        pictures[name] = Picture(
            wide=inline_svg(figure, name, alternative),
            narrow=inline_svg(draw(columns=1), f"{name}-narrow", alternative),
            numbers=numbers,
        )
    write_atomic(folder / "table.csv", results_csv(results))
    write_atomic(folder / "results.json", results.model_dump_json(indent=1) + "\n")
    page = folder / "report.html"
    write_atomic(page, _render(results, pictures))
    return page


def _pictures(results: Results) -> list[tuple[str, Callable[..., Figure], str, Numbers]]:
    """Name, drawing, alternative text and numbers of each figure that these results allow."""
    found: list[tuple[str, Callable[..., Figure], str, Numbers]] = []
    if any(macro_delta(each, "transfer") and macro_delta(each, "localization") for each in results.conditions):
        found.append(
            (
                "plane",
                partial(plane_figure, results),
                details.plane_alternative(results),
                details.plane_numbers(results),
            )
        )
    if results.sweep:
        found.append(
            (
                "sweep",
                partial(sweep_figure, results),
                details.sweep_alternative(results),
                details.sweep_numbers(results),
            )
        )
    found.append(
        (
            "languages",
            partial(languages_figure, results),
            details.languages_alternative(results),
            details.languages_numbers(results),
        )
    )
    return found


def _render(results: Results, pictures: dict[str, Picture]) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("isogloss.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    controls = [condition for condition in results.conditions if condition.role == "control"]
    longest = max(results.seconds.values(), default=0.0)
    return environment.get_template("page.html").render(
        results=results,
        pictures=pictures,
        findings=findings(results),
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
