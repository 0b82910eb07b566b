"""The report: one self-contained page, and its figures, tables and numbers as files beside it.

The page needs no network and fits a telephone and a desk. Its charts react to the pointer and to controls; without
JavaScript, and on paper, the same figures stand still.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from isogloss.files import digest_of, read_json, write_atomic, write_json
from isogloss.models.hub import cache_dir
from isogloss.report.chart import Control, Figure, Numbers, Plot, Slider, inline_svg, save
from isogloss.report.comparison import comparison_figures
from isogloss.report.findings import comparison_findings, control_findings, findings
from isogloss.report.first_run import first_run_figures
from isogloss.report.geometry import Geometry, drawn_layer, geometry_findings, write_geometry
from isogloss.report.geometry_figures import geometry_figures
from isogloss.report.search_figures import CANDIDATES, figure_name, search_figures
from isogloss.report.searches import (
    CANDIDATES_READING,
    STATISTICS,
    Searches,
    candidate_lines,
    findings_on_test,
    study_findings,
)
from isogloss.report.tables import (
    COLUMNS,
    LANGUAGES_READING,
    MACRO_READING,
    READING,
    comparison_csv,
    language_columns,
    language_lines,
    macro_lines,
    own_lines,
    results_cells,
    results_csv,
    results_rows,
    steering_legend,
)
from isogloss.report.training import training_figures
from isogloss.results.format import duration, language_name
from isogloss.results.names import CONDITIONS, MODELS, UNALIGNED
from isogloss.results.scores import Comparison, Results

PAGE, ANALYSIS_PAGE = "report.html", "analyses.html"


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
    `comparison.json`; the page then leads with that. Searches and analyses get sections of their own; the analyses' numbers
    are `geometry.json`, `projections.csv` and `coordinates.npy`. Each file is whole or absent; existing ones are replaced.
    The same results give the same bytes.

    Args:
        missing: what an unfinished run lacks; the page says so first.
    """
    layer = next((choice.layer for choice in results.choices if choice.kind == "loc"), None)
    figures: list[Figure[Any]] = first_run_figures(results, trained=comparison is not None)
    if comparison is not None:
        figures += [*comparison_figures(comparison), *training_figures(comparison)]
        write_atomic(folder / "comparison.csv", comparison_csv(comparison))
        write_atomic(folder / "comparison.json", comparison.model_dump_json(indent=1) + "\n")
    if searches is not None:
        figures += search_figures(searches)
    if geometry is not None:
        figures += geometry_figures(geometry, layer=layer)
        write_geometry(geometry, folder, layer=layer)
    write_atomic(folder / "table.csv", results_csv(results))
    write_atomic(folder / "results.json", results.model_dump_json(indent=1) + "\n")
    page = folder / PAGE
    text = rendered(
        "page.html",
        pictures=page_figures(figures, folder / "figures"),
        scripts=scripts(),
        missing=missing,
        comparison=None if comparison is None else _comparison_context(comparison),
        searches=None if searches is None else _searches_context(searches),
        geometry=None if geometry is None else _geometry_context(geometry, layer=layer),
        **_results_context(results),
    )
    write_atomic(page, text)
    return page


def write_analysis_page(geometry: Geometry, folder: Path, *, title: str, facts: str, layer: int | None = None) -> Path:
    """Write the page of one model's analyses, its figures and its numbers into `folder`; returns the page.

    Args:
        layer: where projections are drawn (default: the middle one).
    """
    write_geometry(geometry, folder, layer=layer)
    page = folder / ANALYSIS_PAGE
    text = rendered(
        ANALYSIS_PAGE,
        title=title,
        facts=facts,
        geometry=_geometry_context(geometry, layer=layer),
        pictures=page_figures(geometry_figures(geometry, layer=layer), folder / "figures"),
        scripts=scripts(),
    )
    write_atomic(page, text)
    return page


