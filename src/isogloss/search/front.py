"""Pareto front, hypervolume and knee of points (transfer, localization), both maximised. Fractions throughout."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

#: The reference of the hypervolume lies this far (5 points) below the unsteered model on both axes.
MARGIN = 0.05

Gains = tuple[float, float]


def pareto_front(gains: Sequence[Gains]) -> list[int]:
    """Indices of the points that no other dominates, of equal points the first, by rising localization (axis 1)."""
    import moocore

    if not gains:
        return []
    first: dict[Gains, int] = {}
    for index, each in enumerate(gains):
        first.setdefault(each, index)
    kept = moocore.is_nondominated(np.asarray(list(first), dtype=float), maximise=True)
    found = [index for index, best in zip(first.values(), kept, strict=True) if best]
    return sorted(found, key=lambda index: gains[index][1])


def reference_point(unsteered: Gains | None) -> Gains:
    """The unsteered model's scores, (0, 0) until they are measured, minus :data:`MARGIN` on both axes.

    Points below it on an axis add nothing to the hypervolume.
    """
    transfer, localization = unsteered or (0.0, 0.0)
    return transfer - MARGIN, localization - MARGIN


def hypervolume(gains: Sequence[Gains], reference: Gains) -> float:
    """Area of the union of the rectangles from `reference` to each point, in squared fractions."""
    import moocore

    above = [each for each in gains if each[0] > reference[0] and each[1] > reference[1]]
    if not above:
        return 0.0
    return float(moocore.hypervolume(np.asarray(above, dtype=float), ref=reference, maximise=True))


def hypervolume_curve(gains: Sequence[Gains | None], reference: Gains) -> tuple[float, ...]:
    """Hypervolume of the first 1, 2, … points; None (no score, or not feasible) leaves it as it was."""
    curve: list[float] = []
    front: list[Gains] = []
    area = 0.0
    for each in gains:
        if each is not None and not any(one[0] >= each[0] and one[1] >= each[1] for one in front):
            front = [one for one in front if not (each[0] >= one[0] and each[1] >= one[1])] + [each]
            area = hypervolume(front, reference)
        curve.append(area)
    return tuple(curve)


def knee_of(front: Sequence[Gains]) -> int | None:
    """Index of the knee of a front sorted by rising localization: the point farthest above the chord of its two ends.

    Each axis is scaled by the front's range, so that the ends lie at (0, 1) and (1, 0) and the distance above the chord is
    x + y - 1, up to a factor. The ends themselves have distance 0, so that a front that sags between them has its knee
    at an end. Of equally far points (as the ends of a front of two) the one with the larger sum of gains wins, then the
    one with more transfer. A front of one point is its own knee; an empty one has none.
    """
    if len(front) <= 1:
        return 0 if front else None
    high_transfer, low_localization = front[0]
    low_transfer, high_localization = front[-1]

    def rank(index: int) -> tuple[float, float, float]:
        transfer, localization = front[index]
        up = (transfer - low_transfer) / (high_transfer - low_transfer)
        across = (localization - low_localization) / (high_localization - low_localization)
        distance = 0.0 if index in (0, len(front) - 1) else up + across - 1
        return round(distance, 12), round(math.fsum(front[index]), 12), transfer

    return max(range(len(front)), key=rank)
