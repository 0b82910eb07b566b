"""Checks of the MLflow store for `isogloss doctor`, and repairs for `isogloss doctor --mend`. Checking changes nothing.

A SQLite database is read directly and read-only at first, since MLflow may create or migrate what it opens. Once its schema is
the one of the installed MLflow, runs and registered versions are read through MLflow's client, as behind a server.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sqlite3
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote, urlsplit

from isogloss.errors import UserError
from isogloss.files import MANIFEST
from isogloss.processes import is_gone
from isogloss.spec import load_spec
from isogloss.tracking.journal import Journal
from isogloss.tracking.mlflow_sync import sync_journal
from isogloss.tracking.store import (
    FOLDER,
    URI_VARIABLE,
    StoreUnavailable,
    all_pages,
    artifact_location,
    connect,
    database_path,
    default_uri,
    has_moved,
    prepare_environment,
    read_only,
    shown_uri,
    tracking_uri,
)

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient


Severity = Literal["info", "warning", "error"]

#: Set by a repair on a registered version whose files are gone.
DANGLING_TAG = "isogloss.dangling"
GONE = "its files are gone"

_ARTIFACTS = f"/{FOLDER}/artifacts"
_REBUILD = (
    "`isogloss doctor --mend` sets it aside and fills a new store from the journals; or put a backup in its place"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something about the store: `error` stops it from working, `warning` misleads, `info` is good to know."""

    severity: Severity
    what: str
    how_to_mend: str


def check_store(root: Path, *, timeout: float = 2.0) -> list[Finding]:
    """What is wrong with the store of the project in `root`; empty when all is well. Waits at most `timeout` s for a lock."""
    uri = tracking_uri(root)
    database = database_path(uri)
    if database is None:
        return _check_server(uri, timeout=timeout)
    if not database.exists():
        return [_finding("info", f"{database}: no store yet", "`isogloss run` makes it; none needed")]
    try:
        with closing(sqlite3.connect(database, timeout=timeout)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
        with closing(read_only(database, timeout=timeout)) as connection:
            if problem := _schema_problem(connection, database, uri):
                return [problem]
            moved, elsewhere = _artifact_places(connection, database)
    except sqlite3.OperationalError as error:
        mend = "see that the file and its folder can be written, and that the disk is not full"
        if "locked" in str(error):
            mend = "end the process that holds it (`fuser` names it); until then runs keep their record in the journal"
        return [_finding("error", f"{database}: {error}", mend)]
    except sqlite3.DatabaseError as error:
        return [_finding("error", f"{database}: {error}", _REBUILD)]
    return [*_check_default(root, uri), *_check_places(uri, moved, elsewhere), *_check_contents(uri, moved)]


def mend_store(root: Path) -> list[str]:
    """Repair what can be repaired safely; returns what was done, one sentence each.

    A damaged database is set aside, and a new one is filled from the journals. Artifact addresses of a project that was moved
    as a whole are pointed to where it is now, after a copy of the database is put beside it. Runs left open by a process that
    is gone become KILLED. Registered versions whose files are gone or damaged lose their aliases and are marked by a tag; they
    are not deleted.

    Raises:
        UserError: the store is locked, or the server does not answer; nothing was changed.
    """
    uri = tracking_uri(root)
    database = database_path(uri)
    done: list[str] = []
    if database is None:
        if urlsplit(uri).scheme not in ("http", "https"):
            return []
    else:
        if not database.exists():
            return []
        try:
            with closing(read_only(database, timeout=2.0)) as connection:
                if problem := _schema_problem(connection, database, uri):
                    return _rebuild(root, database) if problem.how_to_mend == _REBUILD else []
                moved, _ = _artifact_places(connection, database)
        except sqlite3.OperationalError as error:
            raise UserError(f"{database}: {error}; nothing was mended. `isogloss doctor` says what to do") from error
        except sqlite3.DatabaseError:
            return _rebuild(root, database)
        target = str(artifact_location(uri))
        if moved and Path(unquote(urlsplit(target).path)).is_dir():
            done += _rebase(database, moved, target)
    with connect(uri) as client:
        return [*done, *_end_runs(client, stale_runs(client)), *_retire(client, versions_without_files(client))]


def _finding(severity: Severity, what: str, how_to_mend: str) -> Finding:
    return Finding(severity=severity, what=what, how_to_mend=how_to_mend)


# --------------------------------------------------------------------------------------------------------------------
# The server, or the database and its place


def _check_server(uri: str, *, timeout: float) -> list[Finding]:
    if urlsplit(uri).scheme not in ("http", "https"):
        what = f"{shown_uri(uri)}: neither a server nor a local store, so that nothing in it was looked at"
        return [_finding("warning", what, f"ask again with the URI of the server in front of it as {URI_VARIABLE}")]
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=timeout):
            pass
    except urllib.error.HTTPError:
        pass  # it answers; the next question shows whether it lets us in
    except OSError as error:
        mend = f"start the server, or unset {URI_VARIABLE}; journals are handed over later"
        return [_finding("warning", f"{shown_uri(uri)}: no answer ({error})", mend)]
    return _check_contents(uri, ())