def rendered(template: str, **values: Any) -> str:
    """A template of this package with every value that it names."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("isogloss.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)


# --------------------------------------------------------------------------------------------------------------------
# What the templates show beside the figures.


def _results_context(results: Results) -> dict[str, Any]:
    longest = max(results.seconds.values(), default=0.0)
    controls = [condition for condition in results.conditions if condition.role == "control"]
    return {
        "results": results,
        "findings": findings(results),
        "columns": COLUMNS,
        "reading": READING,
        "rows": [(condition, results_cells(condition)) for condition in results_rows(results)],
        "controls": [
            (condition.label, CONDITIONS[condition.name].purpose if condition.name in CONDITIONS else "", sentence)
            for condition, sentence in zip(controls, control_findings(results), strict=True)
        ],
        "languages": [(language_name(code), code, results.regions.get(code, "–")) for code in results.languages],
        "models": [model for name, model in MODELS.items() if name != UNALIGNED],
        "unaligned": MODELS[UNALIGNED],
        "times": [
            (stage, duration(value), value / longest if longest else 0.0) for stage, value in results.seconds.items()
        ],
        "total": duration(sum(results.seconds.values())),
    }


def _comparison_context(comparison: Comparison) -> dict[str, Any]:
    return {
        "findings": comparison_findings(comparison),
        "macro_lines": macro_lines(comparison),
        "macro_reading": f"{MACRO_READING} {steering_legend(comparison)}.",
        "language_columns": language_columns(comparison),
        "language_lines": language_lines(comparison),
        "language_reading": LANGUAGES_READING,
        "own_lines": own_lines(comparison),
    }


def _searches_context(searches: Searches) -> dict[str, Any]:
    return {
        "statistic": STATISTICS[searches.statistic],
        "studies": [
            {
                "label": study.label,
                "findings": study_findings(study, statistic=searches.statistic),
                **{what: figure_name(study.checkpoint, what) for what in ("front", "hypervolume", "importances")},
            }
            for study in searches.studies
        ],
        "candidates": CANDIDATES,
        "on_test": findings_on_test(searches),
        "lines": candidate_lines(searches),
        "reading": CANDIDATES_READING,
        "model": searches.model,
        "commands": _commands(searches.model),
    }


def _commands(model: str | None) -> list[str]:
    """How to use what was found, a command a line, with what it is for."""
    champion = f"models:/{model or 'NAME'}@champion"
    commands = [
        *([] if model else [("isogloss promote PIPELINE --name NAME", "through the gate, into the registry")]),
        (f'isogloss generate {champion} "…"', "answers, steered in the language of each prompt"),
        (f"isogloss fetch {champion} DIR", "a folder that loads, verified"),
        (f"isogloss export {champion} DIR --format hf", "or gguf, or folded"),
    ]
    width = max(len(command) for command, _ in commands)
    return [f"{command:<{width}}  # {remark}" for command, remark in commands]


def _geometry_context(geometry: Geometry, *, layer: int | None) -> dict[str, Any]:
    pca = geometry.pca
    return {
        "findings": geometry_findings(geometry),
        "missing": geometry.absent(),
        "layer": None if pca is None or not pca.layers else drawn_layer(pca.layers, layer),
    }


# --------------------------------------------------------------------------------------------------------------------
# Figures on the page: drawings that stand still, the specifications that make them live, controls, words and numbers.


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFigure:
    """What the templates show of a figure.

    `still` is an `<svg>`. `parts` are JSON, safe in HTML: the specification for `wide` and `narrow` screens, their `data`
    packed, and the `frames` of a slider, where there is one.
    """

    name: str
    alt: str
    caption: str
    source: str
    still: str
    parts: dict[str, str]
    numbers: Numbers
    controls: Sequence[Control]


def page_figures(figures: Iterable[Figure[Any]], folder: Path) -> dict[str, PageFigure]:
    """By name, figures drawn for both widths; the wide ones are written into `folder` as PNG and SVG."""
    return {figure.name: _page_figure(figure, folder) for figure in figures}


def _page_figure(figure: Figure[Any], folder: Path) -> PageFigure:
    specs = {"wide": figure.draw().spec, "narrow": figure.draw(columns=1).spec}
    slider = next((control for control in figure.controls if isinstance(control, Slider)), None)
    datasets = {name: rows for spec in specs.values() for name, rows in spec["datasets"].items()}
    if slider is not None:
        datasets.pop(slider.data)  # the page's script makes it from the frames
    parts: dict[str, Any] = {
        form: {name: part for name, part in spec.items() if name != "datasets"} for form, spec in specs.items()
    }
    parts["data"] = {name: packed(rows) for name, rows in datasets.items()}
    if slider is not None:
        parts["frames"] = _frames(slider)
    return PageFigure(
        name=figure.name,
        alt=figure.alt,
        caption=figure.caption,
        source=figure.source,
        still=inline_svg(save(Plot(specs["wide"]), folder / figure.name), figure.alt),
        parts={name: _json(part) for name, part in parts.items()},
        numbers=figure.table_of_numbers(),
        controls=figure.controls,
    )


def packed(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Records as columns: each column's distinct values, and where among them every record's value is.

    Null for the places means that the values are the records' in their order; −1 that a record has no such value. The page's
    script unpacks them.
    """
    columns: dict[str, Any] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        written = [json.dumps(row[name]) if name in row else None for row in rows]
        distinct = list(dict.fromkeys(text for text in written if text is not None))
        places = {text: index for index, text in enumerate(distinct)}
        columns[name] = [
            [json.loads(text) for text in distinct],
            None if len(distinct) == len(rows) else [-1 if text is None else places[text] for text in written],
        ]
    return {"count": len(rows), "columns": columns}


def _frames(slider: Slider) -> dict[str, Any]:
    shared = {name: value for name, value in slider.shared.items() if name != "kept"}
    return {"data": slider.data, "start": slider.start, "shared": shared, "frames": slider.frames}


def _json(value: Any) -> str:
    """Compact, and without what would end a script element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


# --------------------------------------------------------------------------------------------------------------------
# The scripts that a page carries: the plotting library whole, and our own; and the policy that admits nothing else.

#: What the page calls of the plotting library.
_USED = "window.vegaEmbed = vegaEmbed;"


@dataclass(frozen=True, slots=True)
class Scripts:
    """The library's text and ours, and the content policy of a page with both: no address, no other script, no `eval`."""

    library: str
    own: str
    policy: str


@cache
def scripts() -> Scripts:
    """The scripts of every page; the library comes from the installed package, so that no network is needed."""
    library = _library()
    own = files("isogloss.report").joinpath("templates", "page.js").read_text(encoding="utf-8")
    for text in (library, own):
        assert "</script" not in text.lower(), "a script must not end its own element"
    admitted = " ".join(f"'sha256-{_digest(text)}'" for text in (library, own))
    policy = (
        f"default-src 'none'; script-src {admitted}; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    )
    return Scripts(library, own, policy)


def _library() -> str:
    """The plotting library as one script. Making it takes seconds, so the cache keeps it by the version it comes from."""
    import vl_convert

    kept = cache_dir() / "scripts" / f"{digest_of([version('vl-convert-python'), _USED])[:32]}.json"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # absent or damaged: it is made anew
        found = read_json(kept)
        if found["sha256"] == _digest(found["text"]):
            return found["text"]
    text = vl_convert.javascript_bundle(_USED)
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time, nothing else
        write_json(kept, {"sha256": _digest(text), "text": text})
    return text


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
