"""How models and steerings are told apart in the figures: a model by colour, line style and name, a steering by shape."""

from __future__ import annotations

from dataclasses import dataclass

from isogloss.report.comparison.rows import NONE
from isogloss.report.findings import EN, LOC, SUR
from isogloss.report.style import (
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
