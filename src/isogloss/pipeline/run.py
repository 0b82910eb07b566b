"""Run a pipeline: only what has no whole output, each stage aside and sealed, journal first, MLflow after.

The same command again goes on where the last one stopped. Killed inside a stage, its finished chunks are kept in a work
folder; the stage itself counts only when sealed.
"""

from __future__ import annotations

import contextlib
import logging
import resource
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from isogloss.errors import InterruptedRun, UserError
from isogloss.files import damage, sealed_folder, write_atomic, write_json
from isogloss.pipeline.plan import STORE, Plan, Step
from isogloss.pipeline.recording import PARENT, Recorder, record_stage
from isogloss.processes import signals_as_interrupts
from isogloss.stages.stage import RECORD, Progress, StageRun, Watched, unwatched
from isogloss.tracking.journal import Journal, fold
from isogloss.tracking.store import tracking_uri

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from isogloss.models.load import LoadedModel


_logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run did: stages run now, stages found finished, and MLflow events still waiting."""

    ran: tuple[str, ...]
    reused: tuple[str, ...]
    pending: int
    run_id: str | None


def run_pipeline(
    plan: Plan,
    *,
    until: str | None = None,
    progress: Progress,
    say: Callable[[str], None],
    finished: Callable[[Step], None] = lambda _step: None,
) -> Outcome:
    """Run what is unfinished, up to and including stage `until`; `finished` is called after each stage that was run.

    Raises UserError when another process runs the same pipeline, InterruptedRun on SIGINT or SIGTERM (what is finished
    is kept), and whatever a stage raises, after noting its failure.
    """
    wanted = plan.until(until)
    plan.folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(plan.root / STORE / "pipelines" / f".{plan.folder.name}.lock")
    try:
        held = lock.acquire(timeout=0)
    except Timeout:
        raise UserError(
            f"{plan.spec.name}: another process is running this pipeline. Wait for it, or see `isogloss status`."
        ) from None
    with held, signals_as_interrupts():
        return _run(plan, wanted, progress=progress, say=say, finished=finished)


def _run(
    plan: Plan,
    wanted: tuple[Step, ...],
    *,
    progress: Progress,
    say: Callable[[str], None],
    finished: Callable[[Step], None],
) -> Outcome:
    journal = Journal(plan.folder / "journal.jsonl", base=plan.root / STORE)
    unfinished = [step.stage.name for step in wanted if not step.done]
    known = {key for key, run in fold(journal.events()).items() if run.status == "FINISHED"}
    recorder = Recorder(journal, plan.spec.track.uri or tracking_uri(plan.root), plan.spec.track.experiment)
    if unfinished or PARENT not in known:
        write_atomic(plan.folder / "pipeline.yaml", plan.spec.to_yaml())
        journal.close_abandoned()
        recorder.start(PARENT, name=plan.spec.name, kind="pipeline", tags=_tags(plan))
        journal.params(PARENT, _parent_params(plan))
        journal.artifact(PARENT, plan.folder / "pipeline.yaml")
    models = Models(plan, say)
    try:
        for step in wanted:
            name = step.stage.name
            if step.done:
                _drop_partial(step)
            if step.done and name in known:
                continue
            reused = {"isogloss.reused": "true"} if step.done else {}
            tags = {"isogloss.stage_key": step.key, **reused}
            recorder.start(name, name=name, parent=PARENT, kind="stage", tags=tags)
            if not step.done:
                watched = recorder.watched(name)
                _run_stage(plan, step, progress=progress, models=models, say=say, watched=watched)
            record_stage(journal, name, step.folder, step.outcome())
            recorder.end(name, "FINISHED")
            recorder.sync()
            if not step.done:
                finished(step)
        recorder.end(PARENT, "FINISHED")
    except BaseException as error:
        stopped = isinstance(error, KeyboardInterrupt | InterruptedRun)
        within = next((key for key in reversed(recorder.open) if key != PARENT), "between two stages")
        for key in reversed(list(recorder.open)):
            recorder.end(key, "KILLED" if stopped else "FAILED")
        recorder.sync()
        if stopped:
            raise InterruptedRun(f"stopped in {within}; what is finished is kept, the same command goes on") from error
        raise
    projection = recorder.sync(last=True)
    assert projection is not None
    return Outcome(
        ran=tuple(unfinished),
        reused=tuple(step.stage.name for step in wanted if step.stage.name not in unfinished),
        pending=projection.pending,
        run_id=projection.run_ids.get(PARENT),
    )


def _run_stage(
    plan: Plan, step: Step, *, progress: Progress, models: Models, say: Callable[[str], None], watched: Watched
) -> None:
    """Make the stage's folder, unless another pipeline that shares the stage is making it: then wait for that one."""
    work = step.work
    work.mkdir(parents=True, exist_ok=True)
    lock = FileLock(step.lock)
    try:
        held = lock.acquire(timeout=0)
    except Timeout:
        say(f"{step.stage.name}: another process is making it; waiting")
        held = lock.acquire()
    with held:
        if damage(step.folder) is not None:
            _fill(plan, step, work, progress=progress, models=models, say=say, watched=watched)


