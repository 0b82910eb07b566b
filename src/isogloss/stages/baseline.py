"""Stage `baseline`: the model as it is, on dev2 and test, and on test with the country named (the ceiling)."""

from __future__ import annotations

from typing import Any

from isogloss.data.rows import AXES
from isogloss.results.format import rate
from isogloss.results.names import BASELINE, COUNTRY
from isogloss.results.scores import MACRO, Scores
from isogloss.scoring.statistics import accuracies, bias_rates
from isogloss.spec import PipelineSpec
from isogloss.stages.data import datasets_of
from isogloss.stages.parallel import on_axis, score_conditions, split_items
from isogloss.stages.stage import Metric, StageOutcome, StageRun

DEV2, TEST, CONTEXT = "dev2.jsonl", "baseline.jsonl", "country-in-prompt.jsonl"


def settings(spec: PipelineSpec) -> Any:
    """Only the scoring; the items are the data stage's."""
    return spec.scoring.model_dump()


def run(stage: StageRun) -> StageOutcome:
    """Score without any intervention."""
    data = stage.inputs["data"]
    dev2, test = split_items(data, "dev2"), split_items(data, "test")
    twins = [
        item.model_copy(update={"question": item.context_question})
        for item in test
        if item.context_question is not None
    ]
    score_conditions(stage, "dev2", dev2)[BASELINE].save(stage.out / DEV2)
    baseline = score_conditions(stage, "test", test)[BASELINE]
    baseline.save(stage.out / TEST)
    named = score_conditions(stage, "country-named", twins)
    Scores(condition=COUNTRY, items=named[BASELINE].items).save(stage.out / CONTEXT)
    metrics = []
    for axis in AXES:
        for language, one in accuracies(on_axis(baseline, axis)).items():
            metrics.append(Metric(name=f"{axis}/acc/{language}", value=one.value))
    for language, one in bias_rates(on_axis(baseline, "localization")).items():
        metrics.append(Metric(name=f"bias/english/{language}", value=one.value))
    for language, one in accuracies(named[BASELINE].items).items():
        metrics.append(Metric(name=f"ceiling/acc/{language}", value=one.value))
    return StageOutcome(
        params={"model": stage.base_ref, "model.digest": stage.model_digest[:16], "dtype": stage.dtype},
        metrics=tuple(metrics),
        artifacts=dict.fromkeys((DEV2, TEST, CONTEXT), "scores"),
        datasets=datasets_of(data, "choices-dev2", "choices-test"),
        note=_note(stage.base_ref, {metric.name: metric.value for metric in metrics}),
    )


def _note(model: str, values: dict[str, float]) -> str:
    def percent(name: str) -> str:
        return f"{rate(values[name])} %" if name in values else "not measured"

    accuracies = " and ".join(f"{percent(f'{axis}/acc/{MACRO}')} of the {axis} items" for axis in AXES)
    return (
        f"{model} as it is gets {accuracies} right on test, macro over the languages besides English; English bias "
        f"{percent(f'bias/english/{MACRO}')}. With the country named: {percent(f'ceiling/acc/{MACRO}')} of the "
        "localization items."
    )
