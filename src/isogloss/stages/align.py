"""Stage `align`: train one method on the corpus; the weights or adapter, snapshots along the way, and the log.

The training runs in processes of its own, in the launch shape asked for. Its folder outlives a kill: the same command goes
on from the newest whole checkpoint.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from isogloss.data.rows import AXES, ChoiceItem
from isogloss.errors import UserError
from isogloss.files import read_json, sha256_file, write_json
from isogloss.methods.callbacks import read_log
from isogloss.methods.job import DECISIONS, FINAL, LOG, SNAPSHOTS, Job
from isogloss.methods.launch import OUTPUTS, launch, placed
from isogloss.models.reference import DESCRIPTION
from isogloss.results.names import BASELINE
from isogloss.results.scores import CurvePoint, ItemScore
from isogloss.scoring.statistics import accuracies, bias_rates
from isogloss.spec import PipelineSpec
from isogloss.spec.align import SINGLE, LaunchSpec, load_launch
from isogloss.stages.corpus import INSTRUCTIONS, PARALLEL
from isogloss.stages.data import datasets_of, take
from isogloss.stages.parallel import on_axis, score_conditions, split_items
from isogloss.stages.stage import Advance, Metric, StageOutcome, StageRun

TRAINING = "training"
#: What rank 0 printed: the engine in charge, decisions about the data, warnings.
TRAINING_LOG = "training.log"
#: What a line of the log holds besides numbers that are worth a curve.
_NOT_METRICS = ("step", "steps", "seconds", "parts")


def settings(spec: PipelineSpec, *, method: str) -> Any:
    """The method's own settings; not the launch shape."""
    section = spec.align.of(method)  # type: ignore[arg-type]
    return [section.model_dump(mode="json"), list(spec.data.languages), spec.align.missing_language]


def launch_of(spec: PipelineSpec, method: str) -> LaunchSpec:
    """The launch shape of a method, as it is on this node: its own, the section's, or one process."""
    path = spec.align.launches.get(method, spec.align.launch)  # type: ignore[call-overload]
    return placed(SINGLE if path is None else load_launch(path))


def make_job(stage: StageRun, method: str) -> Job:
    """The training as its workers read it."""
    corpus, spec = stage.inputs["corpus"], stage.spec
    section = spec.align.of(method)  # type: ignore[arg-type]
    folder = (stage.work / TRAINING).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    dtype = section.train.dtype
    return Job(
        method=method,  # type: ignore[arg-type]
        model_name=stage.model_ref,
        model_path=stage.model_path.resolve(),
        model_digest=stage.model_digest,
        languages=spec.data.languages,
        instructions=((corpus / INSTRUCTIONS).resolve(),),
        parallel=((corpus / PARALLEL).resolve(),),
        instructions_digest=sha256_file(corpus / INSTRUCTIONS),
        parallel_digest=sha256_file(corpus / PARALLEL),
        missing_language=spec.align.missing_language,
        dtype=stage.dtype if dtype == "auto" else dtype,
        launch=launch_of(spec, method),
        folder=folder,
        **{method: section},  # type: ignore[arg-type]
    )


def run(stage: StageRun, *, method: str) -> StageOutcome:
    """Train, or go on training; then keep what the later stages read."""
    job = make_job(stage, method)
    job.write()
    stage.release()
    train(job, stage)
    for name in (FINAL, SNAPSHOTS, DECISIONS, LOG):
        source, target = job.folder / name, stage.out / name
        if source.is_dir():
            shutil.copytree(source, target)
        elif source.is_file():
            shutil.copy2(source, target)
    shutil.copy2(job.folder / OUTPUTS / "0.log", stage.out / TRAINING_LOG)
    steps = read_log(stage.out / LOG)
    decisions = read_json(stage.out / DECISIONS) if (stage.out / DECISIONS).is_file() else []
    for one in decisions:
        stage.say(f"{method}: {one['count']} of {one['total']} {one['what']}")
    return StageOutcome(
        params={
            "method": method,
            "parameters": job.train.parameters,
            "learning_rate": job.train.learning_rate,
            "batch": job.train.batch,
            "steps": steps[-1]["step"] if steps else 0,
            "train.dtype": job.dtype,
            "rows.decided": sum(one["count"] for one in decisions),
        },
        metrics=tuple(
            Metric(name=f"train/{name}", value=float(value), step=line["step"])
            for line in steps
            for name, value in {**line, **line.get("parts", {})}.items()
            if name not in _NOT_METRICS
        ),
        artifacts={name: "" for name in (LOG, DECISIONS, TRAINING_LOG) if (stage.out / name).is_file()},
        datasets=datasets_of(stage.inputs["corpus"]),
        note=_note(method, job, steps),
    )


def _note(method: str, job: Job, steps: Sequence[dict[str, Any]]) -> str:
    said = f"{method.upper()} on {job.model_name}: {job.train.parameters}, learning rate {job.train.learning_rate:g}."
    if not steps:
        return said
    first, last = steps[0], steps[-1]
    return f"{said} {last['step']} steps, loss {first['loss']:.3f} at the first and {last['loss']:.3f} at the last."


def train(job: Job, stage: StageRun) -> None:
    """Run the workers and show loss, tokens a second and the time that is left."""
    output = job.folder / OUTPUTS / "0.log"
    advance: Advance | None = None
    stage.say(f"training {job.method}: starting")
    with ExitStack() as shown:

        def on_step(line: dict[str, Any]) -> None:
            nonlocal advance
            if advance is None:
                if engine := _engine_said(output):
                    stage.say(engine)
                # Only now: how many steps there are may follow from the data, and where one that goes on begins.
                done = line["step"] - 1
                title = f"training {job.method}" + (f" after step {done}" if done else "")
                advance = shown.enter_context(stage.progress(line["steps"] - done, title))
            advance(1, f"loss {line['loss']:.3f}, {line['tokens_per_second']:,.0f} tokens/s")

        launch(job, on_step=on_step)
    if not (job.folder / FINAL).is_dir():
        raise UserError(f"training {job.method} ended without {FINAL}/ in {job.folder}; see the messages above")


def _engine_said(output: Path) -> str | None:
    """The line in which rank 0 says which engine is in charge, once it has."""
    if not output.is_file():
        return None
    lines = output.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line for line in lines if line.endswith("steps to go")), None)


# --------------------------------------------------------------------------------------------------------------------
# Stage `follow`: a method's snapshots on a dev subset: both axes and English bias over training (figure 5b).

CURVE = "curve.json"


def follow_settings(spec: PipelineSpec) -> Any:
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


def follow_run(stage: StageRun, *, method: str) -> StageOutcome:
    """Score each snapshot; a scored one is kept when the stage is killed."""
    items = check_items(stage.inputs["data"], stage.spec)
    points, metrics, artifacts = [], [], {CURVE: "curve"}
    for step, folder in snapshots(stage.inputs[f"align-{method}"]):
        name = re.sub(r"\W+", "-", f"{method} step {step}")
        # Without a name of its own the model is let go of when the next one is asked for.
        scores = score_conditions(stage, name, items, loaded=stage.model(folder))[BASELINE]
        scores.save(stage.out / f"{name}.jsonl")
        artifacts[f"{name}.jsonl"] = "scores"
        point = curve_point(step, scores.items)
        points.append(point)
        metrics += _metrics(point)
    write_json(stage.out / CURVE, [point.model_dump() for point in points])
    return StageOutcome(
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
