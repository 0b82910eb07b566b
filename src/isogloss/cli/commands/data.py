"""Published data sets, as they are and in other languages."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from isogloss.cli.asking import AskingOptions
from isogloss.cli.commands.app import Json, app


@app.command()
def datasets(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="A published set, e.g. global-mmlu; all are listed if left out."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="File to write (default: rows on stdout).")] = None,
    mirror: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Read ORG/NAME/… in this folder (default: ISOGLOSS_MIRROR, else the Hub)."),
    ] = None,
    revision: Annotated[
        str | None, typer.Option(metavar="COMMIT", help="Another commit, tag or branch than the pinned one.")
    ] = None,
    languages: Annotated[
        str | None, typer.Option(metavar="CODES", help="Languages, e.g. es,ko (default: the paper's and English).")
    ] = None,
    split: Annotated[str | None, typer.Option(metavar="NAME", help="The publisher's split, e.g. devtest.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many rows a language and split.")] = None,
    as_json: Json = False,
) -> None:
    """List the published data sets, or write one in the project's format."""
    from isogloss.cli.datasets import convert_command, list_command

    if name is None:
        list_command(as_json=as_json)
        return
    convert_command(
        name,
        out=out,
        mirror=mirror,
        revision=revision,
        languages=languages,
        split=split,
        limit=limit,
        as_json=as_json,
    )


AskedModel = Annotated[
    str | None,
    typer.Option("--model", metavar="NAME", help="Who is asked: a model's name at --url, or a model of this machine."),
]
AskedUrl = Annotated[
    str | None,
    typer.Option(
        "--url", metavar="URL", help="Endpoint with OpenAI's chat completions, e.g. http://localhost:8000/v1."
    ),
]
AskedKey = Annotated[
    str | None, typer.Option("--key", metavar="VARIABLE", help="Environment variable that holds the API key.")
]
AskingSettings = Annotated[
    Path | None, typer.Option("--settings", metavar="YAML", help="A pipeline's YAML, or its section alone.")
]
Mirror = Annotated[
    Path | None,
    typer.Option(
        "--mirror", metavar="DIR", help="Read ORG/NAME/… in this folder (default: ISOGLOSS_MIRROR, else the Hub)."
    ),
]
MaxCost = Annotated[
    float | None, typer.Option("--max-cost", min=0, help="Refuse to spend more, at the prices of the settings.")
]


@app.command()
def localize(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to make.")],
    questions: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="BLEnD's question or annotation files; repeatable (default: the published)."),
    ] = None,
    choices: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="BLEnD's multiple-choice rows; repeatable (default: the published)."),
    ] = None,
    languages: Annotated[
        str | None, typer.Option(metavar="CODES", help="Languages, e.g. es,ko (default: the paper's six).")
    ] = None,
    settings: AskingSettings = None,
    model: AskedModel = None,
    url: AskedUrl = None,
    key: AskedKey = None,
    mirror: Mirror = None,
    max_cost: MaxCost = None,
    items: Annotated[int | None, typer.Option(min=1, help="At most this many items a language.")] = None,
    as_json: Json = False,
) -> None:
    """Make BLEnD local: in each language, without the country; by rules unless a model is named."""
    from isogloss.cli.localize import localize_command

    localize_command(
        out,
        questions=questions or [],
        choices=choices or [],
        languages=languages,
        asking=AskingOptions(settings=settings, model=model, url=url, key=key, mirror=mirror, max_cost=max_cost),
        items=items,
        as_json=as_json,
    )


@app.command()
def translate(
    languages: Annotated[str, typer.Option(metavar="CODES", help="Languages to write, e.g. es,ko.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to make.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE…]", help="Instructions with English (JSONL); OpenAssistant if left out."),
    ] = None,
    settings: AskingSettings = None,
    model: AskedModel = None,
    url: AskedUrl = None,
    key: AskedKey = None,
    mirror: Mirror = None,
    max_cost: MaxCost = None,
    rows: Annotated[
        int | None, typer.Option(min=1, help="At most this many rows (default 6000, as the paper).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Translate English instructions with their answers by a model, and check what comes."""
    from isogloss.cli.localize import translate_command

    translate_command(
        out,
        instructions=files or [],
        languages=languages,
        asking=AskingOptions(settings=settings, model=model, url=url, key=key, mirror=mirror, max_cost=max_cost),
        rows=rows,
        as_json=as_json,
    )