def _schema_problem(connection: sqlite3.Connection, database: Path, uri: str) -> Finding | None:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"alembic_version", "experiments", "runs", "tags"} <= tables:
        return _finding("error", f"{database}: not a whole MLflow database", _REBUILD)
    schema = [version for (version,) in connection.execute("SELECT version_num FROM alembic_version")]
    known, newest = _schema_versions()
    if schema == [newest]:
        return None
    if set(schema) <= known:
        mend = f"copy {database.name} aside, then `mlflow db upgrade {uri}`"
    else:
        mend = "it was made by a newer MLflow: update MLflow to that version"
    what = f"{database}: schema {', '.join(schema) or 'unknown'}, installed MLflow uses {newest}"
    return _finding("error", what, mend)


def _schema_versions() -> tuple[set[str], str]:
    """All schema versions that the installed MLflow knows, and the newest."""
    prepare_environment()
    from alembic.script import ScriptDirectory

    spec = importlib.util.find_spec("mlflow")
    assert spec is not None
    assert spec.origin is not None
    scripts = ScriptDirectory(str(Path(spec.origin).parent / "store" / "db_migrations"))
    return {script.revision for script in scripts.walk_revisions()}, scripts.get_heads()[0]


def _check_default(root: Path, uri: str) -> Iterator[Finding]:
    """Whether MLflow, asked without settings in `root`, uses another store than this one."""
    if uri != default_uri(root):
        return
    folders = [path.parent for path in (root / FOLDER).glob("*/meta.yaml") if path.parent.name.isdigit()]
    if folders:
        what = f"{folders[0]} is of a file store, which plain `mlflow ui` opens instead of {database_path(uri)}"
        yield _finding("warning", what, f"move it out of {FOLDER}/, or set {URI_VARIABLE}={uri} for plain MLflow")
    if not re.fullmatch(r"[A-Za-z0-9_.\-~/]*", str(root.absolute())):
        what = (
            "MLflow's client looks for its store under a changed name where a path has spaces or letters beyond ASCII"
        )
        yield _finding("info", what, f"set {URI_VARIABLE}={uri} for plain MLflow")


def _artifact_places(connection: sqlite3.Connection, database: Path) -> tuple[list[str], int]:
    """Artifact folders (as addresses) that this store was moved away from, and how many runs have theirs elsewhere."""
    parent = database.absolute().parent
    project = (parent.parent if parent.name == FOLDER else parent).as_uri()
    query = "SELECT artifact_uri FROM runs WHERE lifecycle_stage = 'active'"
    of_runs = [uri for (uri,) in connection.execute(query) if uri]
    query = "SELECT artifact_location FROM experiments WHERE lifecycle_stage = 'active'"
    uris = {*of_runs, *(uri for (uri,) in connection.execute(query) if uri)}
    roots = {uri[: uri.index(_ARTIFACTS) + len(_ARTIFACTS)] for uri in uris if _ARTIFACTS in uri}
    moved = sorted(root for root in roots if has_moved(root, f"{project}{_ARTIFACTS}"))
    known = (f"{project}/", *(f"{root}/" for root in moved))
    return moved, sum(uri.startswith("file:") and not f"{uri}/".startswith(known) for uri in of_runs)


