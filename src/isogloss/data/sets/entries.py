"""Data sets in a setting: names and files side by side, what they are for a stage's key, and what is noted of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from isogloss.data.rows import Row
from isogloss.data.sets.catalogue import SETS
from isogloss.data.sets.load import identity_of
from isogloss.data.sets.loaded import Loaded
from isogloss.errors import UserError, did_you_mean
from isogloss.files import sha256_file


def files_of(entries: Iterable[str | Path]) -> tuple[Path, ...]:
    """The files among the entries."""
    return tuple(entry for entry in entries if isinstance(entry, Path))


def identities(
    entries: Sequence[str | Path],
    languages: Sequence[str],
    *,
    setting: str,
    made: Sequence[str],
    mirror: Path | None,
    revisions: Mapping[str, str],
) -> list[Any]:
    """What decides the rows of each entry: contents of files, commits of published sets.

    `made` are sets that another stage reads and changes: their name is enough. Raises UserError for files that are missing.
    """
    if missing := [path for path in files_of(entries) if not path.is_file()]:
        named = ", ".join(f"{path}{did_you_mean(str(path), SETS)}" for path in missing)
        raise UserError(f"{setting}: no such file: {named}")
    found: list[Any] = []
    for entry in entries:
        if isinstance(entry, Path):
            found.append(sha256_file(entry))
        elif entry in made:
            found.append(entry)
        else:
            revision = revisions.get(entry.partition(":")[0])
            found.append(identity_of(entry, languages, mirror=mirror, revision=revision))
    return found


def noted(name: str, loaded: Loaded[Any]) -> dict[str, Any]:
    """What a person should know of where rows came from, as JSON."""
    one = loaded.files.published
    return {
        "name": name,
        "repository": one.repo,
        "revision": loaded.files.revision,
        "licence": one.licence,
        "files": loaded.files.digests(),
        "rows": len(loaded.rows),
        "notices": list(loaded.notices),
    }


def twice(rows: Sequence[Row]) -> str | None:
    """An ID that two rows share, None where there is none."""
    seen: set[str] = set()
    for row in rows:
        if row.id in seen:
            return row.id
        seen.add(row.id)
    return None
