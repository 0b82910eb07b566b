"""`isogloss analyse`: the analyses of one model, without a pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from isogloss.analysis.capture import Prompt, question_of, question_prompts, sentence_prompts
from isogloss.cli.evaluate import check_steering, load_steered, read_items, read_vectors
from isogloss.cli.shown import output, print_json, progress, say
from isogloss.data.rows import ChoiceItem, ParallelRow, read_rows
from isogloss.errors import UserError, did_you_mean
from isogloss.models.load import DType
from isogloss.scoring.prompts import Scoring
from isogloss.spec.pipeline import ANALYSES, Analysis
from isogloss.stages.data import take
from isogloss.stages.look import ModelLook, conditions_of

#: Folder of captured states within the one asked for.
STATES = "states"


def analyse_command(
    model: str,
    files: Sequence[Path],
    *,
    out: Path,
    only: Sequence[str],
    parallel: Sequence[Path],
    vectors: Sequence[Path],
    layers: Sequence[int],
    gammas: Sequence[float],
    most: int,
    split: str,
    scoring: Scoring,
    dtype: DType,
    device: str,
    as_json: bool,
) -> None:
    """Make the analyses asked for, and write their states, numbers, figures and page into `out`."""
    from isogloss.report.geometry import geometry_findings
    from isogloss.report.page import ANALYSIS_PAGE, write_analysis_page

    # Cheap checks first: a typing mistake must not wait for a model to load.
    asked = _analyses(only)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out {out}: is there already; name a new folder or remove it")
    given = read_vectors(vectors, layers, gammas)
    items = take(read_items(files, split=split), limit=most, seed=0, group_of=question_of)
    sentences = _sentences(items, parallel)
    loaded, intervention, positions = load_steered(model, given, dtype=dtype, device=device)
    check_steering(loaded, intervention, items)
    look = ModelLook(
        loaded=loaded,
        label=model,
        items=items,
        sentences=sentences,
        conditions=conditions_of(intervention),
        positions=positions,
        scoring=scoring,
        folder=out / STATES,
        progress=progress,
    )
    geometry = look.geometry(asked)
    with progress(1, "figures and page") as advance:
        write_analysis_page(
            geometry,
            out,
            title=model,
            facts=f"{len(items)} items in {len({item.language for item in items})} languages, {scoring} prompts, {dtype}",
            layer=next((one.layer for one in intervention.components if one.vectors.header.kind == "loc"), None),
        )
        advance(1)
    findings = geometry_findings(geometry)
    if as_json:
        print_json({"model": model, "model_digest": loaded.digest, "findings": findings, "missing": geometry.absent()})
        return
    for finding in findings:
        output().print(f"• {finding}")
    for line in geometry.absent():
        say(f"missing: {line}")
    say(f"numbers, figures and captured states are in {out}")
    say(f"next: open {out / ANALYSIS_PAGE} in a browser")


def _analyses(only: Sequence[str]) -> tuple[Analysis, ...]:
    for name in only:
        if name not in ANALYSES:
            raise UserError(
                f"--only {name}: no such analysis{did_you_mean(name, ANALYSES)}; there are {', '.join(ANALYSES)}"
            )
    return tuple(name for name in ANALYSES if not only or name in only)


def _sentences(items: Sequence[ChoiceItem], parallel: Sequence[Path]) -> list[Prompt]:
    if not parallel:
        return question_prompts([item for item in items if item.axis == "transfer"])
    missing = [str(path) for path in parallel if not path.is_file()]
    if missing:
        raise UserError(f"--parallel: no such file: {', '.join(missing)}")
    rows = read_rows(parallel, ParallelRow).rows
    return sentence_prompts(rows, languages=sorted({language for row in rows for language in row.text}))
