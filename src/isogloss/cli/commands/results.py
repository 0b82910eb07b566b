"""What a run gave, and what it finds and ships."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isogloss.cli.commands.app import Json, PipelineFile, Set, app


@app.command()
def report(
    run: Annotated[
        str,
        typer.Argument(metavar="RUN", help="A pipeline's YAML, a run's name (isogloss status), or its MLflow run ID."),
    ],
    overrides: Set = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder to write (default: mlruns/reports/RUN).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the one-page report of a run, also of one that failed half-way."""
    from isogloss.cli.report import report_command

    report_command(run, overrides or [], out=out, as_json=as_json)


@app.command()
def summary(
    run: Annotated[
        str,
        typer.Argument(metavar="RUN", help="A pipeline's YAML, a run's name (isogloss status), or its MLflow run ID."),
    ],
    overrides: Set = None,
    champion: Annotated[
        str | None,
        typer.Option(metavar="REF", help="Compare with it (default: models:/NAME@champion, NAME from promote.name)."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="File to write (default: stdout).")] = None,
) -> None:
    """Write a run as Markdown: the plane, the table, the difference from the champion; also one that failed half-way."""
    from isogloss.cli.summary import summary_command

    summary_command(run, overrides or [], champion=champion, out=out)


@app.command("search-worker")
def search_worker(
    pipeline: PipelineFile,
    overrides: Set = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Whose search: unaligned, mist, … (default: the next unfinished)."),
    ] = None,
) -> None:
    """Join a running search from another process or machine, until it has all its trials."""
    from isogloss.cli.search import search_worker_command

    search_worker_command(pipeline, overrides or [], checkpoint=checkpoint)


@app.command()
def promote(
    pipeline: PipelineFile,
    overrides: Set = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Registered model (default: promote.name of the pipeline).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Take the points of a finished search through the gate and register them; aliases move last."""
    from isogloss.cli.search import promote_command

    promote_command(pipeline, overrides or [], name=name, as_json=as_json)
