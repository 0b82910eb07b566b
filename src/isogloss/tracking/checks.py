"""Is the store well, and what can be mended: for `isogloss doctor`. Checking changes nothing.

The SQLite store is read directly and read-only, since opening it with MLflow may create or migrate it. Tables read:
`alembic_version`, `experiments`, `runs`, `tags`, and those of registered versions.
"""

from __future__ import annotations

import importlib.util
import sqlite3
import urllib.error
import urllib.request
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote, urlsplit

from isogloss.errors import UserError
from isogloss.files import MANIFEST, damage
from isogloss.processes import HOST_TAG, PID_TAG, STARTED_TAG, is_gone
from isogloss.tracking.client import StoreUnavailable, connect, prepare_environment
from isogloss.tracking.store import (
    DANGLING_TAG,
    GONE,
    DeadVersion,
    all_pages,
    artifact_location,
    database_path,
    has_moved,
    read_only,
    shown_uri,
    tracking_uri,
    versions_without_files,
)

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


Severity = Literal["info", "warning", "error"]

_ARTIFACTS = "/mlruns/artifacts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something about the store: `error` stops it from working, `warning` misleads, `info` is good to know."""

    severity: Severity
    what: str
    how_to_mend: str


def check_store(root: Path, *, timeout: float = 2.0) -> list[Finding]:
    """What is wrong with the store that `root` uses; empty when all is well. Waits at most `timeout` s for a lock."""
    uri = tracking_uri(root)
    database = database_path(uri)
    if database is None:
        return _check_server(uri, timeout=timeout)
    if not database.exists():
        return [
            Finding(
                severity="info", what=f"{database}: no store yet", how_to_mend="`isogloss run` makes it; none needed"
            )
        ]
    try:
        with closing(sqlite3.connect(database, timeout=timeout)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.rollback()
        with closing(read_only(database, timeout=timeout)) as connection:
            return [
                *_check_schema(connection, database, uri),
                *_run_findings(stale_runs(connection)),
                *_check_artifacts(connection, str(artifact_location(uri))),
                *_version_findings(dead_versions(connection, str(artifact_location(uri)))),
            ]
    except sqlite3.OperationalError as error:
        return [_unusable(database, error)]
    except sqlite3.DatabaseError as error:
        return [
            Finding(
                severity="error",
                what=f"{database}: {error}",
                how_to_mend="put a backup in its place, or move it away: the next run makes a new store and "
                "fills it from the journals",
            )
        ]


def _check_server(uri: str, *, timeout: float) -> list[Finding]:
    if urlsplit(uri).scheme not in ("http", "https"):
        return [
            Finding(
                severity="warning",
                what=f"{shown_uri(uri)}: neither a server nor a local store, so that nothing in it was looked at",
                how_to_mend="ask again with the URI of the server in front of it as MLFLOW_TRACKING_URI",
            )
        ]
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=timeout):
            pass
    except urllib.error.HTTPError:
        # It answers; whether it lets us in, the next question shows.
        pass
    except OSError as error:
        return [
            Finding(
                severity="warning",
                what=f"{shown_uri(uri)}: no answer ({error})",
                how_to_mend="start the server, or unset MLFLOW_TRACKING_URI; journals are handed over later",
            )
        ]
    try:
        with connect(uri) as client:
            return [*_run_findings(stale_runs_behind(client)), *_version_findings(versions_without_files(client))]
    except StoreUnavailable as error:
        return [
            Finding(
                severity="warning",
                what=f"runs and registered versions could not be looked at: {error}",
                how_to_mend="see that the server lets you in, then ask again",
            )
        ]


def _unusable(database: Path, error: sqlite3.OperationalError) -> Finding:
    if "locked" in str(error):
        mend = "end the process that holds it (`fuser` names it); until then runs keep their record in the journal"
    else:
        mend = "see that the file and its folder can be written, and that the disk is not full"
    return Finding(severity="error", what=f"{database}: {error}", how_to_mend=mend)


def _check_schema(connection: sqlite3.Connection, database: Path, uri: str) -> list[Finding]:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"alembic_version", "experiments", "runs", "tags"} <= tables:
        return [
            Finding(
                severity="error",
                what=f"{database}: not a whole MLflow database",
                how_to_mend="move it away: the next run makes a new store and fills it from the journals",
            )
        ]
    found = [version for (version,) in connection.execute("SELECT version_num FROM alembic_version")]
    known, newest = _schema_versions()
    if found == [newest]:
        return []
    if set(found) <= known:
        mend = f"copy {database.name} aside, then `mlflow db upgrade {uri}`"
    else:
        mend = "it was made by a newer MLflow: update MLflow to that version"
    return [
        Finding(
            severity="error",
            what=f"{database}: schema {', '.join(found) or 'unknown'}, installed MLflow uses {newest}",
            how_to_mend=mend,
        )
    ]


