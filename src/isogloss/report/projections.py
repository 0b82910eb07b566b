"""The figure of projected states: a small plane for each model or steering, universal above localized (figures 3, 11–13).

A page's slider goes through the layers. Its frames hold whole numbers, which the page's script unpacks as `rows_of` does.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import altair as alt
import numpy as np

from isogloss.data.rows import AXES, ENGLISH
from isogloss.report.chart import (
    INK,
    SERIES,
    SOFT,
    STATE,
    Figure,
    Layout,
    Menu,
    Numbers,
    Slider,
    language_boxes,
    language_looks,
)
from isogloss.report.geometry import Geometry, drawn_layer
from isogloss.results.analyses import Pca
from isogloss.results.format import MINUS, language_name, percent
from isogloss.results.names import QUESTIONS, UNSTEERED

#: The data set that a page's slider replaces.
POINTS = "points"
#: Items of a language and axis on the page, and the whole numbers that a layer's widest coordinate is written with.
ITEMS, STEPS = 20, 1000
#: How many coordinates a page may hold in all; with more layers or panels it shows fewer items.
BUDGET = 160_000

_SOURCE = (
    "Every point: projections.csv (the layer drawn) and coordinates.npy (all layers; rows and panels in geometry.json)."
)

Row = Mapping[str, Any]


def projection_figures(geometry: Geometry, *, layer: int | None) -> list[Figure[Row]]:
    """Every model unsteered; and the steered states of the models that have them."""
    pca, coordinates = geometry.pca, geometry.coordinates
    # Without a share of variance at any layer the states did not vary, and all points would lie in one place.
    if pca is None or coordinates is None or not pca.rows or not any(panel.share for panel in pca.panels):
        return []
    drawn = drawn_layer(pca.layers, layer)
    where = f"{drawn}, the one chosen for LOC-steering" if drawn == layer else f"{drawn}"
    caption = (
        f"Last-token states at one layer; drawn at layer {where}. Axes: {pca.basis}; all panels of a layer share them. In the "
        "corner of each panel: the share of its own variance on the first and the second axis, universal and localized "
        f"questions together. Large marks: the mean of a language. At most {ITEMS} questions a language and kind."
    )
    panels = [projected.panel for projected in pca.panels]
    several = {panel.model for panel in panels if panel.condition != UNSTEERED}
    unsteered = [index for index, panel in enumerate(panels) if panel.condition == UNSTEERED]
    steered = [index for index, panel in enumerate(panels) if panel.model in several]
    figures = []
    if unsteered:
        figures.append(_figure("pca", pca, coordinates, unsteered, drawn, "states of every model", caption))
    if steered:
        caption = "The same axes: states as they are, and with EN, LOC and both vectors added."
        figures.append(_figure("pca-steered", pca, coordinates, steered, drawn, "original and steered states", caption))
    return figures


def _figure(
    name: str, pca: Pca, coordinates: np.ndarray, chosen: Sequence[int], layer: int, what: str, caption: str
) -> Figure[Row]:
    """The points of the chosen panels at one layer; a slider has the other layers."""
    shared = shared_values(pca, chosen)
    frames = {other: frame_values(pca, coordinates, chosen, shared, other) for other in pca.layers}
    names = [pca.panels[index].panel.name for index in chosen]
    rows = rows_of(shared, frames[layer])
    models = list(dict(zip(shared["states"], shared["labels"], strict=True)).items())
    shares = "; ".join(f"{panel} {share}" for panel, share in zip(names, frames[layer]["shares"], strict=True))
    return Figure(
        name=name,
        records=rows,
        chart=partial(_chart, panels=list(dict.fromkeys(shared["panels"])), languages=shared["languages"]),
        alt=(
            f"Points of {what} at layer {layer} on two axes ({pca.basis}), languages told apart by colour and shape, "
            f"universal and localized questions apart. Share of each panel's variance on the axes: {shares}."
        ),
        caption=caption,
        numbers=_numbers(
            pca, coordinates[np.asarray(chosen), pca.layers.index(layer)], shared["kept"], frames, names, layer
        ),
        controls=(
            Slider(legend="Layer", data=POINTS, values=pca.layers, start=layer, shared=shared, frames=frames),
            *((Menu(signal=STATE, legend="Model", options=models),) if len(models) > 1 else ()),
            language_boxes(shared["languages"], signal=SERIES),
        ),
        source=_SOURCE if name == "pca" else "",
    )


def _chart(records: Sequence[Row], columns: int, *, panels: Sequence[str], languages: Sequence[str]) -> Layout:
    """A column a panel; `columns=1` has a row a panel."""
    side = min(230, 940 // max(len(panels), 1)) if columns > 1 else 140
    looks = language_looks(dict.fromkeys((ENGLISH, *languages)))
    base = alt.Chart().transform_filter(f"datum.state == {STATE}")
    known = base.transform_filter(f"isValid(datum.x) && indexof({SERIES}, datum.code) >= 0")
    # The axes have no unit worth reading: what counts is that they are the same in every panel.
    x, y = (
        kind(f"{name}:Q", axis=None, scale=alt.Scale(zero=False, nice=False, padding=8))
        for kind, name in ((alt.X, "x"), (alt.Y, "y"))
    )
    domain = [language_name(code) for code in languages]
    key = alt.Legend(orient="bottom", columns=4 * columns, symbolOpacity=1, title=None)
    colors, shapes = [looks[code].color for code in languages], [looks[code].shape for code in languages]
    look = {
        "color": alt.Color("language:N", scale=alt.Scale(domain=domain, range=colors), legend=key),
        "shape": alt.Shape("language:N", scale=alt.Scale(domain=domain, range=shapes), legend=key),
    }
    points = known.mark_point(filled=True, size=22, opacity=0.6).encode(
        x=x,
        y=y,
        **look,
        tooltip=[
            alt.Tooltip(f"{name}:N", title=name.capitalize()) for name in ("language", "axis", "panel", "question")
        ],
    )
    # Marks, not names: where languages merge, names would lie upon one another.
    means = (
        known.transform_aggregate(x="mean(x)", y="mean(y)", groupby=["language", "axis", "panel"])
        .mark_point(filled=True, size=120, opacity=1, stroke=INK, strokeWidth=1.3)
        .encode(
            x=alt.X("x:Q"),
            y=alt.Y("y:Q"),
            **look,
            tooltip=[
                alt.Tooltip("language:N", title="Mean of"),
                *(alt.Tooltip(f"{name}:N", title=name.capitalize()) for name in ("axis", "panel")),
            ],
        )
    )
    shares = base.transform_filter("isValid(datum.share)").encode(x=alt.XValue(4), y=alt.YValue(3))
    across = alt.Header(title=None, labelFontSize=12)
    axes = list(QUESTIONS.values())
    facets: dict[str, Any] = (
        {
            "column": alt.Column("panel:N", sort=list(panels), header=across),
            "row": alt.Row("axis:N", sort=axes, header=across),
        }
        if columns > 1
        else {
            "row": alt.Row("panel:N", sort=list(panels), header=across),
            "column": alt.Column("axis:N", sort=axes, header=across),
        }
    )
    chart = (
        alt.layer(
            points,
            means,
            shares.mark_text(align="left", baseline="top", fontSize=10, color=SOFT).encode(text=alt.Text("share:N")),
        )
        .properties(
            width=side, height=side if columns > 1 else 130, view=alt.ViewConfig(stroke=SOFT, strokeOpacity=0.35)
        )
        .facet(data=alt.NamedData(POINTS), **facets)
        .add_params(alt.param(name=STATE, value=records[0]["state"]), alt.param(name=SERIES, value=list(languages)))
    )
    layout: Layout = chart.to_dict(validate=False, context={"top_level": False})
    return {**layout, "datasets": {POINTS: list(records)}}


def shared_values(pca: Pca, chosen: Sequence[int]) -> dict[str, Any]:
    """What is the same in every frame: of each panel its name, state and model; of each point language, axis, question."""
    panels = [pca.panels[index].panel for index in chosen]
    steered = any(panel.condition != UNSTEERED for panel in panels)
    kept = _kept(pca, len(chosen))
    languages = _languages(pca)
    return {
        "panels": [panel.condition_label if steered else panel.label for panel in panels],
        "states": [panel.model if steered else "" for panel in panels],
        "labels": [panel.label for panel in panels],
        "languages": languages,
        "names": {code: language_name(code) for code in languages},
        "rows": [[pca.rows[i].language, QUESTIONS[pca.rows[i].axis], pca.rows[i].group] for i in kept],
        "steps": STEPS,
        "kept": kept,
    }


def frame_values(
    pca: Pca, coordinates: np.ndarray, chosen: Sequence[int], shared: dict[str, Any], layer: int
) -> dict[str, Any]:
    """One layer's points as whole numbers [panel × row × 2], their scale, and each panel's share of variance in words."""
    points = coordinates[np.asarray(chosen), pca.layers.index(layer)][:, np.asarray(shared["kept"], dtype=int)]
    reach = float(np.abs(points).max()) or 1.0
    return {
        "reach": float(f"{reach:.6g}"),
        "values": np.rint(points / reach * STEPS).astype(int).ravel().tolist(),
        "shares": [_share_text(pca.panels[index].share.get(layer)) for index in chosen],
    }


def rows_of(shared: Mapping[str, Any], frame: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A frame as the rows of the chart: of each panel its shares, then its points."""
    rows: list[dict[str, Any]] = []
    unit, values = frame["reach"] / shared["steps"], iter(frame["values"])
    for name, state, share in zip(shared["panels"], shared["states"], frame["shares"], strict=True):
        rows += [{"panel": name, "state": state, "axis": axis, "share": share} for axis in QUESTIONS.values()]
        for code, axis, question in shared["rows"]:
            place = {"x": next(values) * unit, "y": next(values) * unit}
            words = {"code": code, "language": shared["names"][code], "axis": axis, "question": question}
            rows.append({"panel": name, "state": state, **words, **place})
    return rows


