"""Stage `analyse`: paired differences with intervals, by language and macro; one `Results` value for all that is shown."""

from __future__ import annotations

import datetime
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from isogloss.data.benchmark.wording import regions
from isogloss.data.rows import AXES
from isogloss.files import read_json, write_json
from isogloss.models.config import model_shape
from isogloss.results.format import ascii_change
from isogloss.results.names import BASELINE, CONDITIONS, COUNTRY, SUR, UNALIGNED, Role, model_label
from isogloss.results.scores import MACRO, Choice, Condition, ItemScore, Results, Scores, SweepPoint
from isogloss.scoring.statistics import accuracies, bias_differences, bias_rates, differences
from isogloss.spec import PipelineSpec
from isogloss.stages.baseline import CONTEXT, TEST
from isogloss.stages.data import benchmark_digest, datasets_of
from isogloss.stages.evaluate import (
    INTERVENTIONS,
    condition_run,
    plane_metrics,
    steering_params,
)
from isogloss.stages.parallel import on_axis, split_items
from isogloss.stages.stage import ChildRun, Dataset, Metric, StageOutcome, StageRun
from isogloss.stages.sweep import SWEEP

RESULTS = "results.json"


def settings(spec: PipelineSpec) -> Any:
    """The name that the results carry."""
    return [spec.name, spec.scoring.model_dump()]


def run(stage: StageRun) -> StageOutcome:
    """Turn item scores into results."""
    total = 2 + sum((stage.inputs["evaluate"] / f"{name}.jsonl").is_file() for name in CONDITIONS)
    with stage.progress(total, "intervals") as advance:
        results = results_of(
            stage.spec,
            stage.inputs,
            model=stage.base_ref,
            model_path=stage.model_path,
            model_digest=stage.model_digest,
            dtype=stage.dtype,
            seconds=stage.timings,
            advance=advance,
        )
    write_json(stage.out / RESULTS, results.model_dump())
    datasets = datasets_of(stage.inputs["data"], "choices-test")
    return StageOutcome(
        metrics=tuple(_metrics(results)),
        artifacts={RESULTS: ""},
        datasets=datasets,
        children=tuple(_children(results, datasets)),
        note=_note(results),
    )


def results_of(
    spec: PipelineSpec,
    folders: Mapping[str, Path],
    *,
    model: str,
    model_path: Path,
    model_digest: str,
    dtype: str,
    seconds: Mapping[str, float],
    advance: Callable[[int], None] = lambda _done: None,
) -> Results:
    """The results that the finished stages in `folders` (by name) allow: at least `data` and `baseline` are needed."""
    swept = read_json(folders["sweep"] / SWEEP) if "sweep" in folders else {"points": [], "choices": []}
    choices = tuple(Choice.model_validate(one) for one in swept["choices"])
    before = Scores.load(folders["baseline"] / TEST).items
    baseline = condition_of(BASELINE, CONDITIONS[BASELINE].label, "baseline", before, before)
    advance(1)
    conditions = []
    named = read_json(folders["evaluate"] / INTERVENTIONS)["interventions"] if "evaluate" in folders else ()
    notes = steering_notes(choices) if named else {}
    for name in CONDITIONS:
        if name in named:
            condition = CONDITIONS[name]
            scores = Scores.load(folders["evaluate"] / f"{name}.jsonl").items
            conditions.append(condition_of(name, condition.label, condition.role, scores, before, note=notes[name]))
            advance(1)
    ceiling = Scores.load(folders["baseline"] / CONTEXT).items
    if ceiling:
        country = CONDITIONS[COUNTRY]
        conditions.append(condition_of(COUNTRY, country.label, country.role, ceiling, before, note=country.note))
    advance(1)
    test = split_items(folders["data"], "test")
    return Results(
        pipeline=spec.name,
        model=model,
        model_digest=model_digest,
        benchmark_digest=benchmark_digest(test),
        num_layers=model_shape(model_path).num_layers,
        languages=tuple(sorted({item.language for item in test}, key=spec.data.languages.index)),
        regions={language: "/".join(regions().get(language, ())) for language in spec.data.languages},
        scoring=_scoring_words(spec, dtype),
        counts={axis: sum(item.axis == axis for item in test) for axis in AXES}
        | {f"{axis} questions": len({item.group for item in test if item.axis == axis}) for axis in AXES},
        baseline=baseline,
        conditions=tuple(conditions),
        sweep=tuple(SweepPoint.model_validate(one) for one in swept["points"]),
        choices=choices,
        seconds={name: round(value, 1) for name, value in seconds.items()},
        machine=machine(),
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
    )


def _scoring_words(spec: PipelineSpec, dtype: str) -> str:
    words = "option letter" if spec.scoring.method == "letter" else "option log-likelihood"
    per_token = spec.scoring.method == "cloze" and spec.scoring.normalise == "tokens"
    return f"{spec.scoring.method} ({words}{' per token' if per_token else ''}, {dtype})"


def machine() -> str:
    """This machine in a few words."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.machine()}"


def steering_notes(choices: Sequence[Choice]) -> dict[str, str]:
    """Where and how each condition acts, in a few words, by its name."""
    at = {choice.kind: choice for choice in choices}
    notes = {}
    for name, condition in CONDITIONS.items():
        placed = [(kind, at[place].layer, f"γ {at[kind].gamma:g}") for kind, place in condition.vectors]
        if len(placed) == 1:
            _, layer, strength = placed[0]
            notes[name] = f"layer {layer}, {strength}"
        else:
            parts = [f"{kind.upper()} at layer {layer} ({strength})" for kind, layer, strength in placed]
            notes[name] = condition.note or " and ".join(parts)
    return notes


def condition_of(
    name: str,
    label: str,
    role: Role,
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
    """SUR's point as the pipeline's own, and the point of every condition; what is by language is in their runs."""
    metrics = plane_metrics(results.conditions, model=UNALIGNED)
    best = _surgical(results)
    if best is not None:
        metrics += [Metric(name=f"plane/{axis}", value=best.delta[axis][MACRO].value) for axis in AXES]
    return metrics


def _surgical(results: Results) -> Condition | None:
    one = next((one for one in results.conditions if one.name == SUR), None)
    return one if one is not None and all(MACRO in one.delta.get(axis, {}) for axis in AXES) else None


def _children(results: Results, datasets: Sequence[Dataset]) -> Iterator[ChildRun]:
    for condition in (results.baseline, *results.conditions):
        yield condition_run(
            condition,
            model=model_label(UNALIGNED),
            steering=CONDITIONS[condition.name].short,
            params={"base": results.model, **steering_params(condition.name, results.choices)},
            datasets=datasets,
        )


def _note(results: Results) -> str:
    best = _surgical(results)
    counts = f"Measured on {results.counts['transfer']} universal and {results.counts['localization']} localized items."
    if best is None:
        return counts
    changes = " and ".join(f"{axis} {ascii_change(best.delta[axis][MACRO])} points" for axis in AXES)
    return f"SUR-steering of {results.model}, {best.note}: {changes} on test, macro over the languages. {counts}"