def _schema_versions() -> tuple[set[str], str]:
    """All schema versions that the installed MLflow knows, and the newest."""
    prepare_environment()
    from alembic.script import ScriptDirectory

    spec = importlib.util.find_spec("mlflow")
    assert spec is not None
    assert spec.origin is not None
    scripts = ScriptDirectory(str(Path(spec.origin).parent / "store" / "db_migrations"))
    return {script.revision for script in scripts.walk_revisions()}, scripts.get_heads()[0]


def stale_runs(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Id and name of the runs that are RUNNING though the process that wrote them is gone."""
    rows = connection.execute(
        "SELECT run_uuid, name, key, value FROM runs JOIN tags USING (run_uuid) "
        "WHERE status = 'RUNNING' AND lifecycle_stage = 'active' AND key IN (?, ?, ?)",
        (HOST_TAG, PID_TAG, STARTED_TAG),
    )
    tags: dict[tuple[str, str], dict[str, str]] = {}
    for run_id, name, key, value in rows:
        tags.setdefault((run_id, name), {})[key] = value
    return [run for run, found in tags.items() if is_gone(found)]


def stale_runs_behind(client: MlflowClient) -> list[tuple[str, str]]:
    """The same, asked of a tracking server; those of other machines cannot be told from here.

    Raises:
        MlflowException: the server refuses, or does not answer.
    """
    experiments = [one.experiment_id for one in all_pages(client.search_experiments)]
    running = all_pages(client.search_runs, experiments, "attributes.status = 'RUNNING'") if experiments else []
    return [(run.info.run_id, run.info.run_name) for run in running if is_gone(run.data.tags)]


def _run_findings(stale: Iterable[tuple[str, str]]) -> list[Finding]:
    return [
        Finding(
            severity="warning",
            what=f"run '{name}' ({run_id}) stands as RUNNING, but its process is gone",
            how_to_mend="run the pipeline again to go on with it, or `isogloss doctor --mend` marks it KILLED",
        )
        for run_id, name in stale
    ]


def dead_versions(connection: sqlite3.Connection, location: str) -> list[DeadVersion]:
    """The registered versions without whole files, whose place was not simply moved; of a store with local files."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not {"model_versions", "model_version_tags", "registered_model_aliases"} <= tables:
        return []
    moved = moved_roots(connection, location)
    runs = {run_id for (run_id,) in connection.execute("SELECT run_uuid FROM runs WHERE lifecycle_stage = 'active'")}
    aliases: dict[tuple[str, int], list[str]] = {}
    for name, version, alias in connection.execute("SELECT name, version, alias FROM registered_model_aliases"):
        aliases.setdefault((name, int(version)), []).append(alias)
    marked = {
        (name, int(version))
        for name, version in connection.execute(
            "SELECT name, version FROM model_version_tags WHERE key = ?", (DANGLING_TAG,)
        )
    }
    ready = connection.execute("SELECT name, version, source, run_id FROM model_versions WHERE status = 'READY'")
    return [
        DeadVersion(
            name=name,
            version=int(version),
            source=source,
            problem=problem,
            run_kept=run_id in runs,
            aliases=tuple(sorted(aliases.get((name, int(version)), ()))),
            marked=(name, int(version)) in marked,
        )
        for name, version, source, run_id in ready
        if source
        and source.startswith("file:")
        and not source.startswith(tuple(moved))
        and (problem := _problem(source))
    ]


def _problem(uri: str) -> str | None:
    """What is wrong with a version's files; contents are not read."""
    folder = Path(unquote(urlsplit(uri).path))
    if not folder.is_dir() or not any(folder.iterdir()):
        return GONE
    sealed = [path.parent for path in (folder / MANIFEST, *folder.glob(f"*/{MANIFEST}")) if path.is_file()]
    return next((wrong for one in sealed if (wrong := damage(one, checksums=False))), None)


def _version_findings(dead: Iterable[DeadVersion]) -> list[Finding]:
    findings = []
    for one in dead:
        called = f" ({', '.join(one.aliases)})" if one.aliases else ""
        why = "" if one.run_kept else "; its run was deleted"
        what = f"version {one.version} of '{one.name}'{called} stands as READY, but {one.problem}{why}: {one.source}"
        if one.marked and not one.aliases:
            findings.append(Finding(severity="info", what=what, how_to_mend="it is marked, and no alias leads to it"))
        else:
            mend = (
                "`isogloss doctor --mend` takes its aliases away and marks it; promote the point again to have it back"
            )
            findings.append(Finding(severity="warning", what=what, how_to_mend=mend))
    return findings


def _artifact_uris(connection: sqlite3.Connection) -> set[str]:
    """Where the artifacts of active runs lie."""
    query = "SELECT artifact_uri FROM runs WHERE lifecycle_stage = 'active'"
    return {uri for (uri,) in connection.execute(query) if uri}


def moved_roots(connection: sqlite3.Connection, location: str) -> list[str]:
    """The artifact folders (as URIs) of places this store was moved away from."""
    query = "SELECT artifact_location FROM experiments WHERE lifecycle_stage = 'active'"
    uris = {uri for (uri,) in connection.execute(query) if uri} | _artifact_uris(connection)
    roots = {uri[: uri.index(_ARTIFACTS) + len(_ARTIFACTS)] for uri in uris if _ARTIFACTS in uri}
    return sorted(root for root in roots if has_moved(root, location))


def _check_artifacts(connection: sqlite3.Connection, location: str) -> list[Finding]:
    moved = moved_roots(connection, location)
    findings = [
        Finding(
            severity="error",
            what=f"the store has moved: artifacts are recorded in {root}, which is gone",
            how_to_mend=f"`isogloss doctor --mend` points them to {location}",
        )
        for root in moved
    ]
    elsewhere = sum(
        1
        for uri in _artifact_uris(connection)
        if uri.startswith("file:") and not f"{uri}/".startswith((f"{location}/", *(f"{root}/" for root in moved)))
    )
    if elsewhere:
        findings.append(
            Finding(
                severity="warning",
                what=f"the artifacts of {elsewhere} run{'s' if elsewhere > 1 else ''} lie outside {location}",
                how_to_mend="they can be viewed only while that place exists: keep it",
            )
        )
    return findings


# --------------------------------------------------------------------------------------------------------------------
# Mending the store where that is simple and safe: for `isogloss doctor --mend`.

# Every column in which MLflow writes an artifact address. Some are absent in older schemas.
_ARTIFACT_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def mend_store(root: Path) -> list[str]:
    """Mend what is safe to mend; returns what was done, one sentence each.

    Runs left open by a process that is gone become KILLED. Artifact addresses of a store that was moved as a whole are
    pointed to where it is now, after a copy of the database is put beside it. Registered versions whose files are gone
    or damaged lose their aliases and are marked by a tag; they are not deleted.

    Raises:
        UserError: the store is locked or damaged, or the server does not answer; nothing was changed.
    """
    uri = tracking_uri(root)
    database = database_path(uri)
    if database is None and urlsplit(uri).scheme in ("http", "https"):
        with connect(uri) as client:
            return [*_end(client, stale_runs_behind(client)), *_retire(client, versions_without_files(client))]
    if database is None or not database.exists():
        return []
    try:
        with closing(read_only(database, timeout=2.0)) as connection:
            stale = stale_runs(connection)
            moved = moved_roots(connection, str(artifact_location(uri)))
    except sqlite3.DatabaseError as error:
        raise UserError(f"{database}: {error}; nothing was mended. `isogloss doctor` says what to do") from error
    done = []
    if stale:
        with connect(uri) as client:
            done += _end(client, stale)
    target = artifact_location(uri)
    if moved and target is not None and Path(unquote(urlsplit(target).path)).is_dir():
        done += _rebase(database, moved, target)
    # After a move was mended, so that it hides none.
    with closing(read_only(database, timeout=2.0)) as connection:
        dead = dead_versions(connection, str(artifact_location(uri)))
    if dead:
        with connect(uri) as client:
            done += _retire(client, dead)
    return done


def _end(client: MlflowClient, stale: Iterable[tuple[str, str]]) -> list[str]:
    done = []
    for run_id, name in stale:
        client.set_terminated(run_id, "KILLED")
        done.append(f"run '{name}' ({run_id}) is now KILLED: its process is gone")
    return done


def _retire(client: MlflowClient, dead: Iterable[DeadVersion]) -> list[str]:
    """Take the aliases from versions without whole files, and mark these."""
    found = [one for one in dead if one.aliases or not one.marked]
    for one in found:
        for alias in one.aliases:
            client.delete_registered_model_alias(one.name, alias)
        client.set_model_version_tag(one.name, str(one.version), DANGLING_TAG, one.problem)
    return [_retired(one) for one in found]


def _retired(one: DeadVersion) -> str:
    lost = f"lost its aliases ({', '.join(one.aliases)}) and " if one.aliases else ""
    return f"version {one.version} of '{one.name}' {lost}is marked {DANGLING_TAG}: {one.problem}"


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
