"""The names of conditions, models and quantities, with the words and looks that belong to them.

A steering condition or a model is added here: tables, figures, sentences and runs in MLflow follow. The axes are in
`isogloss.data.rows`. Colours, shapes and line styles are keys; `isogloss.report.chart` says what they look like.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from isogloss.data.rows import Axis

Role = Literal["baseline", "method", "control"]
VectorKind = Literal["en", "loc"]
KINDS: tuple[VectorKind, VectorKind] = ("en", "loc")

#: The axis that vectors of a kind are made for.
OWN_AXIS: dict[VectorKind, Axis] = {"en": "transfer", "loc": "localization"}

#: The questions of an axis in words.
QUESTIONS: dict[Axis, str] = {"transfer": "universal", "localization": "localized"}

#: What is measured on test items: accuracy on an axis, or the English-bias rate on localized items.
Quantity = Literal["transfer", "localization", "english_bias"]
QUANTITIES: dict[Quantity, str] = {
    "transfer": "Transfer",
    "localization": "Localization",
    "english_bias": "English bias",
}

# --------------------------------------------------------------------------------------------------------------------
# Conditions: how a model is steered, and the controls.

#: The unsteered model: `BASELINE` where other conditions are compared with it, `UNSTEERED` among a model's conditions.
BASELINE, UNSTEERED = "baseline", "none"
EN, LOC_MID, LOC, SUR = "en", "loc_mid", "loc", "sur"
RANDOM, OTHER, COUNTRY = "random", "other", "country"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionName:
    """The words and the look of a condition.

    Attributes:
        label: its name in tables and figures: `SUR-steering`.
        role: what it is for.
        short: its name after a model's: `MIST + SUR`.
        vectors: which vectors it adds, each with the kind in whose layer; strengths are each kind's own.
        note: where and how it acts; empty where that is the layers and strengths of `vectors`.
        state: the label of its captured states in the analyses; empty where none are captured.
        subject: how a sentence about it begins; empty for `label`.
        purpose: why it is measured.
    """

    label: str
    role: Role
    short: str
    vectors: tuple[tuple[VectorKind, VectorKind], ...] = ()
    note: str = ""
    state: str = ""
    subject: str = ""
    purpose: str = ""
    color: str
    shape: str
    area: float = 1.0


_SUR: tuple[tuple[VectorKind, VectorKind], ...] = (("en", "en"), ("loc", "loc"))
#: Every condition, in the order of the tables.
CONDITIONS: dict[str, ConditionName] = {
    BASELINE: ConditionName(label="Unsteered", role="baseline", short="none", color="ink", shape="circle"),
    UNSTEERED: ConditionName(
        label="unsteered", role="baseline", short="none", state="unsteered", color="ink", shape="circle"
    ),
    EN: ConditionName(
        label="EN-steering",
        role="method",
        short="EN",
        vectors=(("en", "en"),),
        state="EN-steered",
        color="blue",
        shape="up",
    ),
    LOC_MID: ConditionName(
        label="LOC-steering at EN's layer",
        role="method",
        short="LOC at EN's layer",
        vectors=(("loc", "en"),),
        color="vermillion",
        shape="left",
        area=0.7,
    ),
    LOC: ConditionName(
        label="LOC-steering",
        role="method",
        short="LOC",
        vectors=(("loc", "loc"),),
        state="LOC-steered",
        color="vermillion",
        shape="square",
    ),
    SUR: ConditionName(
        label="SUR-steering",
        role="method",
        short="SUR",
        vectors=_SUR,
        state="SUR-steered",
        color="green",
        shape="diamond",
    ),
    RANDOM: ConditionName(
        label="Random vectors",
        role="control",
        short="random vectors",
        vectors=_SUR,
        note="vectors of random direction and equal norm, in SUR's layers",
        subject="steering with random vectors",
        purpose="A vector of equal norm without meaning: what a push of that size does by itself.",
        color="ink",
        shape="x",
    ),
    OTHER: ConditionName(
        label="Another language's vectors",
        role="control",
        short="another language's vectors",
        vectors=_SUR,
        note="each language with the vectors of the next one, at its own norm, in SUR's layers",
        subject="steering with another language's vectors",
        purpose="A vector made for another language: whether it matters whose vector it is.",
        color="orange",
        shape="plus",
        area=1.1,
    ),
    COUNTRY: ConditionName(
        label="Country in the prompt",
        role="control",
        short="country in the prompt",
        note="the country is named in the question; localized items only",
        subject="naming the country in the prompt",
        purpose="What the model knows once the place is named: a ceiling for localization without steering.",
        color="purple",
        shape="star",
        area=1.6,
    ),
}

#: The steerings that are measured, in the order of the tables.
STEERINGS = tuple(name for name, condition in CONDITIONS.items() if condition.role == "method")
#: The conditions whose states are captured, and which are drawn on every model's planes.
STATES = {name: condition.state for name, condition in CONDITIONS.items() if condition.state}

# --------------------------------------------------------------------------------------------------------------------
# Models: the pipeline's own, and what each training method makes of it.

UNALIGNED, MIST, CLO, MIDALIGN = "unaligned", "mist", "clo", "midalign"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelName:
    """The label of a model, how it was trained, and its look: a colour, a line style, and a shape."""

    label: str
    about: str
    color: str
    line: str
    shape: str


MODELS: dict[str, ModelName] = {
    UNALIGNED: ModelName(
        label="Unaligned",
        about="The model as it was loaded, before any training here.",
        color="ink",
        line="dotted",
        shape="down",
    ),
    MIST: ModelName(label="MIST", about="Training on answers in all languages", color="blue", line="solid", shape="up"),
    CLO: ModelName(
        label="CLO",
        about="the same with a preference for answering in the language of the question",
        color="vermillion",
        line="dashed",
        shape="square",
    ),
    MIDALIGN: ModelName(
        label="MIDALIGN",
        about="the same in turns with pulling translations together at a middle layer",
        color="green",
        line="dash-dot",
        shape="diamond",
    ),
}
#: Parts of a training loss by their name in the log; others keep that name.
LOSS_PARTS = {"sft": "SFT", "contrast_en": "contrast, English", "contrast_xx": "contrast, other languages"}


def model_label(name: str) -> str:
    """The label of a model: `Unaligned`, `MIST`; the upper-case name of one that is not listed."""
    return MODELS[name].label if name in MODELS else name.upper()
