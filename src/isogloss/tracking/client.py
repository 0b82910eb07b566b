"""Opening MLflow: its environment, a fresh database made exactly once, and no wait without end."""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from isogloss.errors import UserError
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
