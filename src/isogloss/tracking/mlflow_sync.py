"""Recording runs in MLflow: two levels of runs, each thing shown once however often it is recorded.

How it stays idempotent: runs are found again by tags (`isogloss.journal`, `isogloss.key`); `isogloss.seq` says how far
a run has been recorded, as `40` or, while something is being sent, `40>52`. What a kill left half sent is sent again:
metric points carry the journal's times, and MLflow takes a point that is the same in name, step, time and value once;
parameters, tags, data sets and artifacts replace themselves. MLflow cannot take a value back, so where the journal
replaced one that may have been shown, a fresh run takes the old one's place and the old one is deleted (MLflow keeps it
restorable).
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from filelock import FileLock

from isogloss.files import digest_of, read_json, write_json
from isogloss.tracking.client import LOCK_SECONDS, RunState, StoreUnavailable, connect, fold
from isogloss.tracking.journal import Event, Journal
from isogloss.tracking.store import artifact_location, has_moved, holds_runs, shown_uri
from isogloss.tracking.ui import keep_views

if TYPE_CHECKING:
    from mlflow.entities import Experiment, Run
    from mlflow.tracking import MlflowClient


KEY_TAG = "isogloss.key"
JOURNAL_TAG = "isogloss.journal"
KIND_TAG = "isogloss.kind"
SEQ_TAG = "isogloss.seq"
PARENT_TAG = "mlflow.parentRunId"

# MLflow's limits for one request, and for the digest of a data set.
_METRICS_PER_BATCH = 1000
_TEXTS_PER_BATCH = 100
_DIGEST_LENGTH = 36

_T = TypeVar("_T")


@dataclass(slots=True)
class Shown:
    """Which MLflow run shows a key, and up to which sequence number."""

    run_id: str
    seq: int


def record(
    client: MlflowClient,
    journal: Journal,
    runs: dict[str, RunState],
    shown: dict[str, Shown],
    uri: str,
    experiment: str,
) -> list[str]:
    """Project each run, parents first; `shown` is kept up to date on the way. Returns artifacts not found."""
    place = _experiment(client, experiment, uri)
    experiment_id = place.experiment_id
    active, deleted = _find_runs(client, experiment_id, journal)
    missing: list[str] = []
    keep_views(client, place)
    for key, run in runs.items():
        remote = active.get(key)
        known = shown.get(key)
        if remote is None and known is not None and known.seq >= run.seq and known.run_id in deleted:
            # Deleted by its owner, and nothing new to say about it.
            continue
        done, tried = _progress(remote) if remote is not None else (0, 0)
        parent_id = shown[run.parent].run_id if run.parent is not None else None
        if remote is not None and run.contradicts(tried):
            client.delete_run(remote.info.run_id)
            remote, done = None, 0
        if remote is None:
            run_id = _create(client, experiment_id, journal, run, parent_id)
        else:
            run_id = remote.info.run_id
            if parent_id is not None and remote.data.tags.get(PARENT_TAG) != parent_id:
                client.set_tag(run_id, PARENT_TAG, parent_id)
            if done < run.seq:
                client.set_tag(run_id, SEQ_TAG, f"{done}>{run.seq}")
        shown[key] = Shown(run_id, done)
        if done < run.seq:
            missing += _send(client, journal, run, run_id, done)
            shown[key].seq = run.seq
    return missing


#: Without it MLflow opens an experiment on its pages for traces and judges, where there is nothing to see.
_MODEL_TRAINING = {"mlflow.experimentKind": "custom_model_development"}


def _experiment(client: MlflowClient, name: str, uri: str) -> Experiment:
    """The experiment, created where absent with its artifacts beside the database.

    Raises:
        StoreUnavailable: the experiment is deleted, or its artifacts lie where the store no longer is.
    """
    from mlflow.exceptions import MlflowException

    location = artifact_location(uri)
    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return client.get_experiment(
                client.create_experiment(name, artifact_location=location, tags=_MODEL_TRAINING)
            )
        except MlflowException as error:
            # Another process was first.
            if error.error_code != "RESOURCE_ALREADY_EXISTS" or not (found := client.get_experiment_by_name(name)):
                raise
    if found.lifecycle_stage == "deleted":
        raise StoreUnavailable(
            f"the experiment '{name}' was deleted: `mlflow experiments restore -x {found.experiment_id}` brings it "
            "back, or name another"
        )
    if location is not None and has_moved(found.artifact_location, location):
        raise StoreUnavailable(
            f"the store has moved: the artifacts of '{name}' are expected in {found.artifact_location}, which is "
            f"gone; `isogloss doctor` says how to point them to {location}"
        )
    return found


def _find_runs(client: MlflowClient, experiment_id: str, journal: Journal) -> tuple[dict[str, Run], set[str]]:
    """This journal's active runs by key, and the ids of its deleted ones."""
    from mlflow.entities import ViewType

    active: dict[str, Run] = {}
    deleted: set[str] = set()
    token = None
    while True:
        page = client.search_runs(
            [experiment_id], f"tags.`{JOURNAL_TAG}` = '{journal.id}'", ViewType.ALL, page_token=token
        )
        for run in page:
            if run.info.lifecycle_stage == "deleted":
                deleted.add(run.info.run_id)
            else:
                active[run.data.tags[KEY_TAG]] = run
        token = page.token
        if not token:
            return active, deleted