def _numbers(
    pca: Pca,
    places: np.ndarray,
    kept: Sequence[int],
    frames: Mapping[int, Any],
    panels: Sequence[str],
    layer: int,
) -> Numbers:
    """The mean of each language at the layer drawn, first and second axis; then the share of variance, a row a layer.

    `places` [panels, rows, 2] are the coordinates at that layer, which are not rounded as the drawn points are.
    """
    # As many decimals as leave three digits to the farthest point.
    decimals = max(0, 2 - math.floor(math.log10(float(np.abs(places).max()) or 1.0)))
    table = []
    for axis, questions in QUESTIONS.items():
        for code in _languages(pca):
            rows = [index for index in kept if (pca.rows[index].language, pca.rows[index].axis) == (code, axis)]
            if rows:
                means = [panel[rows].mean(0).tolist() for panel in places]
                cells = ["; ".join(f"{value:,.{decimals}f}".replace("-", MINUS) for value in mean) for mean in means]
                table.append([f"Layer {layer}: mean of {language_name(code)}, {questions}", *cells])
    table += [[f"Layer {other}: share of variance", *frame["shares"]] for other, frame in frames.items()]
    return Numbers(("First and second axis", *panels), table)


def _languages(pca: Pca) -> list[str]:
    """English first, as everywhere: a language has the same colour and shape in all figures."""
    return sorted({row.language: None for row in pca.rows}, key=lambda code: code != ENGLISH)


