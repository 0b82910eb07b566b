"""The three figures: the plane, the sweep over layers, and the languages.

In points or percent. Each function returns a :class:`matplotlib.figure.Figure` made without pyplot, so that nothing
global changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

from isogloss.data.rows import Axis
from isogloss.errors import UserError
from isogloss.evaluate.results import MACRO, Condition, Estimate, Results, SweepPoint
from isogloss.report.canvas import plane_frame, settle, whiskers
from isogloss.report.findings import COUNTRY, LOC_MID, headline, macro_delta
from isogloss.report.labels import Label, place_labels, spread
from isogloss.report.numbers import language_name
from isogloss.report.style import BLUE, INK, PAPER, VERMILLION, Look, house_style, look_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_KINDS = {"en": ("EN-steering", BLUE), "loc": ("LOC-steering", VERMILLION)}
_AXES: tuple[Axis, Axis] = ("transfer", "localization")
#: Line style and marker by rank of γ, so that lines differ by more than shade.
_STROKES = ((":", "v"), ("--", "o"), ("-", "s"), ("-.", "^"), ((0, (5, 1, 1, 1, 1, 1)), "D"))


def plane_figure(results: Results, *, columns: int = 2) -> Figure:
    """Localization Δ against transfer Δ in points, both to the unsteered model at the origin.

    Large markers with crosses: macro means and their intervals; hollow ones, named below: LOC in EN's layer and the
    controls. Small markers: languages, for the methods. The quadrant where transfer is gained and localization lost is
    marked as erasure. `columns=1` is drawn smaller, so that its text can be read on a narrow page.
    """
    from matplotlib.figure import Figure

    placed = [
        each for each in results.conditions if macro_delta(each, "transfer") and macro_delta(each, "localization")
    ]
    if not placed:
        raise UserError(
            f"{results.pipeline}: no condition was compared with the unsteered model, so the plane is empty"
        )
    with house_style():
        figure = Figure(figsize=(5.8, 5.4) if columns > 1 else (4.2, 4.8), layout="constrained")
        axes = figure.add_subplot()
        marks = [(0.0, 0.0)]
        small: list[Label] = []
        for condition in placed:
            marks += _plane_languages(axes, condition, small)
            marks += _plane_macro(axes, condition)
        plane_frame(axes, marks, origin=results.baseline.label)
        # The others crowd around the origin, where labels of their own would cover one another.
        figure.legend(loc="outside lower center", ncols=2, fontsize=8.5, columnspacing=1.4)
        settle(figure)
        big = [
            Label(
                x=_points(macro_delta(each, "localization")),
                y=_points(macro_delta(each, "transfer")),
                text=each.label,
                color=look_of(each.name).color,
                bold=True,
                size=10.0,
                distance=10.0,
            )
            for each in placed
            if _leads(each)
        ]
        place_labels(axes, big, avoid=marks)
        place_labels(axes, small, avoid=marks)
    return figure


def _leads(condition: Condition) -> bool:
    """Whether a condition has an arrow, a name and its languages on the plane: a method, but LOC in EN's layer."""
    return condition.role == "method" and condition.name != LOC_MID


def _plane_languages(axes: Axes, condition: Condition, labels: list[Label]) -> list[tuple[float, float]]:
    """Small markers by language for a method; returns where, and adds their labels."""
    if not _leads(condition):
        return []
    look = look_of(condition.name)
    found = []
    for language, transfer in condition.delta["transfer"].items():
        localization = condition.delta["localization"].get(language)
        if language in (MACRO, "en") or localization is None:
            continue
        x, y = 100 * localization.value, 100 * transfer.value
        axes.plot(x, y, look.marker, color=look.color, markersize=look.size * 0.45, alpha=0.75, markeredgewidth=0)
        labels.append(Label(x=x, y=y, text=language, color=look.color, size=7.0, distance=4.0))
        found.append((x, y))
    return found


def _plane_macro(axes: Axes, condition: Condition) -> list[tuple[float, float]]:
    """A macro marker with its interval cross, and for methods the arrow from the origin; returns points along them."""
    look = look_of(condition.name)
    transfer, localization = condition.delta["transfer"][MACRO], condition.delta["localization"][MACRO]
    x, y = _points(localization), _points(transfer)
    method = _leads(condition)
    if method:
        axes.annotate(
            "",
            (x, y),
            (0, 0),
            arrowprops={"arrowstyle": "-|>", "color": look.color, "lw": 1.3, "shrinkA": 5, "shrinkB": 7, "alpha": 0.75},
            zorder=3,
        )
    axes.errorbar(
        x,
        y,
        xerr=whiskers([localization]),
        yerr=whiskers([transfer]),
        fmt=look.marker,
        color=look.color,
        markersize=look.size,
        markerfacecolor=look.color if method else PAPER,
        markeredgecolor=PAPER if method else look.color,
        markeredgewidth=0.8 if method else 1.1,
        elinewidth=1.1 if method else 0.7,
        alpha=1.0 if method else 0.8,
        zorder=4,
        label=None if method else condition.label,
    )
    (left,), (right,) = whiskers([localization])
    (down,), (up,) = whiskers([transfer])
    steps = (0.25, 0.5, 0.75, 1.0)
    cross = [(x + step * reach, y) for step in steps for reach in (-left, right)]
    cross += [(x, y + step * reach) for step in steps for reach in (-down, up)]
    arrow = [(x * step, y * step) for step in steps] if method else []
    return [(x, y), *cross, *arrow]


