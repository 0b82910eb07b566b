"""Instruction and parallel files as the rows of a training: what is in them, and what was decided about them."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from isogloss.data.benchmark.wording import announced
from isogloss.data.rows import InstructionRow, ParallelRow, Row, read_rows
from isogloss.errors import DataError, UserError
from isogloss.files import write_json
from isogloss.methods.job import DECISIONS, Job

# --------------------------------------------------------------------------------------------------------------------
# Counted decisions about the data: what was left out or changed, how often, and where. Never silent.

#: So many rows are named in `decisions.json`.
_NAMED = 20


@dataclass(frozen=True)
class Decision:
    """`count` of `total` things; `what` says which and what became of them, `rows` names the first."""

    what: str
    count: int
    total: int
    rows: tuple[str, ...] = ()

    def __str__(self) -> str:
        named = f" ({', '.join(self.rows[:3])}{', …' if self.count > 3 else ''})" if self.rows else ""
        return f"{self.count} of {self.total} {self.what}{named}"


def decision(what: str, rows: Iterable[str], *, total: int) -> tuple[Decision, ...]:
    """One decision about `rows`, or none where there are no such rows."""
    names = list(rows)
    return (Decision(what, len(names), total, tuple(names[:_NAMED])),) if names else ()


def report_decisions(job: Job, decisions: Iterable[Decision]) -> None:
    """Write them to the job's folder and say each in a line on stderr. Rank 0 alone calls this."""
    found = list(decisions)
    write_json(job.folder / DECISIONS, [asdict(one) for one in found])
    for one in found:
        print(f"data: {one}", file=sys.stderr)


# --------------------------------------------------------------------------------------------------------------------

RowType = TypeVar("RowType", bound=Row)

#: Methods that read sentence pairs besides instructions.
_READS_PARALLEL = frozenset({"midalign"})


@dataclass(frozen=True)
class TrainingRows:
    """Rows in the order of their files, cut to the languages of the job.

    `parallel` is empty where the method reads none. A row may lack languages (counted in `decisions`), never all.
    """

    instructions: tuple[InstructionRow, ...]
    parallel: tuple[ParallelRow, ...]
    decisions: tuple[Decision, ...]


def read_training(job: Job) -> TrainingRows:
    """Read and check a job's files.

    Raises:
        DataError: bad rows, an id that stands twice, languages missing where `missing_language` is `refuse`.
        UserError: a file is missing or empty, no row has one of the languages, or MIDALIGN was given no sentence pairs.
    """
    instructions, made = _read(job, job.instructions, InstructionRow, lambda row: row.prompt)
    if job.method not in _READS_PARALLEL:
        return TrainingRows(tuple(_instruction_in(row, job.languages) for row in instructions), (), made)
    if not job.parallel:
        raise UserError(
            f"{job.method} aligns translations and was given no parallel file; name one under align.parallel, a JSONL "
            'of {"id": …, "text": {language: sentence}}'
        )
    sentences, made_too = _read(job, job.parallel, ParallelRow, lambda row: row.text)
    return TrainingRows(
        tuple(_instruction_in(row, job.languages) for row in instructions),
        tuple(row.model_copy(update={"text": _only(row.text, job.languages)}) for row in sentences),
        made + made_too,
    )


