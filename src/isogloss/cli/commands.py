"""The commands and their options; what each does waits in a module of its own, imported when it is called."""

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
        settings=settings,
        model=model,
        url=url,
        key=key,
        mirror=mirror,
        max_cost=max_cost,
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
        settings=settings,
        model=model,
        url=url,
        key=key,
        mirror=mirror,
        max_cost=max_cost,
        rows=rows,
        as_json=as_json,
    )


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
