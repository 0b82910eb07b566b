"""This folder and this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isogloss.cli.commands.app import Json, app


@app.command()
def ui(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help="Port (default 5000, or the next free one).")] = None,
) -> None:
    """Open MLflow on this folder's store."""
    from isogloss.tracking.ui import serve_ui

    serve_ui(Path.cwd(), host=host, port=port)


@app.command()
def doctor(
    mend: Annotated[bool, typer.Option("--mend", help="Mend what can be mended.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Look at names and sizes of files, not at what is in them: seconds.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check packages, the embedded model, the store and the pipelines, and say what is wrong."""
    from isogloss.cli.doctor import doctor_command

    raise typer.Exit(doctor_command(mend=mend, quick=quick, as_json=as_json))
