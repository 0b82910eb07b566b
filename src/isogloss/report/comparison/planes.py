"""The plane of methods (the paper's figure 2), and one for each language (figure 5a).

Each model is an arrow from the unaligned one at the origin; thin arrows lead from it to itself under EN, LOC and SUR.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from isogloss.errors import UserError
from isogloss.evaluate.results import MACRO, Comparison, Estimate, TrainedModel
from isogloss.report.canvas import plane_frame, quadrants, settle, whiskers
from isogloss.report.comparison.looks import SHAPE_NAMES, SHAPES, look_of_model
from isogloss.report.comparison.rows import NONE
from isogloss.report.findings import EN, LOC, SUR
from isogloss.report.labels import Label, place_labels
from isogloss.report.numbers import language_name
from isogloss.report.style import INK, PAPER, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Localization and transfer changes of one condition: across and up.
Place = tuple[Estimate, Estimate]
_SHORT = {EN: "EN", LOC: "LOC", SUR: "SUR"}


def methods_figure(comparison: Comparison, *, columns: int = 2) -> Figure:
    """Macro localization Δ against transfer Δ in points: every model, and EN, LOC and SUR on top of each.

    Crosses are 95 % intervals against the unaligned, unsteered model at the origin. `columns=1` is drawn smaller, so
    that its text can be read on a narrow page.
    """
    from matplotlib.figure import Figure

    models = placed(comparison, MACRO)
    if not models:
        raise UserError("no model of the comparison was measured on both axes, so the plane of methods is empty")
    with house_style():
        figure = Figure(figsize=(6.6, 6.0) if columns > 1 else (4.3, 5.0), layout="constrained")
        axes = figure.add_subplot()
        marks = [(0.0, 0.0)]
        labels: list[Label] = []
        for model, places in models:
            marks += _model(axes, model, places, labels, crosses=True, size=1.0 if columns > 1 else 0.85)
        plane_frame(axes, marks, origin="")
        labels = [Label(x=0, y=0, text=comparison.models[0].label, bold=True, size=10.5, distance=8.0), *labels]
        figure.legend(handles=_shapes(), loc="outside lower center", ncols=4 if columns > 1 else 2, fontsize=8.5)
        settle(figure)
        # Names of models first: they may take the best places.
        place_labels(axes, sorted(labels, key=lambda label: not label.bold), avoid=marks)
    return figure


def languages_planes_figure(comparison: Comparison, *, columns: int = 2) -> Figure:
    """The plane of methods for each non-English language on one scale; intervals on the unsteered models alone."""
    from matplotlib.figure import Figure

    codes = plane_languages(comparison)
    if not codes:
        raise UserError("no language of the comparison was measured on both axes, so there are no planes to draw")
    wide = min(3 if columns > 1 else 2, len(codes))
    tall = -(-len(codes) // wide)
    with house_style():
        side = 3.3 if columns > 1 else 2.2
        figure = Figure(figsize=(side * wide + 0.3, side * 0.95 * tall + 0.7), layout="constrained")
        grid = figure.subplots(tall, wide, squeeze=False, sharex=True, sharey=True)
        every: list[tuple[float, float]] = [(0.0, 0.0)]
        named: list[tuple[list[Label], list[tuple[float, float]]]] = []
        for axes, code in zip(grid.flat, codes, strict=False):
            labels: list[Label] = []
            marks = [(0.0, 0.0)]
            for model, places in placed(comparison, code):
                marks += _model(axes, model, places, labels, crosses=False, size=0.62)
            every += marks
            named.append(([replace(label, size=7.5, distance=7.0) for label in labels if label.bold], marks))
        for axes, code in zip(grid.flat, codes, strict=False):
            quadrants(axes, every)
            axes.plot(0, 0, "o", color=INK, markersize=4, zorder=5)
            axes.set_title(language_name(code))
        for axes in grid.flat[len(codes) :]:
            axes.remove()
        for axes in grid[:, 0]:
            axes.set_ylabel("Transfer Δ (points)")
        for axes in grid.flat[max(0, len(codes) - wide) : len(codes)]:
            axes.set_xlabel("Localization Δ (points)")
            axes.tick_params(labelbottom=True)
        figure.legend(handles=_shapes(), loc="outside lower center", ncols=4 if columns > 1 else 2, fontsize=8.5)
        settle(figure)
        for axes, (labels, marks) in zip(grid.flat, named, strict=False):
            place_labels(axes, labels, avoid=marks)
    return figure


def plane_languages(comparison: Comparison) -> list[str]:
    """The non-English languages in which any model was measured on both axes."""
    return [code for code in comparison.languages if code != "en" and placed(comparison, code)]


def placed(comparison: Comparison, code: str) -> list[tuple[TrainedModel, dict[str, Place]]]:
    """Where each model and its steered variants stand, by condition; the unaligned one itself is the origin."""
    found = []
    for model in comparison.models:
        places = {}
        for condition in model.conditions:
            across, up = (condition.delta.get(axis, {}).get(code) for axis in ("localization", "transfer"))
            if condition.name in SHAPES and across is not None and up is not None:
                places[condition.name] = (across, up)
        if places:
            found.append((model, places))
    return found


def _model(
    axes: Axes,
    model: TrainedModel,
    places: dict[str, Place],
    labels: list[Label],
    *,
    crosses: bool,
    size: float,
) -> list[tuple[float, float]]:
    """A model and its steered variants with arrows; adds their labels, returns points along what was drawn."""
    color = look_of_model(model.name).color
    own = _at(places[NONE]) if NONE in places else (0.0, 0.0)
    found: list[tuple[float, float]] = []
    if NONE in places:
        _arrow(axes, (0.0, 0.0), own, color, width=1.8 * size, near=5 * size)
        found += [(step * own[0], step * own[1]) for step in (0.25, 0.5, 0.75)]
        labels.append(Label(x=own[0], y=own[1], text=model.label, color=color, bold=True, size=10.5, distance=10.0))
    for name, place in places.items():
        x, y = _at(place)
        plain = name == NONE
        if not plain:
            _arrow(axes, own, (x, y), color, width=0.9 * size, near=4 * size)
            found.append(((own[0] + x) / 2, (own[1] + y) / 2))
            labels.append(Label(x=x, y=y, text=_SHORT[name], color=color, size=7.5, distance=6.0))
        across, up = place
        whole = crosses or plain
        axes.errorbar(
            x,
            y,
            xerr=whiskers([across]) if whole else None,
            yerr=whiskers([up]) if whole else None,
            fmt=SHAPES[name],
            color=color,
            markersize=(9.5 if plain else 6.5) * size,
            markerfacecolor=color if plain else PAPER,
            markeredgecolor=PAPER if plain else color,
            markeredgewidth=0.8 if plain else 1.2 * max(size, 0.8),
            elinewidth=1.2 * size * size if plain else 0.5,
            zorder=5 if plain else 4,
        )
        found.append((x, y))
        if whole:
            found += _cross(place)
    return found


def _arrow(
    axes: Axes, start: tuple[float, float], end: tuple[float, float], color: str, *, width: float, near: float
) -> None:
    axes.annotate(
        "",
        end,
        start,
        arrowprops={"arrowstyle": "-|>", "color": color, "lw": width, "shrinkA": near, "shrinkB": near, "alpha": 0.7},
        zorder=3,
    )


def _cross(place: Place) -> list[tuple[float, float]]:
    """Points along both intervals."""
    x, y = _at(place)
    (left,), (right,) = whiskers([place[0]])
    (down,), (up,) = whiskers([place[1]])
    steps = (0.33, 0.66, 1.0)
    return [(x + step * reach, y) for step in steps for reach in (-left, right)] + [
        (x, y + step * reach) for step in steps for reach in (-down, up)
    ]


def _at(place: Place) -> tuple[float, float]:
    return 100 * place[0].value, 100 * place[1].value


def _shapes() -> list[object]:
    from matplotlib.lines import Line2D

    return [
        Line2D(
            [],
            [],
            linestyle="",
            marker=marker,
            color=INK,
            markersize=8 if name == NONE else 6.5,
            markerfacecolor=INK if name == NONE else PAPER,
            label=SHAPE_NAMES[name],
        )
        for name, marker in SHAPES.items()
    ]
