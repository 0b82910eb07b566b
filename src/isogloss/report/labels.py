"""Labels that keep out of each other's way, and off the marks that they name."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

#: Mean width of a letter over the size of its type, plain and bold; capitals are wider by a fifth.
_WIDTH, _BOLD_WIDTH, _CAPITAL = 0.56, 0.61, 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The limits of a plot in data coordinates and its size in pixels."""

    left: float
    right: float
    bottom: float
    top: float
    width: float
    height: float

    def pixel(self, x: float, y: float) -> tuple[float, float]:
        """Where (x, y) is drawn, from the plot's upper left corner."""
        across = (x - self.left) / (self.right - self.left)
        up = (y - self.bottom) / (self.top - self.bottom)
        return across * self.width, (1 - up) * self.height


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Text for the mark at (x, y) in data coordinates; sizes in pixels, `distance` from the mark's centre."""

    x: float
    y: float
    text: str
    size: float = 12.0
    bold: bool = False
    distance: float = 9.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a label is written: pixels from its mark (down is positive), and which of its edges is there."""

    dx: float
    dy: float
    align: str
    baseline: str


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: _Box) -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )

    def distance(self, x: float, y: float) -> float:
        """Pixels from the point to the nearest edge, 0 inside."""
        return math.hypot(max(self.left - x, 0.0, x - self.right), max(self.top - y, 0.0, y - self.bottom))


def place_labels(
    frame: Frame,
    labels: Sequence[Label],
    *,
    avoid: Sequence[tuple[float, float]] = (),
    taken: Sequence[tuple[float, float, float, float]] = (),
) -> list[Place]:
    """The freest of sixteen directions at three distances for each label, the first labels first.

    A label that is nearer to another mark than to its own is nearly as bad as one upon another label.

    Args:
        avoid: marks that labels should not cover, in data coordinates.
        taken: boxes that hold text already, in pixels (left, top, right, bottom).
    """
    pixels = [frame.pixel(x, y) for x, y in (*avoid, *((label.x, label.y) for label in labels))]
    marks = [frame.pixel(label.x, label.y) for label in labels]
    boxes = [_Box(*box) for box in taken]
    places = []
    for label, mark in zip(labels, marks, strict=True):
        others = [other for other in marks if other != mark]
        best: tuple[float, Place, _Box] | None = None
        for far in (1.0, 1.8, 2.8):
            for step in range(16):
                place = _place(step * math.pi / 8, far * label.distance)
                box = _box(label, mark, place)
                nearer = any(box.distance(*other) < box.distance(*mark) + 2 for other in others)
                cost = far + 0.03 * step + 12.0 * nearer + _cost(box, boxes, pixels, frame)
                if best is None or cost < best[0]:
                    best = (cost, place, box)
        assert best is not None
        places.append(best[1])
        boxes.append(best[2])
    return places


def text_width(label: Label) -> float:
    """Pixels, roughly: of its longest line."""
    longest = max(sum(_CAPITAL if letter.isupper() else 1.0 for letter in line) for line in label.text.split("\n"))
    return longest * label.size * (_BOLD_WIDTH if label.bold else _WIDTH)


def _place(angle: float, distance: float) -> Place:
    """`distance` pixels from the mark, growing away from it."""
    across, up = math.cos(angle), math.sin(angle)
    align = "center" if abs(across) < 0.3 else "left" if across > 0 else "right"
    baseline = "middle" if abs(up) < 0.3 else "bottom" if up > 0 else "top"
    return Place(round(distance * across, 2), round(-distance * up, 2), align, baseline)


def _box(label: Label, mark: tuple[float, float], place: Place) -> _Box:
    width, height = text_width(label), 1.2 * label.size * (1 + label.text.count("\n"))
    x, y = mark[0] + place.dx, mark[1] + place.dy
    left = x - {"left": 0.0, "center": 0.5, "right": 1.0}[place.align] * width
    top = y - {"top": 0.0, "middle": 0.5, "bottom": 1.0}[place.baseline] * height
    return _Box(left, top, left + width, top + height)


def _cost(box: _Box, taken: Sequence[_Box], marks: Sequence[tuple[float, float]], frame: Frame) -> float:
    """Leaving the frame weighs most, then covered labels, then covered marks."""
    labels = sum(box.overlaps(other) for other in taken)
    covered = sum(box.left - 3 < x < box.right + 3 and box.top - 3 < y < box.bottom + 3 for x, y in marks)
    outside = box.left < 0 or box.right > frame.width or box.top < 0 or box.bottom > frame.height
    return 60.0 * outside + 30.0 * labels + 1.5 * covered


def spread(values: Sequence[float], gap: float) -> list[float]:
    """Move `values` apart, as little as possible, until no two are nearer than `gap`; their order is kept."""
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
