"""What stands on a plane of localization and transfer: a point with its intervals, and where its name goes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from isogloss.evaluate.results import MACRO, Estimate
from isogloss.report.labels import Frame, Label, Place, place_labels
from isogloss.report.numbers import delta_text, language_name

#: Type of names in pixels.
BOLD, SMALL = 13.0, 10.5
_AREA = 95.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A point of a plane. `across` and `up` are changes as fractions; it is drawn in points.

    `series` and `kind` say what it is; `key` is what its shape stands under in the legend. An arrow comes from `start`,
    thick where the mark is solid. `text` is written beside it in letters of that size in pixels; `cross` draws its
    intervals; `size` is relative.
    """

    series: str
    kind: str
    key: str
    color: str
    across: Estimate
    up: Estimate
    code: str = MACRO
    start: tuple[float, float] | None = None
    hollow: bool = False
    faint: bool = False
    cross: bool = True
    size: float = 1.0
    text: str = ""
    bold: bool = False
    letters: float = SMALL

    @property
    def place(self) -> tuple[float, float]:
        """In points."""
        return 100 * self.across.value, 100 * self.up.value


def reach(marks: Iterable[Mark]) -> list[tuple[float, float]]:
    """The marks and points along their intervals."""
    found = []
    for mark in marks:
        x, y = mark.place
        found.append((x, y))
        if mark.cross:
            for low, high, along in ((mark.across.low, mark.across.high, 0), (mark.up.low, mark.up.high, 1)):
                if low is None or high is None:
                    continue
                for step in (0.33, 0.66, 1.0):
                    for end in (low, high):
                        moved = (x, y)[along] + step * (100 * end - (x, y)[along])
                        found.append((moved, y) if along == 0 else (x, moved))
    return found


def _shafts(marks: Sequence[Mark]) -> list[tuple[float, float]]:
    """Points along the arrows."""
    found = []
    for mark in marks:
        if mark.start is not None:
            (x0, y0), (x, y) = mark.start, mark.place
            found += [(x0 + step * (x - x0), y0 + step * (y - y0)) for step in (0.25, 0.5, 0.75)]
    return found


def places(
    marks: Sequence[Mark], frame: Frame, *, together: Sequence[str], origin: str, words: bool
) -> dict[int, Place]:
    """Where each mark's text goes, by its index, and the origin's under −1.

    Names of the languages in `together` keep out of one another's way; each other language is placed by itself.
    """
    found: dict[int, Place] = {}
    width = frame.width
    taken = [(0.0, 0.0, 110.0, 44.0), (width - 75.0, 0.0, width, 18.0)] if words else []
    alone = dict.fromkeys(each.code for each in marks if each.code not in together)
    for codes in ([*together], *([code] for code in alone)):
        near = [each for each in marks if each.code in codes]
        own = [(index, each) for index, each in enumerate(marks) if each.code in codes and each.text]
        # Names of models first: they may take the best places.
        own.sort(key=lambda each: not each[1].bold)
        labels = [
            Label(
                x=mark.place[0],
                y=mark.place[1],
                text=mark.text,
                bold=mark.bold,
                size=mark.letters,
                distance=12.0 * mark.size if mark.bold else 8.0 * max(mark.size, 0.7),
            )
            for _, mark in own
        ]
        first = [Label(x=0, y=0, text=origin, bold=True, distance=9.0)] if origin and MACRO in codes else []
        avoid = [(0.0, 0.0), *reach(near), *_shafts(near)]
        places = place_labels(frame, [*first, *labels], avoid=avoid, taken=taken)
        found |= dict(zip([*([-1] if first else []), *(index for index, _ in own)], places, strict=True))
    found.setdefault(-1, Place(7, -7, "left", "bottom"))
    return found


def record_of(mark: Mark, shape: str, place: Place | None) -> dict[str, Any]:
    x, y = mark.place
    record: dict[str, Any] = {
        "x": round(x, 3),
        "y": round(y, 3),
        "code": mark.code,
        "series": mark.series,
        "shape": shape,
        "color": mark.color,
        "area": round(_AREA * mark.size**2, 1),
        "hollow": mark.hollow,
        "faint": mark.faint,
        "steering": mark.kind,
        "language": language_name(mark.code),
        "transfer": delta_text(mark.up),
        "localization": delta_text(mark.across),
        "n": items_text(mark.up, mark.across),
    }
    if mark.start is not None:
        record |= {"x0": round(mark.start[0], 3), "y0": round(mark.start[1], 3), "thick": not mark.hollow}
    if mark.cross:
        record |= _bounds("x", mark.across) | _bounds("y", mark.up)
    if place is not None and mark.text:
        record |= {"text": mark.text, "dx": place.dx, "dy": place.dy, "align": place.align, "baseline": place.baseline}
        record |= {"bold": mark.bold, "letters": mark.letters}
    return record


def items_text(up: Estimate, across: Estimate) -> str:
    """How many items are behind a point, by axis."""
    return f"{up.n:,} transfer, {across.n:,} localization"


def _bounds(axis: str, estimate: Estimate) -> dict[str, float]:
    if estimate.low is None or estimate.high is None:
        return {}
    return {f"{axis}_low": round(100 * estimate.low, 3), f"{axis}_high": round(100 * estimate.high, 3)}
