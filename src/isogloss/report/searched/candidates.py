"""The points of the searches on test: where each lies on the plane, and which of them are shipped."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from isogloss.evaluate.results import MACRO, Condition
from isogloss.report.comparison.looks import look_of_model, name_of_model
from isogloss.report.drawn import Figure, figure
from isogloss.report.marks import Mark
from isogloss.report.quadrants import plane

_MARKED = "this model"
_FAINT, _PLAIN, _STRONG = 0.7, 1.0, 1.3


def candidates_figure(
    points: Mapping[str, tuple[str, Condition]],
    *,
    marked: str | None = None,
    dominated: Collection[str] = (),
    columns: int = 2,
) -> Figure:
    """Macro localization Δ against transfer Δ in points on test, with 95 % intervals.

    `points` maps each point's name to its checkpoint and its scores; the origin is the unaligned model, unsteered. Points
    of a checkpoint share colour and shape and are numbered from 1 in their order; those named in `dominated` are hollow.
    With `marked` that point alone stands out, and none is numbered. `columns=1` is drawn smaller, for a narrow page.
    """
    marks = []
    shapes = {}
    for number, (name, (checkpoint, condition)) in enumerate(points.items(), start=1):
        look = look_of_model(checkpoint)
        label = name_of_model(checkpoint)
        shapes[label] = look.shape
        text = str(number) if marked is None else _MARKED if name == marked else ""
        marks.append(
            Mark(
                series=label,
                kind=condition.note or condition.label,
                key=label,
                color=look.color,
                across=condition.delta["localization"][MACRO],
                up=condition.delta["transfer"][MACRO],
                hollow=name in dominated,
                faint=marked not in (None, name),
                size=_PLAIN if marked is None else _STRONG if name == marked else _FAINT,
                text=text,
                bold=True,
                letters=12.0,
            )
        )
    size = (460, 430) if columns > 1 else (300, 310)
    note = "hollow: dominated by another" if dominated else ""
    return figure(
        plane(marks, shapes=shapes, size=size, origin="unaligned", legend=list(shapes), columns=columns, note=note)
    )