def _progress(run: Run) -> tuple[int, int]:
    """Up to where a run was projected in full, and up to where that was tried."""
    done, _, tried = run.data.tags[SEQ_TAG].partition(">")
    return int(done), int(tried or done)


def _create(client: MlflowClient, experiment_id: str, journal: Journal, run: RunState, parent_id: str | None) -> str:
    tags = {KEY_TAG: run.key, JOURNAL_TAG: str(journal.id), KIND_TAG: run.kind, SEQ_TAG: f"0>{run.seq}"}
    if parent_id is not None:
        tags[PARENT_TAG] = parent_id
    created = client.create_run(experiment_id, start_time=run.start_ms, tags=tags, run_name=run.name)
    return created.info.run_id


def _send(client: MlflowClient, journal: Journal, run: RunState, run_id: str, done: int) -> list[str]:
    """Send what came after sequence number `done`, then mark it sent. Returns artifacts not found."""
    from mlflow.entities import Metric, Param, RunTag

    params = [Param(name, value) for name, (value, seq) in run.params.items() if seq > done]
    tags = [RunTag(name, value) for name, value in run.tags.items()]
    for text_batch in _batches([*params, *tags], _TEXTS_PER_BATCH):
        client.log_batch(
            run_id,
            params=[entry for entry in text_batch if isinstance(entry, Param)],
            tags=[entry for entry in text_batch if isinstance(entry, RunTag)],
        )
    points = [
        Metric(name, point.value, point.ms, step) for (name, step), point in run.points.items() if point.seq > done
    ]
    for batch in _batches(points, _METRICS_PER_BATCH):
        client.log_batch(run_id, metrics=batch)
    _send_datasets(client, run, run_id, done)
    missing = [
        path
        for (path, folder), seq in run.artifacts.items()
        if seq > done and not _send_artifact(client, run_id, journal.path.parent / path, folder)
    ]
    if run.end_ms is None:
        client.update_run(run_id, status="RUNNING")
    else:
        client.set_terminated(run_id, run.status, end_time=run.end_ms)
    client.set_tag(run_id, SEQ_TAG, str(run.seq))
    return missing


def _send_datasets(client: MlflowClient, run: RunState, run_id: str, done: int) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    inputs = [
        DatasetInput(
            dataset=Dataset(
                name=name,
                digest=digest[:_DIGEST_LENGTH],
                source_type="local",
                source=json.dumps({"digest": digest}),
                profile=json.dumps({"num_rows": rows}),
            ),
            tags=[InputTag("mlflow.data.context", context)],
        )
        for (name, digest, context), (rows, seq) in run.datasets.items()
        if seq > done
    ]
    if inputs:
        client.log_inputs(run_id, datasets=inputs)


def _send_artifact(client: MlflowClient, run_id: str, path: Path, folder: str) -> bool:
    if path.is_dir():
        client.log_artifacts(run_id, str(path), artifact_path=f"{folder}/{path.name}".strip("/"))
    elif path.is_file():
        client.log_artifact(run_id, str(path), artifact_path=folder or None)
    else:
        return False
    return True


