"""Instruction and parallel files as the rows of a training: what is in them, and what was decided about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from isogloss.data.read import read_rows
from isogloss.data.rows import InstructionRow, ParallelRow, Row
from isogloss.errors import DataError, UserError
from isogloss.methods.decisions import Decision, decision
from isogloss.methods.job import Job

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