def _check_places(uri: str, moved: Sequence[str], elsewhere: int) -> Iterator[Finding]:
    location = artifact_location(uri)
    for root in moved:
        what = f"the store has moved: artifacts are recorded in {root}, which is gone"
        yield _finding("error", what, f"`isogloss doctor --mend` points them to {location}")
    if elsewhere:
        what = f"the artifacts of {elsewhere} run{'s' if elsewhere > 1 else ''} lie outside {location}"
        yield _finding("warning", what, "they can be viewed only while that place exists: keep it")


# --------------------------------------------------------------------------------------------------------------------
# Runs and registered versions, through the client


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadVersion:
    """A registered version with the status READY whose files are gone or damaged, as `problem` says.

    `run_kept`: its run was not deleted; `marked`: a repair has put the tag on it.
    """

    name: str
    version: int
    source: str
    problem: str
    run_kept: bool
    aliases: tuple[str, ...]
    marked: bool


def _check_contents(uri: str, moved: Sequence[str]) -> list[Finding]:
    """Open runs without a process, and versions without whole files unless these are in a place that was `moved`."""
    try:
        with connect(uri) as client:
            runs, versions = stale_runs(client), versions_without_files(client)
    except StoreUnavailable as error:
        what = f"runs and registered versions could not be looked at: {error}"
        return [_finding("warning", what, "see that the server lets you in, then ask again")]
    mend = "run the pipeline again to go on with it, or `isogloss doctor --mend` marks it KILLED"
    findings = [
        _finding("warning", f"run '{name}' ({run_id}) stands as RUNNING, but its process is gone", mend)
        for run_id, name in runs
    ]
    return findings + [_version_finding(dead) for dead in versions if not dead.source.startswith(tuple(moved))]


def stale_runs(client: MlflowClient) -> list[tuple[str, str]]:
    """Id and name of the runs that are RUNNING though the process that wrote them is gone.

    Processes of other machines cannot be seen from here, and count as running.
    """
    experiments = [experiment.experiment_id for experiment in all_pages(client.search_experiments)]
    running = all_pages(client.search_runs, experiments, "attributes.status = 'RUNNING'") if experiments else []
    return [(run.info.run_id, run.info.run_name) for run in running if is_gone(run.data.tags)]


