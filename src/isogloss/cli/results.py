"""`isogloss report` and `summary`: the results of a run as a page or as Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isogloss.cli.console import Json, Set, print_json, progress, refuse_existing, say
from isogloss.errors import UserError

Run = Annotated[
    str,
    typer.Argument(metavar="RUN", help="A pipeline's YAML, a run's name (isogloss status), or its MLflow run ID."),
]

#: File name of the report in its folder.
PAGE = "report.html"


def report(
    run: Run,
    overrides: Set = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder to write (default: mlruns/reports/RUN).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the one-page report of a run, also of one that failed half-way."""
    from pydantic import ValidationError

    from isogloss.pipeline.finished import left_by_run
    from isogloss.pipeline.plan import STORE
    from isogloss.report.page import write_report
    from isogloss.stages.report import read_geometry, read_searches

    if out is not None:
        refuse_existing(out, replaceable=PAGE)
    outputs = left_by_run(run, Path.cwd(), overrides or [])
    folder = out or Path(STORE) / "reports" / outputs.name
    try:
        results = outputs.results()
        comparison = outputs.comparison(results)
        searches = read_searches(outputs.spec, outputs.folders)
        geometry = read_geometry(outputs.spec, outputs.folders)
    except ValidationError as error:
        raise UserError(
            f"{outputs.name}: its results are of another version of isogloss ({error.title}: {error.error_count()} fields "
            "differ). Report it with that version, or run the pipeline again"
        ) from error
    with progress(1, "figures and report") as advance:
        page = write_report(
            results, folder, comparison=comparison, searches=searches, geometry=geometry, missing=outputs.missing
        )
        advance(1)
    if as_json:
        print_json({"run": outputs.name, "report": str(page), "missing": list(outputs.missing)})
        return
    for line in outputs.missing:
        say(f"missing: {line}")
    say(f"next: open {page} in a browser")


def summary(
    run: Run,
    overrides: Set = None,
    champion: Annotated[
        str | None,
        typer.Option(metavar="REF", help="Compare with it (default: models:/NAME@champion, NAME from promote.name)."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="File to write (default: stdout).")] = None,
) -> None:
    """Write a run as Markdown: the plane, the table, the difference from the champion; also one that failed half-way."""
    from pydantic import ValidationError

    from isogloss.files import write_atomic
    from isogloss.pipeline.finished import left_by_run
    from isogloss.pipeline.promote import champion_or_why
    from isogloss.report.summary import summary_markdown
    from isogloss.stages.report import read_comparison, read_searches

    if out is not None and (out.is_dir() or not out.absolute().parent.is_dir()):
        raise UserError(f"--out {out}: name a file in a folder that is there")
    outputs = left_by_run(run, Path.cwd(), overrides or [])
    name = outputs.spec.promote.name
    ref = champion or (None if name is None else f"models:/{name}@champion")
    try:
        results = outputs.results()
        compared, why_not = champion_or_why(
            outputs, ref, questions=results.benchmark_digest, model=results.model_digest
        )
        text = summary_markdown(
            results,
            comparison=read_comparison(outputs.folders),
            searches=read_searches(outputs.spec, outputs.folders),
            champion=compared,
            no_champion=why_not,
            missing=outputs.missing,
        )
    except ValidationError as error:
        raise UserError(
            f"{outputs.name}: its results are of another version of isogloss ({error.title}). Summarise it with that "
            "version, or run the pipeline again"
        ) from error
    if out is None:
        print(text, end="")
    else:
        write_atomic(out, text)
        say(f"the summary of {outputs.name} is in {out}")
