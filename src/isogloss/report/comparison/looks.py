"""How models and steerings are told apart in the figures: a model by colour, line style and name, a steering by shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from isogloss.report.comparison.rows import NONE
from isogloss.report.findings import EN, LOC, SUR
from isogloss.report.style import BLUE, GREEN, INK, ORANGE, PURPLE, VERMILLION, look_of


@dataclass(frozen=True, slots=True)
class ModelLook:
    """Colour, line style, and marker where models are marks of one plane."""

    color: str
    stroke: Any
    marker: str


_MODELS = {
    "unaligned": ModelLook(INK, (0, (1, 1.5)), "v"),
    "mist": ModelLook(BLUE, "-", "^"),
    "clo": ModelLook(VERMILLION, (0, (5, 2)), "s"),
    "midalign": ModelLook(GREEN, (0, (5, 1.5, 1, 1.5)), "D"),
}
_SPARE = (ModelLook(PURPLE, (0, (3, 1, 1, 1, 1, 1)), "P"), ModelLook(ORANGE, (0, (2, 1)), "h"))

#: The steerings drawn on the planes and their marker; LOC in EN's layer has its place in the tables.
SHAPES = {NONE: "o", **{name: look_of(name).marker for name in (EN, LOC, SUR)}}
SHAPE_NAMES = {NONE: "unsteered", EN: "EN-steering", LOC: "LOC-steering", SUR: "SUR-steering"}


def name_of_model(checkpoint: str) -> str:
    """A checkpoint's name for people: `Unaligned`, `MIST`."""
    return "Unaligned" if checkpoint == "unaligned" else checkpoint.upper()


def look_of_model(name: str) -> ModelLook:
    """The look of a model; names without a look of their own share the spare ones."""
    return _MODELS.get(name, _SPARE[sum(name.encode()) % len(_SPARE)])