def _batches(values: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


# --------------------------------------------------------------------------------------------------------------------
# Projecting a journal to MLflow: bring the record up to the journal, or say what is pending and go on.
#
# MLflow is never on the critical path: a store that is locked, absent or refusing costs a few seconds and one warning.
# How each thing comes to be shown once is told in :mod:`isogloss.tracking.mlflow_sync`.

_warned: set[str] = set()


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncResult:
    """How far the journal is in MLflow.

    `pending` counts the events still to be projected; `run_ids` are MLflow's, by key; `missing` lists artifacts that
    were gone before they could be projected; `problem` says why something is pending.
    """

    pending: int
    run_ids: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    problem: str | None = None


def sync_journal(journal: Journal, *, tracking_uri: str, experiment: str) -> SyncResult:
    """Bring MLflow up to the journal. Never raises for a store that is locked, absent or refusing.

    Then `pending` is above zero, one warning a process goes to the log, and the next call goes on. Waits add up to
    about 15 s at most. Where nothing is new, mlflow is not even imported.

    Args:
        journal: what to project; it is made durable first.
        tracking_uri: any MLflow tracking URI.
        experiment: name of the MLflow experiment; created where absent.

    Raises:
        DataError: the journal itself is damaged.
    """
    journal.sync()
    events = journal.events()
    if not events:
        return SyncResult(pending=0)
    memory = _Memory(journal, digest_of([tracking_uri, experiment]))
    shown = memory.load()
    if shown and not holds_runs(tracking_uri, (known.run_id for known in shown.values())):
        shown = {}
    missing: list[str] = []
    problem = None
    if _pending(events, shown):
        try:
            with FileLock(memory.path.with_suffix(".lock"), timeout=LOCK_SECONDS), connect(tracking_uri) as client:
                try:
                    missing = record(client, journal, fold(events), shown, tracking_uri, experiment)
                finally:
                    memory.save(shown)
        except (StoreUnavailable, OSError) as error:
            problem = str(error)
            _warn(journal, tracking_uri, problem, _pending(events, shown))
    for path in missing:
        _logger.warning("%s: gone before MLflow could have it; the run is recorded without it", path)
    return SyncResult(
        pending=_pending(events, shown),
        run_ids={key: known.run_id for key, known in shown.items()},
        missing=tuple(missing),
        problem=problem,
    )


def memory_of(journal: Path) -> Path:
    """Where it is kept how far a journal is projected, and what MLflow calls its runs."""
    return journal.with_name(f"{journal.stem}.projected.json")


@dataclass(slots=True)
class _Memory:
    """Beside the journal: how far it is projected, by store and experiment. Lost, it is found again in the tags."""

    journal: Journal
    store: str

    @property
    def path(self) -> Path:
        return memory_of(self.journal.path)

    def _all(self) -> dict[str, Any]:
        try:
            content = read_json(self.path)
        except (OSError, ValueError):
            return {}
        if not isinstance(content, dict) or content.get("journal") != self.journal.id:
            return {}
        return content.get("stores", {})

    def load(self) -> dict[str, Shown]:
        runs = self._all().get(self.store, {})
        return {key: Shown(run_id, seq) for key, (run_id, seq) in runs.items()}

    def save(self, shown: dict[str, Shown]) -> None:
        stores = {**self._all(), self.store: {key: [known.run_id, known.seq] for key, known in shown.items()}}
        write_json(self.path, {"journal": self.journal.id, "stores": stores})


def _pending(events: Sequence[Event], shown: dict[str, Shown]) -> int:
    return sum(
        1 for event in events if event.run is not None and (event.run not in shown or shown[event.run].seq < event.seq)
    )


def _warn(journal: Journal, uri: str, problem: str, pending: int) -> None:
    if uri in _warned:
        return
    _warned.add(uri)
    _logger.warning(
        "MLflow at %s could not take the record (%s). Nothing is lost: %d event%s in %s wait for the next run or "
        "projection.",
        shown_uri(uri),
        problem.removeprefix(f"{shown_uri(uri)}: "),
        pending,
        "s" if pending != 1 else "",
        journal.path,
    )


# --------------------------------------------------------------------------------------------------------------------
# Doing something every few seconds, from a thread of its own, while something else goes on.

#: Seconds between two looks at what is new.
LOOK_SECONDS = 2.0

_logger = logging.getLogger(__name__)


@contextmanager
def polling(act: Callable[[], None], *, every: float = LOOK_SECONDS) -> Iterator[None]:
    """While open, `act` is called every `every` seconds; a call under way is waited for at the end.

    What `act` raises ends it with a warning and stops nothing else: whatever it left undone is for its caller to do.
    """
    over = threading.Event()

    def repeat() -> None:
        try:
            while not over.wait(every):
                act()
        except Exception:
            _logger.warning("what goes on is no longer shown while it does; it will be when it is over", exc_info=True)

    thread = threading.Thread(target=repeat, name="isogloss-polling", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
