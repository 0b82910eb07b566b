"""What a pipeline's run says of itself: written to the journal first, projected to MLflow after.

A stage's record goes to the stage's own run; what sums the pipeline up goes to the pipeline's run too. Child runs (a model
under one steering, a trial) may come while their stage goes on, and come once: those that the journal has are left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType

from isogloss.stages.stage import ChildRun, StageOutcome
from isogloss.tracking.journal import Journal, RunState, Status, fold
from isogloss.tracking.mlflow_sync import SyncResult, polling, sync_journal
from isogloss.tracking.store import shorten_lock_waits
from isogloss.tracking.ui import CURVES_TAG

PARENT = "pipeline"
#: Stages whose numbers are the pipeline's too, and those whose files are.
_SUMMED_UP = ("baseline", "analyse", "compare")
_SHOWN = ("report",)


class Recorder:
    """Which runs of the journal are open, and its projection to MLflow: a store that failed once is asked again only at
    the end, because every asking costs seconds."""

    def __init__(self, journal: Journal, uri: str, experiment: str) -> None:
        self.journal, self.uri, self.experiment = journal, uri, experiment
        self.open: list[str] = []
        self.failed = False

    def start(
        self,
        key: str,
        *,
        name: str,
        kind: str,
        parent: str | None = None,
        tags: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        own = _stage_tags(key) if kind == "stage" else {}
        self.journal.start_run(key, name=name, parent=parent, kind=kind, tags={**own, **tags})
        self.open.append(key)

    def end(self, key: str, status: Status) -> None:
        if key in self.open:
            self.journal.end_run(key, status)
            self.open.remove(key)

    def sync(self, *, last: bool = False) -> SyncResult | None:
        if self.failed and not last:
            return None
        projection = sync_journal(self.journal, tracking_uri=self.uri, experiment=self.experiment)
        self.failed = projection.problem is not None
        return projection

    def watched(self, name: str) -> Callable[[Callable[[], Iterable[ChildRun]]], AbstractContextManager[None]]:
        """For a stage that goes on: `with watched(finished):` records what `finished()` lists, every few seconds."""

        def watch(finished: Callable[[], Iterable[ChildRun]]) -> AbstractContextManager[None]:
            told = {key for key, run in fold(self.journal.events()).items() if run.status == "FINISHED"}

            def look() -> None:
                new = [child for child in finished() if child_key(name, child) not in told]
                record_children(self.journal, name, new)
                told.update(child_key(name, child) for child in new)
                self.sync()

            shorten_lock_waits()
            return polling(look)

        return watch


def record_stage(journal: Journal, name: str, folder: Path, outcome: StageOutcome) -> None:
    """Write a finished stage's record, and what belongs to the whole pipeline to the parent."""
    by_step: dict[int, dict[str, float]] = defaultdict(dict)
    for metric in outcome.metrics:
        by_step[metric.step][metric.name] = metric.value
    if max(by_step, default=0) > 0:
        journal.tags(name, {CURVES_TAG: "true"})
    if outcome.params:
        journal.params(name, outcome.params)
    for number, values in sorted(by_step.items()):
        for key in (name, PARENT) if name in _SUMMED_UP else (name,):
            journal.metrics(key, values, step=number)
    journal.metrics(name, {"seconds": outcome.seconds})
    for dataset in outcome.datasets:
        for key in (name, PARENT):
            journal.dataset(key, dataset.name, dataset.digest, dataset.context, dataset.rows)
    for file, below in outcome.artifacts.items():
        for key in (name, PARENT) if name in _SHOWN else (name,):
            journal.artifact(key, folder / file, folder=below)
    if outcome.note:
        for key in (name, PARENT) if name in _SUMMED_UP else (name,):
            journal.note(key, outcome.note)
    chosen = {key: value for key, value in outcome.params.items() if key.startswith("chosen.")}
    if chosen:
        journal.params(PARENT, chosen)
    record_children(journal, name, outcome.children)


def record_children(journal: Journal, parent: str, children: Iterable[ChildRun]) -> None:
    """Write child runs; of one that the journal has as finished, only the tags that changed."""
    children = tuple(children)
    known = fold(journal.events()) if children else {}
    for child in children:
        key = child_key(parent, child)
        run = known.get(key)
        if run is None or run.status != "FINISHED":
            _write(journal, key, parent, child)
        elif changed := _changed_tags(run, child):
            journal.tags(key, changed)


def child_key(parent: str, child: ChildRun) -> str:
    """What a child run is called in the journal."""
    return f"{parent}/{child.name}"


def _stage_tags(name: str) -> dict[str, str]:
    """What runs are chosen by: every method's `align` stage, or all stages of a method."""
    family, _, method = name.partition("-")
    return {"isogloss.stage": family} | ({"isogloss.method": method} if method else {})


def _write(journal: Journal, key: str, parent: str, child: ChildRun) -> None:
    journal.start_run(key, name=child.name, parent=parent, kind=child.kind, tags=child.tags, seconds=child.seconds)
    journal.params(key, child.params)
    journal.metrics(key, child.metrics)
    for dataset in child.datasets:
        journal.dataset(key, dataset.name, dataset.digest, dataset.context, dataset.rows)
    if child.note:
        journal.note(key, child.note)
    journal.end_run(key, "FINISHED")


def _changed_tags(run: RunState, child: ChildRun) -> dict[str, str]:
    return {name: value for name, value in child.tags.items() if run.tags.get(name) != value}
