"""The rows of the comparison, model by model and steering by steering, and the numbers in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from isogloss.data.rows import Axis
from isogloss.report.kit.style import (
    BLUE,
    CIRCLE,
    DIAMOND,
    DOWN,
    GREEN,
    HEXAGON,
    INK,
    ORANGE,
    PLUS,
    PURPLE,
    SQUARE,
    UP,
    VERMILLION,
    look_of,
)
from isogloss.results.names import EN, LOC, LOC_MID, SUR
from isogloss.results.scores import MACRO, Comparison, Condition, Estimate, TrainedModel, verdict

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


# --------------------------------------------------------------------------------------------------------------------
# How models and steerings are told apart in the figures: a model by colour, line style and name, a steering by shape.


@dataclass(frozen=True, slots=True)
class ModelLook:
    """Colour, line style (lengths of dash and gap; empty: solid), and shape where models are marks of one plane."""

    color: str
    dash: tuple[float, ...]
    shape: str


_MODELS = {
    "unaligned": ModelLook(INK, (1.5, 3), DOWN),
    "mist": ModelLook(BLUE, (), UP),
    "clo": ModelLook(VERMILLION, (8, 3), SQUARE),
    "midalign": ModelLook(GREEN, (8, 3, 2, 3), DIAMOND),
}
_SPARE = (ModelLook(PURPLE, (5, 2, 1, 2, 1, 2), PLUS), ModelLook(ORANGE, (4, 2), HEXAGON))

#: The steerings drawn on the planes and their shape; LOC in EN's layer has its place in the tables.
SHAPES = {NONE: CIRCLE, **{name: look_of(name).shape for name in (EN, LOC, SUR)}}
SHAPE_NAMES = {NONE: "unsteered", EN: "EN-steering", LOC: "LOC-steering", SUR: "SUR-steering"}


def name_of_model(checkpoint: str) -> str:
    """A checkpoint's name for people: `Unaligned`, `MIST`."""
    return "Unaligned" if checkpoint == "unaligned" else checkpoint.upper()


def look_of_model(name: str) -> ModelLook:
    """The look of a model; names without a look of their own share the spare ones."""
    return _MODELS.get(name, _SPARE[sum(name.encode()) % len(_SPARE)])
