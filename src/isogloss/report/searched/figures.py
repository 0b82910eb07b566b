"""The figures of a search: its trials and their front on the plane, hypervolume over trials, and what scores depend on.

In points or percent. `columns=1` is drawn smaller, so that its text can be read on a narrow page.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import altair as alt

from isogloss.errors import UserError
from isogloss.report.comparison.rows import look_of_model, name_of_model
from isogloss.report.kit.chart import Figure, chart_of, extent, figure, frame_layers, halo, layered, shape_legend
from isogloss.report.kit.plane import Frame, Label, Mark, place_labels, plane
from isogloss.report.kit.style import (
    BLUE,
    CIRCLE,
    DIAMOND,
    EX,
    GREEN,
    INK,
    ORANGE,
    PAPER,
    PLUS,
    PURPLE,
    SQUARE,
    STAR,
    VERMILLION,
    Drawing,
)
from isogloss.report.searched import findings
from isogloss.report.searched.findings import Searches, SearchTrial, SearchTrials, parameter_name, point_text
from isogloss.results.format import points
from isogloss.results.scores import MACRO, Condition

#: Colour, shape and area of the trials by what the legend calls them; γ = 0 is the origin.
_TRIAL, _OUTSIDE, _FRONT = "trial", "outside the constraints", "front"
_KINDS: dict[str, tuple[str, str, float]] = {
    _TRIAL: (INK, CIRCLE, 18.0),
    _OUTSIDE: (VERMILLION, EX, 30.0),
    "the paper's point": (PURPLE, STAR, 130.0),
    "the sweep's choice": (BLUE, SQUARE, 60.0),
    "first-order estimate": (ORANGE, PLUS, 80.0),
    _FRONT: (GREEN, DIAMOND, 48.0),
}
_SOURCES = {"paper": "the paper's point", "sweep": "the sweep's choice", "first-order": "first-order estimate"}
_OBJECTIVES = {"transfer": (BLUE, "Transfer"), "localization": (VERMILLION, "Localization")}


def front_figure(result: SearchTrials, *, columns: int = 2) -> Figure:
    """All trials on the plane (localization Δ, transfer Δ, in points), the front as a staircase, and the knee.

    Crosses are trials outside the constraints; points that were tried first have marks of their own. Raises UserError
    where no trial has scores.
    """
    places = {each.number: place for each in result.trials if (place := _place(each))}
    if not places:
        raise UserError(f"{result.name}: no trial has scores yet, so there is nothing to draw")
    size = (460, 430) if columns > 1 else (300, 310)
    left, right, bottom, top = limits = extent(places.values(), height=size[1])
    frame = Frame(left=left, right=right, bottom=bottom, top=top, width=size[0], height=size[1])
    records = [record for each in result.trials if each.number in places for record in _records(each, result)]
    shown = [kind for kind in _KINDS if any(each["kind"] == kind for each in records)]
    data = chart_of(records).encode(x=alt.X("x:Q"), y=alt.Y("y:Q"))
    layers = [
        *frame_layers(limits, words=True),
        *shape_legend(
            {kind: _KINDS[kind][1] for kind in shown}, 1 + columns, colors={kind: _KINDS[kind][0] for kind in shown}
        ),
        *_stairs([places[number] for number in result.front]),
        data.mark_point(
            filled=True,
            shape=alt.ExprRef("datum.shape"),
            size=alt.ExprRef("datum.area"),
            fill=alt.ExprRef("datum.color"),
            stroke=PAPER,
            strokeWidth=alt.ExprRef("datum.plain ? 0 : 0.6"),
            opacity=alt.ExprRef("datum.plain ? 0.55 : 1"),
        ),
        data.mark_point(filled=True, size=120, opacity=0).encode(
            tooltip=[
                alt.Tooltip("number:Q", title="Trial"),
                alt.Tooltip("role:N", title="What became of it"),
                alt.Tooltip("point:N", title="Point"),
                alt.Tooltip("transfer:N", title="Transfer Δ"),
                alt.Tooltip("localization:N", title="Localization Δ"),
            ]
        ),
        *_knee(result, places, frame),
        chart_of([{"x": 0, "y": 0}])
        .mark_point(filled=True, fill=INK, size=60, opacity=1)
        .encode(x=alt.X("x:Q"), y=alt.Y("y:Q")),
    ]
    return figure(layered(layers, size=size))


def hypervolume_figure(result: SearchTrials, *, columns: int = 2) -> Figure:
    """Hypervolume of the front (in squared points) after each finished trial, and where the sampler took over.

    Raises UserError where no trial is finished.
    """
    if not result.trials:
        raise UserError(f"{result.name}: no trial is finished yet, so there is nothing to draw")
    records = [{"trial": count, "area": round(1e4 * each, 4)} for count, each in enumerate(result.hypervolume, start=1)]
    data = chart_of(records)
    x = alt.X(
        "trial:Q",
        title="Finished trials",
        scale=alt.Scale(nice=False, zero=False),
        axis=alt.Axis(grid=False, format="d", tickMinStep=1),
    )
    layers: list[Any] = [
        data.mark_line(interpolate="step-after", stroke=GREEN, strokeWidth=1.8).encode(
            x=x, y=alt.Y("area:Q", title="Hypervolume (points²)", axis=alt.Axis(tickCount=5))
        ),
        data.mark_point(filled=True, size=60, opacity=0).encode(
            x=x,
            y=alt.Y("area:Q"),
            tooltip=[
                alt.Tooltip("trial:Q", title="Finished trials"),
                alt.Tooltip("area:Q", title="Hypervolume", format=".1f"),
            ],
        ),
    ]
    sampled = [index for index, each in enumerate(result.trials) if each.source == "sampler"]
    if sampled and sampled[0] > 0:
        took_over = chart_of([{"trial": sampled[0] + 0.5, "text": "sampler"}])
        layers += [
            took_over.mark_rule(stroke=INK, strokeWidth=0.9, strokeDash=[4, 2], opacity=0.7).encode(x=alt.X("trial:Q")),
            took_over.mark_text(align="left", dx=4, baseline="bottom", fontSize=10.5).encode(
                x=alt.X("trial:Q"), y=alt.YValue(150), text="text:N"
            ),
        ]
    return figure(layered(layers, size=(400 if columns > 1 else 280, 160)))


def importances_figure(result: SearchTrials, *, columns: int = 2) -> Figure:
    """Share of each parameter in the variance of each objective over the searched space (percent).

    Raises UserError where there were too few trials to tell.
    """
    if not result.importances:
        raise UserError(f"{result.name}: too few trials to tell which parameter matters")
    names = sorted({name for shares in result.importances.values() for name in shares})
    records = [
        {
            "parameter": parameter_name(name),
            "objective": label,
            "share": round(100 * result.importances.get(objective, {}).get(name, 0.0), 3),
            "text": label if name == names[0] else "",
        }
        for objective, (_, label) in _OBJECTIVES.items()
        for name in names
    ]
    labels = [label for _, label in _OBJECTIVES.values()]
    data = chart_of(records).encode(
        x=alt.X("share:Q", title="Importance (%)", axis=alt.Axis(tickCount=5)),
        y=alt.Y("parameter:N", sort=None, title=None, axis=alt.Axis(domain=False, ticks=False)),
        yOffset=alt.YOffset("objective:N", sort=None, scale=alt.Scale(domain=labels)),
    )
    bars = data.mark_bar().encode(
        color=alt.Color(
            "objective:N",
            scale=alt.Scale(domain=labels, range=[color for color, _ in _OBJECTIVES.values()]),
            legend=alt.Legend(orient="top", symbolType="square", title=None),
        ),
        tooltip=[
            alt.Tooltip("parameter:N", title="Parameter"),
            alt.Tooltip("objective:N", title="Objective"),
            alt.Tooltip("share:Q", title="Share (%)", format=".1f"),
        ],
    )
    # The two differ by more than colour: they are named where they begin.
    words = data.mark_text(align="left", dx=4, fontSize=10).encode(text=alt.Text("text:N"))
    return figure(layered([bars, words], size=(380 if columns > 1 else 240, 38 * len(names))))


def _records(trial: SearchTrial, result: SearchTrials) -> list[dict[str, Any]]:
    """A trial's own mark, and the front's over it."""
    own = _SOURCES.get(trial.source, _TRIAL if trial.feasible else _OUTSIDE)
    on_front = trial.number in result.front
    role = "front, knee" if trial.number == result.knee else _FRONT if on_front else own
    found = []
    for kind in (own, *([_FRONT] if on_front else [])):
        x, y = _place(trial) or (0.0, 0.0)
        color, shape, area = _KINDS[kind]
        found.append(
            {
                **{"x": round(x, 4), "y": round(y, 4), "kind": kind, "color": color, "shape": shape, "area": area},
                **{"plain": kind in (_TRIAL, _OUTSIDE), "number": trial.number, "role": role},
                "point": "–" if trial.point is None else point_text(trial.point),
                "transfer": points(trial.transfer or 0.0),
                "localization": points(trial.localization or 0.0),
            }
        )
    return found


def _stairs(front: Sequence[tuple[float, float]]) -> list[alt.Chart]:
    """Below the front and never above it: what no trial was seen to reach is not claimed."""
    if not front:
        return []
    data = chart_of([{"x": round(x, 4), "y": round(y, 4)} for x, y in front])
    return [
        data.mark_line(interpolate="step-before", stroke=GREEN, strokeWidth=1.3).encode(x=alt.X("x:Q"), y=alt.Y("y:Q"))
    ]


def _knee(result: SearchTrials, places: Mapping[int, tuple[float, float]], frame: Frame) -> list[alt.Chart]:
    """A ring around the knee, and its layers and strengths in words."""
    if result.knee is None:
        return []
    x, y = places[result.knee]
    point = next((each.point for each in result.trials if each.number == result.knee), None)
    words = ["knee", *([] if point is None else point_text(point, between="\n").split("\n"))]
    label = Label(x=x, y=y, text="\n".join(words), size=11, distance=14)
    (place,) = place_labels(frame, [label], avoid=list(places.values()), taken=[(0, 0, 110, 44)])
    # The words stand in lines of their own, which grow from the place away from the mark.
    first = {"bottom": -13.0 * (len(words) - 1), "middle": -6.5 * (len(words) - 1), "top": 0.0}[place.baseline]
    here = chart_of([{"x": round(x, 4), "y": round(y, 4)}]).encode(x=alt.X("x:Q"), y=alt.Y("y:Q"))
    written = [
        layer
        for index, line in enumerate(words)
        for layer in halo(
            chart_of([{"x": round(x, 4), "y": round(y, 4), "text": line}]).encode(x=alt.X("x:Q"), y=alt.Y("y:Q")),
            text="text",
            dx=place.dx,
            dy=place.dy + first + 13.0 * index,
            align=place.align,
            baseline=place.baseline,
            fontSize=11,
            fontWeight="bold" if index == 0 else "normal",
        )
    ]
    return [here.mark_point(filled=False, stroke=INK, size=230, strokeWidth=1.6, opacity=1), *written]


def _place(trial: SearchTrial) -> tuple[float, float] | None:
    """Localization and transfer in points."""
    if trial.transfer is None or trial.localization is None:
        return None
    return 100 * trial.localization, 100 * trial.transfer


# --------------------------------------------------------------------------------------------------------------------
# The points of the searches on test: where each lies on the plane, and which of them are shipped.

_MARKED = "this model"
_FAINT, _PLAIN, _STRONG = 0.7, 1.0, 1.3


def candidates_figure(
    points: Mapping[str, tuple[str, Condition]],
    *,
    marked: str | None = None,
    dominated: Collection[str] = (),
    columns: int = 2,
) -> Figure:
    """Macro localization Δ against transfer Δ in points on test, with 95 % intervals.

    `points` maps each point's name to its checkpoint and its scores; the origin is the unaligned model, unsteered. Points
    of a checkpoint share colour and shape and are numbered from 1 in their order; those named in `dominated` are hollow.
    With `marked` that point alone stands out, and none is numbered. `columns=1` is drawn smaller, for a narrow page.
    """
    marks = []
    shapes = {}
    for number, (name, (checkpoint, condition)) in enumerate(points.items(), start=1):
        look = look_of_model(checkpoint)
        label = name_of_model(checkpoint)
        shapes[label] = look.shape
        text = str(number) if marked is None else _MARKED if name == marked else ""
        marks.append(
            Mark(
                series=label,
                kind=condition.note or condition.label,
                key=label,
                color=look.color,
                across=condition.delta["localization"][MACRO],
                up=condition.delta["transfer"][MACRO],
                hollow=name in dominated,
                faint=marked not in (None, name),
                size=_PLAIN if marked is None else _STRONG if name == marked else _FAINT,
                text=text,
                bold=True,
                letters=12.0,
            )
        )
    size = (460, 430) if columns > 1 else (300, 310)
    note = "hollow: dominated by another" if dominated else ""
    return figure(
        plane(marks, shapes=shapes, size=size, origin="unaligned", legend=list(shapes), columns=columns, note=note)
    )


# --------------------------------------------------------------------------------------------------------------------
# The figures of the searches, as far as there is something to draw.

CANDIDATES = "candidates"


def figure_name(checkpoint: str, what: str) -> str:
    """The name of a study's figure: `search-mist-front`."""
    return f"search-{checkpoint}-{what}"


