"""Direct labels that keep out of each other's way, and off the marks they name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from isogloss.report.style import INK, PAPER

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.text import Annotation
    from matplotlib.transforms import Bbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Text for the mark at (x, y) in data coordinates; `size` in points."""

    x: float
    y: float
    text: str
    color: str = INK
    size: float = 9.5
    bold: bool = False
    distance: float = 8.0
    """From the mark's centre, in points."""


def place_labels(axes: Axes, labels: Sequence[Label], *, avoid: Sequence[tuple[float, float]] = ()) -> None:
    """Write each label in the freest of sixteen directions at three distances, the first labels first.

    A label that another mark would be nearer to than its own is nearly as bad as one upon another label.
    `avoid` holds data coordinates of marks that labels should not cover. Call after the layout and the axes' limits are final.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.patheffects import withStroke

    figure = axes.get_figure(root=True)
    assert figure is not None
    renderer = FigureCanvasAgg(figure).get_renderer()
    frame = axes.get_window_extent(renderer)
    pixels = [tuple(axes.transData.transform(point)) for point in (*avoid, *((each.x, each.y) for each in labels))]
    taken: list[Bbox] = [text.get_window_extent(renderer) for text in axes.texts]
    named = [tuple(axes.transData.transform((each.x, each.y))) for each in labels]
    for label, own in zip(labels, named, strict=True):
        others = [each for each in named if each != own]
        note = axes.annotate(
            label.text,
            (label.x, label.y),
            xytext=(0, 0),
            textcoords="offset points",
            color=label.color,
            fontsize=label.size,
            fontweight="bold" if label.bold else "normal",
            path_effects=[withStroke(linewidth=2.5, foreground=PAPER)],
            zorder=6,
        )
        note.set_in_layout(False)  # or the layout would move the marks from under their labels
        best = None
        for far in (1.0, 1.8, 2.8):
            for step in range(16):
                angle = step * math.pi / 8
                _anchor(note, angle, far * label.distance)
                box = note.get_window_extent(renderer)
                nearer = any(_distance(box, other) < _distance(box, own) + 2 for other in others)
                cost = far + 0.03 * step + 12.0 * nearer + _overlap(box, taken, pixels, frame)
                if best is None or cost < best[0]:
                    best = (cost, angle, far * label.distance, box)
        assert best is not None
        _anchor(note, best[1], best[2])
        taken.append(best[3])


def _anchor(note: Annotation, angle: float, distance: float) -> None:
    """Put the note `distance` points from its mark, growing away from it."""
    across, up = math.cos(angle), math.sin(angle)
    note.set_position((distance * across, distance * up))
    note.set_horizontalalignment("center" if abs(across) < 0.3 else "left" if across > 0 else "right")
    note.set_verticalalignment("center" if abs(up) < 0.3 else "bottom" if up > 0 else "top")


def _distance(box: Bbox, point: tuple[float, ...]) -> float:
    """Pixels from the point to the nearest edge of the box, 0 inside."""
    x, y = point
    return math.hypot(max(box.x0 - x, 0.0, x - box.x1), max(box.y0 - y, 0.0, y - box.y1))


def _overlap(box: Bbox, taken: Sequence[Bbox], marks: Sequence[tuple[float, ...]], frame: Bbox) -> float:
    """A cost: leaving the frame weighs most, then covered labels, then covered marks."""
    from matplotlib.transforms import Bbox

    labels = sum(1 for other in taken if Bbox.intersection(box, other) is not None)
    covered = sum(1 for x, y in marks if box.x0 - 3 < x < box.x1 + 3 and box.y0 - 3 < y < box.y1 + 3)
    outside = box.x0 < frame.x0 or box.x1 > frame.x1 or box.y0 < frame.y0 or box.y1 > frame.y1
    return 60.0 * outside + 30.0 * labels + 1.5 * covered


def spread(values: Sequence[float], gap: float) -> list[float]:
    """`values` moved apart as little as need be, so that no two are nearer than `gap`; their order is kept."""
    order = sorted(range(len(values)), key=values.__getitem__)
    clusters: list[tuple[float, list[int]]] = []
    for index in order:
        clusters.append((values[index], [index]))
        while len(clusters) > 1:
            (upper, tops), (lower, bottoms) = clusters[-1], clusters[-2]
            if upper - lower >= gap * (len(tops) + len(bottoms)) / 2:
                break
            members = bottoms + tops
            clusters[-2:] = [(sum(values[i] for i in members) / len(members), members)]
    moved = list(values)
    for centre, members in clusters:
        for rank, index in enumerate(members):
            moved[index] = centre + gap * (rank - (len(members) - 1) / 2)
    return moved
