"""Stage `evaluate`: EN, LOC and SUR at the chosen layers on test, with a random and another language's vectors beside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from isogloss.evaluate.results import MACRO, Choice
from isogloss.evaluate.score import BASELINE
from isogloss.evaluate.scores import Scores
from isogloss.evaluate.statistics import accuracies, bias_rates
from isogloss.files import read_json, write_json
from isogloss.methods.job import FINAL
from isogloss.spec import PipelineSpec
from isogloss.stages.baseline import TEST
from isogloss.stages.data import AXES, datasets_of
from isogloss.stages.scoring import on_axis, score_conditions, split_items
from isogloss.stages.stage import Metric, Record, StageRun
from isogloss.stages.sweep import SWEEP
from isogloss.stages.vectors import FOLDERS
from isogloss.steering.intervention import Intervention, exchanged, random_control, single, surgical
from isogloss.steering.vectors import Kind, SteeringVectors

INTERVENTIONS = "interventions.json"
#: Conditions in the order of the tables: name → (label, role).
CONDITIONS: dict[str, tuple[str, Literal["method", "control"]]] = {
    "en": ("EN-steering", "method"),
    "loc_mid": ("LOC-steering at EN's layer", "method"),
    "loc": ("LOC-steering", "method"),
    "sur": ("SUR-steering", "method"),
    "random": ("Random vectors", "control"),
    "other": ("Another language's vectors", "control"),
}


def settings(spec: PipelineSpec) -> Any:
    """Scoring, positions, and the seed of the random control."""
    return [spec.scoring.model_dump(), spec.steer.model_dump(), spec.seed]


def chosen(stage: StageRun) -> dict[str, Choice]:
    """{kind: layer and strength} that the sweep chose."""
    found = read_json(stage.inputs["sweep"] / SWEEP)["choices"]
    return {one["kind"]: Choice.model_validate(one) for one in found}


def steered(vectors: Mapping[Kind, SteeringVectors], choices: Mapping[str, Choice]) -> dict[str, Intervention]:
    """EN, LOC in EN's layer where that is another one, LOC in its own, and SUR, with the chosen strengths."""
    at = {kind: (choices[kind].layer, choices[kind].gamma) for kind in vectors}
    made = {kind: single(one, layer=at[kind][0], gamma=at[kind][1]) for kind, one in vectors.items()}
    found: dict[str, Intervention] = {"en": made["en"]}
    if at["en"][0] != at["loc"][0]:
        found["loc_mid"] = single(vectors["loc"], layer=at["en"][0], gamma=at["loc"][1])
    return found | {"loc": made["loc"], "sur": surgical(made["en"], made["loc"])}


def run_trained(stage: StageRun, *, method: str) -> Record:
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
    return _record(stage, scores, artifacts)


def _record(stage: StageRun, scores: Mapping[str, Scores], artifacts: dict[str, str]) -> Record:
    return Record(
        metrics=tuple(_macro_rates(scores)),
        artifacts=artifacts,
        datasets=datasets_of(stage.inputs["data"], "choices-test"),
    )


def _macro_rates(scores: Mapping[str, Scores]) -> Iterator[Metric]:
    """The macro rates of each steering, under the same names for every model; by language they are in the comparison."""
    for name, one in scores.items():
        steering = "none" if name == BASELINE.name else name
        for axis in AXES:
            found = accuracies(on_axis(one, axis))
            if MACRO in found:
                yield Metric(name=f"{axis}/acc/{MACRO}/{steering}", value=found[MACRO].value)
        rates = bias_rates(on_axis(one, "localization"))
        if MACRO in rates:
            yield Metric(name=f"bias/english/{MACRO}/{steering}", value=rates[MACRO].value)


def run(stage: StageRun) -> Record:
    """Score the test items under every condition."""
    choices = chosen(stage)
    real = {kind: SteeringVectors.load(stage.inputs["vectors"] / folder) for kind, folder in FOLDERS.items()}

    def at_choice(vectors: Mapping[Kind, SteeringVectors]) -> dict[str, Intervention]:
        return steered(vectors, choices)

    random = {kind: random_control(one, seed=stage.spec.seed + n) for n, (kind, one) in enumerate(real.items())}
    interventions = at_choice(real)
    interventions["random"] = at_choice(random)["sur"]
    whose = {}
    if all(len(one.languages) > 1 for one in real.values()):
        foreign = {}
        for kind, one in real.items():
            foreign[kind], whose[kind] = exchanged(one)
        interventions["other"] = at_choice(foreign)["sur"]
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
    write_json(stage.out / INTERVENTIONS, {"interventions": described, "other": whose})
    return _record(stage, {BASELINE.name: baseline, **scores}, artifacts)
