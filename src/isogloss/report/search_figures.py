"""Figures of searches: fronts, hypervolume, importances, points on test. One figure family, so a little over 500 lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import altair as alt

from isogloss.data.rows import AXES
from isogloss.report.chart import (
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
    Figure,
    Layout,
    chart_of,
    halo,
    layered,
    model_look,
    pivot,
    shape_legend,
)
from isogloss.report.labels import Frame, Label, place_labels
from isogloss.report.plane import Mark, extent, frame_layers, plane
from isogloss.report.searches import (
    CandidateOnTest,
    SearchedModel,
    Searches,
    model_text,
    paper_trial,
    parameter_name,
    place_text,
    point_text,
)
from isogloss.results.format import delta_text, points
from isogloss.results.names import QUANTITIES, model_label
from isogloss.results.scores import MACRO, Condition
from isogloss.search.result import SearchResult, TrialRecord

CANDIDATES = "candidates"


def figure_name(checkpoint: str, what: str) -> str:
    """The name of a study's figure: `search-mist-front`."""
    return f"search-{checkpoint}-{what}"


def search_figures(searches: Searches) -> list[Figure[Any]]:
    """Of each study the front, the hypervolume over trials and the importances; then the candidates on test."""
    figures: list[Figure[Any] | None] = []
    for study in searches.studies:
        figures += [
            front_figure(study, statistic=searches.statistic),
            hypervolume_figure(study),
            importances_figure(study),
        ]
    figures.append(candidates_figure(searches))
    return [figure for figure in figures if figure is not None]


# --------------------------------------------------------------------------------------------------------------------
# The trials on dev2 and their front.

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
#: What proposed a trial.
_SOURCES = {
    "zero": "γ = 0",
    "paper": "the paper's point",
    "sweep": "the sweep's choice",
    "first-order": "first-order estimate",
    "sampler": "sampler",
}
#: Details of a trial that are columns of the table.
_DETAILS = {
    "transfer_accuracy": "Accuracy: transfer Δ",
    "localization_accuracy": "localization Δ",
    "english_bias": "English bias Δ",
}


def front_figure(study: SearchedModel, *, statistic: str) -> Figure[TrialRecord] | None:
    """All trials on the plane (localization Δ, transfer Δ, in points), the front as a staircase, and the knee.

    Crosses are trials outside the constraints; points that were tried first have marks of their own. None where no trial
    has scores.
    """
    result = study.result
    if not any(map(_place, result.trials)):
        return None
    scored = sum(trial.transfer is not None for trial in result.trials)
    parts = [f"{scored} trials of {model_text(study)} on dev2, localization change across and transfer change up"]
    if result.front:
        first, last = result.front_trials[0], result.front_trials[-1]
        parts.append(f"a front of {len(result.front)} from {place_text(first)} to {place_text(last)}")
    if result.knee is not None:
        parts.append(f"the knee at {place_text(result.trial(result.knee))}")
    if paper := paper_trial(result):
        parts.append(f"the paper's point at {place_text(paper)}")
    # Where accuracy is what was maximised, its columns would say the same twice.
    details = {name: title for name, title in _DETAILS.items() if statistic != "accuracy" or "accuracy" not in name}
    return Figure(
        name=figure_name(study.checkpoint, "front"),
        records=result.trials,
        chart=partial(_front_chart, result=result),
        alt=f"{'; '.join(parts)}. In points.",
        caption=(
            "Every trial on dev2, mean over the non-English languages. Diamonds and line: the front. Proposals of the "
            f"sampler ({result.sampler.upper()}) are small."
        ),
        table={
            "Trial": lambda trial: str(trial.number),
            "What became of it": partial(_role, result),
            "Proposed by": lambda trial: _SOURCES.get(trial.source, trial.source),
            "Point": lambda trial: "–" if trial.point is None else str(trial.point),
            "Transfer Δ": lambda trial: _score(trial.transfer),
            "Localization Δ": lambda trial: _score(trial.localization),
            **{title: lambda trial, name=name: _score(trial.details.get(name)) for name, title in details.items()},  # type: ignore[misc]
        },
        names=4,
    )


def _role(result: SearchResult, trial: TrialRecord) -> str:
    if trial.transfer is None:
        return trial.state
    if trial.number == result.knee:
        return "front, knee"
    if trial.number in result.front:
        return "front"
    return "behind the front" if trial.feasible else "outside the constraints"


