"""Stage `evaluate`: EN, LOC and SUR at the chosen layers on test, with a random and another language's vectors beside."""

from __future__ import annotations

from typing import Any, Literal

from isogloss.evaluate.results import Choice
from isogloss.evaluate.score import BASELINE
from isogloss.files import read_json, write_json
from isogloss.spec import PipelineSpec
from isogloss.stages.scoring import score_in_chunks, split_items, steered_pass
from isogloss.stages.stage import Record, StageRun
from isogloss.stages.sweep import SWEEP
from isogloss.stages.vectors import FOLDERS
from isogloss.steering.intervention import Intervention, exchanged, random_control, single, surgical
from isogloss.steering.vectors import SteeringVectors

INTERVENTIONS = "interventions.json"
#: Conditions in the order of the tables: name → (label, role).
CONDITIONS: dict[str, tuple[str, Literal["method", "control"]]] = {
    "en": ("EN-steering", "method"),
    "loc": ("LOC-steering", "method"),
    "sur": ("SUR-steering", "method"),
    "random": ("Random vectors", "control"),
    "other": ("Another language's vectors", "control"),
}


def settings(spec: PipelineSpec) -> Any:
    """Scoring, positions, and the seed of the random control."""
    return [spec.scoring.model_dump(), spec.steer.model_dump(), spec.seed]


def run(stage: StageRun) -> Record:
    """Score the test items under every condition."""
    loaded = stage.model()
    choices = {one["kind"]: Choice.model_validate(one) for one in read_json(stage.inputs["sweep"] / SWEEP)["choices"]}
    real = {kind: SteeringVectors.load(stage.inputs["vectors"] / folder) for kind, folder in FOLDERS.items()}

    def at_choice(vectors: dict[Any, SteeringVectors]) -> dict[str, Intervention]:
        made = {
            kind: single(one, layer=choices[kind].layer, gamma=choices[kind].gamma) for kind, one in vectors.items()
        }
        return {**made, "sur": surgical(made["en"], made["loc"])}

    random = {kind: random_control(one, seed=stage.spec.seed + n) for n, (kind, one) in enumerate(real.items())}
    interventions = at_choice(real)
    interventions["random"] = at_choice(random)["sur"]
    whose = {}
    if all(len(one.languages) > 1 for one in real.values()):
        foreign = {}
        for kind, one in real.items():
            foreign[kind], whose[kind] = exchanged(one)
        interventions["other"] = at_choice(foreign)["sur"]
    passes = [
        steered_pass(loaded, name, one, positions=stage.spec.steer.positions) for name, one in interventions.items()
    ]
    items = split_items(stage.inputs["data"], "test")
    artifacts = {INTERVENTIONS: "interventions"}
    scores = score_in_chunks(stage, f"{len(passes)} conditions on test", items, passes=[BASELINE, *passes])
    for name in interventions:
        scores[name].save(stage.out / f"{name}.jsonl")
        artifacts[f"{name}.jsonl"] = "scores"
    described = {name: one.describe() for name, one in interventions.items()}
    write_json(stage.out / INTERVENTIONS, {"interventions": described, "other": whose})
    return Record(artifacts=artifacts)