def _drop_partial(step: Step) -> None:
    """Drop what is left of a finished stage's partial results: killed while it dropped them, a run leaves gigabytes."""
    if step.work.exists():
        with contextlib.suppress(Timeout), FileLock(step.lock).acquire(timeout=0):
            shutil.rmtree(step.work)


def _fill(
    plan: Plan,
    step: Step,
    work: Path,
    *,
    progress: Progress,
    models: Models,
    say: Callable[[str], None],
    watched: Watched,
) -> None:
    """Fill the stage's folder aside and seal it; then drop its partial results."""
    work.mkdir(exist_ok=True)
    for leftover in step.folder.parent.glob(f".{step.folder.name}.*"):
        shutil.rmtree(leftover)
    if step.folder.exists():
        _logger.warning("%s: damaged (%s); run again", step.stage.name, step.missing)
    timings = {done.stage.name: done.outcome().seconds for done in plan.steps if damage(done.folder) is None}
    started = time.monotonic()
    with sealed_folder(step.folder, stage=step.stage.name, key=step.key) as out:
        run = stage_run(
            plan, step, out=out, work=work, progress=progress, models=models, say=say, timings=timings, watched=watched
        )
        outcome = step.stage.run(run)
        measured = {"seconds": time.monotonic() - started, "peak_bytes": peak_bytes()}
        write_json(out / RECORD, outcome.model_copy(update=measured).model_dump())
    shutil.rmtree(work)


def stage_run(
    plan: Plan,
    step: Step,
    *,
    out: Path,
    work: Path,
    progress: Progress,
    models: Models,
    say: Callable[[str], None],
    timings: Mapping[str, float] = MappingProxyType({}),
    watched: Watched = unwatched,
) -> StageRun:
    """What the stage's function gets, with the folders of what it needs."""
    return StageRun(
        spec=plan.spec,
        inputs={need: plan.step(need).folder for need in step.stage.needs},
        out=out,
        work=work,
        progress=progress,
        model=models,
        release=models.release,
        model_ref=plan.model.ref,
        base_ref=plan.model.base_ref,
        model_path=plan.model.path,
        say=say,
        model_digest=plan.model.digest,
        dtype=plan.dtype,
        timings=timings,
        watched=watched,
    )


def peak_bytes() -> int:
    """Peak resident memory of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class Models:
    """Loads the pipeline's model, or the trained one in a folder, and keeps the last: two may not fit into memory."""

    def __init__(self, plan: Plan, say: Callable[[str], None]) -> None:
        self.plan, self.say = plan, say
        self._kept: dict[Path | None, LoadedModel] = {}
        self._tokenizers: dict[str, PreTrainedTokenizerBase] = {}

    def __call__(self, folder: Path | None = None) -> LoadedModel:
        if folder not in self._kept:
            self.release()
            self._kept[folder] = self._load(folder)
        return self._kept[folder]

    def release(self) -> None:
        """Keep none: a training in other processes needs the memory."""
        import torch

        self._kept.clear()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _load(self, folder: Path | None) -> LoadedModel:
        import torch

        from isogloss.models.load import load_model

        compute, dtype = self.plan.spec.compute, self.plan.dtype
        if compute.threads is not None:
            torch.set_num_threads(compute.threads)
        device = compute.device
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.say(f"loading {self.plan.spec.model if folder is None else folder.name} in {dtype} on {device}")
        name = self.plan.model.ref if folder is None else str(folder)
        return load_model(name, dtype=dtype, device=device, tokenizers=self._tokenizers)  # type: ignore[arg-type]


def _tags(plan: Plan) -> dict[str, str]:
    return {
        "isogloss.pipeline": plan.spec.name,
        "isogloss.identity": plan.identity,
        "isogloss.model_digest": plan.model.digest,
    }


def _parent_params(plan: Plan) -> dict[str, object]:
    spec = plan.spec
    return {
        "model": spec.model,
        "model.digest": plan.model.digest[:16],
        "dtype": plan.dtype,
        "scoring": spec.scoring.method,
        "normalise": spec.scoring.normalise,
        "languages": ",".join(spec.data.languages),
        "data": "embedded" if spec.data.choices == "embedded" else "files",
        "data.seed": spec.data.seed,
        "data.test": str(spec.data.test),
        "vectors.token": spec.vectors.token,
        "vectors.pairs": spec.vectors.pairs,
        "positions": spec.steer.positions,
        "tolerance": spec.sweep.tolerance,
        "methods": ",".join(spec.align.methods) or "none",
    }
