"""The plane as a Mermaid chart, which code hosts draw inside Markdown where no picture can be."""

from __future__ import annotations

import math
from collections.abc import Mapping

#: The chart is never drawn narrower than this many points to either side, so that noise does not look large.
_LEAST_SPAN = 5


def plane_chart(points: Mapping[str, tuple[float, float]]) -> str:
    """A fenced `quadrantChart` of (localization, transfer) changes (fractions) by label; the origin is its middle.

    Points are numbered in their order, and the line below names them, since labels would cover each other; points in one
    place share a mark. Both axes have one scale, in whole percentage points, which the title tells. Nothing without points.
    """
    if not points:
        return ""
    reach = max(100 * abs(value) for point in points.values() for value in point)
    span = max(_LEAST_SPAN, math.ceil(1.1 * reach))
    lines = [
        "```mermaid",
        "quadrantChart",
        f"    title Change on test in points, each axis from -{span} to +{span}",
        '    x-axis "localization lost" --> "localization gained"',
        '    y-axis "transfer lost" --> "transfer gained"',
        '    quadrant-1 "gain on both"',
        '    quadrant-2 "erasure"',
        '    quadrant-3 "loss on both"',
        '    quadrant-4 "transfer paid"',
    ]
    places: dict[str, list[str]] = {}
    for number, point in enumerate(points.values(), start=1):
        place = ", ".join(f"{0.5 + 50 * value / span:.3f}" for value in point)
        places.setdefault(place, []).append(str(number))
    lines += [f'    "{", ".join(numbers)}": [{place}]' for place, numbers in places.items()]
    named = " · ".join(f"{number} {_plain(label)}" for number, label in enumerate(points, start=1))
    return "\n".join([*lines, "```", "", named])


def _plain(label: str) -> str:
    """In one line, and not as code."""
    return " ".join(label.replace("`", "'").split())
