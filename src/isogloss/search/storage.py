"""Where a study is kept: a SQLite file, PostgreSQL, or Optuna's gRPC proxy in front of a database.

SQLite serves the processes of one machine, PostgreSQL those of many, directly or behind the proxy. A killed worker is noticed by
its heartbeats, and one worker at a time starts a trial; the proxy offers neither, so there both are made of what it
does offer (:mod:`isogloss.search.signs`). Workers of a study take turns among those that reach it the same way.
"""

from __future__ import annotations

import hashlib
import sqlite3
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy
from filelock import FileLock
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import BaseStorage, GrpcStorageProxy, RDBStorage, RetryHeartbeatStaleTrialCallback
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from isogloss.errors import UserError
from isogloss.search.signs import Tickets

#: How often a trial whose worker was killed or stopped is tried again.
MAX_RETRIES = 5

#: Seconds that a writer waits for a locked SQLite file.
_PATIENCE = 60

#: Seconds within which a server must answer.
_CONNECT = 10

_KINDS = "a path of a SQLite file, postgresql://USER@HOST/DATABASE, or grpc://HOST:PORT"

_ERRORS = (StorageInternalError, SQLAlchemyError, sqlite3.Error, OSError)

Turns = Callable[[], AbstractContextManager[object]]


@dataclass(frozen=True, kw_only=True)
class Heartbeat:
    """A running trial shows a sign of life every `interval` seconds; after `grace` seconds without one its worker is dead."""

    interval: int = 10
    grace: int = 60


@dataclass(frozen=True, kw_only=True)
class Storage:
    """An open storage.

    `turns()` is a context that one worker at a time is in, whatever its machine; a killed worker leaves it, behind a proxy after
    the grace period. `shown` is the storage's name without passwords. `database` is None behind a proxy, where workers
    show signs of life of their own in place of Optuna's heartbeats.
    """

    backend: BaseStorage
    database: RDBStorage | None
    turns: Turns
    shown: str
    heartbeat: Heartbeat


@contextmanager
def explained(shown: str) -> Iterator[None]:
    """Turn a storage's own errors into one UserError that names the storage.

    Raises KeyboardInterrupt where an interruption in the middle of a statement showed as an error of the driver.
    """
    try:
        yield
    except Exception as error:
        if (stop := _interruption(error)) is not None:
            raise KeyboardInterrupt(*stop.args) from error
        # Where Optuna cannot read a trial that it could not write either, its own handler fails.
        cause = error.__context__ if isinstance(error, UnboundLocalError) else error
        if not _of_storage(cause):
            raise
        assert isinstance(cause, Exception)
        raise _unreachable(shown, cause) from error


