"""Bring MLflow up to the journal: two levels of runs, and each thing shown once however often it is sent.

MLflow is never on the critical path: a store that is locked, absent or refusing costs a few seconds and one warning, and the
next call goes on. Sending is idempotent. Runs are found again by tags (`isogloss.journal`, `isogloss.key`); `isogloss.seq`
says how far a run was sent, as `40` or, while something is being sent, `40>52`. After a kill the half-sent part is sent
again: metric points carry the journal's times, and MLflow keeps one of several points with equal name, step, time and value;
parameters, tags, data sets and artifacts replace themselves. MLflow cannot take a value back. Where the journal replaced a
value that may have been sent, a fresh run replaces the old one, which is deleted (MLflow can restore it).
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
from isogloss.tracking.journal import Event, Journal, RunState, fold
from isogloss.tracking.store import (
    LOCK_SECONDS,
    StoreUnavailable,
    all_pages,
    artifact_location,
    connect,
    former_uri,
    has_moved,
    holds_runs,
    shown_uri,
)
from isogloss.tracking.ui import keep_views

if TYPE_CHECKING:
    from mlflow.entities import Experiment, Run
    from mlflow.tracking import MlflowClient


KEY_TAG = "isogloss.key"
JOURNAL_TAG = "isogloss.journal"
KIND_TAG = "isogloss.kind"
SEQ_TAG = "isogloss.seq"
PARENT_TAG = "mlflow.parentRunId"
#: Seconds between two calls of :func:`polling`.
POLL_SECONDS = 2.0

# MLflow's limits for one request, and for the digest of a data set.
_METRICS_PER_BATCH = 1000
_TEXTS_PER_BATCH = 100
_DIGEST_LENGTH = 36
#: Without it MLflow opens an experiment on its pages for traces and judges, where there is nothing to see.
_MODEL_TRAINING = {"mlflow.experimentKind": "custom_model_development"}

_T = TypeVar("_T")
_logger = logging.getLogger(__name__)
#: Addresses of stores that a warning was given for.
_warned: set[str] = set()


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncResult:
    """How far MLflow has the journal.

    `pending` counts the events still to be sent; `run_ids` are MLflow's, by key; `missing` lists artifacts that were gone
    before they could be sent; `problem` says why something is pending.
    """

    pending: int
    run_ids: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    problem: str | None = None


def sync_journal(journal: Journal, *, tracking_uri: str, experiment: str) -> SyncResult:
    """Bring MLflow up to the journal.

    Never raises for a store that is locked, absent or refusing: then `pending` is above zero, the log gets one warning a
    process, and the next call goes on. Waits add up to about 15 s at most. Where nothing is new, mlflow is not imported.

    Args:
        journal: what to send; it is made durable first.
        tracking_uri: any MLflow tracking URI.
        experiment: name of the MLflow experiment; created where absent.

    Raises:
        DataError: the journal itself is damaged.
    """
    journal.sync()
    events = journal.events()
    if not events:
        return SyncResult(pending=0)
    memory = _Memory(journal, tracking_uri, experiment)
    sent = memory.load()
    if sent and not holds_runs(tracking_uri, (known.run_id for known in sent.values())):
        sent = {}
    missing: list[str] = []
    problem = None
    if _pending(events, sent):
        try:
            with FileLock(memory.path.with_suffix(".lock"), timeout=LOCK_SECONDS), connect(tracking_uri) as client:
                try:
                    missing = _send_runs(client, journal, fold(events), sent, tracking_uri, experiment)
                finally:
                    memory.save(sent)
        except (StoreUnavailable, OSError) as error:
            problem = str(error)
            _warn(journal, tracking_uri, problem, _pending(events, sent))
    for path in missing:
        _logger.warning("%s: gone before MLflow could have it; the run is recorded without it", path)
    return SyncResult(
        pending=_pending(events, sent),
        run_ids={key: known.run_id for key, known in sent.items()},
        missing=tuple(missing),
        problem=problem,
    )


@contextmanager
def polling(act: Callable[[], None], *, every: float = POLL_SECONDS) -> Iterator[None]:
    """While open, call `act` every `every` seconds from a thread of its own. A call under way is waited for at the end.

    An exception of `act` ends the calls with a warning, and nothing else: its caller does what was left undone.
    """
    over = threading.Event()

    def repeat() -> None:
        try:
            while not over.wait(every):
                act()
        except Exception:
            _logger.warning("live updates to MLflow stopped; results are written when the stage ends", exc_info=True)

    thread = threading.Thread(target=repeat, name="isogloss-polling", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


# --------------------------------------------------------------------------------------------------------------------
# How far the journal was sent


@dataclass(slots=True)
class Sent:
    """Which MLflow run shows a key, and up to which sequence number."""

    run_id: str
    seq: int


def memory_of(journal: Path) -> Path:
    """The file beside a journal that says how far it was sent, and which MLflow runs show it."""
    return journal.with_name(f"{journal.stem}.projected.json")


class _Memory:
    """How far a journal was sent, by store and experiment. If the file is lost, the tags of the runs say it again."""

    def __init__(self, journal: Journal, uri: str, experiment: str) -> None:
        self.journal, self.path = journal, memory_of(journal.path)
        self._store, self._former = (digest_of([each, experiment]) for each in (uri, former_uri(uri)))

    def load(self) -> dict[str, Sent]:
        stores = self._all()
        runs = stores.get(self._store) or stores.get(self._former, {})
        return {key: Sent(run_id, seq) for key, (run_id, seq) in runs.items()}

    def save(self, sent: dict[str, Sent]) -> None:
        stores = {**self._all(), self._store: {key: [known.run_id, known.seq] for key, known in sent.items()}}
        write_json(self.path, {"journal": self.journal.id, "stores": stores})

    def _all(self) -> dict[str, Any]:
        try:
            content = read_json(self.path)
        except (OSError, ValueError):
            return {}
        if not isinstance(content, dict) or content.get("journal") != self.journal.id:
            return {}
        return content.get("stores", {})


def _pending(events: Sequence[Event], sent: dict[str, Sent]) -> int:
    return sum(
        1 for event in events if event.run is not None and (event.run not in sent or sent[event.run].seq < event.seq)
    )


def _warn(journal: Journal, uri: str, problem: str, pending: int) -> None:
    if uri in _warned:
        return
    _warned.add(uri)
    _logger.warning(
        "MLflow at %s could not take the record (%s). Nothing is lost: %d event%s in %s wait for the next run.",
        shown_uri(uri),
        problem.removeprefix(f"{shown_uri(uri)}: "),
        pending,
        "s" if pending != 1 else "",
        journal.path,
    )


# --------------------------------------------------------------------------------------------------------------------
# Sending


def _send_runs(
    client: MlflowClient, journal: Journal, runs: dict[str, RunState], sent: dict[str, Sent], uri: str, experiment: str
) -> list[str]:
    """Send each run, parents first, and keep `sent` up to date on the way. Returns the artifacts that were not found."""
    place = _experiment(client, experiment, uri)
    experiment_id = place.experiment_id
    active, deleted = _find_runs(client, experiment_id, journal)
    missing: list[str] = []
    keep_views(client, place)
    for key, run in runs.items():
        remote = active.get(key)
        known = sent.get(key)
        if remote is None and known is not None and known.seq >= run.seq and known.run_id in deleted:
            # Deleted by its owner, and nothing new to say about it.
            continue
        done, tried = _progress(remote) if remote is not None else (0, 0)
        parent_id = sent[run.parent].run_id if run.parent is not None else None
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
        sent[key] = Sent(run_id, done)
        if done < run.seq:
            missing += _send(client, journal, run, run_id, done)
            sent[key].seq = run.seq
    return missing


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

    runs = all_pages(client.search_runs, [experiment_id], f"tags.`{JOURNAL_TAG}` = '{journal.id}'", ViewType.ALL)
    deleted = {run.info.run_id for run in runs if run.info.lifecycle_stage == "deleted"}
    return {run.data.tags[KEY_TAG]: run for run in runs if run.info.run_id not in deleted}, deleted


def _progress(run: Run) -> tuple[int, int]:
    """Up to where a run was sent in full, and up to where that was tried."""
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
