"""Stage `analyse`: paired differences with intervals, by language and macro; one `Results` value for all that is shown."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Sequence
from typing import Any, Literal

import psutil

from isogloss.data.rows import REGIONS
from isogloss.evaluate.results import MACRO, Choice, Condition, Results, SweepPoint
from isogloss.evaluate.scores import ItemScore, Scores
from isogloss.evaluate.statistics import accuracies, bias_differences, bias_rates, differences
from isogloss.files import read_json, write_json
from isogloss.spec import PipelineSpec
from isogloss.stages.baseline import CONTEXT, TEST
from isogloss.stages.data import AXES, benchmark_digest
from isogloss.stages.evaluate import CONDITIONS, INTERVENTIONS
from isogloss.stages.scoring import on_axis, split_items
from isogloss.stages.stage import Metric, Record, StageRun
from isogloss.stages.sweep import SWEEP
from isogloss.stages.vectors import FOLDERS
from isogloss.steering.vectors import SteeringVectors

RESULTS = "results.json"


def settings(spec: PipelineSpec) -> Any:
    """The name that the results carry."""
    return [spec.name, spec.scoring.model_dump()]


def run(stage: StageRun) -> Record:
    """Turn item scores into results."""
    sweep = read_json(stage.inputs["sweep"] / SWEEP)
    points = tuple(SweepPoint.model_validate(one) for one in sweep["points"])
    choices = tuple(Choice.model_validate(one) for one in sweep["choices"])
    interventions = read_json(stage.inputs["evaluate"] / INTERVENTIONS)
    notes = steering_notes(choices)
    before = Scores.load(stage.inputs["baseline"] / TEST).items
    named = [name for name in CONDITIONS if name in interventions["interventions"]]
    with stage.progress(len(named) + 2, "intervals") as advance:
        baseline = condition_of("baseline", "Unsteered", "baseline", before, before)
        advance(1)
        conditions = []
        for name in named:
            label, role = CONDITIONS[name]
            scores = Scores.load(stage.inputs["evaluate"] / f"{name}.jsonl").items
            conditions.append(condition_of(name, label, role, scores, before, note=notes[name]))
            advance(1)
        ceiling = Scores.load(stage.inputs["baseline"] / CONTEXT).items
        if ceiling:
            note = "the country is named in the question; localized items only"
            conditions.append(condition_of("country", "Country in the prompt", "control", ceiling, before, note=note))
        advance(1)
    test = split_items(stage.inputs["data"], "test")
    vectors = SteeringVectors.load(stage.inputs["vectors"] / FOLDERS["loc"])
    results = Results(
        pipeline=stage.spec.name,
        model=stage.model_ref,
        model_digest=stage.model_digest,
        benchmark_digest=benchmark_digest(test),
        num_layers=vectors.header.num_layers,
        languages=tuple(sorted({item.language for item in test}, key=stage.spec.data.languages.index)),
        regions={language: "/".join(REGIONS.get(language, ())) for language in stage.spec.data.languages},
        scoring=_scoring_words(stage.spec, stage.dtype),
        counts={axis: sum(item.axis == axis for item in test) for axis in AXES}
        | {f"{axis} questions": len({item.group for item in test if item.axis == axis}) for axis in AXES},
        baseline=baseline,
        conditions=tuple(conditions),
        sweep=points,
        choices=choices,
        seconds={name: round(seconds, 1) for name, seconds in stage.timings.items()},
        machine=machine(),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )
    write_json(stage.out / RESULTS, results.model_dump())
    return Record(metrics=tuple(_metrics(results)), artifacts={RESULTS: ""})


def _scoring_words(spec: PipelineSpec, dtype: str) -> str:
    words = "option letter" if spec.scoring.method == "letter" else "option log-likelihood"
    per_token = spec.scoring.method == "cloze" and spec.scoring.normalise == "tokens"
    return f"{spec.scoring.method} ({words}{' per token' if per_token else ''}, {dtype})"


def machine() -> str:
    """This machine in a few words."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}"


def steering_notes(choices: Sequence[Choice]) -> dict[str, str]:
    """What each condition does, in a few words, by its name."""
    at = {one.kind: one for one in choices}
    en, loc = at["en"], at["loc"]
    return {
        "en": f"layer {en.layer}, γ {en.gamma:g}",
        "loc_mid": f"layer {en.layer}, γ {loc.gamma:g}",
        "loc": f"layer {loc.layer}, γ {loc.gamma:g}",
        "sur": f"EN at layer {en.layer} (γ {en.gamma:g}) and LOC at layer {loc.layer} (γ {loc.gamma:g})",
        "random": "vectors of random direction and equal norm, in SUR's layers",
        "other": "each language with the vectors of the next one, at its own norm, in SUR's layers",
    }


def condition_of(
    name: str,
    label: str,
    role: Literal["baseline", "method", "control"],
    scores: Sequence[ItemScore],
    before: Sequence[ItemScore],
    *,
    note: str = "",
) -> Condition:
    """A condition's accuracies and English bias, and paired differences to the scores `before`."""
    accuracy, delta = {}, {}
    for axis in AXES:
        own = on_axis(scores, axis)
        ids = {score.id for score in own}
        if own:
            accuracy[axis] = accuracies(own)
            if role != "baseline":
                delta[axis] = differences(own, [score for score in before if score.id in ids])
    localized = on_axis(scores, "localization")
    ids = {score.id for score in localized}
    paired = [score for score in before if score.id in ids]
    return Condition(
        name=name,
        label=label,
        role=role,
        note=note,
        accuracy=accuracy,
        delta=delta,
        bias=bias_rates(localized),
        bias_delta={} if role == "baseline" else bias_differences(localized, paired),
    )


def _metrics(results: Results) -> list[Metric]:
    metrics = []
    for condition in results.conditions:
        for axis, by_language in condition.delta.items():
            for language, one in by_language.items():
                plane = "plane" if language == MACRO else f"plane/{language}"
                metrics.append(Metric(name=f"{plane}/{axis}/{condition.name}", value=one.value))
        for axis, by_language in condition.accuracy.items():
            for language, one in by_language.items():
                metrics.append(Metric(name=f"{axis}/acc/{language}/{condition.name}", value=one.value))
        for language, one in condition.bias.items():
            metrics.append(Metric(name=f"bias/english/{language}/{condition.name}", value=one.value))
    best = next((one for one in results.conditions if one.name == "sur"), None)
    if best is not None and all(axis in best.delta for axis in AXES):
        metrics += [Metric(name=f"plane/{axis}", value=best.delta[axis][MACRO].value) for axis in AXES]
    return metrics
