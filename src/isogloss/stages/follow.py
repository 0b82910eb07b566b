"""Stage `follow`: a method's snapshots on a dev subset: both axes and English bias over training (figure 5b)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from isogloss.data.rows import ChoiceItem
from isogloss.evaluate.results import CurvePoint
from isogloss.evaluate.scores import ItemScore
from isogloss.evaluate.statistics import accuracies, bias_rates
from isogloss.files import read_json, write_json
from isogloss.methods.job import FINAL, SNAPSHOTS
from isogloss.models.reference import DESCRIPTION
from isogloss.spec import PipelineSpec
from isogloss.stages.data import AXES, datasets_of, take
from isogloss.stages.scoring import on_axis, score_conditions, split_items
from isogloss.stages.stage import Metric, Record, StageRun

CURVE = "curve.json"


def settings(spec: PipelineSpec) -> Any:
    """Scoring, and how many items."""
    return [spec.scoring.model_dump(), spec.align.check_items, spec.data.seed]


def check_items(data: Path, spec: PipelineSpec) -> list[ChoiceItem]:
    """The dev2 items that the curves are scored on."""
    return take(split_items(data, "dev2"), limit=spec.align.check_items, seed=spec.data.seed)


def snapshots(trained: Path) -> list[tuple[int, Path]]:
    """(step, folder) of every snapshot and of the end, in order."""
    found = {int(path.name.rpartition("-")[2]): path for path in (trained / SNAPSHOTS).glob("step-*")}
    final = trained / FINAL
    found[int(read_json(final / DESCRIPTION)["step"])] = final
    return sorted(found.items())


def run(stage: StageRun, *, method: str) -> Record:
    """Score each snapshot; a scored one is kept when the stage is killed."""
    items = check_items(stage.inputs["data"], stage.spec)
    points, metrics, artifacts = [], [], {CURVE: "curve"}
    for step, folder in snapshots(stage.inputs[f"align-{method}"]):
        name = re.sub(r"\W+", "-", f"{method} step {step}")
        # Without a name of its own the model is let go of when the next one is asked for.
        scores = score_conditions(stage, name, items, loaded=stage.model(folder))["baseline"]
        scores.save(stage.out / f"{name}.jsonl")
        artifacts[f"{name}.jsonl"] = "scores"
        point = curve_point(step, scores.items)
        points.append(point)
        metrics += _metrics(point)
    write_json(stage.out / CURVE, [point.model_dump() for point in points])
    return Record(
        metrics=tuple(metrics), artifacts=artifacts, datasets=datasets_of(stage.inputs["data"], "choices-dev2")
    )


def curve_point(step: int, scores: Sequence[ItemScore]) -> CurvePoint:
    """Accuracies and English bias of a snapshot's scores."""
    return CurvePoint(
        step=step,
        accuracy={axis: accuracies(own) for axis in AXES if (own := on_axis(scores, axis))},
        bias=bias_rates(on_axis(scores, "localization")),
    )


def _metrics(point: CurvePoint) -> list[Metric]:
    # Not the names of the rates on test: these are of a few dev2 items.
    accuracy = [
        Metric(name=f"dev2/{axis}/acc/{language}", value=one.value, step=point.step)
        for axis, by_language in point.accuracy.items()
        for language, one in by_language.items()
    ]
    bias = [
        Metric(name=f"dev2/bias/english/{language}", value=one.value, step=point.step)
        for language, one in point.bias.items()
    ]
    return accuracy + bias
