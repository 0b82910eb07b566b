"""Mending the store where that is simple and safe: for `isogloss doctor --mend`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from isogloss.errors import UserError
from isogloss.tracking.checks import dead_versions, moved_roots, stale_runs, stale_runs_behind
from isogloss.tracking.client import connect
from isogloss.tracking.store import artifact_location, database_path, read_only, tracking_uri
from isogloss.tracking.versions import DANGLING_TAG, DeadVersion, versions_without_files

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

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
