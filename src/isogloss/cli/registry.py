"""`isogloss fetch`."""

from __future__ import annotations

import shlex
from pathlib import Path

from isogloss.cli.shown import print_json, say
from isogloss.errors import UserError
from isogloss.registry.fetch import fetch
from isogloss.tracking.store import connect, database_path, shown_uri, tracking_uri


def fetch_command(ref: str, dest: Path, *, uri: str | None, as_json: bool) -> None:
    """Fetch a registered version, verified, and say what it is. `uri` is the store or server; None the usual one."""
    where = uri or tracking_uri(Path.cwd())
    database = database_path(where)
    if database is not None and not database.exists():
        raise UserError(
            f"{shown_uri(where)}: no store there. Go to the project's folder, or name a store or server: --uri URI"
        )
    with connect(where) as client:
        found = fetch(ref, dest, client=client)
    bundle = found.bundle
    if as_json:
        print_json(
            {
                "name": found.name,
                "version": int(found.version),
                "folder": str(bundle.folder),
                "new": found.new,
                "kind": bundle.kind,
                "point": bundle.point,
                "base": bundle.base.ref,
                "languages": list(bundle.languages),
            }
        )
    else:
        done = "is in" if found.new else "was there already, whole, in"
        print(f"version {found.version} of '{found.name}' ({bundle.kind}, base {bundle.base.ref}) {done} {dest}")
    say(f"next: isogloss generate {shlex.quote(str(dest))} PROMPT")