def _score(score: float | None) -> str:
    return "–" if score is None else points(score)


def _front_chart(records: Sequence[TrialRecord], columns: int, *, result: SearchResult) -> Layout:
    places = {trial.number: place for trial in records if (place := _place(trial))}
    size = (460, 430) if columns > 1 else (300, 310)
    left, right, bottom, top = limits = extent(places.values(), height=size[1])
    frame = Frame(left=left, right=right, bottom=bottom, top=top, width=size[0], height=size[1])
    rows = [row for trial in records if trial.number in places for row in _trial_rows(trial, result)]
    shown = [kind for kind in _KINDS if any(row["kind"] == kind for row in rows)]
    data, front = (
        chart_of(drawn).encode(x=alt.X("x:Q"), y=alt.Y("y:Q"))
        for drawn in (rows, [_rounded(places[number]) for number in result.front])
    )
    layers = [
        *frame_layers(limits, words=True),
        *shape_legend(
            {kind: _KINDS[kind][1] for kind in shown}, 1 + columns, colors={kind: _KINDS[kind][0] for kind in shown}
        ),
        # Below the front and never above it: what no trial was seen to reach is not claimed.
        *([front.mark_line(interpolate="step-before", stroke=GREEN, strokeWidth=1.3)] if result.front else []),
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
    return layered(layers, size=size)


def _trial_rows(trial: TrialRecord, result: SearchResult) -> list[dict[str, Any]]:
    """A trial's own mark, and the front's over it."""
    plain = _TRIAL if trial.feasible else _OUTSIDE
    kind = plain if trial.source in ("zero", "sampler") else _SOURCES.get(trial.source, plain)
    on_front = trial.number in result.front
    role = "front, knee" if trial.number == result.knee else _FRONT if on_front else kind
    rows = []
    for mark in (kind, *([_FRONT] if on_front else [])):
        color, shape, area = _KINDS[mark]
        rows.append(
            {
                **_rounded(_place(trial) or (0.0, 0.0)),
                **{"kind": mark, "color": color, "shape": shape, "area": area},
                **{"plain": mark in (_TRIAL, _OUTSIDE), "number": trial.number, "role": role},
                "point": "–" if trial.point is None else point_text(trial.point),
                "transfer": points(trial.transfer or 0.0),
                "localization": points(trial.localization or 0.0),
            }
        )
    return rows


def _knee(result: SearchResult, places: Mapping[int, tuple[float, float]], frame: Frame) -> list[alt.Chart]:
    """A ring around the knee, and its layers and strengths in words."""
    if result.knee is None:
        return []
    x, y = places[result.knee]
    point = result.trial(result.knee).point
    words = ["knee", *([] if point is None else point_text(point, between="\n").split("\n"))]
    label = Label(x=x, y=y, text="\n".join(words), size=11, distance=14)
    (place,) = place_labels(frame, [label], avoid=list(places.values()), taken=[(0, 0, 110, 44)])
    # The words stand in lines of their own, which grow from the place away from the mark.
    first = {"bottom": -13.0 * (len(words) - 1), "middle": -6.5 * (len(words) - 1), "top": 0.0}[place.baseline]
    here = chart_of([_rounded((x, y))]).encode(x=alt.X("x:Q"), y=alt.Y("y:Q"))
    written = [
        layer
        for index, line in enumerate(words)
        for layer in halo(
            chart_of([{**_rounded((x, y)), "text": line}]).encode(x=alt.X("x:Q"), y=alt.Y("y:Q")),
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


def _rounded(place: tuple[float, float]) -> dict[str, float]:
    return {"x": round(place[0], 4), "y": round(place[1], 4)}


def _place(trial: TrialRecord) -> tuple[float, float] | None:
    """Localization and transfer in points."""
    if trial.transfer is None or trial.localization is None:
        return None
    return 100 * trial.localization, 100 * trial.transfer


# --------------------------------------------------------------------------------------------------------------------
# The hypervolume of the front over trials.


class Area(NamedTuple):
    """The hypervolume in squared points after `trial` finished trials; `grew` where it is another than before."""

    trial: int
    area: float
    grew: bool


def hypervolume_figure(study: SearchedModel) -> Figure[Area] | None:
    """Hypervolume of the front (in squared points) after each finished trial, and where the sampler took over.

    None where no trial is finished.
    """
    result, curve = study.result, study.result.hypervolume
    if not curve:
        return None
    records = [
        Area(count, 1e4 * area, count == 1 or area != curve[count - 2]) for count, area in enumerate(curve, start=1)
    ]
    sampled = [index for index, trial in enumerate(result.trials) if trial.source == "sampler"]
    nearly = next(record.trial for record in records if record.area >= 0.9 * records[-1].area)
    reference = "transfer {}, localization {}".format(*map(points, result.reference))
    return Figure(
        name=figure_name(study.checkpoint, "hypervolume"),
        records=records,
        chart=partial(_hypervolume_chart, took_over=sampled[0] if sampled else 0),
        alt=(
            f"Hypervolume of the front of {model_text(study)} over {len(records)} finished trials: it ends at "
            f"{records[-1].area:.1f} squared points and is at nine tenths of that after trial {nearly}."
        ),
        caption=f"The area that the front covers above {reference}. Where it is flat, more trials found nothing better.",
        table={
            "Finished trials": lambda record: str(record.trial),
            "Hypervolume (points²)": lambda record: f"{record.area:.2f}",
        },
        tabled=lambda record: record.grew or record.trial == len(records),
    )


def _hypervolume_chart(records: Sequence[Area], columns: int, *, took_over: int) -> Layout:
    data = chart_of([{"trial": record.trial, "area": round(record.area, 4)} for record in records])
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
    if took_over:
        start = chart_of([{"trial": took_over + 0.5, "text": "sampler"}])
        layers += [
            start.mark_rule(stroke=INK, strokeWidth=0.9, strokeDash=[4, 2], opacity=0.7).encode(x=alt.X("trial:Q")),
            start.mark_text(align="left", dx=4, baseline="bottom", fontSize=10.5).encode(
                x=alt.X("trial:Q"), y=alt.YValue(150), text="text:N"
            ),
        ]
    return layered(layers, size=(400 if columns > 1 else 280, 160))


# --------------------------------------------------------------------------------------------------------------------
# What the scores depend on.

_OBJECTIVES = {"transfer": BLUE, "localization": VERMILLION}


Importance = tuple[str, str, float]
"""An objective, a parameter, and its share in the variance of the objective, in percent."""


def importances_figure(study: SearchedModel) -> Figure[Importance] | None:
    """Share of each parameter in the variance of each objective over the searched space (percent).

    None where there were too few trials to tell.
    """
    importances = study.result.importances
    if not importances:
        return None
    names = sorted({name for shares in importances.values() for name in shares})
    records = [
        (axis, parameter_name(name), 100 * importances.get(axis, {}).get(name, 0.0))
        for axis in _OBJECTIVES
        for name in names
    ]
    parts = []
    for objective, shares in importances.items():
        ranked = sorted(shares, key=lambda name: -shares[name])
        listed = ", ".join(f"{parameter_name(name)} {100 * shares[name]:.0f} %" for name in ranked)
        parts.append(f"{objective}: {listed}")
    columns = {objective: f"{objective.capitalize()} (%)" for objective in _OBJECTIVES}
    cells = (((parameter,), columns[objective], f"{share:.1f}") for objective, parameter, share in records)
    return Figure(
        name=figure_name(study.checkpoint, "importances"),
        records=records,
        chart=_importances_chart,
        alt=(
            f"How much of each score's variation over the trials of {model_text(study)} each parameter explains. "
            f"{'; '.join(parts)}."
        ),
        caption=(
            "What each score depends on: the share of its variance over the searched space that fANOVA gives to a parameter."
        ),
        numbers=pivot(cells, ("Parameter",), tuple(columns.values())),
    )


def _importances_chart(records: Sequence[Importance], columns: int) -> Layout:
    parameters = list(dict.fromkeys(parameter for _, parameter, _ in records))
    rows = [
        {
            "parameter": parameter,
            "objective": objective.capitalize(),
            "share": round(share, 3),
            "text": objective.capitalize() if parameter == parameters[0] else "",
        }
        for objective, parameter, share in records
    ]
    labels = [objective.capitalize() for objective in _OBJECTIVES]
    data = chart_of(rows).encode(
        x=alt.X("share:Q", title="Importance (%)", axis=alt.Axis(tickCount=5)),
        y=alt.Y("parameter:N", sort=None, title=None, axis=alt.Axis(domain=False, ticks=False)),
        yOffset=alt.YOffset("objective:N", sort=None, scale=alt.Scale(domain=labels)),
    )
    bars = data.mark_bar().encode(
        color=alt.Color(
            "objective:N",
            scale=alt.Scale(domain=labels, range=list(_OBJECTIVES.values())),
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
    return layered([bars, words], size=(380 if columns > 1 else 240, 38 * len(parameters)))


# --------------------------------------------------------------------------------------------------------------------
# The points on test: where each lies on the plane, and which of them are shipped.

_MARKED = "this model"
_FAINT, _PLAIN, _STRONG = 0.7, 1.0, 1.3


class Candidate(Protocol):
    """A point on test: the checkpoint that it steers, its scores, and which other point is better, if one is."""

    @property
    def name(self) -> str: ...
    @property
    def checkpoint(self) -> str: ...
    @property
    def condition(self) -> Condition: ...
    @property
    def dominated_by(self) -> str | None: ...


def candidates_figure(searches: Searches) -> Figure[CandidateOnTest] | None:
    """The candidates of the searches on test; None where there are none."""
    if not searches.candidates:
        return None
    places = [
        f"{number}, {candidate.label} with {point_text(candidate.point)}, at "
        f"{', '.join(points(candidate.change(axis).value) for axis in AXES)}"
        f"{'' if candidate.dominated_by is None else ' (dominated)'}"
        for number, candidate in enumerate(searches.candidates, start=1)
    ]
    hollow = (
        " Hollow: another is at least as good on both axes." if len(searches.kept) < len(searches.candidates) else ""
    )
    return Figure(
        name=CANDIDATES,
        records=searches.candidates,
        chart=candidates_chart,
        alt=(
            "Plane of localization change (across) against transfer change (up) on test, in points from the unaligned "
            f"model, unsteered, at the origin. Transfer, localization: {'; '.join(places)}."
        ),
        caption=(
            "Numbered as in the table: points of the fronts on items that did not choose them, with 95\u00a0% intervals. "
            f"Colour and shape: the model that is steered.{hollow}"
        ),
        table={
            "Number": lambda candidate: str(searches.number(candidate.name)),
            "Model": lambda candidate: candidate.label,
            "Trial": lambda candidate: str(candidate.trial),
            "Point": lambda candidate: str(candidate.point),
            "On test": searches.outcome,
            "Transfer Δ": lambda candidate: delta_text(candidate.change("transfer")),
            "Localization Δ": lambda candidate: delta_text(candidate.change("localization")),
            f"{QUANTITIES['english_bias']} Δ": lambda candidate: delta_text(candidate.condition.bias_delta.get(MACRO)),
        },
        names=5,
    )


def candidates_chart(candidates: Sequence[Candidate], columns: int = 2, *, marked: str | None = None) -> Layout:
    """Macro localization Δ against transfer Δ in points on test, with 95 % intervals.

    The origin is the unaligned model, unsteered. Points of a checkpoint share colour and shape and are numbered from 1 in
    their order; dominated ones are hollow. With `marked` that point alone stands out, and none is numbered or hollow.
    """
    marks, shapes = [], {}
    for number, candidate in enumerate(candidates, start=1):
        condition = candidate.condition
        look, label = model_look(candidate.checkpoint), model_label(candidate.checkpoint)
        shapes[label] = look.shape
        stands_out = candidate.name == marked
        marks.append(
            Mark(
                series=label,
                kind=condition.note or condition.label,
                key=label,
                color=look.color,
                across=condition.delta["localization"][MACRO],
                up=condition.delta["transfer"][MACRO],
                hollow=marked is None and candidate.dominated_by is not None,
                faint=not (marked is None or stands_out),
                size=_PLAIN if marked is None else _STRONG if stands_out else _FAINT,
                text=str(number) if marked is None else _MARKED if stands_out else "",
                bold=True,
                letters=12.0,
            )
        )
    size = (460, 430) if columns > 1 else (300, 310)
    note = "hollow: dominated by another" if any(mark.hollow for mark in marks) else ""
    return plane(marks, shapes=shapes, size=size, origin="unaligned", legend=list(shapes), columns=columns, note=note)