def _interruption(error: BaseException | None) -> KeyboardInterrupt | None:
    """The interruption in whose wake the error came: psycopg refuses to put a connection back that a statement still holds."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error


def _of_storage(error: BaseException | None) -> bool:
    grpc = sys.modules.get("grpc")
    return isinstance(error, _ERRORS) or (grpc is not None and isinstance(error, grpc.RpcError))


def open_storage(place: str | Path, name: str, *, heartbeat: Heartbeat = Heartbeat()) -> Storage:
    """Open `place` for the study `name`, with its tables made where there are none.

    Raises UserError where it cannot be reached or used, naming what is missing.
    """
    text = str(place)
    scheme, separator, rest = text.partition("://")
    if not separator:
        return _open_sqlite(Path(text), heartbeat)
    match scheme.partition("+")[0]:
        case "sqlite":
            return _open_sqlite(Path(rest.removeprefix("/")), heartbeat)
        case "postgresql" | "postgres":
            return _open_postgres(rest, heartbeat)
        case "grpc":
            return _open_proxy(text, rest, name, heartbeat)
    raise UserError(f"{_hidden(text)}: not a storage that a search can use; write {_KINDS}")


def _open_sqlite(path: Path, heartbeat: Heartbeat) -> Storage:
    path = path.expanduser().absolute()
    shown = str(path)

    def turns() -> FileLock:
        return FileLock(f"{path}.lock")

    with explained(shown):
        path.parent.mkdir(parents=True, exist_ok=True)
        with turns():
            # Readers and the one writer do not wait for each other. The file keeps this setting.
            connection = sqlite3.connect(path, timeout=_PATIENCE)
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            finally:
                connection.close()
            url = sqlalchemy.URL.create("sqlite", database=shown)
            database = _database(url, shown, heartbeat, {"timeout": _PATIENCE})
    return Storage(backend=database, database=database, turns=turns, shown=shown, heartbeat=heartbeat)


def _open_postgres(rest: str, heartbeat: Heartbeat) -> Storage:
    text = f"postgresql+psycopg://{rest}"
    shown = _hidden(text).replace("+psycopg", "", 1)
    try:
        import psycopg  # noqa: F401
    except ImportError as error:
        raise UserError(f"{shown}: needs psycopg; install it with: pip install 'isogloss[postgres]'") from error
    try:
        url = sqlalchemy.make_url(text)
    except (ArgumentError, ValueError) as error:
        raise UserError(f"{shown}: not a URL; write postgresql://USER@HOST/DATABASE") from error
    # A connection of its own for each turn: when it is closed, or its process killed, the server takes the lock back.
    gate = sqlalchemy.create_engine(
        url, connect_args={"connect_timeout": _CONNECT}, isolation_level="AUTOCOMMIT", poolclass=NullPool
    )

    @contextmanager
    def turns() -> Iterator[None]:
        key = int.from_bytes(hashlib.sha256(b"isogloss search").digest()[:8], signed=True)
        with gate.connect() as connection:
            connection.execute(sqlalchemy.text("SELECT pg_advisory_lock(:key)"), {"key": key})
            yield

    with explained(shown), turns():
        database = _database(url, shown, heartbeat, {"connect_timeout": _CONNECT})
    return Storage(backend=database, database=database, turns=turns, shown=shown, heartbeat=heartbeat)


def _database(url: sqlalchemy.URL, shown: str, heartbeat: Heartbeat, connect: dict[str, int]) -> RDBStorage:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        try:
            return RDBStorage(
                # Optuna fills in braces.
                url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}"),
                engine_kwargs={"connect_args": connect, "pool_pre_ping": True},
                heartbeat_interval=heartbeat.interval,
                grace_period=heartbeat.grace,
                heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(max_retry=MAX_RETRIES),
            )
        except RuntimeError as error:  # Optuna's word for tables of another version
            raise UserError(f"{shown}: {error}") from error


def _open_proxy(text: str, rest: str, name: str, heartbeat: Heartbeat) -> Storage:
    host, _, port = rest.rstrip("/").rpartition(":")
    if not host or not port.isdigit():
        raise UserError(f"{text}: write the proxy as grpc://HOST:PORT")
    try:
        import grpc  # noqa: F401
    except ImportError as error:
        raise UserError(f"{text}: needs grpcio; install it with: pip install 'isogloss[grpc]'") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        proxy = GrpcStorageProxy(host=host, port=int(port))
    try:
        proxy.wait_server_ready(timeout=_CONNECT)
    except ConnectionError as error:
        raise _unreachable(text, error) from error
    tickets = Tickets(backend=proxy, name=name, interval=heartbeat.interval, grace=heartbeat.grace)
    return Storage(backend=proxy, database=None, turns=tickets.turn, shown=text, heartbeat=heartbeat)


def _unreachable(shown: str, error: Exception) -> UserError:
    cause = error.__cause__ if isinstance(error, StorageInternalError) and error.__cause__ else error
    reason = str(getattr(cause, "orig", None) or cause).strip() or type(cause).__name__
    return UserError(
        f"{shown}: the study's storage cannot be used: {reason.splitlines()[0]}. "
        "See that it is there and may be written; then the same command goes on."
    )


def _hidden(text: str) -> str:
    """The URL without its password."""
    scheme, _, rest = text.partition("://")
    login, at, place = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    return f"{scheme}://{user}{':***' if colon else ''}{at}{place}"