def versions_without_files(client: MlflowClient) -> list[DeadVersion]:
    """The READY versions of every registered model whose files are not those of their manifest, by name and size."""
    dead = []
    for model in all_pages(client.search_registered_models):
        aliases: dict[str, list[str]] = {}
        for alias, number in model.aliases.items():
            aliases.setdefault(str(number), []).append(alias)
        for version in all_pages(client.search_model_versions, f"name = '{model.name}'"):
            problem = _file_problem(version, client) if version.status == "READY" else None
            if problem is not None:
                dead.append(
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
    return dead


def _version_finding(dead: DeadVersion) -> Finding:
    aliases = f" ({', '.join(dead.aliases)})" if dead.aliases else ""
    why = "" if dead.run_kept else "; its run was deleted"
    what = f"version {dead.version} of '{dead.name}'{aliases} stands as READY, but {dead.problem}{why}: {dead.source}"
    if dead.marked and not dead.aliases:
        return _finding("info", what, "it is marked, and no alias leads to it")
    mend = "`isogloss doctor --mend` takes its aliases away and marks it; promote the point again to have it back"
    return _finding("warning", what, mend)


def _file_problem(version: ModelVersion, client: MlflowClient) -> str | None:
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
    folders = [path.removesuffix(MANIFEST) for path in sizes if re.fullmatch(rf"([^/]+/)?{MANIFEST}", path)]
    return next((problem for folder in folders if (problem := _lost(repository, folder, sizes))), None)


def _sizes(repository: Any, folder: str | None = None) -> dict[str, int | None]:
    sizes: dict[str, int | None] = {}
    for item in repository.list_artifacts(folder):
        sizes |= _sizes(repository, item.path) if item.is_dir else {item.path: item.file_size}
    return sizes


def _lost(repository: Any, folder: str, sizes: dict[str, int | None]) -> str | None:
    """What the manifest in `folder` (empty, or ending in `/`) names and `sizes` lacks, or has in another size."""
    with tempfile.TemporaryDirectory() as aside:
        path = Path(repository.download_artifacts(f"{folder}{MANIFEST}", aside))
        try:
            files = json.loads(path.read_text(encoding="utf-8"))["files"]
            expected = {f"{folder}{name}": facts["size"] for name, facts in files.items()}
        except (ValueError, KeyError, TypeError):
            return f"{folder}{MANIFEST} cannot be read"
    for name, size in expected.items():
        if name not in sizes:
            return f"{name} is missing"
        if sizes[name] not in (None, size):
            return f"{name} has {sizes[name]} bytes, not {size}"
    return None


def _run_kept(version: ModelVersion, client: MlflowClient) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        return version.run_id is not None and client.get_run(version.run_id).info.lifecycle_stage == "active"
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False


# --------------------------------------------------------------------------------------------------------------------
# Repairs

# Every column in which MLflow writes an artifact address. Some are absent in older schemas.
_ARTIFACT_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def _rebuild(root: Path, database: Path) -> list[str]:
    """Set a damaged database aside, and fill a new one from the journals of the pipelines that use this store."""
    aside = database.with_name(f"{database.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
    for ending in ("-wal", "-shm", "-journal", ""):
        path = database.with_name(database.name + ending)
        if path.exists():
            path.rename(aside.with_name(aside.name + ending))
    uri = tracking_uri(root)
    done = [f"{database} was damaged: it is kept as {aside.name}; `isogloss promote` registers versions again"]
    for path in sorted((root / FOLDER / "pipelines").glob("*/journal.jsonl")):
        name = path.parent.name
        try:
            track = load_spec(path.with_name("pipeline.yaml")).track
            if track.uri is None:
                result = sync_journal(Journal(path), tracking_uri=uri, experiment=track.experiment)
                count = f"runs of {name} in the new store: {len(result.run_ids)}"
                done.append(count if result.problem is None else f"{count}; the rest waits: {result.problem}")
        except UserError as error:
            done.append(f"{name} was left out: {error}")
    return done


def _rebase(database: Path, roots: list[str], target: str) -> list[str]:
    backup = database.with_name(f"{database.name}.before-mend")
    try:
        with (
            closing(sqlite3.connect(database, timeout=5.0, isolation_level=None)) as connection,
            closing(sqlite3.connect(backup)) as copy,
        ):
            connection.backup(copy)
            connection.execute("BEGIN IMMEDIATE")
            for table, column in _ARTIFACT_COLUMNS:
                if column not in {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}:
                    continue
                for root in roots:
                    connection.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                        f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                        (target, len(root) + 1, root, len(root) + 1, f"{root}/"),
                    )
            connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        raise UserError(f"{database}: {error}; nothing was changed: end what uses the store and mend again") from error
    return [f"artifacts recorded in {root} are now looked for in {target} (copy: {backup.name})" for root in roots]


def _end_runs(client: MlflowClient, stale: Iterable[tuple[str, str]]) -> list[str]:
    done = []
    for run_id, name in stale:
        client.set_terminated(run_id, "KILLED")
        done.append(f"run '{name}' ({run_id}) is now KILLED: its process is gone")
    return done


def _retire(client: MlflowClient, versions: Iterable[DeadVersion]) -> list[str]:
    """Take the aliases from versions without whole files, and mark these."""
    done = []
    for dead in versions:
        if dead.marked and not dead.aliases:
            continue
        for alias in dead.aliases:
            client.delete_registered_model_alias(dead.name, alias)
        client.set_model_version_tag(dead.name, str(dead.version), DANGLING_TAG, dead.problem)
        lost = f"lost its aliases ({', '.join(dead.aliases)}) and " if dead.aliases else ""
        done.append(f"version {dead.version} of '{dead.name}' {lost}is marked {DANGLING_TAG}: {dead.problem}")
    return done
