"""A figure on the page: drawings that stand still, the specifications that make them live, controls, words and numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isogloss.report.controls import Control, Slider
from isogloss.report.details import Drawing, Numbers
from isogloss.report.drawn import Figure, inline_svg, save
from isogloss.report.style import PAGE_COLOURS


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
