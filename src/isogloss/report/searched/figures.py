"""The figures of a search: its trials and their front on the plane, hypervolume over trials, and what scores depend on.

In points or percent. Each function takes a search's result and returns a :class:`matplotlib.figure.Figure` made without
pyplot; `columns=1` is drawn smaller, so that its text can be read on a narrow page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from isogloss.errors import UserError
from isogloss.report.canvas import plane_frame, settle
from isogloss.report.labels import Label, place_labels
from isogloss.report.searched.study import SearchTrial, SearchTrials, point_text
from isogloss.report.style import BLUE, GREEN, INK, ORANGE, PAPER, PURPLE, VERMILLION, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


#: Colour, marker and legend of the points that are tried first. γ = 0 is the origin.
_STARTS = {
    "paper": (PURPLE, "*", 11.0, "the paper's point"),
    "sweep": (BLUE, "s", 6.0, "the sweep's choice"),
    "first-order": (ORANGE, "P", 8.0, "first-order estimate"),
}
_OBJECTIVES = {"transfer": (BLUE, "Transfer"), "localization": (VERMILLION, "Localization")}


def front_figure(result: SearchTrials, *, columns: int = 2) -> Figure:
    """All trials on the plane (localization Δ, transfer Δ, in points), the front as a staircase, and the knee.

    Crosses are trials outside the constraints; points that were tried first have marks of their own. Raises UserError
    where no trial has scores.
    """
    from matplotlib.figure import Figure

    places = {each.number: place for each in result.trials if (place := _place(each))}
    if not places:
        raise UserError(f"{result.name}: no trial has scores yet, so there is nothing to draw")
    with house_style():
        figure = Figure(figsize=(5.8, 5.4) if columns > 1 else (4.3, 4.7), layout="constrained")
        axes = figure.add_subplot()
        _trials(axes, result, places)
        front = [places[number] for number in result.front]
        if front:
            axes.step(*zip(*front, strict=True), where="pre", color=GREEN, linewidth=1.2, zorder=3)
            axes.plot(*zip(*front, strict=True), "D", color=GREEN, markersize=5.5, zorder=4, label="front")
        if result.knee is not None:
            axes.plot(
                *places[result.knee],
                "o",
                markersize=13,
                markerfacecolor="none",
                markeredgecolor=INK,
                markeredgewidth=1.3,
                zorder=5,
                label="knee",
            )
        plane_frame(axes, [(0.0, 0.0), *places.values()], origin="unsteered")
        figure.legend(loc="outside lower center", ncols=3 if columns > 1 else 2, fontsize=8.5, columnspacing=1.4)
        settle(figure)
        point = next((each.point for each in result.trials if each.number == result.knee), None)
        if result.knee is not None and point is not None:
            x, y = places[result.knee]
            words = point_text(point, between="\n")
            place_labels(axes, [Label(x=x, y=y, text=words)], avoid=[*places.values()])
    return figure


def _trials(axes: Axes, result: SearchTrials, places: Mapping[int, tuple[float, float]]) -> None:
    """The marks of the trials, a series for each kind of mark."""
    scored = [each for each in result.trials if each.number in places]
    plain = [each for each in scored if each.source not in _STARTS]
    series = [
        ([each for each in plain if each.feasible], (INK, "o", 3.5, "trial")),
        ([each for each in plain if not each.feasible], (VERMILLION, "x", 4.5, "outside the constraints")),
        *(([each for each in scored if each.source == source], look) for source, look in _STARTS.items()),
    ]
    for trials, (color, marker, size, label) in series:
        if trials:
            axes.plot(
                *zip(*(places[each.number] for each in trials), strict=True),
                linestyle="none",
                marker=marker,
                markersize=size,
                color=color,
                markeredgecolor=color if marker in "ox" else PAPER,
                markeredgewidth=1.0 if marker == "x" else 0.5,
                alpha=0.5 if marker in "ox" else 1.0,
                zorder=4 if marker not in "ox" else 2,
                label=label,
            )


def hypervolume_figure(result: SearchTrials, *, columns: int = 2) -> Figure:
    """Hypervolume of the front (in squared points) after each finished trial, and where the sampler took over.

    Raises UserError where no trial is finished.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    if not result.trials:
        raise UserError(f"{result.name}: no trial is finished yet, so there is nothing to draw")
    with house_style():
        figure = Figure(figsize=(5.8, 2.8) if columns > 1 else (4.3, 2.5), layout="constrained")
        axes = figure.add_subplot()
        counts = range(1, len(result.trials) + 1)
        axes.step(counts, [1e4 * each for each in result.hypervolume], where="post", color=GREEN, linewidth=1.6)
        sampled = [index for index, each in enumerate(result.trials) if each.source == "sampler"]
        if sampled and sampled[0] > 0:
            axes.axvline(sampled[0] + 0.5, color=INK, linewidth=0.8, linestyle=(0, (4, 2)), alpha=0.7)
            axes.text(sampled[0] + 0.5, 0.03, " sampler", transform=axes.get_xaxis_transform(), fontsize=8)
        axes.set_ylim(bottom=0)
        axes.margins(x=0.02)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("Finished trials")
        axes.set_ylabel("Hypervolume (points²)")
        settle(figure)
    return figure


def importances_figure(result: SearchTrials, *, columns: int = 2) -> Figure:
    """Share of each parameter in the variance of each objective over the searched space (percent).

    Raises UserError where there were too few trials to tell.
    """
    from matplotlib.figure import Figure

    if not result.importances:
        raise UserError(f"{result.name}: too few trials to tell which parameter matters")
    names = sorted({name for shares in result.importances.values() for name in shares})
    with house_style():
        figure = Figure(figsize=(5.8 if columns > 1 else 4.3, 0.42 * len(names) + 1.2), layout="constrained")
        axes = figure.add_subplot()
        height = 0.38
        for rank, (objective, (color, label)) in enumerate(_OBJECTIVES.items()):
            shares = result.importances.get(objective, {})
            rows = [row + height * (rank - 0.5) for row in range(len(names))]
            widths = [100 * shares.get(name, 0.0) for name in names]
            hatch = "//" if rank else None  # so that the two differ by more than colour
            axes.barh(rows, widths, height, color=color, label=label, hatch=hatch, edgecolor=PAPER, linewidth=0.5)
        axes.set_yticks(range(len(names)), [parameter_name(name) for name in names])
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.tick_params(axis="y", length=0)
        axes.set_xlabel("Importance (%)")
        figure.legend(loc="outside upper left", ncols=2, fontsize=9)
        settle(figure)
    return figure


def _place(trial: SearchTrial) -> tuple[float, float] | None:
    """Localization and transfer in points."""
    if trial.transfer is None or trial.localization is None:
        return None
    return 100 * trial.localization, 100 * trial.transfer


def parameter_name(name: str) -> str:
    """A parameter in words: `LOC γ, ko` for `loc_gamma.ko`."""
    field, _, language = name.partition(".")
    kind, _, what = field.partition("_")
    return f"{kind.upper()} {'γ' if what == 'gamma' else what}" + (f", {language}" if language else "")
