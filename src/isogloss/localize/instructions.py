"""English instructions in other languages: both sides translated, checked, and left out together where one does not pass."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from isogloss.data.rows import ENGLISH, InstructionRow
from isogloss.errors import UserError
from isogloss.localize.asking import (
    Asking,
    Attempt,
    Outcome,
    Rejection,
    Task,
    Tier,
    Unfit,
    drawn,
    instruction_prompt,
    of_outcome,
)
from isogloss.localize.checks import SHORT, checked_translation

_SIDES = ("prompt", "response")
#: So many different texts have no translation in common, where it is longer than a few words.
REPEATED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Translated:
    """Rows with the languages that came through, what was left out, samples, and {language: rows that have it}."""

    rows: tuple[InstructionRow, ...]
    rejected: tuple[Rejection, ...]
    samples: dict[str, list[dict[str, str]]]
    counts: dict[str, int]


def translate(
    rows: Sequence[InstructionRow],
    languages: Sequence[str],
    tiers: Sequence[Tier],
    asking: Asking,
    *,
    shortest: float,
    longest: float,
    samples: int,
    seed: int,
) -> Translated:
    """Translate the English side of each row into `languages`; English stays beside them.

    A language of a row is left out where its prompt or its response failed. Raises UserError for a row without English;
    RefusedError and UserError as the asking does.
    """
    if missing := [row.id for row in rows if ENGLISH not in row.prompt]:
        raise UserError(
            f"translate: {len(missing)} rows have no English ('{ENGLISH}') to translate, the first is {missing[0]}"
        )
    wanted = [language for language in languages if language != ENGLISH]
    tasks = [
        _task(row, side, language, shortest=shortest, longest=longest)
        for language in wanted
        for row in rows
        for side in _SIDES
        if language not in row.prompt
    ]
    outcomes = asking.carry_out(tasks, tiers, what="instructions")
    _refuse_repeated(rows, wanted, outcomes)
    rejected: list[Rejection] = []
    made = tuple(_row(row, wanted, outcomes, rejected) for row in rows)
    counts = Counter(language for row in made for language in row.prompt)
    return Translated(
        rows=made,
        rejected=tuple(rejected),
        samples={language: _samples(made, language, number=samples, seed=seed) for language in wanted},
        counts={language: counts[language] for language in (ENGLISH, *wanted)},
    )


def _refuse_repeated(rows: Sequence[InstructionRow], languages: Sequence[str], outcomes: Mapping[str, Outcome]) -> None:
    """One answer to several texts ("I cannot help with that") translates none of them."""
    for language in languages:
        originals: dict[str, set[str]] = defaultdict(set)
        done = [
            (getattr(row, side)[ENGLISH], outcome)
            for row in rows
            for side in _SIDES
            if (outcome := outcomes.get(_name(row, side, language))) is not None and outcome.done
        ]
        for original, outcome in done:
            originals[outcome.value].add(original.casefold())
        for _, outcome in done:
            if len(outcome.value) > SHORT and len(originals[outcome.value]) >= REPEATED:
                message = f"the same answer came to {len(originals[outcome.value])} different texts"
                outcome.attempts.append(
                    Attempt(asker=outcome.by, answer=outcome.value, reason="repeated", message=message)
                )


def _task(row: InstructionRow, side: str, language: str, *, shortest: float, longest: float) -> Task:
    original = getattr(row, side)[ENGLISH]
    return Task(
        id=_name(row, side, language),
        prompt=instruction_prompt(original, language=language),
        rule=_no_rule,
        read=partial(_read, original, language, shortest, longest),
    )


def _name(row: InstructionRow, side: str, language: str) -> str:
    return f"{language}/{side}/{row.id}"


def _no_rule() -> str:
    raise Unfit("no-translation", "rules translate nothing")


def _read(original: str, language: str, shortest: float, longest: float, answer: str) -> str:
    return checked_translation(original, answer, language, shortest=shortest, longest=longest)


def _row(
    row: InstructionRow, languages: Sequence[str], outcomes: dict[str, Outcome], rejected: list[Rejection]
) -> InstructionRow:
    texts = {side: dict(getattr(row, side)) for side in _SIDES}
    for language in languages:
        if language in row.prompt:
            continue
        both = {side: outcomes[_name(row, side, language)] for side in _SIDES}
        for side, outcome in both.items():
            if not outcome.done:
                original = getattr(row, side)[ENGLISH]
                rejected.append(of_outcome(outcome, id=row.id, language=language, what=side, original=original))
        if all(outcome.done for outcome in both.values()):
            for side, outcome in both.items():
                texts[side][language] = outcome.value
    return InstructionRow(id=row.id, prompt=texts["prompt"], response=texts["response"])


def _samples(rows: Sequence[InstructionRow], language: str, *, number: int, seed: int) -> list[dict[str, str]]:
    there = {row.id: row for row in rows if language in row.prompt}
    chosen = [there[name] for name in drawn(there, seed=seed, number=number)]
    return [
        {f"{side} ({spoken})": getattr(row, side)[spoken] for side in _SIDES for spoken in (ENGLISH, language)}
        for row in chosen
    ]
