"""The rows of the comparison, model by model and steering by steering, and the numbers in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from isogloss.data.rows import Axis
from isogloss.evaluate.results import MACRO, Comparison, Condition, Estimate, TrainedModel
from isogloss.report.findings import EN, LOC, LOC_MID, SUR, verdict

#: What a cell measures: accuracy on one of the axes, or the English-bias rate on localized items.
Quantity = Literal["transfer", "localization", "english_bias"]
QUANTITIES: tuple[Quantity, ...] = ("transfer", "localization", "english_bias")
QUANTITY_NAMES: dict[Quantity, str] = {
    "transfer": "Transfer",
    "localization": "Localization",
    "english_bias": "English bias",
}
AXES: tuple[Axis, Axis] = ("transfer", "localization")

#: The unsteered condition of a model.
NONE = "none"
STEERINGS = {EN: "+ EN", LOC_MID: "+ LOC at EN's layer", LOC: "+ LOC", SUR: "+ SUR"}


@dataclass(frozen=True, slots=True)
class Row:
    """A model under one steering, or without one."""

    model: TrainedModel
    condition: Condition

    @property
    def unsteered(self) -> bool:
        """Whether this is the model itself, which its name stands for."""
        return self.condition.name == NONE

    @property
    def name(self) -> str:
        """The model's label, or the steering's: `MIST`, `+ SUR`."""
        return self.model.label if self.unsteered else STEERINGS.get(self.condition.name, self.condition.label)

    def rates(self, quantity: Quantity) -> Mapping[str, Estimate]:
        """Accuracy or English-bias rate, by language and macro."""
        return self.condition.bias if quantity == "english_bias" else self.condition.accuracy.get(quantity, {})

    def changes(self, quantity: Quantity) -> Mapping[str, Estimate]:
        """Paired differences to the unaligned, unsteered model; empty for that model."""
        return self.condition.bias_delta if quantity == "english_bias" else self.condition.delta.get(quantity, {})

    def own_changes(self, quantity: Quantity) -> Mapping[str, Estimate]:
        """Paired differences to the same model unsteered; empty where there is no steering, and for English bias."""
        if quantity == "english_bias":
            return {}
        return self.model.over_own.get(self.condition.name, {}).get(quantity, {})


def comparison_rows(comparison: Comparison) -> Iterator[Row]:
    """Each model unsteered, then under its steerings, in their order."""
    for model in comparison.models:
        for condition in model.conditions:
            yield Row(model, condition)


def trained_rows(comparison: Comparison) -> list[Row]:
    """The trained models, unsteered."""
    return [row for row in comparison_rows(comparison) if row.unsteered and row.model is not comparison.models[0]]


def shown_languages(comparison: Comparison, quantity: Quantity) -> list[str]:
    """The macro mean, then the languages that any row was measured in."""
    rows = list(comparison_rows(comparison))
    return [code for code in (MACRO, *comparison.languages) if any(code in row.rates(quantity) for row in rows)]


def is_clear(change: Estimate | None) -> bool:
    """Whether the whole interval lies on one side of zero."""
    return change is not None and verdict(change) in ("gain", "loss")


def steering_legend(comparison: Comparison) -> str:
    """Where and how strongly each steering acts, which is the same in every model."""
    notes = {
        condition.name: condition.note
        for model in comparison.models
        for condition in model.conditions
        if condition.name in STEERINGS and condition.note
    }
    if SUR in notes:
        notes[SUR] = "EN and LOC together"
    return "; ".join(f"{STEERINGS[name].removeprefix('+ ')}: {notes[name]}" for name in STEERINGS if name in notes)
