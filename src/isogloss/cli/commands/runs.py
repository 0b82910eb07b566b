"""Run a pipeline, plan it, and see how far it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isogloss.cli.commands.app import Json, PipelineFile, Set, app


@app.command()
def run(
    pipeline: PipelineFile,
    overrides: Set = None,
    until: Annotated[str | None, typer.Option(metavar="STAGE", help="Stop after this stage.")] = None,
    as_json: Json = False,
) -> None:
    """Run a pipeline, or resume it; a finished one says so and stops."""
    from isogloss.cli.pipelines import run_command

    run_command(pipeline, overrides or [], until=until, as_json=as_json)


@app.command()
def plan(
    pipeline: PipelineFile,
    overrides: Set = None,
    gpu: Annotated[str | None, typer.Option(metavar="NAME", help="Plan for this GPU: H100, A100-80, L40S, …")] = None,
    gpus: Annotated[int | None, typer.Option(min=1, help="How many GPUs a machine has.")] = None,
    nodes: Annotated[int | None, typer.Option(min=1, help="How many machines.")] = None,
    as_json: Json = False,
) -> None:
    """Show the stages, what is cached, and an estimate of time, memory and disk, before anything is fetched."""
    from isogloss.cli.planned import plan_command

    plan_command(pipeline, overrides or [], gpu=gpu, gpus=gpus, nodes=nodes, as_json=as_json)


@app.command()
def status(
    pipeline: Annotated[
        Path | None, typer.Argument(metavar="[PIPELINE]", help="One pipeline; all of them if left out.")
    ] = None,
    overrides: Set = None,
    as_json: Json = False,
) -> None:
    """Show what is done, running and failed."""
    from isogloss.cli.pipelines import status_command

    status_command(pipeline, overrides or [], as_json=as_json)
