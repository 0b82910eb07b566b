"""Stage `evaluate`: EN, LOC and SUR at the chosen layers on test, with a random and another language's vectors beside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from isogloss.data.rows import AXES, Axis
from isogloss.files import read_json, write_json
from isogloss.methods.job import FINAL
from isogloss.results.format import ascii_change, rate
from isogloss.results.names import CONDITIONS, OTHER, RANDOM, STEERINGS, SUR, UNSTEERED
from isogloss.results.scores import MACRO, Choice, Condition, Estimate, Scores
from isogloss.scoring.score import BASELINE
from isogloss.scoring.statistics import accuracies, bias_rates
from isogloss.search.space import SteeringPoint
from isogloss.spec import PipelineSpec
from isogloss.stages.baseline import TEST
from isogloss.stages.data import datasets_of
from isogloss.stages.parallel import on_axis, score_conditions, split_items
from isogloss.stages.stage import ChildRun, Dataset, Metric, StageOutcome, StageRun
from isogloss.stages.sweep import SWEEP
from isogloss.stages.vectors import FOLDERS
from isogloss.steering.intervention import Intervention, exchanged, random_control, single, surgical
from isogloss.steering.vectors import Kind, SteeringVectors

INTERVENTIONS = "interventions.json"


def settings(spec: PipelineSpec) -> Any:
    """Scoring, positions, and the seed of the random control."""
    return [spec.scoring.model_dump(), spec.steer.model_dump(), spec.seed]


def chosen(stage: StageRun) -> dict[str, Choice]:
    """{kind: layer and strength} that the sweep chose."""
    found = read_json(stage.inputs["sweep"] / SWEEP)["choices"]
    return {one["kind"]: Choice.model_validate(one) for one in found}


def steered(vectors: Mapping[Kind, SteeringVectors], choices: Mapping[str, Choice]) -> dict[str, Intervention]:
    """Every steering with the chosen layers and strengths, by name.

    One in another kind's layer (LOC at EN's layer) is left out where both kinds have the same layer.
    """
    found = {}
    for name in STEERINGS:
        placed = CONDITIONS[name].vectors
        if any(kind != place and choices[kind].layer == choices[place].layer for kind, place in placed):
            continue
        parts = [single(vectors[kind], layer=choices[place].layer, gamma=choices[kind].gamma) for kind, place in placed]
        found[name] = parts[0] if len(parts) == 1 else surgical(*parts)
    return found


def run_trained(stage: StageRun, *, method: str) -> StageOutcome:
    """A trained model on the test items: unsteered, and steered in the same layers with vectors of its own."""
    loaded = stage.model(stage.inputs[f"align-{method}"] / FINAL)
    folder = stage.inputs[f"vectors-{method}"]
    vectors = {kind: SteeringVectors.load(folder / name) for kind, name in FOLDERS.items()}
    interventions = steered(vectors, chosen(stage))
    items = split_items(stage.inputs["data"], "test")
    scores = score_conditions(
        stage, f"{len(interventions) + 1} conditions of {method}", items, interventions, loaded=loaded
    )
    artifacts = {INTERVENTIONS: "interventions"}
    for name in (BASELINE.name, *interventions):
        scores[name].save(stage.out / f"{name}.jsonl")
        artifacts[f"{name}.jsonl"] = "scores"
    write_json(
        stage.out / INTERVENTIONS, {"interventions": {name: one.describe() for name, one in interventions.items()}}
    )
    return _outcome(stage, scores, artifacts)


def _outcome(stage: StageRun, scores: Mapping[str, Scores], artifacts: dict[str, str]) -> StageOutcome:
    return StageOutcome(
        metrics=tuple(_macro_rates(scores)),
        artifacts=artifacts,
        datasets=datasets_of(stage.inputs["data"], "choices-test"),
    )


def _macro_rates(scores: Mapping[str, Scores]) -> Iterator[Metric]:
    """The macro rates of each steering, under the same names for every model; by language they are in the comparison."""
    for name, one in scores.items():
        steering = UNSTEERED if name == BASELINE.name else name
        for axis in AXES:
            found = accuracies(on_axis(one, axis))
            if MACRO in found:
                yield Metric(name=f"{axis}/acc/{MACRO}/{steering}", value=found[MACRO].value)
        rates = bias_rates(on_axis(one, "localization"))
        if MACRO in rates:
            yield Metric(name=f"bias/english/{MACRO}/{steering}", value=rates[MACRO].value)


def run(stage: StageRun) -> StageOutcome:
    """Score the test items under every condition."""
    choices = chosen(stage)
    real = {kind: SteeringVectors.load(stage.inputs["vectors"] / folder) for kind, folder in FOLDERS.items()}

    def at_choice(vectors: Mapping[Kind, SteeringVectors]) -> dict[str, Intervention]:
        return steered(vectors, choices)

    random = {kind: random_control(one, seed=stage.spec.seed + n) for n, (kind, one) in enumerate(real.items())}
    interventions = at_choice(real)
    interventions[RANDOM] = at_choice(random)[SUR]
    whose = {}
    if all(len(one.languages) > 1 for one in real.values()):
        foreign = {}
        for kind, one in real.items():
            foreign[kind], whose[kind] = exchanged(one)
        interventions[OTHER] = at_choice(foreign)[SUR]
    items = split_items(stage.inputs["data"], "test")
    artifacts = {INTERVENTIONS: "interventions"}
    baseline = Scores.load(stage.inputs["baseline"] / TEST)
    scores = score_conditions(
        stage, f"{len(interventions)} conditions on test", items, interventions, baseline=baseline
    )
    for name in interventions:
        scores[name].save(stage.out / f"{name}.jsonl")
        artifacts[f"{name}.jsonl"] = "scores"
    described = {name: one.describe() for name, one in interventions.items()}
    write_json(stage.out / INTERVENTIONS, {"interventions": described, OTHER: whose})
    return _outcome(stage, {BASELINE.name: baseline, **scores}, artifacts)


# --------------------------------------------------------------------------------------------------------------------
# A model under one steering as a run of its own, so that any of them can be chosen in MLflow and compared.
#
# The same names whatever the model and the stage: `plane/AXIS` is the macro change on test against the unaligned, unsteered
# model, with `/low` and `/high` of its interval; `plane/LANGUAGE/AXIS` the same in one language; `AXIS/acc/LANGUAGE` and
# `bias/english/LANGUAGE` the accuracies and rates; `own/AXIS` the macro change against the same model unsteered.

CONDITION = "condition"


def condition_run(
    condition: Condition,
    *,
    model: str,
    steering: str,
    params: Mapping[str, str | int | float],
    datasets: Sequence[Dataset],
    over_own: Mapping[Axis, Mapping[str, Estimate]] | None = None,
) -> ChildRun:
    """The run of `condition`: `model` is its label (`MIST`), `steering` the short name of its steering."""
    name = model if steering == CONDITIONS[UNSTEERED].short else f"{model} + {steering}"
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
    for kind, place in CONDITIONS[name].vectors:
        found[f"{kind}.layer"] = at[place].layer
        found[f"{kind}.gamma"] = at[kind].gamma
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
        for language, measured in by_language.items():
            (macro if language == MACRO else own)[f"{name}/{language}"] = measured.value
    return macro | own


def _note(name: str, condition: Condition) -> str:
    changes = [
        f"{axis} {ascii_change(condition.delta[axis][MACRO])} points"
        for axis in AXES
        if MACRO in condition.delta.get(axis, {})
    ]
    how = f", {condition.note}" if condition.note else ""
    if condition.role == "baseline":
        first = f"{name}{how}: what every change is measured against, on test."
    else:
        first = f"{name}{how}: {', '.join(changes)} against the unaligned model on test, macro over the languages."
    rates = [f"{axis} {rate(one[MACRO].value)} %" for axis, one in condition.accuracy.items() if MACRO in one]
    bias = f"; English bias {rate(condition.bias[MACRO].value)} %" if MACRO in condition.bias else ""
    return f"{first} Accuracy: {', '.join(rates)}{bias}."
