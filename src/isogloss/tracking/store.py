"""Where the MLflow store is. Standard library only: nothing here needs mlflow, which takes seconds to import."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from isogloss.errors import UserError

#: Environment variable by which the user names a store or server of their own.
URI_VARIABLE = "MLFLOW_TRACKING_URI"


def tracking_uri(root: Path) -> str:
    """The user's `MLFLOW_TRACKING_URI`, or else the store under `root`."""
    return os.environ.get(URI_VARIABLE) or default_uri(root)


def default_uri(root: Path) -> str:
    """`sqlite:///<root>/mlruns/mlflow.db`, absolute.

    Raises:
        UserError: the path holds a `?` or `#`, which a database URI cannot carry.
    """
    path = (root / "mlruns" / "mlflow.db").absolute().as_posix()
    if "?" in path or "#" in path:
        raise UserError(f"{path}: a database address cannot hold '?' or '#'; move the project or set {URI_VARIABLE}")
    return f"sqlite:///{path}"


def database_path(uri: str) -> Path | None:
    """The file of a SQLite URI, or None for any other kind of store."""
    scheme, found, path = uri.partition(":///")
    if not found or scheme.split("+")[0] != "sqlite":
        return None
    return Path(path.split("?")[0])


def artifact_location(uri: str) -> str | None:
    """The folder for artifacts as a `file://` URI: `artifacts` beside a SQLite database.

    None for a server or another database: those decide themselves.
    """
    database = database_path(uri)
    return (database.absolute().parent / "artifacts").as_uri() if database is not None else None


def has_moved(recorded: str, location: str) -> bool:
    """Whether a recorded artifact URI was made for a store that is now elsewhere, its old folder being gone."""
    if recorded == location or recorded.startswith(f"{location}/") or not recorded.startswith("file:"):
        return False
    return "/mlruns/artifacts" in recorded and not Path(unquote(urlsplit(recorded).path)).exists()


def shown_uri(uri: str) -> str:
    """`uri` without the user name and password it may carry."""
    host = urlsplit(uri).netloc
    return uri.replace(host, "***@" + host.rpartition("@")[2], 1) if "@" in host else uri


def read_only(database: Path, *, timeout: float) -> sqlite3.Connection:
    """A connection that can neither make nor change the database; waits up to `timeout` seconds for a lock."""
    address = f"file:{quote(str(database.absolute()))}?mode=ro"
    return sqlite3.connect(address, uri=True, timeout=timeout)


def is_initialised(database: Path, *, timeout: float = 5.0) -> bool:
    """Whether MLflow has finished making its tables in `database`.

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
    """Whether the store still knows every one of `run_ids`; where only a server can tell, True."""
    database = database_path(uri)
    if database is None:
        return True
    wanted = set(run_ids)
    try:
        if not is_initialised(database, timeout=1.0):
            return False
        with closing(read_only(database, timeout=1.0)) as connection:
            return wanted <= {run_id for (run_id,) in connection.execute("SELECT run_uuid FROM runs")}
    except sqlite3.OperationalError:
        # Locked: it is there, and someone is using it.
        return True
    except sqlite3.DatabaseError:
        return False
