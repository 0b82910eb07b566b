"""`isogloss generate` and `export`: answers of a model, and a promoted model in a form that other tools load."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from isogloss.cli.console import Device, DType, Json, output, print_json, say
from isogloss.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from rich.table import Table

    from isogloss.api import Model
    from isogloss.registry.bundle import Bundle

#: The prompt that stands for the lines of stdin.
STDIN = "-"


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
    from isogloss.api import load

    if compare and no_steering:
        raise UserError("--compare shows steered beside unsteered answers; leave out --no-steering")
    texts = _read_prompts(prompts)
    loaded = load(model, dtype=dtype, device=device, base=base)
    steered = not no_steering and loaded.intervention is not None and bool(loaded.intervention.components)
    if compare and not steered:
        raise UserError(f"--compare: the model '{model}' has no steering to compare with")
    settings: dict[str, Any] = {"chat": chat, "max_new_tokens": max_new_tokens}
    # Detected once, for the answers, the notice and the JSON. A model without steering needs no languages.
    routed = loaded.route(texts, languages=language) if steered or language is not None else None
    answers = loaded.generate(
        texts,
        languages=None if routed is None else routed.languages,
        steering=not no_steering,
        en_gamma=en_gamma,
        loc_gamma=loc_gamma,
        notice=lambda line: None,
        **settings,
    )
    if steered and routed is not None and (line := routed.notice(loaded.languages)):
        say(line)
    unsteered = loaded.generate(texts, steering=False, **settings) if compare else None
    languages = [None] * len(texts) if routed is None else list(routed.languages)
    if as_json:
        rows = _answer_rows(loaded, texts, answers, languages, steered=steered, unsteered=unsteered)
        print_json({"model": model, "model_digest": loaded.loaded.digest, "results": rows})
    elif unsteered is not None:
        output().print(_comparison(texts, languages, unsteered, answers))
    else:
        _print_answers(texts, answers)


def _read_prompts(arguments: Sequence[str]) -> list[str]:
    """Return the prompts of the command line. `-` is replaced by the non-empty lines of stdin."""
    texts: list[str] = []
    for argument in arguments:
        if argument == STDIN:
            texts += [line.strip("\r\n") for line in sys.stdin if line.strip()]
        else:
            texts.append(argument)
    if not texts:
        raise UserError("no prompt: give one or more, or pipe lines to '-'")
    if any(not text.strip() for text in texts):
        raise UserError("a prompt is empty; say what to answer")
    return texts


def _print_answers(prompts: Sequence[str], answers: Sequence[str]) -> None:
    """Print a single answer as it is, and several below their prompts."""
    if len(answers) == 1:
        print(answers[0])
        return
    for number, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        print(f"{'' if number == 0 else chr(10)}> {prompt}\n{answer}")


def _comparison(
    prompts: Sequence[str], languages: Sequence[str | None], unsteered: Sequence[str], steered: Sequence[str]
) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(show_lines=True)
    for name in ("prompt", "language", "unsteered", "steered"):
        table.add_column(name, overflow="fold")
    for prompt, language, before, after in zip(prompts, languages, unsteered, steered, strict=True):
        # As plain text, since an answer may contain what rich would read as markup.
        table.add_row(Text(prompt), Text(language or "–"), Text(before), Text(after))
    return table


def _answer_rows(
    loaded: Model,
    prompts: Sequence[str],
    answers: Sequence[str],
    languages: Sequence[str | None],
    *,
    steered: bool,
    unsteered: Sequence[str] | None,
) -> list[dict[str, Any]]:
    """Return the stable JSON of each prompt."""
    vectors = loaded.intervention.languages if steered and loaded.intervention is not None else frozenset()
    rows: list[dict[str, Any]] = []
    for number, (prompt, answer, language) in enumerate(zip(prompts, answers, languages, strict=True)):
        row: dict[str, Any] = {"prompt": prompt, "language": language, "steered": language in vectors, "text": answer}
        rows.append(row if unsteered is None else {**row, "unsteered_text": unsteered[number]})
    return rows


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
    from isogloss.api import find_bundle, load_bundle
    from isogloss.export.control_vectors import export_control_vectors
    from isogloss.export.folded import export_folded
    from isogloss.export.huggingface import check_new, export_huggingface

    check_new(dest)
    bundle = find_bundle(model)
    if bundle is None:
        raise UserError(
            f"'{model}' is not a promoted model; export takes a bundle's folder (isogloss fetch models:/NAME@champion DIR) "
            "or models:/NAME@alias"
        )
    if form == "hf":
        if language or base:
            raise UserError("hf holds all languages and no base: leave out --language and --base")
        export_huggingface(bundle.folder, dest, model=bundle.model_folder, base=bundle.base.ref)
        say(f"a Hugging Face folder is in {dest}")
        say(f"next: hf upload NAMESPACE/{bundle.name} {dest}")
        return
    languages = _steered_languages(bundle, language or [], form=form)
    if form == "gguf":
        if base:
            raise UserError("gguf holds vectors alone: leave out --base")
        files = export_control_vectors(
            bundle.folder,
            dest,
            name=bundle.name,
            intervention=bundle.intervention(),
            positions=bundle.positions,
            languages=languages,
            architecture=bundle.base.architecture,
            trained=bundle.weights is not None,
        )
        say(f"{len(files)} control vectors are in {dest}")
        say(f"next: llama-cli -m MODEL.gguf --control-vector {dest / files[0]} -p PROMPT")
        return
    export_folded(
        bundle.folder,
        dest,
        loaded=load_bundle(bundle, base=base).loaded,
        intervention=bundle.intervention(),
        positions=bundle.positions,
        languages=languages,
    )
    say(f"one plain model for each of {', '.join(languages)} is in {dest}")
    say(f'next: isogloss generate {dest / languages[0]} "…"')


def _steered_languages(bundle: Bundle, wanted: Sequence[str], *, form: str) -> tuple[str, ...]:
    """Return the languages to export: those wanted, or all that have a vector.

    Raises:
        UserError: the bundle has no vector at all, or none for a wanted language.
    """
    from isogloss.export.huggingface import steered_languages

    available = steered_languages(bundle.intervention())
    if not available:
        raise UserError(f"{form}: '{bundle.name}' is trained and not steered, so there is no vector; export it as hf")
    for language in wanted:
        if language not in available:
            raise UserError(
                f"--language {language}: no vector for it{did_you_mean(language, available)}; there are "
                f"{', '.join(available)}"
            )
    return tuple(dict.fromkeys(wanted)) or available
