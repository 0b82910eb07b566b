"""What the tests ask of a figure: its data, what is drawn where, and whether its specification is a valid one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import vl_convert
from altair.utils.schemapi import validate_jsonschema
from altair.vegalite.v6.schema.core import Root

from isogloss.report.chart import Plot


def records(figure: Plot, *fields: str) -> list[dict[str, Any]]:
    """All records of a figure's data that have these fields."""
    found = [record for rows in figure.spec["datasets"].values() for record in rows]
    return [record for record in found if all(field in record for field in fields)]


def lines(figure: Plot, panel: Any) -> dict[str, list[dict[str, Any]]]:
    """The points of each line of one panel, in their order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for rows in datasets(figure, panel):
        for row in rows:
            if "dash" in row:
                found.setdefault(row["name"], []).append(row)
    return found


def datasets(figure: Plot, part: Any) -> list[list[dict[str, Any]]]:
    """The data sets that a part of a figure's specification names, each once."""
    return [figure.spec["datasets"][name] for name in dict.fromkeys(_names(part))]


def _names(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        data = part.get("data")
        if isinstance(data, dict) and "name" in data:
            yield data["name"]
        for each in part.values():
            yield from _names(each)
    elif isinstance(part, list):
        for each in part:
            yield from _names(each)


def layers(spec: Any) -> Iterator[dict[str, Any]]:
    """Every part of a specification that has a mark."""
    if isinstance(spec, dict):
        if "mark" in spec:
            yield spec
        for name, part in spec.items():
            if name != "datasets":
                yield from layers(part)
    elif isinstance(spec, list):
        for part in spec:
            yield from layers(part)


def items(figure: Plot, kind: str) -> list[dict[str, Any]]:
    """The items of one kind of mark (`text`, `symbol`, …) that are drawn, with `left` and `top` in pixels of the figure."""
    found: list[dict[str, Any]] = []
    _walk(vl_convert.vegalite_to_scenegraph(figure.spec)["scenegraph"], 0.0, 0.0, kind, found)
    return found


def texts(figure: Plot) -> list[str]:
    """Everything that is written in a figure, rims left out."""
    written = [item.get("text", "") for item in items(figure, "text") if not item.get("stroke")]
    return [" ".join(each) if isinstance(each, list) else str(each) for each in written]


def fault(figure: Plot) -> str:
    """What the schema of the plotting library finds wrong; empty where nothing."""
    error = validate_jsonschema(figure.spec, Root._schema, Root._schema, raise_error=False)
    return "" if error is None else str(error)[:300]


def _walk(mark: dict[str, Any], left: float, top: float, kind: str, found: list[dict[str, Any]]) -> None:
    for item in mark.get("items", []):
        x, y = left + item.get("x", 0.0), top + item.get("y", 0.0)
        if mark.get("marktype") == kind:
            found.append({**item, "left": x, "top": y, "role": mark.get("role")})
        for inner in item.get("items", []):
            _walk(inner, x, y, kind, found)
