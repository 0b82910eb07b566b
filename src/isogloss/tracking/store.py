"""Where the MLflow store is, and how it is opened.

The store is MLflow's own default: the database `mlflow.db` in the project's folder, with artifacts below `mlruns/`. So plain
`mlflow ui` and every MLflow client started in that folder use it. Importing this module does not import mlflow, which takes
seconds.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from filelock import FileLock

from isogloss.errors import UserError
from isogloss.files import sync_folder

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


#: Environment variable by which the user names another store, or a server.
URI_VARIABLE = "MLFLOW_TRACKING_URI"
DATABASE = "mlflow.db"
#: The folder beside the database that holds artifacts, and locks. Earlier versions kept the database in it too.
FOLDER = "mlruns"
#: The longest wait for a locked database, in seconds.
LOCK_SECONDS = 5.0
#: The longest wait for one answer of a server, in seconds, unless the user sets `MLFLOW_HTTP_REQUEST_TIMEOUT`.
ANSWER_SECONDS = 8
#: The longest wait for another process to make or move a database, in seconds.
INITIALISE_SECONDS = 120.0


class StoreUnavailable(UserError):
    """The store is locked, unreachable or damaged, or it refuses. The journal still has everything."""


# --------------------------------------------------------------------------------------------------------------------
# Addresses


def tracking_uri(root: Path) -> str:
    """Address of the store for the project in `root`: the user's `MLFLOW_TRACKING_URI`, or the project's own store.

    A database where earlier versions kept it (`mlruns/mlflow.db`) is moved first, with one line on stderr. A database that
    cannot be moved now (locked, damaged, a folder without write permission) is used where it is.

    Raises:
        UserError: the path holds a `?` or `#`, which a database address cannot carry.
    """
    if uri := os.environ.get(URI_VARIABLE):
        return uri
    uri, former = default_uri(root), root / FOLDER / DATABASE
    if not former.is_file():
        return uri
    try:
        move_store(former, root / DATABASE)
    except (OSError, sqlite3.Error):
        return former_uri(uri)
    return uri


def default_uri(root: Path) -> str:
    """`sqlite:///<root>/mlflow.db` with an absolute path: what an MLflow client without settings uses in `root`.

    Raises:
        UserError: as :func:`tracking_uri`.
    """
    path = (root / DATABASE).absolute().as_posix()
    if "?" in path or "#" in path:
        raise UserError(f"{path}: a database address cannot hold '?' or '#'; move the project or set {URI_VARIABLE}")
    return f"sqlite:///{path}"


def former_uri(uri: str) -> str:
    """The address that earlier versions used for the project whose store is at `uri`."""
    folder, _, name = uri.rpartition("/")
    return f"{folder}/{FOLDER}/{name}"


def database_path(uri: str) -> Path | None:
    """The file of a SQLite address, or None for any other kind of store."""
    scheme, separator, path = uri.partition(":///")
    if not separator or scheme.split("+")[0] != "sqlite":
        return None
    return Path(path.split("?")[0])


def artifact_location(uri: str) -> str | None:
    """The folder for artifacts as a `file://` address: `mlruns/artifacts` beside a SQLite database.

    None for a server or another database, which decide themselves.
    """
    database = database_path(uri)
    return (_folder(database) / "artifacts").as_uri() if database is not None else None


def has_moved(recorded: str, location: str) -> bool:
    """True if a recorded artifact address belongs to a store that is now elsewhere and its old folder no longer exists."""
    if recorded == location or recorded.startswith(f"{location}/") or not recorded.startswith("file:"):
        return False
    return f"/{FOLDER}/artifacts" in recorded and not Path(unquote(urlsplit(recorded).path)).exists()


def shown_uri(uri: str) -> str:
    """`uri` without the user name and password that it may carry."""
    host = urlsplit(uri).netloc
    return uri.replace(host, "***@" + host.rpartition("@")[2], 1) if "@" in host else uri


def _folder(database: Path) -> Path:
    parent = database.absolute().parent
    return parent if parent.name == FOLDER else parent / FOLDER


def _lock(database: Path) -> FileLock:
    """The lock of a database, held while it is made or moved. It is in `mlruns/`, so that the project's folder stays tidy."""
    folder = _folder(database)
    folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f".{database.name}.lock", timeout=INITIALISE_SECONDS)


# --------------------------------------------------------------------------------------------------------------------
# Moving a database from where earlier versions kept it


