"""A part of the items under every condition: what one process scores at once, kept in a file a condition.

Parts are the same whoever scores them, and a part's scores depend on nothing else: so they may be shared out.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isogloss.data.rows import ChoiceItem
from isogloss.evaluate.score import BatchRows, Pass, ScoreSettings
from isogloss.evaluate.scores import Scores
from isogloss.evaluate.trials import Edit, TrialScorer
from isogloss.models.load import LoadedModel
from isogloss.steering.apply import Positions, steer
from isogloss.steering.intervention import Intervention
from isogloss.steering.vectors import SteeringVectors

#: Most bytes of hidden states that are kept.
_STATES_BYTES = 2 * 2**30


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


def part_files(folder: Path, label: str, number: int, conditions: Iterable[str]) -> dict[str, Path]:
    """{condition: the file with its scores of part `number`}."""
    return {name: folder / f"{label}-{number:04d}-{index}.jsonl" for index, name in enumerate(conditions)}


@dataclass(frozen=True, kw_only=True)
class PartWork:
    """What is done with every part: its files lie in `folder`, under `label`. Raises as :class:`TrialScorer`."""

    folder: Path
    label: str
    conditions: Mapping[str, Intervention]
    settings: ScoreSettings
    positions: Positions
    baseline: Scores | None

    def score(
        self,
        loaded: LoadedModel,
        number: int,
        items: Sequence[ChoiceItem],
        advance: Callable[[int], None] = lambda _done: None,
    ) -> None:
        """Write the files of part `number` that are not there; `advance(n)`: n more items are scored under a condition."""
        scorer: TrialScorer | None = None
        for name, file in part_files(self.folder, self.label, number, self.conditions).items():
            if file.is_file():
                continue
            scorer = scorer or self._scorer(loaded, items)
            intervention = self.conditions[name]
            one = steered_pass(loaded, name, intervention, positions=self.positions)
            edits = edits_of(intervention, known_by=lambda vectors: vectors.digest)
            scorer.score(one, edits=edits, progress=advance).save(file)

    def _scorer(self, loaded: LoadedModel, items: Sequence[ChoiceItem]) -> TrialScorer:
        firsts = (one.first_layer for one in self.conditions.values())
        return TrialScorer(
            loaded.model,
            loaded.tokenizer,
            items,
            settings=self.settings,
            first_layers=[layer for layer in firsts if layer is not None],
            positions=self.positions,
            memory_bytes=_STATES_BYTES,
            baseline=self.baseline,
        )
