"""Where the MLflow store is. Standard library only: nothing here needs mlflow, which takes seconds to import."""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from isogloss.errors import UserError
from isogloss.files import MANIFEST

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient


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


# --------------------------------------------------------------------------------------------------------------------
# Registered versions whose files are gone or damaged, asked of the registry itself: a tracking server's, say.
#
# Files are compared by name and size with the manifest of the version's bundle, which needs none of them but the manifest.

#: Set by a mending on a registered version whose files are gone.
DANGLING_TAG = "isogloss.dangling"
GONE = "its files are gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadVersion:
    """A registered version that stands as READY though its files are gone or damaged, as `problem` says.

    `run_kept`: its run was not deleted; `marked`: a mending has said so in a tag.
    """

    name: str
    version: int
    source: str
    problem: str
    run_kept: bool
    aliases: tuple[str, ...]
    marked: bool


def versions_without_files(client: MlflowClient) -> list[DeadVersion]:
    """The READY versions of every registered model whose files are not what they should be.

    Raises:
        MlflowException: the server refuses, or does not answer.
    """
    found = []
    for model in all_pages(client.search_registered_models):
        aliases: dict[str, list[str]] = {}
        for alias, number in model.aliases.items():
            aliases.setdefault(str(number), []).append(alias)
        for version in all_pages(client.search_model_versions, f"name = '{model.name}'"):
            problem = _problem(version, client) if version.status == "READY" else None
            if problem is not None:
                found.append(
                    DeadVersion(
                        name=version.name,
                        version=int(version.version),
                        source=str(version.source),
                        problem=problem,
                        run_kept=_run_kept(version, client),
                        aliases=tuple(sorted(aliases.get(str(version.version), ()))),
                        marked=DANGLING_TAG in version.tags,
                    )
                )
    return found


def all_pages(search: Any, *arguments: Any) -> list[Any]:
    """Every page of a search."""
    found, token = [], None
    while True:
        page = search(*arguments, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _problem(version: ModelVersion, client: MlflowClient) -> str | None:
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    uri = client.get_model_version_download_uri(version.name, version.version)
    repository = get_artifact_repository(uri, tracking_uri=client.tracking_uri, registry_uri=client.tracking_uri)
    try:
        sizes = _sizes(repository)
    except MlflowException as error:
        # A server answers so for a run's artifacts once the run is deleted and collected.
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        sizes = {}
    if not sizes:
        return GONE
    for path in sizes:
        folder, _, name = path.rpartition("/")
        if name == MANIFEST and folder.count("/") == 0 and (lost := _lost(repository, folder, sizes)):
            return lost
    return None


def _sizes(repository: Any, folder: str | None = None) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for one in repository.list_artifacts(folder):
        found |= _sizes(repository, one.path) if one.is_dir else {one.path: one.file_size}
    return found


def _lost(repository: Any, folder: str, sizes: dict[str, int | None]) -> str | None:
    """What the manifest in `folder` names and `sizes` has not, or has in another size."""
    below = f"{folder}/" if folder else ""
    with tempfile.TemporaryDirectory() as aside:
        path = Path(repository.download_artifacts(f"{below}{MANIFEST}", aside))
        try:
            expected = {
                name: one["size"] for name, one in json.loads(path.read_text(encoding="utf-8"))["files"].items()
            }
        except (ValueError, KeyError, TypeError):
            return f"{below}{MANIFEST} cannot be read"
    for name, size in expected.items():
        if f"{below}{name}" not in sizes:
            return f"{below}{name} is missing"
        if sizes[f"{below}{name}"] not in (None, size):
            return f"{below}{name} has {sizes[f'{below}{name}']} bytes, not {size}"
    return None


def _run_kept(version: ModelVersion, client: MlflowClient) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        return version.run_id is not None and client.get_run(version.run_id).info.lifecycle_stage == "active"
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False
