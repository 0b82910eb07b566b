"""Score a model, extract its vectors, look into it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from isogloss.cli.commands.app import Device, DType, Files, Json, Model, Scoring, app


@app.command()
def evaluate(
    model: Model,
    files: Files,
    scoring: Scoring = "cloze",
    normalise: Annotated[
        Literal["tokens", "none"], typer.Option(help="Divide a cloze likelihood by its tokens.")
    ] = "tokens",
    vectors: Annotated[
        list[Path] | None, typer.Option(metavar="DIR", help="Steering vectors; repeatable (EN and LOC make SUR).")
    ] = None,
    layer: Annotated[list[int] | None, typer.Option(help="Layer of each --vectors, in the same order.")] = None,
    gamma: Annotated[list[float] | None, typer.Option(help="Strength of each --vectors (default 1).")] = None,
    context: Annotated[
        bool, typer.Option("--context", help="Ask the contextual twins (country named) instead.")
    ] = False,
    no_steering: Annotated[
        bool, typer.Option("--no-steering", help="Score a promoted model without its vectors.")
    ] = False,
    split: Annotated[Literal["dev1", "dev2", "test", "all"], typer.Option(help="Items of this split only.")] = "all",
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write every item's scores here (JSONL).")] = None,
    dtype: DType = "float32",
    device: Device = "cpu",
    token_budget: Annotated[int, typer.Option(help="Padded tokens a batch; changes speed only.", min=1)] = 2048,
    as_json: Json = False,
) -> None:
    """Score any model on any choices files: n, accuracy, interval and English bias per language."""
    from isogloss.cli.evaluate import evaluate_command

    evaluate_command(
        model,
        files,
        scoring=scoring,
        normalise=normalise,
        vectors=vectors or [],
        layers=layer or [],
        gammas=gamma or [],
        context=context,
        split=split,
        out=out,
        dtype=dtype,
        device=device,
        token_budget=token_budget,
        as_json=as_json,
        steer=not no_steering,
    )


@app.command()
def vectors(
    model: Model,
    files: Files,
    kind: Annotated[
        Literal["en", "loc"], typer.Option(help="EN (English − own language) or LOC (country named − not).")
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write.")],
    scoring: Scoring = "cloze",
    token: Annotated[Literal["last", "mean"], typer.Option(help="Last prompt token, or mean over all.")] = "last",
    split: Annotated[Literal["dev1", "dev2", "test", "all"], typer.Option(help="Items of this split only.")] = "all",
    pairs: Annotated[int, typer.Option(help="At most this many pairs a language.", min=1)] = 100,
    dtype: DType = "float32",
    device: Device = "cpu",
) -> None:
    """Extract steering vectors for every language and layer from choices files."""
    from isogloss.cli.evaluate import vectors_command

    vectors_command(
        model,
        files,
        kind=kind,
        out=out,
        scoring=scoring,
        token=token,
        split=split,
        most=pairs,
        dtype=dtype,
        device=device,
    )


@app.command()
def analyse(
    model: Model,
    files: Files,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to write.")],
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="perpendicularity, pca, convergence, retrieval or agreement; repeatable."),
    ] = None,
    parallel: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Parallel sentences for retrieval (default: the universal questions)."),
    ] = None,
    vectors: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Show steered panels too; repeatable (EN and LOC make SUR)."),
    ] = None,
    layer: Annotated[list[int] | None, typer.Option(help="Layer of each --vectors, in the same order.")] = None,
    gamma: Annotated[list[float] | None, typer.Option(help="Strength of each --vectors (default 1).")] = None,
    items: Annotated[int, typer.Option(help="At most this many items a language and axis.", min=2)] = 40,
    split: Annotated[Literal["dev1", "dev2", "test", "all"], typer.Option(help="Items of this split only.")] = "all",
    scoring: Scoring = "cloze",
    dtype: DType = "float32",
    device: Device = "cpu",
    as_json: Json = False,
) -> None:
    """Look into any model: how languages and directions lie in its layers, and where its choices agree."""
    from isogloss.cli.analyse import analyse_command

    analyse_command(
        model,
        files,
        out=out,
        only=only or [],
        parallel=parallel or [],
        vectors=vectors or [],
        layers=layer or [],
        gammas=gamma or [],
        most=items,
        split=split,
        scoring=scoring,
        dtype=dtype,
        device=device,
        as_json=as_json,
    )
