"""The scores of items, and the results computed from them: what tables, figures, the report and MLflow are made from.

`Scores` are kept per item, so that every later difference is paired. `Results` is about the pipeline's own model,
`Comparison` about every model that was trained. All values are fractions, not percent.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from isogloss.data.rows import Axis, ChoiceItem
from isogloss.files import digest_of, write_atomic
from isogloss.results.names import CONDITIONS, SUR, UNSTEERED, Quantity, Role, VectorKind

#: The key of the mean over the non-English languages, beside the languages' codes.
MACRO = "macro"


class Frozen(BaseModel):
    """A value that is read from and written to JSON: it cannot be changed, and refuses fields that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Estimate(Frozen):
    """A measured value with its 95 % bootstrap interval, over `n` items in `groups` question groups.

    Fractions, not percent: 0.38 is 38 %. Where there is too little to resample, low and high are None.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    groups: int


class Condition(Frozen):
    """One model under one condition, measured on the test items.

    `accuracy[axis][language]`, `delta[axis][language]` (paired difference to the baseline; empty for the baseline
    itself) and `bias[language]` / `bias_delta[language]` (English-bias rate on localized items). Each inner mapping
    holds the languages and `macro`.

    `role` says what the row is for: the `baseline`, a `method` (EN, LOC, SUR), or a `control` (country in the prompt, a
    random vector of equal norm, another language's vector).
    """

    name: str
    label: str
    role: Role
    note: str = ""
    accuracy: dict[Axis, dict[str, Estimate]]
    delta: dict[Axis, dict[str, Estimate]]
    bias: dict[str, Estimate]
    bias_delta: dict[str, Estimate]

    def rates(self, quantity: Quantity) -> Mapping[str, Estimate]:
        """Accuracy or English-bias rate, by language and macro."""
        return self.bias if quantity == "english_bias" else self.accuracy.get(quantity, {})

    def changes(self, quantity: Quantity) -> Mapping[str, Estimate]:
        """Paired differences to the unaligned, unsteered model; empty for that model."""
        return self.bias_delta if quantity == "english_bias" else self.delta.get(quantity, {})


class SweepPoint(Frozen):
    """Effect of one vector at one layer with one strength on dev2: macro paired differences to the baseline."""

    kind: VectorKind
    layer: int
    gamma: float
    transfer: Estimate
    localization: Estimate
    bias: Estimate | None
    transfer_probability: float
    localization_probability: float
    """Macro paired changes of the gold option's probability among the options: the steadier statistic, for choosing."""
    relative_norm: float
    """γ‖v‖ over the mean residual norm of that layer."""


class Choice(Frozen):
    """The layer and strength that the written rule chose on dev2, and what it decided by."""

    kind: VectorKind
    layer: int
    gamma: float
    rule: str
    reason: str


class Results(Frozen):
    """Everything that the report shows."""

    pipeline: str
    model: str
    model_digest: str
    benchmark_digest: str
    num_layers: int
    languages: tuple[str, ...]
    regions: dict[str, str]
    scoring: str
    counts: dict[str, int]
    """Number of test items actually scored by axis, and what else is worth counting."""
    baseline: Condition
    conditions: tuple[Condition, ...]
    sweep: tuple[SweepPoint, ...]
    choices: tuple[Choice, ...]
    seconds: dict[str, float]
    """Wall time by stage."""
    machine: str
    date: str


class CurvePoint(Frozen):
    """A model scored on a dev subset after `step` optimizer steps; 0 is the model before training (figure 5b)."""

    step: int
    accuracy: dict[Axis, dict[str, Estimate]]
    bias: dict[str, Estimate]

    def rates(self, quantity: Quantity) -> Mapping[str, Estimate]:
        """Accuracy or English-bias rate, by language and macro."""
        return self.bias if quantity == "english_bias" else self.accuracy.get(quantity, {})


class TrainedModel(Frozen):
    """A model and its steered variants on the test items: a column of the paper's table 3.

    `conditions` are unsteered (`none`), EN, LOC at EN's layer (`loc_mid`), LOC at its own, and SUR; their `delta` is
    against the unaligned, unsteered model. `over_own` is the paired difference of each steered condition to this model
    unsteered, by condition. `curve` and `losses` are over training and empty for the unaligned model; `losses` holds
    (step, loss) by the parts of the method's loss, or under `loss` where it has one part.
    """

    name: str
    label: str
    note: str = ""
    conditions: tuple[Condition, ...]
    over_own: dict[str, dict[Axis, dict[str, Estimate]]]
    curve: tuple[CurvePoint, ...] = ()
    losses: dict[str, tuple[tuple[int, float], ...]] = Field(default_factory=dict)


class Comparison(Frozen):
    """Every model of a pipeline under every steering, the unaligned one first."""

    models: tuple[TrainedModel, ...]
    languages: tuple[str, ...]
    regions: dict[str, str]
    curve_items: dict[str, int]
    """Number of dev items behind the curves, by axis."""


# --------------------------------------------------------------------------------------------------------------------
# The rows of a comparison.


@dataclass(frozen=True, slots=True)
class ComparisonRow:
    """A model under one steering, or unsteered."""

    model: TrainedModel
    condition: Condition

    @property
    def unsteered(self) -> bool:
        """Whether this is the model itself."""
        return self.condition.name == UNSTEERED

    @property
    def name(self) -> str:
        """The model's label, or the steering's: `MIST`, `+ SUR`."""
        if self.unsteered:
            return self.model.label
        known = CONDITIONS.get(self.condition.name)
        return self.condition.label if known is None else f"+ {known.short}"

    @property
    def full_name(self) -> str:
        """`MIST`, `MIST + SUR`."""
        return self.name if self.unsteered else f"{self.model.label} {self.name}"

    def rates(self, quantity: Quantity) -> Mapping[str, Estimate]:
        """Accuracy or English-bias rate, by language and macro."""
        return self.condition.rates(quantity)

    def changes(self, quantity: Quantity) -> Mapping[str, Estimate]:
        """Paired differences to the unaligned, unsteered model; empty for that model."""
        return self.condition.changes(quantity)

    def own_changes(self, quantity: Quantity) -> Mapping[str, Estimate]:
        """Paired differences to the same model unsteered; empty for that condition, and for English bias."""
        if quantity == "english_bias":
            return {}
        return self.model.over_own.get(self.condition.name, {}).get(quantity, {})


def comparison_rows(comparison: Comparison) -> list[ComparisonRow]:
    """Each model unsteered, then under its steerings, in their order."""
    return [ComparisonRow(model, condition) for model in comparison.models for condition in model.conditions]


def trained_rows(comparison: Comparison) -> list[ComparisonRow]:
    """The trained models, unsteered."""
    return [row for row in comparison_rows(comparison) if row.unsteered and row.model is not comparison.models[0]]


# --------------------------------------------------------------------------------------------------------------------
# The scores of items.


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemScore:
    """The answer to one item. `option_scores` are log-likelihoods (nats; per token when length-normalised).

    `english` says whether the picked option is one true of US/GB but not the gold; None where no such option exists.
    """

    id: str
    group: str
    language: str
    axis: Axis
    answer: int
    picked: int
    english: bool | None
    option_scores: tuple[float, ...]

    @property
    def correct(self) -> bool:
        """Whether the gold option was picked."""
        return self.picked == self.answer

    @property
    def probability(self) -> float:
        """The gold option's share of the options' probability: a softmax over `option_scores`."""
        highest = max(self.option_scores)
        shares = [math.exp(score - highest) for score in self.option_scores]
        return shares[self.answer] / sum(shares)

    @classmethod
    def of(cls, item: ChoiceItem, option_scores: Iterable[float]) -> ItemScore:
        """Judge `item` by its options' scores: the highest wins, the first of equals."""
        values = tuple(float(score) for score in option_scores)
        picked = max(range(len(values)), key=values.__getitem__)
        english = item.english_options()
        return cls(
            id=item.id,
            group=item.group,
            language=item.language,
            axis=item.axis,
            answer=item.answer,
            picked=picked,
            english=(picked in english) if english else None,
            option_scores=values,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Item scores of one model under one `condition` (`baseline`, `sur`, …)."""

    condition: str
    items: tuple[ItemScore, ...]

    def __iter__(self) -> Iterator[ItemScore]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def digest(self) -> str:
        """Content digest, independent of the order of items."""
        return digest_of([self.condition, sorted(json.dumps(asdict(item)) for item in self.items)])

    def save(self, path: Path) -> None:
        """One JSON object a line; the condition in each."""
        lines = (json.dumps({"condition": self.condition, **asdict(item)}, ensure_ascii=False) for item in self.items)
        write_atomic(path, "".join(line + "\n" for line in lines))

    @classmethod
    def load(cls, path: Path) -> Scores:
        """Read what :meth:`save` wrote."""
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        condition = rows[0]["condition"] if rows else path.stem
        items = []
        for row in rows:
            row.pop("condition")
            items.append(ItemScore(**{**row, "option_scores": tuple(row["option_scores"])}))
        return cls(condition=condition, items=tuple(items))


Verdict = Literal["gain", "loss", "no clear change", "no interval"]


def verdict(estimate: Estimate) -> Verdict:
    """Which side of zero the whole interval lies on, if on one."""
    if estimate.low is None or estimate.high is None:
        return "no interval"
    if estimate.low > 0:
        return "gain"
    return "loss" if estimate.high < 0 else "no clear change"


def is_clear(change: Estimate | None) -> bool:
    """Whether the whole interval lies on one side of zero."""
    return change is not None and verdict(change) in ("gain", "loss")


def headline(results: Results) -> Condition | None:
    """The condition that the report leads with: both vectors together, or else the last method."""
    methods = [condition for condition in results.conditions if condition.role == "method"]
    return next((each for each in methods if each.name == SUR), methods[-1] if methods else None)


def macro_delta(condition: Condition, axis: Axis) -> Estimate | None:
    """The macro difference to the baseline on one axis; None where it was not measured."""
    return condition.delta.get(axis, {}).get(MACRO)
