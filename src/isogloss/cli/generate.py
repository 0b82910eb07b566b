"""`isogloss generate`: answers of any model; of a promoted one steered, in the language of each prompt."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from rich.table import Table

from isogloss.api import Model, load
from isogloss.cli.shown import output, print_json, say
from isogloss.errors import UserError
from isogloss.models.load import DType

STDIN = "-"


def generate_command(
    ref: str,
    prompts: Sequence[str],
    *,
    language: str | None,
    steer: bool,
    compare: bool,
    en_gamma: float | None,
    loc_gamma: float | None,
    chat: bool,
    max_new_tokens: int,
    base: str | None,
    dtype: DType,
    device: str,
    as_json: bool,
) -> None:
    """Generate and print: answers on stdout, notices on stderr."""
    if compare and not steer:
        raise UserError("--compare shows steered beside unsteered answers; leave out --no-steering")
    texts = read_prompts(prompts)
    model = load(ref, dtype=dtype, device=device, base=base)
    steered = steer and model.intervention is not None and bool(model.intervention.components)
    if compare and not steered:
        raise UserError(f"--compare: the model '{ref}' has no steering to compare with")
    settings: dict[str, Any] = {"chat": chat, "max_new_tokens": max_new_tokens}
    # Detected once: for the answers, the notice and the JSON. A model without steering has no use for languages.
    routed = model.route(texts, languages=language) if steered or language is not None else None
    answers = model.generate(
        texts,
        languages=None if routed is None else routed.languages,
        steering=steer,
        en_gamma=en_gamma,
        loc_gamma=loc_gamma,
        notice=lambda line: None,
        **settings,
    )
    if steered and routed is not None and (line := routed.notice(model.languages)):
        say(line)
    unsteered = model.generate(texts, steering=False, **settings) if compare else None
    languages = [None] * len(texts) if routed is None else list(routed.languages)
    if as_json:
        print_json(_as_json(ref, model, texts, answers, languages, steered=steered, unsteered=unsteered))
    elif unsteered is not None:
        output().print(_comparison(texts, languages, unsteered, answers))
    else:
        _print_answers(texts, answers)


def read_prompts(given: Sequence[str]) -> list[str]:
    """The prompts of the command line; `-` stands for the lines of stdin that are not empty."""
    texts: list[str] = []
    for one in given:
        texts += [line.strip("\r\n") for line in sys.stdin if line.strip()] if one == STDIN else [one]
    if not texts:
        raise UserError("no prompt: give one or more, or pipe lines to '-'")
    if any(not text.strip() for text in texts):
        raise UserError("a prompt is empty; say what to answer")
    return texts


def _print_answers(prompts: Sequence[str], answers: Sequence[str]) -> None:
    """One answer alone as it is; several below their prompts."""
    if len(answers) == 1:
        print(answers[0])
        return
    for number, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        print(f"{'' if number == 0 else chr(10)}> {prompt}\n{answer}")


def _comparison(
    prompts: Sequence[str], languages: Sequence[str | None], unsteered: Sequence[str], steered: Sequence[str]
) -> Table:
    table = Table(show_lines=True)
    for name in ("prompt", "language", "unsteered", "steered"):
        table.add_column(name, overflow="fold")
    for prompt, language, plain, other in zip(prompts, languages, unsteered, steered, strict=True):
        # As plain text: an answer may hold what rich would take for markup.
        table.add_row(*map(_plain, (prompt, language or "–", plain, other)))
    return table


def _plain(text: str) -> Any:
    from rich.text import Text

    return Text(text)


def _as_json(
    ref: str,
    model: Model,
    prompts: Sequence[str],
    answers: Sequence[str],
    languages: Sequence[str | None],
    *,
    steered: bool,
    unsteered: Sequence[str] | None,
) -> dict[str, Any]:
    vectors = model.intervention.languages if steered and model.intervention is not None else frozenset()
    rows: list[dict[str, Any]] = []
    for number, (prompt, answer, language) in enumerate(zip(prompts, answers, languages, strict=True)):
        row: dict[str, Any] = {"prompt": prompt, "language": language, "steered": language in vectors, "text": answer}
        rows.append(row if unsteered is None else {**row, "unsteered_text": unsteered[number]})
    return {"model": ref, "model_digest": model.loaded.digest, "results": rows}
