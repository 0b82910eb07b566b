"""The application that commands register with, and the arguments and options that several of them have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from isogloss import __version__
from isogloss.errors import EXIT_DONE

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Measure and steer multilingual language models on the transfer–localization plane.",
    epilog="Exit codes: 0 done, 1 a bug, 2 your input, 3 refused, 4 interrupted (the same command goes on).",
)

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="A.B=VALUE", help="Override a setting; repeatable.")]
PipelineFile = Annotated[
    Path, typer.Argument(metavar="PIPELINE", help="A pipeline's YAML, e.g. pipelines/embedded.yaml.")
]
Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="'embedded', a local or fetched folder, org/name[@revision], or models:/NAME@alias."
    ),
]
Files = Annotated[list[Path], typer.Argument(metavar="FILE…", help="Choices files (JSONL).")]
Scoring = Annotated[Literal["cloze", "letter"], typer.Option(help="Likelihood of the option's text, or of its letter.")]
DType = Annotated[Literal["float32", "bfloat16"], typer.Option(help="Number type of the model.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, …")]


def _version(show: bool) -> None:
    if show:
        typer.echo(f"isogloss {__version__}")
        raise typer.Exit(EXIT_DONE)


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass
