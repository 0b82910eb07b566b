"""What a local registry holds already, read from its database without mlflow, whose start takes seconds.

A finished pipeline is run again and again, to see its results or to go on; nearly always its points are registered, with
the aliases where they belong. Whatever is not exactly so is left to the registration itself.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

from isogloss.files import MANIFEST, damage, sha256_file
from isogloss.registry.bundle import Bundle
from isogloss.registry.references import BUNDLE_FOLDER, MANIFEST_TAG, POINT_TAG
from isogloss.registry.versions import Registered, Version
from isogloss.tracking.store import database_path, read_only

_VERSIONS = """
SELECT point.value, manifest.value, versions.version, versions.source FROM model_versions AS versions
JOIN model_version_tags AS point
  ON point.name = versions.name AND point.version = versions.version AND point.key = :point
JOIN model_version_tags AS manifest
  ON manifest.name = versions.name AND manifest.version = versions.version AND manifest.key = :manifest
WHERE versions.name = :name AND versions.current_stage != 'Deleted_Internal' ORDER BY versions.version
"""
_ALIASES = "SELECT alias, version FROM registered_model_aliases WHERE name = :name"


def registered_already(
    bundles: Sequence[Bundle], *, uri: str, name: str, aliases: Mapping[str, str]
) -> Registered | None:
    """What registering `bundles` as `name` would give where it would change nothing, else None; a server is not asked.

    Each point must have a version whose files lie on this machine, its manifest as it was registered and the others of the
    sizes that this says, and each of `aliases` (alias → point) must be on its version. Contents are verified
    where they are used: by `isogloss promote`, fetching and loading.
    """
    database = database_path(uri)
    if database is None or not database.is_file():
        return None
    try:
        with closing(read_only(database, timeout=1.0)) as connection:
            tags = {"name": name, "point": POINT_TAG, "manifest": MANIFEST_TAG}
            rows = connection.execute(_VERSIONS, tags).fetchall()
            now = {str(alias): int(number) for alias, number in connection.execute(_ALIASES, {"name": name})}
    except sqlite3.DatabaseError:  # locked, or not as this version of MLflow makes it: the registration will see
        return None
    whole = [(point, int(number)) for point, manifest, number, source in rows if _is_whole(source, manifest)]
    numbers = dict(reversed(whole))  # of several the first
    if not {bundle.point for bundle in bundles} <= numbers.keys():
        return None
    if any(now.get(alias) != numbers[point] for alias, point in aliases.items()):
        return None
    versions = (Version(name=name, number=numbers[one.point], point=one.point, new=False) for one in bundles)
    return Registered(versions=tuple(versions), aliases=now)


def _is_whole(source: str, manifest: str) -> bool:
    address = urlsplit(source)
    folder = Path(unquote(address.path)) / BUNDLE_FOLDER
    if address.scheme != "file" or not (folder / MANIFEST).is_file():
        return False
    return sha256_file(folder / MANIFEST) == manifest and damage(folder, checksums=False) is None
