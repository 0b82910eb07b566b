"""Take part in a search that another process, here or on another machine, has begun."""

from __future__ import annotations

from collections.abc import Callable

from isogloss.errors import UserError, did_you_mean
from isogloss.pipeline.engine import Models, stage_run
from isogloss.pipeline.steps import Plan, Step
from isogloss.stages import search
from isogloss.stages.stage import Progress


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
    return search.join(stage, checkpoint=step.stage.method)


def _step(plan: Plan, checkpoint: str | None) -> Step:
    searches = [step for step in plan.steps if step.stage.family == "search"]
    if not searches:
        raise UserError(f"{plan.spec.name}: nothing is searched; set search.checkpoints")
    if checkpoint is None:
        return next((step for step in searches if not step.done), searches[-1])
    for step in searches:
        if step.stage.method == checkpoint:
            return step
    known = [step.stage.method for step in searches]
    raise UserError(
        f"--checkpoint {checkpoint}: not searched in this pipeline{did_you_mean(checkpoint, known)}; "
        f"there {'is' if len(known) == 1 else 'are'} {', '.join(known)}"
    )