def search_drawings(searches: Searches) -> list[Drawing]:
    """Of each study the front, the hypervolume over trials and the importances; then the candidates on test."""
    found = []
    for study in searches.studies:
        result = study.result
        if any(each.transfer is not None and each.localization is not None for each in result.trials):
            found.append(
                Drawing(
                    name=figure_name(study.checkpoint, "front"),
                    draw=partial(front_figure, result),
                    alternative=findings.front_alternative(study),
                    numbers=findings.front_numbers(study, statistic=searches.statistic),
                )
            )
        if result.hypervolume:
            found.append(
                Drawing(
                    name=figure_name(study.checkpoint, "hypervolume"),
                    draw=partial(hypervolume_figure, result),
                    alternative=findings.hypervolume_alternative(study),
                    numbers=findings.hypervolume_numbers(study),
                )
            )
        if result.importances:
            found.append(
                Drawing(
                    name=figure_name(study.checkpoint, "importances"),
                    draw=partial(importances_figure, result),
                    alternative=findings.importances_alternative(study),
                    numbers=findings.importances_numbers(study),
                )
            )
    if searches.candidates:
        found.append(
            Drawing(
                name=CANDIDATES,
                draw=partial(
                    candidates_figure,
                    {each.name: (each.checkpoint, each.condition) for each in searches.candidates},
                    dominated=[each.name for each in searches.candidates if each.dominated_by is not None],
                ),
                alternative=findings.candidates_alternative(searches),
                numbers=findings.candidates_numbers(searches),
            )
        )
    return found