def move_store(former: Path, database: Path) -> None:
    """Move the database `former` to `database`, once, and say so in one line on stderr.

    The copy gets its name when it is complete, and only then the former file is removed. After a kill in between, the next
    call sees that the copy has everything and goes on. A database without runs, which plain `mlflow ui` may have made
    there, is replaced. If both have runs of their own, both stay and the line names the former one. Artifacts stay where
    they are.

    Raises:
        OSError: a folder cannot be written.
        sqlite3.Error: one of the databases is locked for `LOCK_SECONDS`, or damaged.
    """
    with _lock(database):
        if not is_initialised(former, timeout=LOCK_SECONDS) or (database.exists() and database.samefile(former)):
            return
        copied = is_initialised(database, timeout=LOCK_SECONDS)
        old, new = _contents(former), _contents(database) if copied else set()
        if not (old <= new or new <= old):
            _say(
                f"{former} was not moved to {database}, which has runs of its own; to read the former one, set "
                f"{URI_VARIABLE}=sqlite:///{former.absolute().as_posix()}, or remove it if you no longer need it"
            )
            return
        with closing(sqlite3.connect(former, timeout=LOCK_SECONDS, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE")  # nobody else writes into it from here on
            if not (copied and old <= new):
                aside = database.with_name(f".{database.name}.moving")
                aside.unlink(missing_ok=True)
                with (
                    closing(read_only(former, timeout=LOCK_SECONDS)) as source,
                    closing(sqlite3.connect(aside)) as copy,
                ):
                    source.backup(copy)
                shutil.copymode(former, aside)
                aside.replace(database)
                sync_folder(database.parent)
            former.unlink()
        for ending in ("-wal", "-shm"):
            former.with_name(former.name + ending).unlink(missing_ok=True)
        if old or not copied:
            _say(f"the MLflow store moved from {former} to {database}, where plain `mlflow ui` finds it")


def _contents(database: Path) -> set[tuple[str, ...]]:
    """Ids of the runs, and names and numbers of the registered versions."""
    with closing(read_only(database, timeout=LOCK_SECONDS)) as connection:
        runs = connection.execute("SELECT run_uuid FROM runs").fetchall()
        versions = connection.execute("SELECT name, CAST(version AS TEXT) FROM model_versions").fetchall()
    return {*runs, *versions}


@cache
def _say(line: str) -> None:
    print(f"isogloss: {line}", file=sys.stderr, flush=True)


# --------------------------------------------------------------------------------------------------------------------
# Reading a database without mlflow


def read_only(database: Path, *, timeout: float) -> sqlite3.Connection:
    """A connection that neither makes nor changes the database; waits up to `timeout` seconds for a lock."""
    address = f"file:{quote(str(database.absolute()))}?mode=ro"
    return sqlite3.connect(address, uri=True, timeout=timeout)


def is_initialised(database: Path, *, timeout: float = 5.0) -> bool:
    """True if MLflow has finished making its tables in `database`.

    Raises:
        sqlite3.OperationalError: it stayed locked for `timeout` seconds.
        sqlite3.DatabaseError: it is no SQLite database.
    """
    if not database.exists():
        return False
    with closing(read_only(database, timeout=timeout)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not {"alembic_version", "experiments"} <= tables:
            return False
        # MLflow writes its default experiment last.
        return connection.execute("SELECT count(*) FROM experiments").fetchone()[0] > 0


def holds_runs(uri: str, run_ids: Iterable[str]) -> bool:
    """True if all `run_ids` exist in the store. A remote store is not queried and counts as True, like a locked one."""
    database = database_path(uri)
    if database is None:
        return True
    try:
        if not is_initialised(database, timeout=1.0):
            return False
        with closing(read_only(database, timeout=1.0)) as connection:
            return set(run_ids) <= {run_id for (run_id,) in connection.execute("SELECT run_uuid FROM runs")}
    except sqlite3.OperationalError:
        return True
    except sqlite3.DatabaseError:
        return False


# --------------------------------------------------------------------------------------------------------------------
# Opening it with MLflow's client

_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
}
# No retries: a request repeated after a lost answer could make a run twice. The next synchronisation repeats it safely.
_HTTP = {"MLFLOW_HTTP_REQUEST_TIMEOUT": str(ANSWER_SECONDS), "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}


def prepare_environment() -> None:
    """Switch off telemetry, pickles and chatter, unless the user's environment says otherwise. Call before mlflow's import."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)


@contextmanager
def connect(uri: str) -> Iterator[MlflowClient]:
    """An MLflow client for `uri` whose waits are short. A fresh SQLite store is made first.

    Raises:
        StoreUnavailable: the store fails in any way inside the block; carries the reason in one line.
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
    """Make the tables of a fresh SQLite store, once, whoever comes first; then check that it can be written to.

    Other kinds of stores are left to their servers.

    Raises:
        sqlite3.Error: locked for `LOCK_SECONDS`, or no database.
        OSError: the folder cannot be written, or another process took `INITIALISE_SECONDS` and had not finished.
    """
    database = database_path(uri)
    if database is None:
        return
    with _lock(database):
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
def shorten_lock_waits() -> None:
    """Let MLflow wait `LOCK_SECONDS` for a locked database.

    MLflow itself sets 20 s in every session, which no option of the address or the pool can change, and tries again for
    minutes. Call it before starting a thread that uses the store: adding a listener may break a statement under way.
    """
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    @event.listens_for(Engine, "before_cursor_execute", retval=True)
    def shorten(_c: Any, _k: Any, statement: str, parameters: Any, _x: Any, _m: bool) -> tuple[str, Any]:
        if statement.startswith("PRAGMA busy_timeout"):
            statement = f"PRAGMA busy_timeout = {round(LOCK_SECONDS * 1000)}"
        return statement, parameters


@contextmanager
def _short_waits() -> Iterator[None]:
    """While open: one try for a server, and no stack trace of MLflow's for a locked database, whose error is raised."""
    shorten_lock_waits()
    database_log = logging.getLogger("mlflow.store.db.utils")
    level = database_log.level
    added = {name: value for name, value in _HTTP.items() if name not in os.environ}
    os.environ.update(added)
    database_log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
        database_log.setLevel(level)


def all_pages(search: Callable[..., Any], *arguments: Any) -> list[Any]:
    """Every page of a search of the client's."""
    items, token = [], None
    while True:
        page = search(*arguments, page_token=token)
        items += page
        token = page.token
        if not token:
            return items


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
