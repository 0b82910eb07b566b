"""A training on several nodes: the one of rank 0 runs the pipeline, the others lend it their processes.

All run the same command in one folder that they share; only `node_rank`, in their launch shapes or their environment, differs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, Timeout

from isogloss.errors import InterruptedRun, UserError, did_you_mean
from isogloss.files import damage
from isogloss.methods.job import JOB, Job
from isogloss.methods.launch import launch
from isogloss.pipeline.plan import Plan, Step
from isogloss.pipeline.run import Models, stage_run
from isogloss.stages import search
from isogloss.stages.align import TRAINING, launch_of
from isogloss.stages.stage import Progress

#: How often a node looks whether the first one has begun, in seconds.
_LOOK_SECONDS = 1.0


def lent(plan: Plan, until: str | None) -> tuple[Step, ...]:
    """The trainings for which this node is not the first: what it does of the pipeline, if there are any."""
    return tuple(
        step
        for step in plan.until(until)
        if step.stage.family == "align" and launch_of(plan.spec, step.stage.variant).node_rank
    )


def lend(plan: Plan, steps: tuple[Step, ...], *, say: Callable[[str], None]) -> list[str]:
    """Take part in each of the trainings as the first node comes to it; the names of those in which it did.

    Raises as :func:`launch`, and InterruptedRun where this node is stopped while it waits.
    """
    taken = []
    for step in steps:
        name, shape = step.stage.name, launch_of(plan.spec, step.stage.variant)
        folder = (step.work / TRAINING).resolve()
        if damage(step.folder) is not None:
            say(f"{name}: node {shape.node_rank} of {shape.nodes} waits until node 0 has begun it in {folder}")
        if not _begun(step, folder):
            continue
        say(f"{name}: node {shape.node_rank} takes part")
        launch(Job.read(folder).model_copy(update={"launch": shape, "folder": folder}))
        taken.append(name)
    return taken


def _begun(step: Step, folder: Path) -> bool:
    """Wait until the first node trains; False where it has finished."""
    try:
        while damage(step.folder) is not None:
            # A job.json alone may be what an earlier attempt left.
            if (folder / JOB).is_file() and _held(step.lock):
                return True
            time.sleep(_LOOK_SECONDS)
    except KeyboardInterrupt as error:
        raise InterruptedRun(f"stopped while waiting for {step.stage.name}; the same command waits again") from error
    return False


def _held(path: Path) -> bool:
    """Whether a process has the lock."""
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


# --------------------------------------------------------------------------------------------------------------------
# Take part in a search that another process, here or on another machine, has begun.


def join_search(plan: Plan, checkpoint: str | None, *, progress: Progress, say: Callable[[str], None]) -> int:
    """Run trials of the study of `checkpoint` until it has all of them; returns how many were run here.

    Without `checkpoint`, the first study that is not finished. Nothing is written but the study's own trials, so that it may be
    killed at any time.

    Raises UserError where the pipeline has no such search, where it is finished, or where what it needs is not made here.
    """
    step = _step(plan, checkpoint)
    if step.done:
        raise UserError(f"{step.stage.name}: finished already; there is nothing to join")
    missing = [need for need in step.stage.needs if need not in search.TO_BEGIN and not plan.step(need).done]
    if missing:
        raise UserError(
            f"{step.stage.name}: it needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not made in "
            f"this folder yet. On the machine of the run, wait for it; on another, first: isogloss run … --until {missing[-1]}"
        )
    work = step.work
    work.mkdir(parents=True, exist_ok=True)
    stage = stage_run(plan, step, out=work, work=work, progress=progress, models=Models(plan, say), say=say)
    return search.join(stage, checkpoint=step.stage.variant)


def _step(plan: Plan, checkpoint: str | None) -> Step:
    searches = [step for step in plan.steps if step.stage.family == "search"]
    if not searches:
        raise UserError(f"{plan.spec.name}: nothing is searched; set search.checkpoints")
    if checkpoint is None:
        return next((step for step in searches if not step.done), searches[-1])
    for step in searches:
        if step.stage.variant == checkpoint:
            return step
    known = [step.stage.variant for step in searches]
    raise UserError(
        f"--checkpoint {checkpoint}: not searched in this pipeline{did_you_mean(checkpoint, known)}; "
        f"there {'is' if len(known) == 1 else 'are'} {', '.join(known)}"
    )