def sweep_figure(results: Results, *, columns: int = 2) -> Figure:
    """Macro transfer Δ and localization Δ on dev2 against layer: a line for each γ, interval bands, the choice ringed.

    A thin dashed line is the macro change of the right option's probability at the chosen γ.
    `columns=2` puts EN and LOC side by side; `columns=1` stacks the panels for narrow pages.
    """
    from matplotlib.figure import Figure

    kinds = [kind for kind in _KINDS if any(point.kind == kind for point in results.sweep)]
    if not kinds:
        raise UserError(f"{results.pipeline}: there is no sweep to draw")
    panels = list(product(_AXES, kinds)) if columns > 1 else [(axis, kind) for kind in kinds for axis in _AXES]
    wide = len(kinds) if columns > 1 else 1
    tall = len(panels) // wide
    with house_style():
        figure = Figure(figsize=(4.6 * wide if wide > 1 else 5.0, 2.55 * tall + 0.3), layout="constrained")
        grid = figure.subplots(tall, wide, squeeze=False, sharex=True)
        for axes, (axis, kind) in zip(grid.flat, panels, strict=True):
            points = [point for point in results.sweep if point.kind == kind]
            _sweep_panel(axes, points, axis, _KINDS[kind][1])
            axes.set_title(f"{_KINDS[kind][0]}: {axis}")
            axes.set_ylabel(f"{axis.capitalize()} Δ (points)")
        _share_heights([(axes, axis) for axes, (axis, _) in zip(grid.flat, panels, strict=True)])
        for axes, (axis, kind) in zip(grid.flat, panels, strict=True):
            _sweep_labels(axes, results, axis, kind)
        for axes in grid[-1]:
            axes.set_xlabel("Layer (output of decoder block 1 … L)")
        if results.choices:
            from matplotlib.lines import Line2D

            dashed = Line2D([], [], color=INK, linewidth=0.9, linestyle=(0, (4, 2)))
            words = "change of the right option's probability at the chosen γ"
            figure.legend([dashed], [words], loc="outside lower center", fontsize=8.5)
        settle(figure)
    return figure


