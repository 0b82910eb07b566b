"""Opening MLflow: its environment, a fresh database made exactly once, and no wait without end."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from isogloss.errors import UserError
from isogloss.tracking.journal import Event
from isogloss.tracking.store import artifact_location, database_path, is_initialised, shown_uri

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


#: The longest wait for a locked database, in seconds.
LOCK_SECONDS = 5.0
#: The longest wait for one answer of a server, in seconds, unless the user sets `MLFLOW_HTTP_REQUEST_TIMEOUT`.
ANSWER_SECONDS = 8
#: The longest wait for another process to make a fresh database, in seconds.
INITIALISE_SECONDS = 120.0

_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}
# No retries: a request repeated after a lost answer could make a run twice. The next projection repeats it safely.
_HTTP = {"MLFLOW_HTTP_REQUEST_TIMEOUT": str(ANSWER_SECONDS), "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
#: Whether this thread is inside :func:`connect`.
_hurried = threading.local()


class StoreUnavailable(UserError):
    """The store is locked, unreachable, damaged, or refuses. Nothing was lost: the journal has it all."""


def prepare_environment() -> None:
    """No telemetry, no pickles, no chatter, unless the user's environment says otherwise. Before mlflow's import."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)


@contextmanager
def connect(uri: str) -> Iterator[MlflowClient]:
    """An MLflow client for `uri` whose waits are short; a fresh SQLite store is made first.

    Every failure of the store inside the block ends in StoreUnavailable, with the reason in one line.

    Raises:
        StoreUnavailable
    """
    prepare_environment()
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with _short_waits():
            initialise(uri)
            try:
                client = MlflowClient(tracking_uri=uri, registry_uri=uri)
            except ModuleNotFoundError as error:
                raise StoreUnavailable(
                    f"{shown_uri(uri)}: needs the package '{error.name}', which is not installed"
                ) from error
            yield client
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise StoreUnavailable(f"{shown_uri(uri)}: {_reason(error)}") from error


def initialise(uri: str) -> None:
    """Make the tables of a fresh SQLite store, once, whoever comes first; then see that it can be written to.

    Other kinds of stores are left to their servers.

    Raises:
        sqlite3.Error: locked for `LOCK_SECONDS`, or no database.
        OSError: the folder cannot be written, or another process took `INITIALISE_SECONDS` and had not finished.
    """
    database = database_path(uri)
    if database is None:
        return
    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(database.with_name(f".{database.name}.lock"), timeout=INITIALISE_SECONDS):
        if not is_initialised(database, timeout=LOCK_SECONDS):
            from mlflow.tracking import MlflowClient

            MlflowClient(tracking_uri=uri, registry_uri=uri).search_experiments(max_results=1)
            with closing(sqlite3.connect(database, timeout=LOCK_SECONDS)) as connection, connection:
                # MLflow points its default experiment into whatever the working directory is.
                connection.execute(
                    "UPDATE experiments SET artifact_location = ? WHERE experiment_id = 0",
                    (f"{artifact_location(uri)}/0",),
                )
    # MLflow's own attempts on a locked database add up to minutes; this finds out first.
    with closing(sqlite3.connect(database, timeout=LOCK_SECONDS)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.rollback()


@cache
def prepare_waits() -> None:
    """Have SQLAlchemy ask, before each statement, whether MLflow's wait for a locked database is to be shortened.

    Once a process, and never taken back, since to add or take away a listener while another thread uses a database (a
    search does) may break that thread's statement. Whoever projects from a thread calls this before starting it.
    """
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    def shorten(_c: Any, _k: Any, statement: str, parameters: Any, _x: Any, _m: bool) -> tuple[str, Any]:
        if statement.startswith("PRAGMA busy_timeout") and getattr(_hurried, "now", False):
            statement = f"PRAGMA busy_timeout = {round(LOCK_SECONDS * 1000)};"
        return statement, parameters

    event.listen(Engine, "before_cursor_execute", shorten, retval=True)


@contextmanager
def _short_waits() -> Iterator[None]:
    """While open: MLflow waits `LOCK_SECONDS` for a locked database (its own 20 s are fixed), and servers get one try.

    The stack trace that MLflow prints for a locked database is kept back; the error itself is raised.
    """
    prepare_waits()
    database_log = logging.getLogger("mlflow.store.db.utils")
    level = database_log.level
    added = {name: value for name, value in _HTTP.items() if name not in os.environ}
    os.environ.update(added)
    database_log.setLevel(logging.CRITICAL)
    _hurried.now = True
    try:
        yield
    finally:
        _hurried.now = False
        for name in added:
            del os.environ[name]
        database_log.setLevel(level)


def _reason(error: BaseException) -> str:
    """What happened in one line; MLflow's own account of a silent server runs over several."""
    from requests.exceptions import ConnectionError as NoConnection
    from requests.exceptions import Timeout

    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, NoConnection | Timeout):
            return "no answer from the server"
        cause = cause.__cause__ or cause.__context__
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:300]


