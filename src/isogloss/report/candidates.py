"""The points of the searches on test: where each lies on the plane, and which of them are shipped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from isogloss.evaluate.results import MACRO, Condition
from isogloss.report.canvas import plane_frame, settle, whiskers
from isogloss.report.comparison.looks import look_of_model
from isogloss.report.style import INK, house_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def candidates_figure(
    points: Mapping[str, tuple[str, Condition]], *, marked: str | None = None, width: float = 5.6
) -> Figure:
    """Macro localization Δ against transfer Δ in points on test, with 95 % intervals; `marked` stands out.

    `points` maps each point's name to its checkpoint and its scores; the origin is the unaligned model, unsteered. Points
    of a checkpoint share a colour.
    """
    from matplotlib.figure import Figure

    places = {
        name: (checkpoint, condition.delta["localization"][MACRO], condition.delta["transfer"][MACRO])
        for name, (checkpoint, condition) in points.items()
    }
    marks = [(100 * across.value, 100 * up.value) for _, across, up in places.values()]
    with house_style():
        figure = Figure(figsize=(width, 0.82 * width), layout="constrained")
        axes = figure.subplots()
        plane_frame(axes, [*marks, (0.0, 0.0)], origin="unaligned, unsteered")
        named: set[str] = set()
        for (name, (checkpoint, across, up)), (x, y) in zip(places.items(), marks, strict=True):
            look = look_of_model(checkpoint)
            here = marked is None or name == marked
            axes.errorbar(
                x,
                y,
                xerr=whiskers([across]),
                yerr=whiskers([up]),
                fmt="D" if name == marked else "o",
                color=look.color,
                markersize=9 if name == marked else 6,
                elinewidth=1.0,
                alpha=1.0 if here else 0.4,
                label=checkpoint if checkpoint not in named else None,
                zorder=4 if here else 3,
            )
            named.add(checkpoint)
            if name == marked:
                axes.annotate("this model", (x, y), xytext=(9, 7), textcoords="offset points", color=INK, fontsize=9)
        axes.legend(loc="lower left", fontsize=8.5)
        settle(figure)
    return figure
