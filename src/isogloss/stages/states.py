"""Stage `states`: what the analyses read of a model, captured once: states of items and sentences, products of pairs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from isogloss.analysis.capture import (
    Prompt,
    capture_states,
    item_prompts,
    question_of,
    question_prompts,
    sentence_prompts,
)
from isogloss.analysis.convergence import pair_products
from isogloss.data.rows import ParallelRow, read_rows
from isogloss.errors import UserError
from isogloss.files import damage, sha256_file
from isogloss.models.load import LoadedModel
from isogloss.results.names import STATES
from isogloss.scoring.prompts import prompts_by
from isogloss.scoring.score import Pass
from isogloss.spec import PipelineSpec
from isogloss.stages.checkpoints import checkpoint_model, checkpoint_vectors
from isogloss.stages.data import datasets_of, take
from isogloss.stages.evaluate import chosen, steered
from isogloss.stages.parallel import split_items, steered_pass
from isogloss.stages.stage import StageOutcome, StageRun
from isogloss.stages.vectors import pairs_of
from isogloss.steering.vectors import Token

#: Folders within the stage's.
ITEMS, SENTENCES, PAIRS = "items", "sentences", "pairs"
#: What each analysis reads.
READS = {"pca": ITEMS, "convergence": ITEMS, "retrieval": SENTENCES, "perpendicularity": PAIRS}


def parts_of(spec: PipelineSpec) -> list[str]:
    """What has to be captured for the analyses that are asked for."""
    return [part for part in (ITEMS, SENTENCES, PAIRS) if part in {READS.get(one) for one in spec.analyses.run}]


def settings(spec: PipelineSpec) -> Any:
    """What is captured of which items, and how they are steered."""
    section = spec.analyses.model_dump(mode="json", exclude={"run"})
    if spec.analyses.sentences != "questions":
        missing = [str(path) for path in spec.analyses.sentences if not path.is_file()]
        if missing:
            raise UserError(f"analyses.sentences: no such file: {', '.join(missing)}")
        section["sentences"] = [sha256_file(path) for path in spec.analyses.sentences]
    return [parts_of(spec), section, spec.scoring.method, spec.steer.model_dump(), spec.vectors.model_dump()]


def run(stage: StageRun, *, checkpoint: str) -> StageOutcome:
    """Capture; what is whole is kept when the stage is killed."""
    make = {ITEMS: _items, SENTENCES: _sentences, PAIRS: _pairs}
    for part in parts_of(stage.spec):
        kept = stage.work / part
        if damage(kept, checksums=False) is not None:
            make[part](stage, checkpoint_model(stage, checkpoint), kept, checkpoint)
    for part in parts_of(stage.spec):
        shutil.move(stage.work / part, stage.out / part)
    return StageOutcome(datasets=datasets_of(stage.inputs["data"], "choices-test"))


def _passes(stage: StageRun, loaded: LoadedModel, checkpoint: str) -> list[Pass]:
    """EN, LOC and SUR at the layers and strengths that the sweep chose, with the model's own vectors."""
    found = steered(checkpoint_vectors(stage, checkpoint), chosen(stage))
    return [
        steered_pass(loaded, name, found[name], positions=stage.spec.steer.positions)
        for name in STATES
        if name in found
    ]


def _capture(
    stage: StageRun, loaded: LoadedModel, folder: Path, checkpoint: str, prompts: list[Prompt], read: Token
) -> None:
    section = stage.spec.analyses
    with stage.progress(len(prompts), f"states of {checkpoint}: {folder.name}") as advance:
        capture_states(
            loaded.model,
            loaded.tokenizer,
            prompts,
            folder=folder,
            passes=_passes(stage, loaded, checkpoint),
            reads=(read,),
            layers=None if section.layers == "all" else section.layers,
            token_budget=stage.spec.compute.token_budget,
            progress=advance,
        )


def _items(stage: StageRun, loaded: LoadedModel, folder: Path, checkpoint: str) -> None:
    """Of test items that ask the same in several languages, as far as there are."""
    spec, test = stage.spec, split_items(stage.inputs["data"], "test")
    items = take(test, limit=spec.analyses.items, seed=spec.data.seed, group_of=question_of)
    _capture(stage, loaded, folder, checkpoint, item_prompts(items, prompts_by(spec.scoring.method)), "last")


def _sentences(stage: StageRun, loaded: LoadedModel, folder: Path, checkpoint: str) -> None:
    section = stage.spec.analyses
    if section.sentences == "questions":
        universal = split_items(stage.inputs["data"], "test", axis="transfer")
        prompts = question_prompts(take(universal, limit=section.most_sentences, seed=stage.spec.data.seed))
    else:
        rows = read_rows(section.sentences, ParallelRow).rows[: section.most_sentences]
        prompts = sentence_prompts(rows, languages=stage.spec.data.languages)
        if not prompts:
            raise UserError(
                f"analyses.sentences: no sentence is in any of {', '.join(stage.spec.data.languages)} (data.languages)"
            )
    _capture(stage, loaded, folder, checkpoint, prompts, "mean")


def _pairs(stage: StageRun, loaded: LoadedModel, folder: Path, checkpoint: str) -> None:
    """Of the pairs that the vectors were taken from."""
    data, spec = stage.inputs["data"], stage.spec
    prompt, pairs = prompts_by(spec.scoring.method), pairs_of(data, spec)
    en, loc = pairs["en"], pairs["loc"]
    groups = {prompt(item, item.question): item.group for item in split_items(data, "dev1")}
    distinct = {text for pair in (*en, *loc) for text in (pair.towards, pair.away)}
    with stage.progress(len(distinct), f"pairs of {checkpoint}") as advance:
        pair_products(
            loaded.model,
            loaded.tokenizer,
            en,
            loc,
            groups=groups,
            token=spec.vectors.token,
            token_budget=spec.compute.token_budget,
            scratch=stage.work,
            progress=advance,
        ).save(folder)
