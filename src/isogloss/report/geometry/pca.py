"""Last-token states on two axes a layer, a small plane a model or steering, universal above localized (figures 3, 11–13)."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np

from isogloss.analysis.results import Pca
from isogloss.data.rows import ENGLISH
from isogloss.errors import UserError
from isogloss.report.canvas import SERIES
from isogloss.report.comparison.rows import NONE
from isogloss.report.controls import Boxes, Choice, Control, Slider
from isogloss.report.details import Numbers
from isogloss.report.drawn import Figure, figure
from isogloss.report.geometry.given import conditions, panel_name
from isogloss.report.lines import STATE
from isogloss.report.numbers import language_name, percent
from isogloss.report.style import INK, SOFT, looks_of_languages

#: The data set that a page's slider replaces.
POINTS = "points"
#: Items of a language and axis on the page, and the whole numbers that a layer's widest coordinate is written with.
ITEMS, STEPS = 20, 1000
#: How many coordinates a page may hold in all; with more layers or panels it shows fewer items.
BUDGET = 160_000
_AXES = {"transfer": "universal", "localization": "localized"}


def pca_figure(pca: Pca, coordinates: np.ndarray, *, layer: int, steered: bool = False, columns: int = 2) -> Figure:
    """One layer: points of every language, coloured and shaped, on axes that all panels share.

    A column a model unsteered, or with `steered` a column a steering of one model; the share of each panel's own variance
    on the axes stands in it.
    """
    chosen = shown_panels(pca, steered=steered)
    if not chosen or not pca.rows:
        raise UserError("there are no projected states, so there is nothing to draw")
    shared = shared_values(pca, chosen)
    titles = list(dict.fromkeys(shared["panels"]))
    side = min(230, 940 // max(len(titles), 1)) if columns > 1 else 140
    looks = looks_of_languages(dict.fromkeys((ENGLISH, *shared["languages"])))
    names = {code: language_name(code) for code in shared["languages"]}
    base = alt.Chart().transform_filter(f"datum.state == {STATE}")
    known = base.transform_filter(f"isValid(datum.x) && indexof({SERIES}, datum.code) >= 0")
    # The axes have no unit worth reading: what counts is that they are the same in every panel.
    x, y = (
        kind(f"{name}:Q", axis=None, scale=alt.Scale(zero=False, nice=False, padding=8))
        for kind, name in ((alt.X, "x"), (alt.Y, "y"))
    )
    domain = list(names.values())
    key = alt.Legend(orient="bottom", columns=4 * columns, symbolOpacity=1, title=None)
    look = {
        "color": alt.Color(
            "language:N", scale=alt.Scale(domain=domain, range=[looks[c].color for c in names]), legend=key
        ),
        "shape": alt.Shape(
            "language:N", scale=alt.Scale(domain=domain, range=[looks[c].shape for c in names]), legend=key
        ),
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
    panel_sort, axis_sort = titles, list(_AXES.values())
    across = alt.Header(title=None, labelFontSize=12)
    facets: dict[str, Any] = (
        {
            "column": alt.Column("panel:N", sort=panel_sort, header=across),
            "row": alt.Row("axis:N", sort=axis_sort, header=across),
        }
        if columns > 1
        else {
            "row": alt.Row("panel:N", sort=panel_sort, header=across),
            "column": alt.Column("axis:N", sort=axis_sort, header=across),
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
        .add_params(
            alt.param(name=STATE, value=shared["states"][0]), alt.param(name=SERIES, value=list(shared["languages"]))
        )
    )
    frame = frame_values(pca, coordinates, chosen, shared, layer)
    drawn = figure(chart.to_dict(validate=False, context={"top_level": False}))
    return Figure({**drawn.spec, "datasets": {**drawn.spec["datasets"], POINTS: records(shared, frame)}})


def pca_controls(pca: Pca, coordinates: np.ndarray, *, layer: int, steered: bool = False) -> tuple[Control, ...]:
    """Layer, languages, and for the steered states the model."""
    chosen = shown_panels(pca, steered=steered)
    shared = shared_values(pca, chosen)
    slider = Slider(
        legend="Layer",
        data=POINTS,
        values=pca.layers,
        start=layer,
        shared=shared,
        frames={each: frame_values(pca, coordinates, chosen, shared, each) for each in pca.layers},
    )
    languages = Boxes(
        signal=SERIES,
        legend="Languages",
        options=[(code, language_name(code)) for code in shared["languages"]],
        checked=shared["languages"],
    )
    models = list(dict(zip(shared["states"], shared["labels"], strict=True)).items())
    choice = (Choice(signal=STATE, legend="Model", options=models),) if len(models) > 1 else ()
    return (slider, *choice, languages)


def shown_panels(pca: Pca, *, steered: bool) -> list[int]:
    """The panels of a figure by index: every model unsteered, or all conditions of the models that were steered."""
    panels = [each.panel for each in pca.panels]
    if not steered:
        return [index for index, panel in enumerate(panels) if panel.condition == NONE]
    several = {panel.model for panel in panels if panel.condition != NONE}
    return [index for index, panel in enumerate(panels) if panel.model in several]


def shared_values(pca: Pca, chosen: Sequence[int]) -> dict[str, Any]:
    """What is the same in every frame: of each panel its name, state and model; of each point language, axis, question."""
    steered = any(pca.panels[index].panel.condition != NONE for index in chosen)
    panels = [pca.panels[index].panel for index in chosen]
    kept = _kept(pca, len(chosen))
    return {
        "panels": [panel.condition_label if steered else panel.label for panel in panels],
        "states": [panel.model if steered else "" for panel in panels],
        "labels": [panel.label for panel in panels],
        # English first, as everywhere: a language has the same colour and shape in all figures.
        "languages": sorted({row.language: None for row in pca.rows}, key=lambda code: code != ENGLISH),
        "names": {row.language: language_name(row.language) for row in pca.rows},
        "rows": [[pca.rows[i].language, _AXES[pca.rows[i].axis], pca.rows[i].group] for i in kept],
        "steps": STEPS,
        "kept": kept,
    }


def frame_values(
    pca: Pca, coordinates: np.ndarray, chosen: Sequence[int], shared: dict[str, Any], layer: int
) -> dict[str, Any]:
    """One layer's points as whole numbers [panel × row × 2], their scale, and each panel's share of variance in words."""
    place = pca.layers.index(layer)
    points = coordinates[np.asarray(chosen), place][:, np.asarray(shared["kept"], dtype=int)]
    reach = float(np.abs(points).max()) or 1.0
    return {
        "reach": float(f"{reach:.6g}"),
        "values": np.rint(points / reach * STEPS).astype(int).ravel().tolist(),
        "shares": [_share_text(pca.panels[index].share.get(layer)) for index in chosen],
    }


def records(shared: dict[str, Any], frame: dict[str, Any]) -> list[dict[str, Any]]:
    """A frame as the records of the chart; a page's script does the same."""
    found: list[dict[str, Any]] = []
    unit, values = frame["reach"] / shared["steps"], iter(frame["values"])
    for panel, state, share in zip(shared["panels"], shared["states"], frame["shares"], strict=True):
        found += [{"panel": panel, "state": state, "axis": axis, "share": share} for axis in _AXES.values()]
        for code, axis, question in shared["rows"]:
            place = {"x": next(values) * unit, "y": next(values) * unit}
            words = {"code": code, "language": shared["names"][code], "axis": axis, "question": question}
            found.append({"panel": panel, "state": state, **words, **place})
    return found


