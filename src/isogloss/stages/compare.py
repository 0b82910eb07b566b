"""Stage `compare`: every model under every steering against the unaligned one: the paper's table 3, figures 2 and 5."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from isogloss.data.rows import AXES, Axis
from isogloss.files import read_json, write_json
from isogloss.methods.callbacks import read_log
from isogloss.methods.job import LOG
from isogloss.results.format import ascii_change
from isogloss.results.names import BASELINE, CONDITIONS, STEERINGS, UNALIGNED, UNSTEERED, model_label
from isogloss.results.scores import MACRO, Comparison, CurvePoint, Estimate, ItemScore, Results, Scores, TrainedModel
from isogloss.scoring.statistics import differences
from isogloss.spec import PipelineSpec
from isogloss.spec.align import METHODS
from isogloss.stages.align import CURVE, check_items, curve_point
from isogloss.stages.analyse import RESULTS, condition_of, steering_notes
from isogloss.stages.baseline import DEV2, TEST
from isogloss.stages.data import datasets_of
from isogloss.stages.evaluate import condition_run, plane_metrics, steering_params
from isogloss.stages.parallel import on_axis
from isogloss.stages.stage import ChildRun, Dataset, StageOutcome, StageRun

COMPARISON = "comparison.json"
#: Logged among the parts of CLO's loss, and none: the share of pairs whose own answer is preferred.
SHARE = "preferred"


def settings(spec: PipelineSpec) -> Any:
    """Which methods, and the items of the curves."""
    return [spec.align.methods, spec.align.check_items]


def run(stage: StageRun) -> StageOutcome:
    """Compare the trained models, with an interval for every cell."""
    methods = tuple(method for method in METHODS if method in stage.spec.align.methods)
    results = Results.model_validate(read_json(stage.inputs["analyse"] / RESULTS))
    with stage.progress(len(methods) + 1, "comparison") as advance:
        comparison = comparison_of(stage.spec, stage.inputs, results, methods, progress=advance)
    write_json(stage.out / COMPARISON, comparison.model_dump())
    datasets = datasets_of(stage.inputs["data"], "choices-test")
    return StageOutcome(
        metrics=tuple(
            metric for model in comparison.models[1:] for metric in plane_metrics(model.conditions, model=model.name)
        ),
        artifacts={COMPARISON: ""},
        datasets=datasets,
        children=tuple(_children(comparison, results, datasets)),
        note=_note(comparison),
    )


def comparison_of(
    spec: PipelineSpec,
    folders: Mapping[str, Path],
    results: Results,
    methods: Sequence[str],
    *,
    progress: Callable[[int], None] = lambda _done: None,
) -> Comparison:
    """The unaligned model and these methods, from the folders of finished stages by name."""
    before = Scores.load(folders["baseline"] / TEST).items
    checked = {item.id for item in check_items(folders["data"], spec)}
    start = [score for score in Scores.load(folders["baseline"] / DEV2) if score.id in checked]
    notes = steering_notes(results.choices)
    models = [_unaligned(results)]
    progress(1)
    for method in methods:
        models.append(
            _trained(
                method,
                folders[f"evaluate-{method}"],
                before,
                notes,
                curve=(
                    curve_point(0, start),
                    *map(CurvePoint.model_validate, read_json(folders[f"follow-{method}"] / CURVE)),
                ),
                trained=folders[f"align-{method}"],
            )
        )
        progress(1)
    return Comparison(
        models=tuple(models),
        languages=results.languages,
        regions=results.regions,
        curve_items={axis: len(on_axis(start, axis)) for axis in AXES},
    )


def _unaligned(results: Results) -> TrainedModel:
    own = {one.name: one for one in results.conditions if one.name in STEERINGS}
    none = results.baseline.model_copy(update={"name": UNSTEERED})
    return TrainedModel(
        name=UNALIGNED,
        label=model_label(UNALIGNED),
        note=results.model,
        conditions=(none, *own.values()),
        over_own={name: one.delta for name, one in own.items()},
    )


def _trained(
    method: str,
    folder: Path,
    before: Sequence[ItemScore],
    notes: dict[str, str],
    *,
    curve: tuple[CurvePoint, ...],
    trained: Path,
) -> TrainedModel:
    plain = Scores.load(folder / f"{BASELINE}.jsonl").items
    conditions = [condition_of(UNSTEERED, model_label(method), "method", plain, before)]
    over_own: dict[str, dict[Axis, dict[str, Estimate]]] = {}
    for name in STEERINGS:
        if not (folder / f"{name}.jsonl").is_file():
            continue
        scores = Scores.load(folder / f"{name}.jsonl").items
        label = f"{model_label(method)} + {CONDITIONS[name].label}"
        conditions.append(condition_of(name, label, "method", scores, before, note=notes[name]))
        over_own[name] = {axis: differences(on_axis(scores, axis), on_axis(plain, axis)) for axis in AXES}
    log = read_log(trained / LOG)
    note = f"{log[-1]['step']} steps" if log else ""
    return TrainedModel(
        name=method,
        label=model_label(method),
        note=note,
        conditions=tuple(conditions),
        over_own=over_own,
        curve=curve,
        losses=_losses(log),
    )


def _losses(log: Sequence[dict[str, Any]]) -> dict[str, tuple[tuple[int, float], ...]]:
    """(step, loss) by part: MIDALIGN's two losses alternate, and CLO's are added with weights."""
    found: dict[str, list[tuple[int, float]]] = {}
    for line in log:
        parts = {name: value for name, value in line.get("parts", {}).items() if name != SHARE}
        for name, value in (parts or {"loss": line["loss"]}).items():
            found.setdefault(name, []).append((int(line["step"]), float(value)))
    return {name: tuple(points) for name, points in sorted(found.items())}


def _children(comparison: Comparison, results: Results, datasets: Sequence[Dataset]) -> Iterator[ChildRun]:
    """The trained models; those of the unaligned one are the analysis's."""
    for model in comparison.models[1:]:
        for condition in model.conditions:
            yield condition_run(
                condition,
                model=model.label,
                steering=CONDITIONS[condition.name].short,
                params={"base": results.model, **steering_params(condition.name, results.choices)},
                datasets=datasets,
                over_own=model.over_own.get(condition.name),
            )


def _note(comparison: Comparison) -> str:
    """What each method does without steering."""
    said = []
    for model in comparison.models[1:]:
        delta = model.conditions[0].delta
        changes = ", ".join(
            f"{axis} {ascii_change(delta[axis][MACRO])} points" for axis in AXES if MACRO in delta.get(axis, {})
        )
        said.append(f"{model.label}: {changes}")
    return (
        f"Unsteered, against the unaligned model on test: {'; '.join(said)}. A run below for each model and steering."
    )
