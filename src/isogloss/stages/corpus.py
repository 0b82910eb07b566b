"""Stage `corpus`: what the methods are trained on, as instructions.jsonl and parallel.jsonl."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from isogloss.data.read import RowType, read_rows, write_rows
from isogloss.data.rows import InstructionRow, ParallelRow, Row
from isogloss.errors import UserError
from isogloss.files import digest_of, sha256_file
from isogloss.spec import PipelineSpec
from isogloss.stages.stage import Dataset, Metric, Record, StageRun

INSTRUCTIONS, PARALLEL = "instructions.jsonl", "parallel.jsonl"


def settings(spec: PipelineSpec) -> Any:
    """Where the rows come from, with the contents of files in place of their names."""
    return {
        "seed": spec.data.seed,
        "instructions": _contents("instructions", spec.align.instructions),
        "parallel": _contents("parallel", spec.align.parallel),
    }


def _contents(name: str, source: Any) -> Any:
    if isinstance(source, str):
        return source
    if missing := [str(path) for path in source if not path.is_file()]:
        raise UserError(f"align.{name}: no such file: {', '.join(missing)}")
    return [sha256_file(path) for path in source]


def run(stage: StageRun) -> Record:
    """Generate or read both kinds of rows."""
    section, seed = stage.spec.align, stage.spec.data.seed
    notices: list[str] = []
    with stage.progress(2, "training data") as advance:
        instructions: tuple[InstructionRow, ...]
        parallel: tuple[ParallelRow, ...]
        if section.instructions == "embedded":
            from isogloss.data.facts.training import training_instructions

            instructions = training_instructions(seed=seed)
        elif section.instructions == "embedded-english":
            from isogloss.data.facts.training import english_centred_instructions

            instructions = english_centred_instructions(seed=seed, asked_locally=True)
        else:
            instructions = _read(stage, section.instructions, InstructionRow, notices)
        advance(1)
        if section.parallel == "embedded":
            from isogloss.data.facts.training import training_parallel

            parallel = training_parallel(seed=seed)
        else:
            parallel = _read(stage, section.parallel, ParallelRow, notices)
        advance(1)
    write_rows(stage.out / INSTRUCTIONS, instructions)
    write_rows(stage.out / PARALLEL, parallel)
    return Record(
        params={"align.digest": corpus_digest(stage.out)[:16]},
        metrics=(
            Metric(name="rows/instructions", value=len(instructions)),
            Metric(name="rows/parallel", value=len(parallel)),
        ),
        artifacts={INSTRUCTIONS: "data", PARALLEL: "data"},
        datasets=(_dataset("instructions", instructions), _dataset("parallel", parallel)),
        note=" ".join(
            [
                f"{len(instructions)} instructions with answers and {len(parallel)} parallel sentences to train on.",
                *(f"{notice}." for notice in notices),
            ]
        ),
    )


def _read(stage: StageRun, paths: Sequence[Path], row_type: type[RowType], notices: list[str]) -> tuple[RowType, ...]:
    """The files' rows. What was left out of them is said, and added to `notices`: the stage's own files no longer hold it."""
    table = read_rows(paths, row_type)
    for notice in table.notices:
        said = f"{', '.join(map(str, paths))}: {notice}"
        stage.say(f"corpus: {said}")
        notices.append(said)
    return table.rows


def _dataset(name: str, rows: tuple[Row, ...]) -> Dataset:
    return Dataset(name=name, digest=rows_digest(rows), context="training", rows=len(rows))


def rows_digest(rows: tuple[Row, ...]) -> str:
    """Digest of the rows' content, whatever their order."""
    return digest_of(sorted(row.model_dump_json() for row in rows))


def corpus_digest(folder: Path) -> str:
    """Digest of both files."""
    return digest_of([sha256_file(folder / name) for name in (INSTRUCTIONS, PARALLEL)])
