"""Pareto front, hypervolume and knee of points (transfer, localization), both maximised. Fractions throughout."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from optuna.trial import FrozenTrial, TrialState

from isogloss.data.rows import AXES
from isogloss.results.format import ascii_points
from isogloss.search.result import Counts, SearchResult, TrialRecord
from isogloss.search.study import Study, explained
from isogloss.search.worker import record_of, tally

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


# --------------------------------------------------------------------------------------------------------------------
# A study's result, and the line that says how far it is.

Importances = dict[str, dict[str, float]]

#: Fewer complete trials than this say nothing about which parameter matters.
_ENOUGH = 20


def summarise(study: Study) -> SearchResult:
    """Every finished trial, the front with its knee, hypervolume over trials, and what the objectives depend on.

    Hypervolume is measured over :func:`~isogloss.search.front.reference_point`, the knee is found by
    :func:`~isogloss.search.front.knee_of`. Importances are fANOVA's (Hutter et al. 2014): the share of a random forest's
    variance that a parameter explains. Raises UserError where the storage is lost.
    """
    with explained(study.storage.shown):
        trials = study.optuna.get_trials(deepcopy=False)
    records = tuple(record_of(each) for each in trials if each.state.is_finished())
    gains = [_feasible_gains(each) for each in records]
    reference = reference_point(_unsteered(records))
    placed = [(each.number, gain) for each, gain in zip(records, gains, strict=True) if gain is not None]
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
        importances=_importances(study, trials),
        counts=_counts(trials, records),
    )


def finished_trials(study: Study) -> int:
    """How many trials are finished, whoever ran them."""
    with explained(study.storage.shown):
        return tally(study.optuna.get_trials(deepcopy=False)).finished


def progress_note(study: Study) -> str:
    """One line, in points: `front 5 points, hypervolume 0.0123, best transfer +2.1, best localization +4.4`.

    Feasible trials only. Costs one query for what is new, and time linear in the number of trials.
    """
    with explained(study.storage.shown):
        records = [record_of(each) for each in study.optuna.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))]
    gains = [gain for each in records if (gain := _feasible_gains(each)) is not None]
    if not gains:
        return "front empty: no feasible trial yet"
    front = [gains[index] for index in pareto_front(gains)]
    area = hypervolume(front, reference_point(_unsteered(records)))
    best = [ascii_points(max(each[axis] for each in front)) for axis in (0, 1)]
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
    for each in records:
        if (
            each.point is not None
            and each.point.unsteered
            and each.transfer is not None
            and each.localization is not None
        ):
            return each.transfer, each.localization
    return None


def _importances(study: Study, trials: Sequence[FrozenTrial]) -> Importances:
    complete = [each for each in trials if each.state == TrialState.COMPLETE]
    if len(complete) < _ENOUGH:
        return {}
    # Here, since it imports scikit-learn and pandas.
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    found: Importances = {}
    for index, objective in enumerate(AXES):
        if len({each.values[index] for each in complete}) > 1:
            shares = get_param_importances(
                study.optuna,
                # Not Optuna's default, PED-ANOVA: with few trials it takes where the sampler looked for what matters.
                evaluator=FanovaImportanceEvaluator(seed=0),
                target=lambda trial, index=index: trial.values[index],  # type: ignore[misc]
            )
            found[objective] = {name: float(share) for name, share in shares.items()}
    return found


def _counts(trials: Sequence[FrozenTrial], records: Sequence[TrialRecord]) -> Counts:
    states = [each.state for each in records]
    unfinished = tally(trials)
    return Counts(
        complete=states.count("complete"),
        failed=states.count("failed"),
        retried=states.count("retried"),
        reused=sum(each.state == "complete" and each.reused_from is not None for each in records),
        running=unfinished.running,
        waiting=unfinished.waiting,
    )