def pca_alternative(pca: Pca, *, layer: int, steered: bool = False) -> str:
    """The panels and their share of variance in words."""
    parts = [
        f"{panel_name(pca.panels[index].panel)} {_share_text(pca.panels[index].share.get(layer))}"
        for index in shown_panels(pca, steered=steered)
    ]
    what = "original and steered states" if steered else "states of every model"
    return (
        f"Points of {what} at layer {layer} on two axes ({pca.basis}), languages told apart by colour and shape, universal "
        f"and localized questions apart. Share of each panel's variance on the axes: {'; '.join(parts)}."
    )


def pca_numbers(pca: Pca, coordinates: np.ndarray, *, layer: int, steered: bool = False) -> Numbers:
    """Where each language's code stands at the layer drawn, first and second axis; then the share of variance, a row a layer."""
    chosen = shown_panels(pca, steered=steered)
    points = coordinates[np.asarray(chosen), pca.layers.index(layer)]
    kept = _kept(pca, len(chosen))
    # As many decimals as leave three digits to the farthest point.
    decimals = max(0, 2 - math.floor(math.log10(float(np.abs(points).max()) or 1.0)))
    rows = []
    for axis, name in _AXES.items():
        for code in sorted(dict.fromkeys(row.language for row in pca.rows), key=lambda code: code != ENGLISH):
            own = [index for index in kept if (pca.rows[index].language, pca.rows[index].axis) == (code, axis)]
            if own:
                cells = [_place_text(panel[own].mean(0), decimals) for panel in points]
                rows.append([f"Layer {layer}: mean of {language_name(code)}, {name}", *cells])
    rows += [
        [f"Layer {each}: share of variance", *(_share_text(pca.panels[index].share.get(each)) for index in chosen)]
        for each in pca.layers
    ]
    return Numbers(("First and second axis", *(panel_name(pca.panels[index].panel) for index in chosen)), rows)


