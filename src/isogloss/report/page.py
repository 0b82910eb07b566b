"""The report: one self-contained page, and its figures, tables and numbers as files beside it.

The page needs no network, follows the reader's light or dark setting, and fits a telephone and a desk. Its charts react
to the pointer and to controls; without JavaScript, and on paper, the same figures stand still.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from isogloss.files import digest_of, read_json, write_atomic, write_json
from isogloss.models.hub import cache_dir
from isogloss.report.comparison.drawings import comparison_drawings
from isogloss.report.comparison.rows import steering_legend
from isogloss.report.findings import comparison_findings, control_findings, findings
from isogloss.report.first import figures
from isogloss.report.first.figures import (
    languages_figure,
    placed,
    plane_controls,
    plane_figure,
    sweep_controls,
    sweep_figure,
)
from isogloss.report.geometry.findings import Geometry
from isogloss.report.geometry.page import geometry_drawings, shown_geometry, write_geometry
from isogloss.report.kit.chart import Figure, inline_svg, save
from isogloss.report.kit.style import PAGE_COLOURS, Control, Drawing, Numbers, Slider
from isogloss.report.searched.figures import search_drawings
from isogloss.report.searched.findings import Searches
from isogloss.report.searched.page import shown_searches
from isogloss.report.tables import (
    COLUMNS,
    LANGUAGES_READING,
    MACRO_READING,
    READING,
    cells,
    comparison_csv,
    language_columns,
    language_lines,
    macro_lines,
    own_lines,
    results_csv,
    rows,
)
from isogloss.results.format import duration, language_name
from isogloss.results.names import COUNTRY, OTHER, RANDOM
from isogloss.results.scores import Comparison, Results

# --------------------------------------------------------------------------------------------------------------------
# A figure on the page: drawings that stand still, the specifications that make them live, controls, words and numbers.


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What the template shows of a figure.

    `still` is an `<svg>`. `parts` are JSON, safe in HTML: the specification for `wide` and `narrow` screens, their `data`
    packed, and the `frames` of a slider, where there is one.
    """

    name: str
    alternative: str
    still: str
    parts: dict[str, str]
    numbers: Numbers
    controls: Sequence[Control]


def picture(drawing: Drawing, folder: Path) -> Picture:
    """Draw a figure for both widths, and write the wide one into `folder` as PNG and SVG."""
    specs = {"wide": drawing.draw().spec, "narrow": drawing.draw(columns=1).spec}
    slider = next((each for each in drawing.controls if isinstance(each, Slider)), None)
    datasets = {name: rows for spec in specs.values() for name, rows in spec["datasets"].items()}
    if slider is not None:
        datasets.pop(slider.data)  # the page's script makes it from the frames
    bare = {form: {name: part for name, part in spec.items() if name != "datasets"} for form, spec in specs.items()}
    parts = {**bare, "data": {name: packed(rows) for name, rows in datasets.items()}}
    if slider is not None:
        parts["frames"] = _frames(slider)
    return Picture(
        name=drawing.name,
        alternative=drawing.alternative,
        still=inline_svg(save(Figure(specs["wide"]), folder / drawing.name), drawing.name, drawing.alternative),
        parts={name: _recoloured(_json(part)) for name, part in parts.items()},
        numbers=drawing.numbers,
        controls=drawing.controls,
    )


def packed(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Records as columns, each its distinct values and the place of every record's among them (null: in their order).

    The place of what a record has not is −1. A page's script unpacks them.
    """
    columns: dict[str, Any] = {}
    for name in dict.fromkeys(name for row in rows for name in row):
        written = [json.dumps(row[name]) if name in row else None for row in rows]
        distinct = list(dict.fromkeys(each for each in written if each is not None))
        places = {each: index for index, each in enumerate(distinct)}
        columns[name] = [
            [json.loads(each) for each in distinct],
            None if len(distinct) == len(rows) else [-1 if each is None else places[each] for each in written],
        ]
    return {"count": len(rows), "columns": columns}


def _frames(slider: Slider) -> dict[str, Any]:
    shared = {name: value for name, value in slider.shared.items() if name != "kept"}
    return {"data": slider.data, "start": slider.start, "shared": shared, "frames": slider.frames}


def _recoloured(text: str) -> str:
    """Colours become the page's own, light and dark."""
    for color, variable in PAGE_COLOURS.items():
        text = text.replace(color, variable)
    return text


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


# --------------------------------------------------------------------------------------------------------------------
# Where the templates are, and how they are filled.


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
                alternative=figures.plane_alternative(results),
                numbers=figures.plane_numbers(results),
                controls=plane_controls(results),
            )
        )
    if results.sweep:
        found.append(
            Drawing(
                name="sweep",
                draw=partial(sweep_figure, results),
                alternative=figures.sweep_alternative(results),
                numbers=figures.sweep_numbers(results),
                controls=sweep_controls(results),
            )
        )
    found.append(
        Drawing(
            name="languages",
            draw=partial(languages_figure, results),
            alternative=figures.languages_alternative(results),
            numbers=figures.languages_numbers(results),
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
        sweep_caption=figures.sweep_caption(results),
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


# --------------------------------------------------------------------------------------------------------------------
# The plane as a Mermaid chart, which code hosts draw inside Markdown where no picture can be.

#: The chart is never drawn narrower than this many points to either side, so that noise does not look large.
_LEAST_SPAN = 5


def plane_chart(points: Mapping[str, tuple[float, float]]) -> str:
    """A fenced `quadrantChart` of (localization, transfer) changes (fractions) by label; the origin is its middle.

    Points are numbered in their order, and the line below names them, since labels would cover each other; points in one
    place share a mark. Both axes have one scale, in whole percentage points, which the title tells. Nothing without points.
    """
    if not points:
        return ""
    reach = max(100 * abs(value) for point in points.values() for value in point)
    span = max(_LEAST_SPAN, math.ceil(1.1 * reach))
    lines = [
        "```mermaid",
        "quadrantChart",
        f"    title Change on test in points, each axis from -{span} to +{span}",
        '    x-axis "localization lost" --> "localization gained"',
        '    y-axis "transfer lost" --> "transfer gained"',
        '    quadrant-1 "gain on both"',
        '    quadrant-2 "erasure"',
        '    quadrant-3 "loss on both"',
        '    quadrant-4 "transfer paid"',
    ]
    places: dict[str, list[str]] = {}
    for number, point in enumerate(points.values(), start=1):
        place = ", ".join(f"{0.5 + 50 * value / span:.3f}" for value in point)
        places.setdefault(place, []).append(str(number))
    lines += [f'    "{", ".join(numbers)}": [{place}]' for place, numbers in places.items()]
    named = " · ".join(f"{number} {_plain(label)}" for number, label in enumerate(points, start=1))
    return "\n".join([*lines, "```", "", named])


def _plain(label: str) -> str:
    """In one line, and not as code."""
    return " ".join(label.replace("`", "'").split())


# --------------------------------------------------------------------------------------------------------------------
# The page of one model's analyses, without a pipeline: `analyses.html`, and its figures and numbers beside it.

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