def _read(
    job: Job, paths: Sequence[Path], row_type: type[RowType], texts: Callable[[RowType], dict[str, str]]
) -> tuple[list[RowType], tuple[Decision, ...]]:
    table = read_rows(paths, row_type)
    kind = "parallel" if row_type is ParallelRow else "instruction"
    files = ", ".join(str(path) for path in paths)
    for language in job.languages:
        if not any(language in texts(row) for row in table.rows):
            has = sorted({code for row in table.rows for code in texts(row)})
            raise UserError(
                f"{files}: no {kind} row has the language '{language}'; they have {', '.join(has)}. "
                f"Leave '{language}' out of languages, or add rows"
            )
    lacking = {row.id: [code for code in job.languages if code not in texts(row)] for row in table.rows}
    uneven = [row_id for row_id, missing in lacking.items() if missing]
    if uneven and job.missing_language == "refuse":
        raise DataError(
            [f"{files}: {row_id}: lacks {', '.join(lacking[row_id])}" for row_id in uneven],
            hint="align.missing_language is refuse; with count such rows are used in the languages they have.",
        )
    bare = {row_id for row_id in uneven if len(lacking[row_id]) == len(job.languages)}
    made = (
        *(Decision(f"{kind} {notice}", 1, 1) for notice in table.notices),
        *decision(f"{kind} rows left out: they have none of the languages", sorted(bare), total=len(table.rows)),
        *(
            one
            for code in job.languages
            for one in decision(
                f"{kind} rows without '{code}', used in the other languages",
                (row_id for row_id in uneven if row_id not in bare and code in lacking[row_id]),
                total=len(table.rows),
            )
        ),
    )
    return [row for row in table.rows if row.id not in bare], made


def _instruction_in(row: InstructionRow, languages: Iterable[str]) -> InstructionRow:
    return row.model_copy(update={"prompt": _only(row.prompt, languages), "response": _only(row.response, languages)})


def _only(texts: dict[str, str], languages: Iterable[str]) -> dict[str, str]:
    return {code: texts[code] for code in languages if code in texts}


# --------------------------------------------------------------------------------------------------------------------
# Prompts and responses as tokens, within the length limit, in an order that mixes languages.


@dataclass(frozen=True)
class Tokens:
    """A prompt and the response to it as token ids; `completion` ends with EOS unless it was cut."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.completion)


@dataclass(frozen=True)
class Entry:
    """What stands or falls together: one sequence for MIST, the four of a pair for CLO.

    `name` says to a person which it is (`train/capital-of/FJ/1 (ko)`); `row` is the id alone; `language` what it teaches.
    """

    name: str
    row: str
    language: str
    sequences: tuple[Tokens, ...]


def encode(tokenizer: Any, prompt: str, response: str, *, language: str, template: str) -> Tokens:
    """Join prompt and response by `template` (spec/align.py); `language` is the prompt's.

    The prompt's tokens are those it has alone, so that training reads what scoring and generation read; the response's
    are taken from the two encoded together where that leaves the prompt's as they are. EOS ends the response.
    """
    if template == "chat":
        opening = _chat(tokenizer, prompt)
        before = tokenizer.encode(opening, add_special_tokens=False)
        together = tokenizer.encode(opening + response, add_special_tokens=False)
        alone = response
    else:
        opening = f"{prompt}\n" if template == "plain" else announced(prompt, language)
        alone = response if template == "plain" else f" {response}"
        before = _encode_open(tokenizer, opening)
        together = _encode_open(tokenizer, opening + alone)
    if together[: len(before)] == before and len(together) > len(before):
        completion = together[len(before) :]
    else:
        completion = tokenizer.encode(alone, add_special_tokens=False)
    return Tokens(tuple(before), (*completion, tokenizer.eos_token_id))


def _encode_open(tokenizer: Any, text: str) -> list[int]:
    """Ids with the tokenizer's opening tokens; a closing one, which some tokenizers add, is taken off."""
    ids = list(tokenizer.encode(text))
    return ids[:-1] if len(ids) > 1 and ids[-1] == tokenizer.eos_token_id else ids


def _chat(tokenizer: Any, prompt: str) -> str:
    messages = [{"role": "user", "content": prompt}]
    text: str = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return text


def check_tokenizer(tokenizer: Any, job: Job) -> None:
    """Raise UserError where the tokenizer lacks what the job needs of it: an EOS token, a chat template."""
    if tokenizer.eos_token_id is None:
        raise UserError(f"model '{job.model_name}': its tokenizer has no eos token, so responses cannot be ended")
    if job.train.template == "chat" and not getattr(tokenizer, "chat_template", None):
        raise UserError(
            f"model '{job.model_name}': its tokenizer has no chat template, which train.template 'chat' asks for; "
            "use plain or cloze, or an instruction-tuned model"
        )


