"""Made-up but plausible searches of two checkpoints and their points on test, for the tests of the report. Not measurements."""

from __future__ import annotations

import math
import random

from fake_results import condition
from isogloss.data.rows import Axis
from isogloss.report.searches import CandidateOnTest, SearchedModel, Searches
from isogloss.results.scores import MACRO
from isogloss.search.front import hypervolume_curve, knee_of, pareto_front, reference_point
from isogloss.search.result import Constraints, Counts, SearchResult, Source, TrialRecord
from isogloss.search.space import UNSTEERED, SearchSpace, SteeringPoint, paper_point

LAYERS = tuple(range(1, 19))
BOUND = 0.02
#: What dev2 shows of an effect on test: it chose.
FLATTERED = 1.25


def effect(point: SteeringPoint) -> tuple[float, float]:
    """Changes of transfer and localization: EN helps the first near layer 8, LOC the second near 13, both at a cost."""
    one = point.steerings[0]
    en = one.en_gamma * math.exp(-((((one.en_layer or 0) - 8) / 3.5) ** 2))
    loc = one.loc_gamma**0.7 * math.exp(-((((one.loc_layer or 0) - 13) / 3.0) ** 2)) if one.loc_gamma > 0 else 0.0
    cost = 0.006 * one.loc_gamma**2 * (one.loc_layer or 0) / 18
    return 0.035 * en - 0.012 * en * en - cost, 0.055 * loc - 0.025 * en


def make_study(checkpoint: str = "unaligned", *, trials: int = 60, seed: int = 0) -> SearchResult:
    """A study over 18 layers, with one trial that failed."""
    rng = random.Random(f"{checkpoint} {seed}")
    records = []
    for number in range(trials):
        sources: tuple[Source, ...] = ("zero", "paper", "first-order", "first-order")
        source = sources[number] if number < len(sources) else "sampler"
        point = {"zero": UNSTEERED, "paper": paper_point(18)}.get(source) or _drawn(rng)
        transfer, localization = (
            0.0 if source == "zero" else FLATTERED * each + rng.gauss(0, 0.003) for each in effect(point)
        )
        failed = number == 17
        records.append(
            TrialRecord(
                number=number,
                state="failed" if failed else "complete",
                source=source,
                point=point,
                transfer=None if failed else 0.7 * transfer,
                localization=None if failed else 0.7 * localization,
                details={}
                if failed
                else {
                    "transfer_probability": 0.7 * transfer,
                    "transfer_accuracy": transfer,
                    "localization_probability": 0.7 * localization,
                    "localization_accuracy": localization,
                    "english_bias": -0.6 * localization,
                },
                feasible=not failed and transfer >= -BOUND,
                failure="scores are not finite" if failed else None,
                seconds=4.0,
            )
        )
    return result_of(records)


def result_of(records: list[TrialRecord]) -> SearchResult:
    """A study of these trials, with the front, knee and hypervolume that follow from them."""
    gains = [_gains(each) for each in records]
    placed = [(each.number, gain) for each, gain in zip(records, gains, strict=True) if gain is not None]
    front = [placed[index] for index in pareto_front([gain for _, gain in placed])]
    knee = knee_of([gain for _, gain in front])
    states = [each.state for each in records]
    return SearchResult(
        name="made-up",
        sampler="tpe",
        space=SearchSpace(en_layers=LAYERS, loc_layers=LAYERS, en_gammas=(0, 1), loc_gammas=(0, 3)),
        constraints=Constraints(transfer=BOUND),
        trials=tuple(records),
        front=tuple(number for number, _ in front),
        knee=None if knee is None else front[knee][0],
        reference=reference_point((0.0, 0.0)),
        hypervolume=hypervolume_curve(gains, reference_point((0.0, 0.0))),
        importances={}
        if len(records) < 20
        else {
            "transfer": {"loc_gamma": 0.48, "loc_layer": 0.12, "en_gamma": 0.25, "en_layer": 0.15},
            "localization": {"loc_gamma": 0.31, "loc_layer": 0.55, "en_gamma": 0.08, "en_layer": 0.06},
        },
        counts=Counts(
            complete=states.count("complete"), failed=states.count("failed"), retried=0, reused=0, running=0, waiting=0
        ),
    )


def make_searches(*, model: str | None = "localized-gemma") -> Searches:
    """Studies of the unaligned model and of MIST, and at most four points of each front on test."""
    # What training alone does: points of MIST are measured against the unaligned model.
    trained: dict[str, tuple[str, float, float]] = {
        "unaligned": ("Unaligned", 0.0, 0.0),
        "mist": ("MIST", 0.14, -0.045),
    }
    studies, points = [], []
    for checkpoint, (label, transfer, localization) in trained.items():
        study = make_study(checkpoint)
        studies.append(SearchedModel(checkpoint=checkpoint, label=label, result=study))
        front = study.front_trials
        chosen = {front[round(step * (len(front) - 1) / 3)].number: None for step in range(4)}
        for number in chosen:
            trial = study.trial(number)
            assert trial.point is not None
            own: dict[Axis, float] = dict(zip(("transfer", "localization"), effect(trial.point), strict=True))
            on_test = condition(
                f"{checkpoint}-{number}",
                f"{label}: {trial.point}",
                "method",
                "",
                transfer=transfer + own["transfer"],
                localization=localization + own["localization"],
                bias=-0.6 * (localization + own["localization"]),
                seed=number,
            )
            points.append(
                CandidateOnTest(
                    name=f"{checkpoint}-{number}",
                    checkpoint=checkpoint,
                    label=label,
                    trial=number,
                    point=trial.point,
                    condition=on_test,
                    dev2={axis: trial.details[f"{axis}_accuracy"] for axis in own},
                    test={
                        axis: on_test.delta[axis][MACRO].value - trained_by
                        for axis, trained_by in zip(own, (transfer, localization), strict=True)
                    },
                )
            )
    return _compared(tuple(studies), points, model=model)


def _compared(studies: tuple[SearchedModel, ...], points: list[CandidateOnTest], *, model: str | None) -> Searches:
    gains = [(each.change("transfer").value, each.change("localization").value) for each in points]
    front = pareto_front(gains)
    knee = knee_of([gains[index] for index in front])
    assert knee is not None
    candidates = []
    for index, each in enumerate(points):
        better = next(
            (one for one in front if all(a >= b for a, b in zip(gains[one], gains[index], strict=True))), None
        )
        name = None if index in front or better is None else points[better].name
        candidates.append(
            CandidateOnTest(
                name=each.name,
                checkpoint=each.checkpoint,
                label=each.label,
                trial=each.trial,
                point=each.point,
                condition=each.condition,
                dev2=each.dev2,
                test=each.test,
                dominated_by=name,
            )
        )
    return Searches(
        studies=studies,
        statistic="probability",
        candidates=tuple(candidates),
        knee=points[front[knee]].name,
        model=model,
    )


def _drawn(rng: random.Random) -> SteeringPoint:
    return SteeringPoint.everywhere(
        en_layer=min(18, max(1, round(rng.gauss(8, 4)))),
        en_gamma=rng.uniform(0, 1),
        loc_layer=min(18, max(1, round(rng.gauss(13, 4)))),
        loc_gamma=rng.uniform(0, 2.5),
    )


def _gains(record: TrialRecord) -> tuple[float, float] | None:
    if not record.feasible or record.transfer is None or record.localization is None:
        return None
    return record.transfer, record.localization
