"""A model under one steering as a run of its own, so that any of them can be chosen in MLflow and compared.

The same names whatever the model and the stage: `plane/AXIS` is the macro change on test against the unaligned, unsteered
model, with `/low` and `/high` of its interval; `plane/LANGUAGE/AXIS` the same in one language; `AXIS/acc/LANGUAGE` and
`bias/english/LANGUAGE` the accuracies and rates; `own/AXIS` the macro change against the same model unsteered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from isogloss.data.rows import Axis
from isogloss.evaluate.results import MACRO, Choice, Condition, Estimate
from isogloss.search.point import SteeringPoint
from isogloss.stages.data import AXES
from isogloss.stages.stage import ChildRun, Dataset, Metric

CONDITION = "condition"
#: The name that a run below the pipeline's carries for a condition: `MIST + SUR`.
STEERINGS = {
    "baseline": "none",
    "none": "none",
    "en": "EN",
    "loc_mid": "LOC at EN's layer",
    "loc": "LOC",
    "sur": "SUR",
    "random": "random vectors",
    "other": "another language's vectors",
    "country": "country in the prompt",
}
_USES = {
    "en": ("en",),
    "loc_mid": ("loc",),
    "loc": ("loc",),
    "sur": ("en", "loc"),
    "random": ("en", "loc"),
    "other": ("en", "loc"),
}


def condition_run(
    condition: Condition,
    *,
    model: str,
    steering: str,
    params: Mapping[str, str | int | float],
    datasets: Sequence[Dataset],
    over_own: Mapping[Axis, Mapping[str, Estimate]] | None = None,
) -> ChildRun:
    """The run of `condition`: `model` is its label (`MIST`), `steering` one of the values of `STEERINGS` or a name."""
    name = model if steering == "none" else f"{model} + {steering}"
    metrics = _metrics(condition)
    for axis, changes in (over_own or {}).items():
        if MACRO in changes:
            metrics[f"own/{axis}"] = changes[MACRO].value
    return ChildRun(
        name=name,
        kind=CONDITION,
        params={"model": model, "steering": steering, **params},
        # In MLflow's table: -0.0417, not -0.0416666…; whole in the stage's own files.
        metrics={name: round(value, 4) for name, value in metrics.items()},
        note=_note(name, condition),
        datasets=tuple(datasets),
    )


def steering_params(name: str, choices: Sequence[Choice]) -> dict[str, str | int | float]:
    """The layers and strengths of a condition of the tables, as the sweep chose them."""
    at = {one.kind: one for one in choices}
    found: dict[str, str | int | float] = {}
    for kind in _USES.get(name, ()):
        choice = at[kind]  # type: ignore[index]
        found[f"{kind}.layer"] = at["en"].layer if name == "loc_mid" else choice.layer
        found[f"{kind}.gamma"] = choice.gamma
    return found


def point_params(point: SteeringPoint) -> dict[str, str | int | float]:
    """The layers and strengths of a searched point; its words where they differ by language."""
    if len(point.steerings) != 1:
        return {"point": str(point)}
    steering = point.steerings[0].model_dump(exclude={"language"}, exclude_none=True)
    return {name.replace("_", "."): value for name, value in steering.items()}


def plane_metrics(conditions: Sequence[Condition], *, model: str) -> list[Metric]:
    """`plane/AXIS/MODEL/STEERING` for the run that sums several conditions up."""
    return [
        Metric(name=f"plane/{axis}/{model}/{one.name}", value=one.delta[axis][MACRO].value)
        for one in conditions
        for axis in AXES
        if MACRO in one.delta.get(axis, {})
    ]


def points(estimate: Estimate) -> str:
    """A change in words: `+2.1 [+0.3, +4.0] points`."""
    interval = (
        ""
        if estimate.low is None or estimate.high is None
        else f" [{100 * estimate.low:+.1f}, {100 * estimate.high:+.1f}]"
    )
    return f"{100 * estimate.value:+.1f}{interval} points"


def _metrics(condition: Condition) -> dict[str, float]:
    """Macro values first: MLflow keeps the order, and offers the first ones for its charts."""
    macro: dict[str, float] = {}
    own: dict[str, float] = {}
    for axis in AXES:
        if condition.role == "baseline":
            # What every change is against is the origin of the plane.
            macro[f"plane/{axis}"] = 0.0
        for language, change in condition.delta.get(axis, {}).items():
            if language != MACRO:
                own[f"plane/{language}/{axis}"] = change.value
                continue
            macro[f"plane/{axis}"] = change.value
            if change.low is not None and change.high is not None:
                macro |= {f"plane/{axis}/low": change.low, f"plane/{axis}/high": change.high}
    rates = {f"{axis}/acc": one for axis, one in condition.accuracy.items()} | {"bias/english": condition.bias}
    for name, by_language in rates.items():
        for language, rate in by_language.items():
            (macro if language == MACRO else own)[f"{name}/{language}"] = rate.value
    return macro | own


def _note(name: str, condition: Condition) -> str:
    changes = [
        f"{axis} {points(condition.delta[axis][MACRO])}" for axis in AXES if MACRO in condition.delta.get(axis, {})
    ]
    how = f", {condition.note}" if condition.note else ""
    if condition.role == "baseline":
        first = f"{name}{how}: what every change is measured against, on test."
    else:
        first = f"{name}{how}: {', '.join(changes)} against the unaligned model on test, macro over the languages."
    rates = [f"{axis} {100 * one[MACRO].value:.1f} %" for axis, one in condition.accuracy.items() if MACRO in one]
    bias = f"; English bias {100 * condition.bias[MACRO].value:.1f} %" if MACRO in condition.bias else ""
    return f"{first} Accuracy: {', '.join(rates)}{bias}."
