"""All analyses of one model by itself, without a pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from isogloss.analysis.agreement import agreement
from isogloss.analysis.capture import Prompt, States, capture_states, item_prompts
from isogloss.analysis.convergence import convergence, pair_products
from isogloss.analysis.pca import pca
from isogloss.analysis.perpendicularity import perpendicularity
from isogloss.analysis.retrieval import retrieval
from isogloss.data.rows import AXES, ChoiceItem
from isogloss.errors import UserError
from isogloss.models.load import LoadedModel
from isogloss.report.geometry import Geometry
from isogloss.results.analyses import Agreement, Panel, Perpendicularity, Retrieval
from isogloss.results.names import KINDS, STATES, SUR, UNSTEERED
from isogloss.scoring.prompts import Scoring, prompts_by
from isogloss.scoring.score import BASELINE, Pass, ScoreSettings, score_items
from isogloss.spec.pipeline import ANALYSES, Analysis
from isogloss.stages.parallel import steered_pass
from isogloss.stages.stage import Progress
from isogloss.steering.apply import Positions
from isogloss.steering.intervention import Intervention
from isogloss.steering.pairs import en_pairs, loc_pairs, take_pairs
from isogloss.steering.vectors import Token

#: The model's name in its panels, beside its label.
MODEL = "model"
#: Pairs a language and kind behind perpendicularity.
_PAIRS = 100


@dataclass(frozen=True, kw_only=True)
class ModelLook:
    """A loaded model called `label`, what it is asked, and how it is steered; `folder` keeps the states."""

    loaded: LoadedModel
    label: str
    items: Sequence[ChoiceItem]
    sentences: Sequence[Prompt]
    conditions: Mapping[str, Intervention]
    positions: Positions
    scoring: Scoring
    folder: Path
    progress: Progress

    def geometry(self, asked: Sequence[Analysis]) -> Geometry:
        """The analyses asked for; what the items do not allow is named in `missing`."""
        value = Geometry(missing=tuple(f"{name}: not asked for" for name in ANALYSES if name not in asked))
        if "perpendicularity" in asked:
            value = self._with(value, "perpendicularity", lambda: (self._perpendicularity(),))
        if "pca" in asked or "convergence" in asked:
            panels = self._states("items", item_prompts(self.items, prompts_by(self.scoring)), "last")
            if "pca" in asked:
                projected, coordinates = pca(panels)
                value = replace(value, pca=projected, coordinates=coordinates)
            if "convergence" in asked:
                found = (convergence(states, panel=panel, axis=axis) for panel, states in panels for axis in AXES)
                value = replace(value, convergence=tuple(found))
        if "retrieval" in asked:
            value = self._with(value, "retrieval", self._retrieval)
        if "agreement" in asked:
            value = replace(value, agreement=self._agreement())
        return value

    def _with(self, value: Geometry, name: str, make: Callable[[], Any]) -> Geometry:
        """What these items cannot give is said on the page; the rest is made all the same."""
        try:
            made: dict[str, Any] = {name: make()}
            return replace(value, **made)
        except UserError as error:
            return replace(value, missing=(*value.missing, f"{name}: {error}"))

    def _panel(self, condition: str) -> Panel:
        return Panel(model=MODEL, label=self.label, condition=condition, condition_label=STATES[condition])

    def _passes(self) -> list[Pass]:
        return [steered_pass(self.loaded, name, one, positions=self.positions) for name, one in self.conditions.items()]

    def _retrieval(self) -> tuple[Retrieval, ...]:
        if not self.sentences:
            raise UserError("no universal questions to look for, and no parallel sentences were given")
        panels = self._states("sentences", self.sentences, "mean")
        return tuple(retrieval(states, panel=panel) for panel, states in panels)

    def _states(self, part: str, prompts: Sequence[Prompt], read: Token) -> list[tuple[Panel, States]]:
        with self.progress(len(prompts), f"states of {part}") as advance:
            found = capture_states(
                self.loaded.model,
                self.loaded.tokenizer,
                prompts,
                folder=self.folder / part,
                passes=self._passes(),
                reads=(read,),
                progress=advance,
            )
        return [(self._panel(name), states) for name, states in found.items()]

    def _perpendicularity(self) -> Perpendicularity:
        prompt = prompts_by(self.scoring)
        en = en_pairs([item for item in self.items if item.axis == "transfer"], prompt)
        loc = loc_pairs([item for item in self.items if item.axis == "localization"], prompt)
        chosen = [take_pairs(pairs, most=_PAIRS) for pairs in (en, loc)]
        distinct = {text for pairs in chosen for pair in pairs for text in (pair.towards, pair.away)}
        with self.progress(len(distinct), "pairs") as advance:
            products = pair_products(
                self.loaded.model,
                self.loaded.tokenizer,
                *chosen,
                groups={prompt(item, item.question): item.group for item in self.items},
                progress=advance,
            )
        return perpendicularity(products, model=MODEL, label=self.label)

    def _agreement(self) -> tuple[Agreement, ...]:
        passes = [BASELINE, *self._passes()]
        with self.progress(len(self.items) * len(passes), "scoring") as advance:
            scores = score_items(
                self.loaded.model,
                self.loaded.tokenizer,
                self.items,
                settings=ScoreSettings(scoring=self.scoring),
                passes=passes,
                progress=advance,
            )
        return tuple(
            agreement(one, self.items, panel=self._panel(UNSTEERED if name == BASELINE.name else name))
            for name, one in scores.items()
        )


def conditions_of(whole: Intervention) -> dict[str, Intervention]:
    """EN and LOC, each by itself, and both together (SUR) where there are both."""
    own = {kind: tuple(one for one in whole.components if one.vectors.header.kind == kind) for kind in KINDS}
    found: dict[str, Intervention] = {kind: Intervention(parts) for kind, parts in own.items() if parts}
    return {**found, SUR: whole} if len(found) > 1 else found
