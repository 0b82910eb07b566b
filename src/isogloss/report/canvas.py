"""What every figure shares: the plane's frame with its quadrants, whiskers, and a layout that stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from isogloss.evaluate.results import Estimate
from isogloss.report.style import INK, VERMILLION

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def quadrants(axes: Axes, marks: Sequence[tuple[float, float]], *, above: float = 0.14) -> None:
    """Limits that show all four quadrants around the marks, zero lines, and the erasure quadrant shaded.

    `above` is the margin over the highest mark, as a share of the reach.
    """
    across, up = zip(*marks, strict=True)
    for setter, values, upper in ((axes.set_xlim, across, 0.14), (axes.set_ylim, up, above)):
        reach = max(max(map(abs, values)), 1.0)
        setter(min(min(values) - 0.14 * reach, -0.42 * reach), max(max(values) + upper * reach, 0.42 * reach))
    (left, _), (_, top) = axes.get_xlim(), axes.get_ylim()
    axes.fill_between([left, 0], 0, top, color=VERMILLION, alpha=0.08, linewidth=0, zorder=0)
    axes.axhline(0, color=INK, linewidth=0.7, alpha=0.6, zorder=1)
    axes.axvline(0, color=INK, linewidth=0.7, alpha=0.6, zorder=1)


def plane_frame(axes: Axes, marks: Sequence[tuple[float, float]], *, origin: str) -> None:
    """Quadrants with their names, the axes' names, and the mark at the origin with its label for the legend."""
    quadrants(axes, marks, above=0.30)
    axes.plot(0, 0, "o", color=INK, markersize=6, zorder=5, label=origin)
    axes.text(
        0.015,
        0.985,
        "erasure:\ntransfer gained,\nlocalization lost",
        transform=axes.transAxes,
        va="top",
        fontsize=8,
        alpha=0.8,
    )
    axes.text(0.985, 0.985, "both gained", transform=axes.transAxes, ha="right", va="top", fontsize=8, alpha=0.8)
    axes.set_xlabel("Localization Δ (points): answers that fit the region  →")
    axes.set_ylabel("Transfer Δ (points): answers that hold everywhere  →")


def settle(figure: Figure) -> None:
    """Lay out once and for all, or each drawing would shift things by a hair."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def whiskers(estimates: Sequence[Estimate]) -> list[list[float]]:
    """Distances below and above in points; none where there is no interval."""
    below = [100 * max(0.0, each.value - (each.value if each.low is None else each.low)) for each in estimates]
    above = [100 * max(0.0, (each.value if each.high is None else each.high) - each.value) for each in estimates]
    return [below, above]