def _share_text(share: tuple[float, float] | None) -> str:
    return "–" if share is None else f"{percent(share[0])} + {percent(share[1])}"


def _kept(pca: Pca, panels: int) -> list[int]:
    """At most so many items of every language and axis, an item a question, spread over its questions.

    Questions that most languages have come first, so that these are the same ones everywhere. A localized question may be of
    one language alone, which must not take another language's place.
    """
    codes = {row.language for row in pca.rows}
    most = max(2, min(ITEMS, BUDGET // max(1, 2 * len(pca.layers) * panels * len(codes) * len(AXES))))
    kept: list[int] = []
    for axis in AXES:
        by_language: dict[str, dict[str, int]] = defaultdict(dict)
        for index, row in enumerate(pca.rows):
            if row.axis == axis:
                by_language[row.language].setdefault(row.group, index)
        spoken = Counter(name for groups in by_language.values() for name in groups)
        for groups in by_language.values():
            widest = max(spoken[name] for name in groups)
            shared = sorted(name for name in groups if spoken[name] == widest)
            others = sorted(name for name in groups if spoken[name] < widest)
            taken = _spread(shared, most)
            taken += _spread(others, most - len(taken))
            kept += [groups[name] for name in taken]
    return sorted(kept)


def _spread(names: Sequence[str], most: int) -> list[str]:
    """At most so many of them, evenly."""
    count = min(most, len(names))
    return [names[place * len(names) // count] for place in range(count)]
