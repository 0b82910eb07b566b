"""The points of the searches on test: where each lies on the plane, and which of them are shipped."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from isogloss.evaluate.results import MACRO, Condition, Estimate
from isogloss.report.canvas import plane_frame, settle, whiskers
from isogloss.report.comparison.looks import look_of_model, name_of_model
from isogloss.report.labels import Label, place_labels
from isogloss.report.style import INK, PAPER, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_DOMINATED = "hollow: dominated by another"
_MARKED = "this model"


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
    from matplotlib.figure import Figure

    places = {
        name: (condition.delta["localization"][MACRO], condition.delta["transfer"][MACRO])
        for name, (_, condition) in points.items()
    }
    marks = {name: (100 * across.value, 100 * up.value) for name, (across, up) in places.items()}
    with house_style():
        figure = Figure(figsize=(5.8, 5.2) if columns > 1 else (4.3, 4.6), layout="constrained")
        axes = figure.subplots()
        ends = _along(places)
        plane_frame(axes, [*marks.values(), *ends, (0.0, 0.0)], origin="unaligned, unsteered")
        for name, (checkpoint, _) in points.items():
            _mark(
                axes,
                places[name],
                checkpoint,
                hollow=name in dominated,
                strength="faint" if marked not in (None, name) else "strong" if name == marked else "plain",
            )
        _legend(
            figure, axes, [checkpoint for checkpoint, _ in points.values()], hollow=bool(dominated), columns=columns
        )
        settle(figure)
        if marked is None:
            names = {name: str(number) for number, name in enumerate(points, start=1)}
        else:
            names = {marked: _MARKED}
        labels = [Label(x=marks[name][0], y=marks[name][1], text=text, bold=True) for name, text in names.items()]
        place_labels(axes, labels, avoid=[*marks.values(), (0.0, 0.0), *ends])
    return figure


_SIZES = {"faint": (5.5, 0.35), "plain": (7.0, 1.0), "strong": (10.0, 1.0)}


def _mark(axes: Axes, place: tuple[Estimate, Estimate], checkpoint: str, *, hollow: bool, strength: str) -> None:
    across, up = place
    look = look_of_model(checkpoint)
    size, alpha = _SIZES[strength]
    axes.errorbar(
        100 * across.value,
        100 * up.value,
        xerr=whiskers([across]),
        yerr=whiskers([up]),
        fmt=look.marker,
        color=look.color,
        markersize=size,
        markerfacecolor=PAPER if hollow else look.color,
        markeredgecolor=look.color,
        markeredgewidth=1.2,
        elinewidth=0.8,
        alpha=alpha,
        zorder=4 if strength == "strong" else 3,
    )


def _legend(figure: Figure, axes: Axes, checkpoints: list[str], *, hollow: bool, columns: int) -> None:
    from matplotlib.lines import Line2D

    handles, _ = axes.get_legend_handles_labels()
    for checkpoint in dict.fromkeys(checkpoints):
        look = look_of_model(checkpoint)
        handles.append(
            Line2D([], [], linestyle="", marker=look.marker, color=look.color, label=name_of_model(checkpoint))
        )
    if hollow:
        handles.append(Line2D([], [], linestyle="", marker="o", color=INK, markerfacecolor=PAPER, label=_DOMINATED))
    figure.legend(handles=handles, loc="outside lower center", ncols=1 + columns, fontsize=8.5, columnspacing=1.2)


def _along(places: Mapping[str, tuple[Estimate, Estimate]]) -> list[tuple[float, float]]:
    """Points along the intervals, for labels to keep off."""
    found = []
    for across, up in places.values():
        x, y = 100 * across.value, 100 * up.value
        (left,), (right,) = whiskers([across])
        (down,), (top,) = whiskers([up])
        for step in (0.3, 0.65, 1.0):
            found += [(x - step * left, y), (x + step * right, y), (x, y - step * down), (x, y + step * top)]
    return found