def within_length(entries: Sequence[Entry], job: Job) -> tuple[list[Entry], tuple[Decision, ...]]:
    """Entries no longer than `train.max_length` tokens, by `train.too_long`: dropped, cut, or refused.

    Cutting shortens responses at the end (they lose their EOS); an entry whose prompt alone fills the limit is dropped.

    Raises:
        DataError: `too_long` is `refuse` and some are; each is named.
        UserError: none are left.
    """
    limit = job.train.max_length
    long = [entry for entry in entries if max(map(len, entry.sequences)) > limit]
    if long and job.train.too_long == "refuse":
        files = ", ".join(str(path) for path in job.instructions)
        raise DataError(
            [f"{files}: {entry.name}: {max(map(len, entry.sequences))} tokens" for entry in long],
            hint=f"train.max_length is {limit} and train.too_long is refuse; raise the one, or set the other to drop or cut.",
        )
    cut: list[Entry] = []
    if job.train.too_long == "cut":
        cut = [entry for entry in long if max(len(one.prompt) for one in entry.sequences) < limit]
    shortened = {
        id(entry): replace(
            entry,
            sequences=tuple(
                replace(one, completion=one.completion[: limit - len(one.prompt)]) for one in entry.sequences
            ),
        )
        for entry in cut
    }
    gone = {id(entry) for entry in long} - set(shortened)
    left = [shortened.get(id(entry), entry) for entry in entries if id(entry) not in gone]
    total = len(entries)
    made = (
        *decision(f"responses cut to max_length {limit}", (entry.name for entry in cut), total=total),
        *decision(
            f"left out: longer than max_length {limit}",
            (entry.name for entry in long if id(entry) in gone),
            total=total,
        ),
    )
    if not left:
        shortest = min((max(map(len, entry.sequences)) for entry in entries), default=0)
        raise UserError(
            f"no training row is within train.max_length {limit} tokens; the shortest has {shortest}. Raise it"
            if entries
            else "the instruction files give no training row in the job's languages"
        )
    return left, made


def steps_of(job: Job, count: int) -> int:
    """Optimizer steps: `train.steps`, or what covers `train.epochs` of `count` entries, rounded up.

    Every step has a full batch: where an epoch ends in the middle of one, the next epoch's order fills it.
    """
    return job.train.steps or max(1, math.ceil(job.train.epochs * count / job.train.batch - 1e-9))


def batch_order(entries: Sequence[Entry], *, total: int, seed: int) -> list[int]:
    """Indices of `total` entries: epoch after epoch, each in another seeded order.

    Rows are dealt to as many classes as there are languages, and neighbours come from different classes in different
    languages: where every row has all L languages, any L entries in a row hold each language once, and an instruction
    comes back in another language only after all others have been seen.
    """
    languages = sorted({entry.language for entry in entries})
    by_row: dict[str, dict[str, int]] = {}
    for index, entry in enumerate(entries):
        assert entry.language not in by_row.setdefault(entry.row, {}), entry.name
        by_row[entry.row][entry.language] = index
    order: list[int] = []
    epoch = 0
    while len(order) < total:
        draw = random.Random(f"{seed}/{epoch}")
        order += _epoch(list(by_row.values()), languages, draw)
        epoch += 1
    return order[:total]


def _epoch(rows: list[dict[str, int]], languages: list[str], draw: random.Random) -> list[int]:
    draw.shuffle(rows)
    tongues = draw.sample(languages, len(languages))
    classes = [rows[first :: len(tongues)] for first in range(len(tongues))]
    order = []
    for turn in range(len(tongues)):
        for members in classes:
            draw.shuffle(members)
        for place in range(len(classes[0])):
            for which, members in enumerate(classes):
                index = members[place].get(tongues[(which + turn) % len(tongues)]) if place < len(members) else None
                if index is not None:
                    order.append(index)
    return order
