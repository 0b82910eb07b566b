"""Registered versions: fetch, measure again, use, export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from isogloss.cli.commands.app import Device, DType, Files, Json, app


@app.command()
def fetch(
    ref: Annotated[str, typer.Argument(metavar="REF", help="models:/NAME@champion or models:/NAME/3.")],
    dest: Annotated[Path, typer.Argument(metavar="DEST", help="Folder to make.")],
    uri: Annotated[
        str | None,
        typer.Option(metavar="URI", help="Store or tracking server (default: MLFLOW_TRACKING_URI, or mlruns/)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Fetch a registered version, verified, as a folder that loads."""
    from isogloss.cli.registry import fetch_command

    fetch_command(ref, dest, uri=uri, as_json=as_json)


@app.command()
def recheck(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="models:/NAME@champion, or a fetched folder.")],
    files: Files,
    split: Annotated[Literal["dev1", "dev2", "test", "all"], typer.Option(help="Items of this split only.")] = "test",
    device: Device = "cpu",
    as_json: Json = False,
) -> None:
    """Score a promoted model again; refused where an accuracy has left the interval recorded at its promotion."""
    from isogloss.cli.recheck import recheck_command

    recheck_command(model, files, split=split, device=device, as_json=as_json)


@app.command()
def generate(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help="A fetched folder, models:/NAME@champion, or any other model.")
    ],
    prompts: Annotated[
        list[str], typer.Argument(metavar="PROMPT…", help="What to answer; '-' reads lines from stdin.")
    ],
    language: Annotated[
        str | None, typer.Option(metavar="CODE", help="Language of the prompts (default: detected for each).")
    ] = None,
    no_steering: Annotated[bool, typer.Option("--no-steering", help="Answer without the model's vectors.")] = False,
    compare: Annotated[bool, typer.Option("--compare", help="Show unsteered answers beside the steered ones.")] = False,
    en_gamma: Annotated[float | None, typer.Option(help="Another strength for EN.")] = None,
    loc_gamma: Annotated[float | None, typer.Option(help="Another strength for LOC.")] = None,
    chat: Annotated[bool, typer.Option("--chat", help="Use the tokenizer's chat template.")] = False,
    max_new_tokens: Annotated[int, typer.Option(min=1, help="At most this many tokens an answer.")] = 64,
    base: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Where the base model is, if not where the version says.")
    ] = None,
    dtype: DType = "float32",
    device: Device = "cpu",
    as_json: Json = False,
) -> None:
    """Answer prompts, steered in the language of each where the model is a promoted one."""
    from isogloss.cli.generate import generate_command

    generate_command(
        model,
        prompts,
        language=language,
        steer=not no_steering,
        compare=compare,
        en_gamma=en_gamma,
        loc_gamma=loc_gamma,
        chat=chat,
        max_new_tokens=max_new_tokens,
        base=base,
        dtype=dtype,
        device=device,
        as_json=as_json,
    )


@app.command()
def export(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="A fetched folder, or models:/NAME@champion.")],
    dest: Annotated[Path, typer.Argument(metavar="DEST", help="Folder to make.")],
    form: Annotated[
        Literal["hf", "gguf", "folded"],
        typer.Option(
            "--format", help="Hugging Face folder, llama.cpp control vectors, or checkpoints with the vector in."
        ),
    ] = "hf",
    language: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="These languages alone (gguf, folded); repeatable.")
    ] = None,
    base: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Where the base model is, if not where the version says (folded)."),
    ] = None,
) -> None:
    """Write a promoted model in a form that other tools load."""
    from isogloss.cli.export import export_command

    export_command(model, dest, form=form, languages=language or [], base=base)
