"""Data for a chart, as plain records, and what becomes of them in its specification."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

Drawn = dict[str, Any]
"""A specification, whole or of one panel; its data are still in their places."""


@dataclass(frozen=True, slots=True)
class Records:
    """Records that the plotting library passes on as they are: lists it would copy, with all in them, at every step."""

    rows: tuple[Mapping[str, Any], ...]


def chart_of(records: Iterable[Mapping[str, Any]]) -> alt.Chart:
    """A chart of these records without marks yet."""
    data = alt.Data(values=[])
    data["values"] = Records(tuple(records))
    return alt.Chart(data)


def specification(drawn: Drawn) -> dict[str, Any]:
    """The whole Vega-Lite specification, with its data once each, by a name that follows from their content."""
    datasets: dict[str, Any] = {}
    named: dict[str, Any] = _named(drawn, datasets)
    return {"$schema": alt.SCHEMA_URL, **named, "datasets": datasets}


def layered(layers: Iterable[alt.Chart], *, size: tuple[int, int], title: str = "", **properties: Any) -> Drawn:
    """Charts upon one another on common axes, the first undermost.

    Put together here and not by the plotting library, which copies every layer several times; and so are panels.
    """
    parts = [layer.to_dict(validate=False, context={"top_level": False}) for layer in layers]
    named = {"title": title} if title else {}
    return {"layer": parts, "width": size[0], "height": size[1], **named, **properties}


def concatenation(panels: Sequence[Drawn], *, columns: int, **properties: Any) -> Drawn:
    """Panels side by side in so many columns."""
    return {"concat": list(panels), "columns": columns, **properties}


def _named(part: Any, datasets: dict[str, Any]) -> Any:
    if isinstance(part, dict):
        held = part.get("values")
        if isinstance(held, Records):
            name = _name(held)
            datasets[name] = list(held.rows)
            return {"name": name}
        return {key: _named(value, datasets) for key, value in part.items()}
    return [_named(each, datasets) for each in part] if isinstance(part, list) else part


def _name(records: Records) -> str:
    written = json.dumps(records.rows, sort_keys=True).encode()
    return f"data-{hashlib.sha256(written).hexdigest()[:12]}"
