"""Stage `corpus`: what the methods are trained on, as instructions.jsonl and parallel.jsonl."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from isogloss.data.published.catalogue import FLORES, OPENASSISTANT
from isogloss.data.published.load import files_of, identities, load_flores, noted, set_and_split, twice
from isogloss.data.rows import InstructionRow, ParallelRow, Row, RowType, read_rows, write_rows
from isogloss.errors import UserError
from isogloss.files import digest_of, sha256_file, write_json
from isogloss.spec import PipelineSpec
from isogloss.stages.stage import Dataset, Metric, StageOutcome, StageRun

INSTRUCTIONS, PARALLEL, SOURCES = "instructions.jsonl", "parallel.jsonl", "sources.json"
#: The stage whose folder holds OpenAssistant in the languages of the data.
TRANSLATE = "translate"


def needs(spec: PipelineSpec) -> tuple[str, ...]:
    """The stage that translates OpenAssistant, where it is asked for by name."""
    return (TRANSLATE,) if OPENASSISTANT.name in spec.align.instructions else ()


def settings(spec: PipelineSpec) -> Any:
    """Where the rows come from, with the contents of files and the commits of published sets in place of their names."""
    section = spec.align
    return {
        "seed": spec.data.seed,
        "instructions": _contents(spec, "instructions", section.instructions),
        "parallel": _contents(spec, "parallel", section.parallel),
    }


def _contents(spec: PipelineSpec, name: str, entries: str | Sequence[str | Path]) -> Any:
    if isinstance(entries, str):
        return entries
    return identities(
        entries,
        spec.data.languages,
        setting=f"align.{name}",
        made=(OPENASSISTANT.name,),
        mirror=spec.data.mirror,
        revisions=spec.data.revisions,
    )


def run(stage: StageRun) -> StageOutcome:
    """Generate or read both kinds of rows."""
    sources: list[dict[str, Any]] = []
    notices: list[str] = []
    with stage.progress(2, "training data") as advance:
        instructions = _instructions(stage, notices)
        advance(1)
        parallel = _parallel(stage, sources, notices)
        advance(1)
    artifacts = {INSTRUCTIONS: "data", PARALLEL: "data"}
    if sources:
        write_json(stage.out / SOURCES, sources)
        artifacts[SOURCES] = "data"
    write_rows(stage.out / INSTRUCTIONS, instructions)
    write_rows(stage.out / PARALLEL, parallel)
    return StageOutcome(
        params={
            "align.digest": corpus_digest(stage.out)[:16],
            **{f"align.revision.{one['name'].replace(':', '-')}": one["revision"] or "mirror" for one in sources},
        },
        metrics=(
            Metric(name="rows/instructions", value=len(instructions)),
            Metric(name="rows/parallel", value=len(parallel)),
        ),
        artifacts=artifacts,
        datasets=(_dataset("instructions", instructions), _dataset("parallel", parallel)),
        note=" ".join(
            [
                f"{len(instructions)} instructions with answers and {len(parallel)} parallel sentences to train on.",
                *(f"{notice}." for notice in notices),
            ]
        ),
    )


def _instructions(stage: StageRun, notices: list[str]) -> tuple[InstructionRow, ...]:
    chosen, seed = stage.spec.align.instructions, stage.spec.data.seed
    if chosen == "embedded":
        from isogloss.data.benchmark.training import training_instructions

        return training_instructions(seed=seed)
    if chosen == "embedded-english":
        from isogloss.data.benchmark.training import english_centred_instructions

        return english_centred_instructions(seed=seed, asked_locally=True)
    translated = (stage.inputs[TRANSLATE] / INSTRUCTIONS,) if OPENASSISTANT.name in chosen else ()
    return _read(stage, (*translated, *files_of(chosen)), InstructionRow, notices)


def _parallel(stage: StageRun, sources: list[dict[str, Any]], notices: list[str]) -> tuple[ParallelRow, ...]:
    """`sources` gets what is noted of published sets, `notices` what was left out of files."""
    chosen, data = stage.spec.align.parallel, stage.spec.data
    if chosen == "embedded":
        from isogloss.data.benchmark.training import training_parallel

        return training_parallel(seed=data.seed)
    rows: list[ParallelRow] = []
    for name in dict.fromkeys(entry for entry in chosen if isinstance(entry, str)):
        loaded = load_flores(
            data.languages,
            split=set_and_split(name)[1],
            mirror=data.mirror,
            revision=data.revisions.get(FLORES.name),
        )
        for line in loaded.notices:
            stage.say(f"{name}: {line}")
        sources.append(noted(name, loaded))
        rows += loaded.rows
    if files := files_of(chosen):
        rows += _read(stage, files, ParallelRow, notices)
    if (repeated := twice(rows)) is not None:
        raise UserError(
            f"align.parallel: two rows have the id '{repeated}'; each data set and file needs IDs of its own"
        )
    return tuple(rows)


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
