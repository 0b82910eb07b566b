"""What the scoring stages share: items of a split, chunked scoring that survives a kill, passes made of interventions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from isogloss.data.read import read_choices
from isogloss.data.rows import Axis, ChoiceItem
from isogloss.evaluate.score import BASELINE, ScoreSettings
from isogloss.evaluate.scores import ItemScore, Scores
from isogloss.models.load import LoadedModel
from isogloss.spec import PipelineSpec
from isogloss.stages.data import CHOICES
from isogloss.stages.parts import PartWork, edits_of, part_files, steered_pass
from isogloss.stages.shared import others_scoring
from isogloss.stages.stage import StageRun
from isogloss.steering.intervention import Intervention

__all__ = ["edits_of", "on_axis", "score_conditions", "score_settings", "split_items", "steered_pass"]

#: Items whose hidden states are kept at a time.
_PART = 1024


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
    kill. Where the launch shape says `scoring: true`, its processes share the parts, which come out the same. `loaded` is the
    pipeline's own model unless given. Raises as :class:`TrialScorer` and :func:`others_scoring`.
    """
    conditions = ({BASELINE.name: Intervention(())} if baseline is None else {}) | dict(interventions)
    found: dict[str, dict[str, ItemScore]] = {name: {} for name in conditions}
    parts = _parts(items)
    with stage.progress(len(items) * len(conditions), label) as advance:
        todo = []
        for number, part in enumerate(parts):
            missing = sum(not one.is_file() for one in part_files(stage.work, label, number, conditions).values())
            advance(len(part) * (len(conditions) - missing))
            if missing:
                todo.append(number)
        if todo:
            work = PartWork(
                folder=stage.work,
                label=label,
                conditions=conditions,
                settings=score_settings(stage.spec),
                positions=stage.spec.steer.positions,
                baseline=baseline,
            )
            loaded = loaded or stage.model()
            with others_scoring(stage.spec, work, loaded, [(number, parts[number]) for number in todo]) as shared:
                for number in shared.own:
                    work.score(loaded, number, parts[number], advance)
                shared.wait(advance)
        for number in range(len(parts)):
            for name, file in part_files(stage.work, label, number, conditions).items():
                found[name].update((score.id, score) for score in Scores.load(file))
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
