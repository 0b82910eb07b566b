"""What the scoring stages share: items of a split, chunked scoring that survives a kill, passes made of interventions."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import MappingProxyType
from typing import Any

from isogloss.data.read import read_choices
from isogloss.data.rows import Axis, ChoiceItem
from isogloss.evaluate.score import BASELINE, BatchRows, Pass, ScoreSettings
from isogloss.evaluate.scores import ItemScore, Scores
from isogloss.evaluate.trials import Edit, TrialScorer
from isogloss.models.load import LoadedModel
from isogloss.spec import PipelineSpec
from isogloss.stages.data import CHOICES
from isogloss.stages.stage import StageRun
from isogloss.steering.apply import Positions, steer
from isogloss.steering.intervention import Intervention
from isogloss.steering.vectors import SteeringVectors

#: Items whose hidden states are kept at a time, and most bytes of these.
_PART = 1024
_STATES_BYTES = 2 * 2**30


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


def edits_of(
    intervention: Intervention, *, known_by: Callable[[SteeringVectors], Hashable] = lambda one: one.header.kind
) -> dict[str, list[Edit]]:
    """What an intervention changes in each language, for results to be used again; vectors are told apart by `known_by`."""
    found: dict[str, list[Edit]] = {}
    for one in intervention.components:
        for language in one.vectors.languages:
            found.setdefault(language, []).append(Edit(one.layer, (known_by(one.vectors), one.gamma)))
    return found


def score_conditions(
    stage: StageRun,
    label: str,
    items: Sequence[ChoiceItem],
    interventions: Mapping[str, Intervention] = MappingProxyType({}),
    *,
    loaded: LoadedModel | None = None,
    baseline: Scores | None = None,
) -> dict[str, Scores]:
    """Scores of every item under each intervention, and unsteered (`baseline`) unless those are given; in the items' order.

    A scored condition is kept in the stage's work folder, a part of the items at a time, and not scored again after a
    kill. `loaded` is the pipeline's own model unless given. Raises as :class:`TrialScorer`.
    """
    conditions = ({BASELINE.name: Intervention(())} if baseline is None else {}) | dict(interventions)
    found: dict[str, dict[str, ItemScore]] = {name: {} for name in conditions}
    with stage.progress(len(items) * len(conditions), label) as advance:
        for number, part in enumerate(_parts(items)):
            files = {name: stage.work / f"{label}-{number:04d}-{index}.jsonl" for index, name in enumerate(conditions)}
            scorer: TrialScorer | None = None
            for name, intervention in conditions.items():
                if files[name].is_file():
                    scores = Scores.load(files[name])
                    advance(len(part))
                else:
                    loaded = loaded or stage.model()
                    scorer = scorer or _scorer(stage, loaded, part, conditions.values(), baseline)
                    one = steered_pass(loaded, name, intervention, positions=stage.spec.steer.positions)
                    edits = edits_of(intervention, known_by=lambda vectors: vectors.digest)
                    scores = scorer.score(one, edits=edits, progress=advance)
                    scores.save(files[name])
                found[name].update((score.id, score) for score in scores)
    for name, by_id in found.items():
        values = (value for score in by_id.values() for value in score.option_scores)
        assert not any(math.isnan(value) for value in values), f"{name}: a score is not a number"
    return {
        name: Scores(condition=name, items=tuple(by_id[item.id] for item in items)) for name, by_id in found.items()
    }


def _parts(items: Sequence[ChoiceItem]) -> list[list[ChoiceItem]]:
    """Neighbours are of one language and begin alike, so that they share the most."""
    order = sorted(items, key=lambda item: (item.language, item.question, item.id))
    return [order[start : start + _PART] for start in range(0, len(order), _PART)]


def _scorer(
    stage: StageRun,
    loaded: LoadedModel,
    items: Sequence[ChoiceItem],
    interventions: Iterable[Intervention],
    baseline: Scores | None,
) -> TrialScorer:
    return TrialScorer(
        loaded.model,
        loaded.tokenizer,
        items,
        settings=score_settings(stage.spec),
        first_layers=[one.first_layer for one in interventions if one.first_layer is not None],
        positions=stage.spec.steer.positions,
        memory_bytes=_STATES_BYTES,
        baseline=baseline,
    )