def has_steered(pca: Pca) -> bool:
    """Whether any model's steered states are there."""
    return len(conditions(each.panel for each in pca.panels)) > 1


def _place_text(place_2: np.ndarray, decimals: int) -> str:
    return "; ".join(f"{value:,.{decimals}f}".replace("-", "−") for value in place_2.tolist())


def _share_text(share: tuple[float, float] | None) -> str:
    return "–" if share is None else f"{percent(share[0])} + {percent(share[1])}"


def _kept(pca: Pca, panels: int) -> list[int]:
    """At most so many items of every language and axis, an item a question, spread over its questions.

    Questions that most languages have come first, so that these are the same ones everywhere. A localized question may be of
    one language alone, which must not take another language's place.
    """
    codes = {row.language for row in pca.rows}
    most = max(2, min(ITEMS, BUDGET // max(1, 2 * len(pca.layers) * panels * len(codes) * len(_AXES))))
    found: list[int] = []
    for axis in _AXES:
        own: dict[str, dict[str, int]] = defaultdict(dict)
        for index, row in enumerate(pca.rows):
            if row.axis == axis:
                own[row.language].setdefault(row.group, index)
        spoken = Counter(name for groups in own.values() for name in groups)
        for groups in own.values():
            widest = max(spoken[name] for name in groups)
            shared = sorted(name for name in groups if spoken[name] == widest)
            others = sorted(name for name in groups if spoken[name] < widest)
            taken = _spread(shared, most)
            taken += _spread(others, most - len(taken))
            found += [groups[name] for name in taken]
    return sorted(found)


def _spread(names: Sequence[str], most: int) -> list[str]:
    """At most so many of them, evenly."""
    count = min(most, len(names))
    return [names[place * len(names) // count] for place in range(count)]


def pca_csv(pca: Pca, coordinates: np.ndarray, *, layer: int) -> str:
    """Every projected point of one layer: model, condition, language, axis, question, item and its two coordinates."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("layer", "model", "condition", "language", "axis", "group", "id", "x", "y"))
    place = pca.layers.index(layer)
    for number, each in enumerate(pca.panels):
        for row, (x, y) in zip(pca.rows, coordinates[number, place].tolist(), strict=True):
            named = (each.panel.model, each.panel.condition, row.language, row.axis, row.group, row.id)
            writer.writerow((layer, *named, f"{x:.6g}", f"{y:.6g}"))
    return out.getvalue()