def _sweep_panel(axes: Axes, points: Sequence[SweepPoint], axis: Axis, color: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.axhline(0, color=INK, linewidth=0.7, alpha=0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    gammas = sorted({point.gamma for point in points})
    for rank, gamma in enumerate(gammas):
        line = sorted((point for point in points if point.gamma == gamma), key=lambda point: point.layer)
        layers = [point.layer for point in line]
        estimates: list[Estimate] = [getattr(point, axis) for point in line]
        style, marker = _STROKES[rank % len(_STROKES)]
        axes.plot(
            layers,
            [100 * each.value for each in estimates],
            linestyle=style,
            marker=marker,
            markersize=3,
            linewidth=1.4,
            color=color,
            alpha=0.55 + 0.45 * (rank + 1) / len(gammas),
        )
        if all(each.low is not None for each in estimates):
            lows, highs = (
                [100 * (each.low or 0) for each in estimates],
                [100 * (each.high or 0) for each in estimates],
            )
            axes.fill_between(layers, lows, highs, color=color, alpha=0.10, linewidth=0)
    axes.margins(x=0.02)


def _share_heights(panels: Sequence[tuple[Axes, Axis]]) -> None:
    """The same scale for all panels of one axis, so that they can be compared by eye."""
    for wanted in _AXES:
        same = [axes for axes, axis in panels if axis == wanted]
        low, high = min(axes.get_ylim()[0] for axes in same), max(axes.get_ylim()[1] for axes in same)
        for axes in same:
            axes.set_ylim(low, high)


def _sweep_labels(axes: Axes, results: Results, axis: Axis, kind: str) -> None:
    """γ at the end of each line, and the chosen layer and strength."""
    from matplotlib.patheffects import withStroke

    points = [point for point in results.sweep if point.kind == kind]
    last = max(point.layer for point in points)
    ends = sorted((point for point in points if point.layer == last), key=lambda point: point.gamma)
    low, high = axes.get_ylim()
    heights = [100 * getattr(point, axis).value for point in ends]
    for point, height in zip(ends, spread(heights, 0.085 * (high - low)), strict=True):
        axes.annotate(
            f"γ {point.gamma:g}",
            (1.0, height),
            xycoords=("axes fraction", "data"),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
            color=_KINDS[kind][1],
        )
    for choice in results.choices:
        line = sorted((p for p in points if choice.kind == kind and p.gamma == choice.gamma), key=lambda p: p.layer)
        axes.plot(
            [point.layer for point in line],
            [100 * getattr(point, f"{axis}_probability") for point in line],
            color=INK,
            linewidth=0.9,
            linestyle=(0, (4, 2)),
            zorder=4,
            scaley=False,
        )
        chosen = [p for p in points if choice.kind == kind and (p.layer, p.gamma) == (choice.layer, choice.gamma)]
        for point in chosen:
            axes.axvline(point.layer, color=INK, linewidth=0.8, linestyle=(0, (2, 2)), alpha=0.7, zorder=1)
            axes.plot(
                point.layer,
                100 * getattr(point, axis).value,
                "o",
                markersize=10,
                markerfacecolor="none",
                markeredgecolor=INK,
                zorder=5,
            )
            axes.text(
                point.layer,
                high,
                f"chosen: layer {point.layer}, γ {point.gamma:g}",
                fontsize=8,
                va="top",
                ha="left" if point.layer < 0.3 * last else "right" if point.layer > 0.7 * last else "center",
                path_effects=[withStroke(linewidth=2.5, foreground=PAPER)],
            )


def languages_figure(results: Results, *, columns: int = 2) -> Figure:
    """Accuracy by language on both axes: unsteered, the combined method, and with the country named in the prompt.

    Whiskers are 95 % intervals; the line joins unsteered and steered. `columns=1` stacks the two panels.
    """
    from matplotlib.figure import Figure

    head = headline(results)
    ceiling = next((each for each in results.conditions if each.name == COUNTRY), None)
    shown = [each for each in (results.baseline, head, ceiling) if each is not None]
    codes = [code for code in (*results.languages, MACRO) if any(code in shown[0].accuracy.get(a, {}) for a in _AXES)]
    shape = (1, 2) if columns > 1 else (2, 1)
    panel = 0.42 * len(codes) + 0.6
    with house_style():
        figure = Figure(figsize=(4.4 * shape[1] + 0.8, panel * shape[0] + 0.5), layout="constrained")
        grid = figure.subplots(*shape, squeeze=False, sharex=True, sharey=True)
        for axes, axis in zip(grid.flat, _AXES, strict=True):
            _languages_panel(axes, shown, codes, axis)
            axes.set_title(axis.capitalize())
        for axes in grid[-1]:
            axes.set_xlabel("Accuracy (%)")
        handles, labels = grid[0, 0].get_legend_handles_labels()
        if len(handles) < len(shown):
            handles, labels = grid.flat[1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=len(shown) if columns > 1 else 2, fontsize=9)
        settle(figure)
    return figure


def _languages_panel(axes: Axes, shown: Sequence[Condition], codes: Sequence[str], axis: Axis) -> None:
    for rank, condition in enumerate(shown):
        look = look_of(condition.name)
        known = [
            (row, condition.accuracy[axis][code])
            for row, code in enumerate(codes)
            if code in condition.accuracy.get(axis, {})
        ]
        if not known:
            continue
        shift = 0.22 * (rank - (len(shown) - 1) / 2)
        _languages_series(axes, look, condition.label, [(row + shift, estimate) for row, estimate in known])
    axes.set_yticks(range(len(codes)), [language_name(code) for code in codes])
    axes.set_ylim(len(codes) - 0.4, -0.6)
    if codes[-1] == MACRO:
        axes.axhline(len(codes) - 1.5, color=INK, linewidth=0.7, alpha=0.6)
    axes.grid(axis="x", color=INK, alpha=0.15, linewidth=0.6)
    axes.tick_params(axis="y", length=0)


def _languages_series(axes: Axes, look: Look, label: str, rows: Sequence[tuple[float, Estimate]]) -> None:
    estimates = [estimate for _, estimate in rows]
    axes.errorbar(
        [100 * estimate.value for estimate in estimates],
        [y for y, _ in rows],
        xerr=whiskers(estimates),
        fmt=look.marker,
        color=look.color,
        markersize=look.size * 0.65,
        markeredgewidth=0.6,
        markeredgecolor=PAPER,
        elinewidth=1.0,
        label=label,
    )


def _points(estimate: Estimate | None) -> float:
    assert estimate is not None
    return 100 * estimate.value
