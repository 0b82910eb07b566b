"""What the scoring stages share: items of a split, chunked scoring that survives a kill, passes made of interventions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from isogloss.data.read import read_choices
from isogloss.data.rows import Axis, ChoiceItem
from isogloss.evaluate.score import BASELINE, BatchRows, Pass, ScoreSettings, score_items
from isogloss.evaluate.scores import ItemScore, Scores
from isogloss.models.load import LoadedModel
from isogloss.spec import PipelineSpec
from isogloss.stages.data import CHOICES
from isogloss.stages.stage import StageRun
from isogloss.steering.apply import Positions, steer
from isogloss.steering.intervention import Intervention

#: Items scored between two saves of partial results.
_CHUNK = 96


def split_items(data: Path, split: str, *, axis: Axis | None = None) -> list[ChoiceItem]:
    """Items of a split of the data stage's output."""
    rows = read_choices([data / CHOICES]).rows
    return [item for item in rows if item.split == split and axis in (None, item.axis)]


def on_axis(scores: Iterable[ItemScore], axis: Axis) -> list[ItemScore]:
    """The scores of one axis. English bias is about localized items: take those before asking for it."""
    return [score for score in scores if score.axis == axis]


def score_settings(spec: PipelineSpec) -> ScoreSettings:
    """The scoring that a pipeline asks for."""
    return ScoreSettings(
        scoring=spec.scoring.method, normalise=spec.scoring.normalise, token_budget=spec.compute.token_budget
    )


def steered_pass(loaded: LoadedModel, name: str, intervention: Intervention, *, positions: Positions = "all") -> Pass:
    """A scoring pass under `intervention`; rows of a language without a vector stay as they are."""

    def context(rows: BatchRows) -> AbstractContextManager[Any]:
        return steer(
            loaded.model,
            intervention,
            languages=rows.languages,
            positions=positions,
            missing="unsteered",
            real=rows.real,
            prompt_ends=rows.prompt_ends,
            model_digest=loaded.digest,
        )

    return Pass(name=name, context=context, first_layer=intervention.first_layer)


def score_in_chunks(
    stage: StageRun,
    name: str,
    items: Sequence[ChoiceItem],
    *,
    passes: Sequence[Pass] = (BASELINE,),
    questions: Sequence[str] | None = None,
    loaded: LoadedModel | None = None,
) -> dict[str, Scores]:
    """As `score_items`, a chunk at a time; a finished chunk is kept in the stage's work folder and not scored again.

    `loaded` is the pipeline's own model unless given.
    """
    if not items:
        return {one.name: Scores(condition=one.name, items=()) for one in passes}
    loaded = loaded or stage.model()
    # Even chunks of neighbouring lengths: less padding than the order of the file.
    order = sorted(range(len(items)), key=lambda index: (len(items[index].question), items[index].id))
    chunks = [order[start : start + _CHUNK] for start in range(0, len(order), _CHUNK)]
    found: dict[str, dict[int, Any]] = {one.name: {} for one in passes}
    with stage.progress(len(items), name) as advance:
        for number, chunk in enumerate(chunks):
            files = {one.name: stage.work / f"{name}-{number:04d}-{index}.jsonl" for index, one in enumerate(passes)}
            if all(path.is_file() for path in files.values()):
                scored = {condition: Scores.load(path) for condition, path in files.items()}
                advance(len(chunk))
            else:
                scored = score_items(
                    loaded.model,
                    loaded.tokenizer,
                    [items[index] for index in chunk],
                    settings=score_settings(stage.spec),
                    passes=passes,
                    questions=None if questions is None else [questions[index] for index in chunk],
                    progress=advance,
                )
                for condition, path in files.items():
                    scored[condition].save(path)
            for condition, scores in scored.items():
                found[condition].update(zip(chunk, scores, strict=True))
    for condition, by_index in found.items():
        assert len(by_index) == len(items)
        values = (value for score in by_index.values() for value in score.option_scores)
        assert not any(math.isnan(value) for value in values), f"{condition}: a score is not a number"
    return {
        condition: Scores(condition=condition, items=tuple(by_index[index] for index in range(len(items))))
        for condition, by_index in found.items()
    }
