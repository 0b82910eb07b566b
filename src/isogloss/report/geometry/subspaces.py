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

from isogloss.data.rows import ENGLISH
from isogloss.errors import UserError
from isogloss.report.comparison.rows import NONE
from isogloss.report.geometry.findings import at, conditions, panel_name, peak
from isogloss.report.kit.chart import SERIES, Figure, figure
from isogloss.report.kit.lines import STATE, Line, grid, panel
from isogloss.report.kit.style import (
    BLUE,
    INK,
    SOFT,
    VERMILLION,
    Boxes,
    Choice,
    Control,
    Numbers,
    Slider,
    looks_of_languages,
)
from isogloss.results.analyses import LayerCurve, Pca, Perpendicularity
from isogloss.results.format import DEGREES, degrees_text, language_name, percent
from isogloss.results.scores import MACRO

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
    for name, state, share in zip(shared["panels"], shared["states"], frame["shares"], strict=True):
        found += [{"panel": name, "state": state, "axis": axis, "share": share} for axis in _AXES.values()]
        for code, axis, question in shared["rows"]:
            place = {"x": next(values) * unit, "y": next(values) * unit}
            words = {"code": code, "language": shared["names"][code], "axis": axis, "question": question}
            found.append({"panel": name, "state": state, **words, **place})
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


# --------------------------------------------------------------------------------------------------------------------
# How perpendicular the EN and LOC directions are in each layer, between its two nulls (equation 6, figure 10).

_HALVES = {"en": ("EN halves", BLUE), "loc": ("LOC halves", VERMILLION)}


def perpendicularity_figure(given: Sequence[Perpendicularity], *, columns: int = 2) -> Figure:
    """S in degrees against layer, a panel a model: a line a language, the macro mean with its interval, and the nulls.

    Grey: two random directions. Blue and vermillion, dotted: two halves of the pairs of one kind.
    """
    drawn = [each for each in given if any(curve.layers for curve in each.by_language.values())]
    if not drawn:
        raise UserError("no model has perpendicularity at any layer, so there is nothing to draw")
    codes = perpendicularity_languages(given)
    wide = columns > 1 and len(drawn) > 1
    lines = {each.model: _lines(each, codes) for each in drawn}
    known = list({line.name: line for each in lines.values() for line in each if line.series}.values())
    panels = [
        panel(
            lines[each.model],
            unit=DEGREES,
            size=(375, 220) if wide else (640, 270) if columns > 1 else (235, 210),
            span=(0.0, 92.0),
            title=each.label,
            x_title="Layer" if index >= len(drawn) - (2 if wide else 1) else None,
            y_title="S (degrees)" if not (wide and index % 2) else None,
            legend=known,
            columns=4 * columns if columns > 1 else 3,
        )
        for index, each in enumerate(drawn)
    ]
    return figure(grid(panels, columns=2 if wide else 1, series=codes))


def perpendicularity_controls(given: Sequence[Perpendicularity]) -> tuple[Control, ...]:
    """Which languages are shown."""
    codes = perpendicularity_languages(given)
    options = [(code, language_name(code)) for code in codes]
    return (Boxes(signal=SERIES, legend="Languages", options=options, checked=codes),)


def perpendicularity_languages(given: Sequence[Perpendicularity]) -> list[str]:
    """The macro mean and the languages of any model."""
    found = dict.fromkeys(code for each in given for code in each.by_language)
    return [code for code in (MACRO, *(each for each in found if each != MACRO)) if code in found]


def perpendicularity_alternative(given: Sequence[Perpendicularity]) -> str:
    """The macro mean's lowest and highest layer in words, beside random directions."""
    parts = []
    for each in given:
        macro = each.by_language.get(MACRO)
        if macro is None or not macro.layers:
            continue
        low, lowest = min(at(macro), key=lambda one: one[1].value)
        high, highest = peak(macro)
        parts.append(
            f"{each.label}: macro mean from {degrees_text(lowest)} at layer {low} to {degrees_text(highest)} at layer {high}"
        )
    random = next((each.random.values[0] for each in given if each.random.values), None)
    beside = f" Two random directions: {degrees_text(random)}." if random else ""
    return (
        "Lines of the perpendicularity S of EN and LOC directions against layer, 90 degrees orthogonal, 0 parallel, with "
        f"both nulls. {'; '.join(parts)}.{beside}"
    )


def perpendicularity_numbers(given: Sequence[Perpendicularity]) -> Numbers:
    """S of every model, layer and language, and the nulls."""
    rows = []
    for each in given:
        for code in perpendicularity_languages([each]):
            halves = {kind: dict(at(curve)) for kind, curve in each.split_half.items()} if code == MACRO else {}
            random = dict(at(each.random)) if code == MACRO else {}
            for layer, value in at(each.by_language[code]):
                nulls = [*(halves.get(kind, {}).get(layer) for kind in ("en", "loc")), random.get(layer)]
                rows.append([each.label, language_name(code), str(layer), *map(degrees_text, (value, *nulls))])
    return Numbers(("Model", "Language", "Layer", "S", "EN halves", "LOC halves", "Random directions"), rows, names=2)


def _lines(given: Perpendicularity, codes: Sequence[str]) -> list[Line]:
    found = [
        _null(given.random, "random", SOFT),
        *(_null(given.split_half[kind], *_HALVES[kind]) for kind in ("en", "loc") if kind in given.split_half),
    ]
    looks = looks_of_languages([ENGLISH, *(code for code in codes if code not in (MACRO, ENGLISH))])
    for code, curve in given.by_language.items():
        if code != MACRO:
            look = looks[code]
            found.append(
                Line(
                    name=language_name(code),
                    color=look.color,
                    points=list(at(curve)),
                    shape=look.shape,
                    dash=look.dash,
                    width=1.1,
                    band=False,
                    series=code,
                )
            )
    if MACRO in given.by_language:
        macro = list(at(given.by_language[MACRO]))
        found.append(Line(name=language_name(MACRO), color=INK, points=macro, width=2.6, end="macro", series=MACRO))
    return [line for line in found if line.points]


def _null(curve: LayerCurve, name: str, color: str) -> Line:
    return Line(
        name=f"null: {name}", color=color, points=list(at(curve)), dash=(2, 3), width=1.3, marks=False, end=name
    )
