"""Pareto front, hypervolume and knee of points (transfer, localization), and a study's result from them.

Both axes are maximised, and are fractions throughout. Optuna is imported only where importances are computed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from isogloss.data.rows import AXES
from isogloss.results.format import ascii_points
from isogloss.search.result import SearchResult, TrialRecord

if TYPE_CHECKING:
    from isogloss.search.study import Study

#: The reference of the hypervolume lies this far (5 points) below the unsteered model on both axes.
MARGIN = 0.05

Gains = tuple[float, float]


def pareto_front(gains: Sequence[Gains]) -> list[int]:
    """Indices of the points that no other dominates, by rising localization (axis 1); of equal points the first."""
    import moocore

    if not gains:
        return []
    first: dict[Gains, int] = {}
    for index, gain in enumerate(gains):
        first.setdefault(gain, index)
    kept = moocore.is_nondominated(np.asarray(list(first), dtype=float), maximise=True)
    front = [index for index, best in zip(first.values(), kept, strict=True) if best]
    return sorted(front, key=lambda index: gains[index][1])


def reference_point(unsteered: Gains | None) -> Gains:
    """The unsteered model's scores, (0, 0) until they are measured, minus :data:`MARGIN` on both axes.

    Points below it on an axis add nothing to the hypervolume.
    """
    transfer, localization = unsteered or (0.0, 0.0)
    return transfer - MARGIN, localization - MARGIN


def hypervolume(gains: Sequence[Gains], reference: Gains) -> float:
    """Area of the union of the rectangles from `reference` to each point, in squared fractions."""
    import moocore

    above = [gain for gain in gains if gain[0] > reference[0] and gain[1] > reference[1]]
    if not above:
        return 0.0
    return float(moocore.hypervolume(np.asarray(above, dtype=float), ref=reference, maximise=True))


def hypervolume_curve(gains: Sequence[Gains | None], reference: Gains) -> tuple[float, ...]:
    """Hypervolume of the first 1, 2, … points; None (no score, or not feasible) does not change it."""
    curve: list[float] = []
    front: list[Gains] = []
    area = 0.0
    for gain in gains:
        if gain is not None and not any(_covers(kept, gain) for kept in front):
            front = [kept for kept in front if not _covers(gain, kept)] + [gain]
            area = hypervolume(front, reference)
        curve.append(area)
    return tuple(curve)


def _covers(gain: Gains, other: Gains) -> bool:
    return gain[0] >= other[0] and gain[1] >= other[1]


def knee_of(front: Sequence[Gains]) -> int | None:
    """Index of the knee of a front sorted by rising localization: the point farthest above the chord of its two ends.

    Each axis is scaled by the front's range. Then the ends are (0, 1) and (1, 0), and the distance above the chord is
    x + y - 1, up to a factor. The ends have distance 0, so a front that sags between them has its knee at an end. Of
    equally far points the one with the larger sum of gains wins, then the one with more transfer. A front of one point is
    its own knee; an empty front has none.
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


# --------------------------------------------------------------------------------------------------------------------
# A study's result

Importances = dict[str, dict[str, float]]

#: Fewer complete trials than this say nothing about which parameter matters.
_ENOUGH = 20


def summarise(study: Study) -> SearchResult:
    """Every finished trial, the front with its knee, hypervolume over trials, and what the objectives depend on.

    Importances are fANOVA's (Hutter et al. 2014): the share of a random forest's variance that a parameter explains.
    Raises UserError if the storage is lost.
    """
    records = study.records()
    gains = [_feasible_gains(record) for record in records]
    reference = reference_point(_unsteered(records))
    placed = [(record.number, gain) for record, gain in zip(records, gains, strict=True) if gain is not None]
    front = [placed[index] for index in pareto_front([gain for _, gain in placed])]
    knee = knee_of([gain for _, gain in front])
    return SearchResult(
        name=study.name,
        sampler=study.sampler,
        space=study.space,
        constraints=study.constraints,
        trials=records,
        front=tuple(number for number, _ in front),
        knee=None if knee is None else front[knee][0],
        reference=reference,
        hypervolume=hypervolume_curve(gains, reference),
        importances=_importances(study, records),
        counts=study.counts(),
    )


def progress_note(study: Study) -> str:
    """One line, in points: `front 5 points, hypervolume 0.0123, best transfer +2.1, best localization +4.4`.

    Feasible trials only. Costs one query for what is new, and time linear in the number of trials.
    """
    records = study.records()
    gains = [gain for record in records if (gain := _feasible_gains(record)) is not None]
    if not gains:
        return "front empty: no feasible trial yet"
    front = [gains[index] for index in pareto_front(gains)]
    area = hypervolume(front, reference_point(_unsteered(records)))
    best = [ascii_points(max(gain[axis] for gain in front)) for axis in (0, 1)]
    plural = "" if len(front) == 1 else "s"
    return (
        f"front {len(front)} point{plural}, hypervolume {area:.4f}, "
        f"best transfer {best[0]}, best localization {best[1]}"
    )


def _feasible_gains(record: TrialRecord) -> Gains | None:
    if not record.feasible or record.transfer is None or record.localization is None:
        return None
    return record.transfer, record.localization


def _unsteered(records: Sequence[TrialRecord]) -> Gains | None:
    for record in records:
        point, gains = record.point, (record.transfer, record.localization)
        if point is not None and point.unsteered and gains[0] is not None and gains[1] is not None:
            return gains[0], gains[1]
    return None


def _importances(study: Study, records: Sequence[TrialRecord]) -> Importances:
    complete = [(record.transfer, record.localization) for record in records if record.state == "complete"]
    if len(complete) < _ENOUGH:
        return {}
    # Here, since it imports scikit-learn and pandas.
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    importances: Importances = {}
    for index, objective in enumerate(AXES):
        if len({values[index] for values in complete}) > 1:
            shares = get_param_importances(
                study.optuna,
                # Not Optuna's default, PED-ANOVA: with few trials it takes where the sampler looked for what matters.
                evaluator=FanovaImportanceEvaluator(seed=0),
                target=lambda trial, index=index: trial.values[index],  # type: ignore[misc]
            )
            importances[objective] = {name: float(share) for name, share in shares.items()}
    return importances
