"""Which commit of a set on the Hub is read: a hash as it stands, a branch or tag looked up once and then kept.

What a branch stood for is kept in `mlruns/datasets.lock.json`, so that a rerun reads the same rows and needs no connection to
know its stages. To follow the branch, take the entry out; to choose, name a hash.
"""

from __future__ import annotations

import re
from pathlib import Path

from isogloss.data.sets.catalogue import PublishedSet
from isogloss.errors import UserError
from isogloss.files import read_json, write_json

#: In the folder that a pipeline is run in.
LOCK = Path("mlruns") / "datasets.lock.json"


def is_commit(revision: str) -> bool:
    """Whether a revision is the hash of a commit, written out."""
    return re.fullmatch(r"[0-9a-f]{40}", revision) is not None


def commit_of(published: PublishedSet, revision: str | None = None, *, lock: Path = LOCK) -> str | None:
    """The hash of the commit that `revision` (default: the set's own) names; None where only the Hub could say.

    Raises UserError for a revision that the Hub does not have, and for a lock that cannot be read.
    """
    from isogloss.data.sets.hub import looked_up

    wanted = revision or published.revision
    if is_commit(wanted):
        return wanted
    entry = f"{published.repo}@{wanted}"
    locked = _locked(lock)
    if entry not in locked:
        found = looked_up(published, wanted)
        if found is None:
            return None
        locked = {**_locked(lock), entry: found}
        write_json(lock, locked)
    return locked[entry]


def _locked(lock: Path) -> dict[str, str]:
    if not lock.is_file():
        return {}
    try:
        entries = read_json(lock)
        if isinstance(entries, dict) and all(is_commit(str(value)) for value in entries.values()):
            return entries
    except ValueError:
        entries = None
    raise UserError(f"{lock}: is no record of data sets' revisions (SET@BRANCH: commit hash); mend it or take it away")
