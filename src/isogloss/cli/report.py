"""`isogloss report`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from isogloss.cli.shown import print_json, progress, say
from isogloss.errors import UserError
from isogloss.pipeline.finished import left_by_run
from isogloss.pipeline.plan import STORE
from isogloss.stages.report import read_geometry, read_searches

PAGE = "report.html"


def report_command(run: str, overrides: Sequence[str], *, out: Path | None, as_json: bool) -> None:
    """Write the page of whatever the run has finished, and say what is missing."""
    from isogloss.report.page import write_report

    if out is not None and out.exists() and not (out / PAGE).is_file() and (out.is_file() or any(out.iterdir())):
        raise UserError(f"--out {out}: is there already and holds no report; name a new folder")
    left = left_by_run(run, Path.cwd(), overrides)
    folder = out or Path(STORE) / "reports" / left.name
    try:
        results = left.results()
        comparison = left.comparison(results)
        searches = read_searches(left.spec, left.folders)
        geometry = read_geometry(left.spec, left.folders)
    except ValidationError as error:
        raise UserError(
            f"{left.name}: its results are of another version of isogloss ({error.title}: {error.error_count()} fields "
            "differ). Report it with that version, or run the pipeline again"
        ) from error
    with progress(1, "figures and report") as advance:
        page = write_report(
            results, folder, comparison=comparison, searches=searches, geometry=geometry, missing=left.missing
        )
        advance(1)
    if as_json:
        print_json({"run": left.name, "report": str(page), "missing": list(left.missing)})
        return
    for line in left.missing:
        say(f"missing: {line}")
    say(f"next: open {page} in a browser")
