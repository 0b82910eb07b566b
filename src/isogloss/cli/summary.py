"""`isogloss summary`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from isogloss.cli.shown import say
from isogloss.errors import UserError
from isogloss.files import write_atomic
from isogloss.pipeline.finished import left_by_run
from isogloss.pipeline.promote import champion_or_why
from isogloss.report.summary import summary_markdown
from isogloss.stages.report import read_comparison, read_searches


def summary_command(run: str, overrides: Sequence[str], *, champion: str | None, out: Path | None) -> None:
    """A run in Markdown, on stdout or in the file `out`; also of one that failed half-way."""
    if out is not None and (out.is_dir() or not out.absolute().parent.is_dir()):
        raise UserError(f"--out {out}: name a file in a folder that is there")
    left = left_by_run(run, Path.cwd(), overrides)
    name = left.spec.promote.name
    ref = champion or (None if name is None else f"models:/{name}@champion")
    try:
        results = left.results()
        found, why = champion_or_why(left, ref, questions=results.benchmark_digest, model=results.model_digest)
        text = summary_markdown(
            results,
            comparison=read_comparison(left.folders),
            searches=read_searches(left.spec, left.folders),
            champion=found,
            no_champion=why,
            missing=left.missing,
        )
    except ValidationError as error:
        raise UserError(
            f"{left.name}: its results are of another version of isogloss ({error.title}). Summarise it with that version, "
            "or run the pipeline again"
        ) from error
    if out is None:
        print(text, end="")
    else:
        write_atomic(out, text)
        say(f"the summary of {left.name} is in {out}")