# --------------------------------------------------------------------------------------------------------------------
# What the journal says each run looks like: events folded into one state a run.
#
# The rule behind "each metric step once": a value given again stays where it first stood; a value given differently takes
# the place of the old one, and the pair of sequence numbers is kept so that a projection that already showed the old
# value can tell.

#: Tags of a run that those below it have too: several pipelines share an experiment.
INHERITED = ("isogloss.pipeline",)


@dataclass(frozen=True, slots=True)
class Point:
    """A metric value with the wall-clock time (Unix ms) and sequence number it was first given at."""

    value: float
    ms: int
    seq: int


@dataclass(slots=True, kw_only=True)
class RunState:
    """One run. Each entry carries the sequence number of the event it comes from."""

    key: str
    name: str
    parent: str | None
    kind: str
    start_ms: int
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, tuple[str, int]] = field(default_factory=dict)
    points: dict[tuple[str, int], Point] = field(default_factory=dict)
    """By metric name and step."""
    artifacts: dict[tuple[str, str], int] = field(default_factory=dict)
    """By path and folder."""
    datasets: dict[tuple[str, str, str], tuple[int, int]] = field(default_factory=dict)
    """By name, digest and context: number of rows, sequence number."""
    status: str = "RUNNING"
    end_ms: int | None = None
    seq: int = 0
    replaced: list[tuple[int, int]] = field(default_factory=list)
    """Sequence numbers of a value and of the different one that took its place."""

    def contradicts(self, shown: int) -> bool:
        """Whether a record that shows everything up to sequence number `shown` holds a value that is replaced."""
        return any(old <= shown < new for old, new in self.replaced)


def fold(events: Iterable[Event]) -> dict[str, RunState]:
    """Runs by key, in the order in which they were first started, so parents stand before their children.

    An event of a run that was never started is a broken invariant of the writer.
    """
    runs: dict[str, RunState] = {}
    for event in events:
        if event.run is None:
            continue
        if event.kind == "start":
            run = runs.setdefault(event.run, _new_run(event))
            run.name, run.parent, run.kind = event.data["name"], event.data["parent"], event.data["kind"]
            run.tags.update(_inherited(runs.get(str(run.parent))) | event.data["tags"])
            run.status, run.end_ms = "RUNNING", None
        else:
            assert event.run in runs, f"event {event.seq}: run {event.run!r} was not started"
            run = runs[event.run]
            _apply(run, event)
        run.seq = event.seq
    return runs


def _inherited(parent: RunState | None) -> dict[str, str]:
    return {} if parent is None else {name: parent.tags[name] for name in INHERITED if name in parent.tags}


def _new_run(event: Event) -> RunState:
    assert event.run is not None
    data: dict[str, Any] = event.data
    start_ms = event.ms - data.get("since", 0)
    return RunState(key=event.run, name=data["name"], parent=data["parent"], kind=data["kind"], start_ms=start_ms)


def _apply(run: RunState, event: Event) -> None:
    data = event.data
    match event.kind:
        case "params":
            for name, value in data["values"].items():
                old = run.params.get(name)
                if old is None or old[0] != value:
                    run.params[name] = (value, event.seq)
                    if old is not None:
                        run.replaced.append((old[1], event.seq))
        case "metrics":
            for name, written in data["values"].items():
                value = float(written)
                point = run.points.get((name, data["step"]))
                # repr: NaN equals itself here.
                if point is None or repr(point.value) != repr(value):
                    run.points[name, data["step"]] = Point(value, event.ms, event.seq)
                    if point is not None:
                        run.replaced.append((point.seq, event.seq))
        case "tags":
            run.tags.update(data["values"])
        case "artifact":
            run.artifacts[data["path"], data["folder"]] = event.seq
        case "dataset":
            run.datasets.setdefault((data["name"], data["digest"], data["context"]), (data["rows"], event.seq))
        case "end":
            run.status, run.end_ms = data["status"], data.get("at", event.ms)
