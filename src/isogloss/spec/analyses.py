"""The `analyses` section: which analyses of states and choices a pipeline makes, and of how much."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from isogloss.spec.section import Layers, Section, is_files

Analysis = Literal["perpendicularity", "pca", "convergence", "retrieval", "agreement"]
ANALYSES: tuple[Analysis, ...] = ("perpendicularity", "pca", "convergence", "retrieval", "agreement")


class AnalysesSection(Section):
    """Which analyses are made of each model, unsteered and steered; `run: []` makes none.

    `items` bounds the test items a language and axis whose states are captured (null: all). `sentences` are what
    retrieval looks for: `questions`, the bare universal questions of test, or files of parallel sentences; at most
    `most_sentences`. `layers` are those captured.
    """

    run: tuple[Analysis, ...] = ANALYSES
    items: Annotated[int, Field(ge=2)] | None = 40
    sentences: Literal["questions"] | tuple[Path, ...] = "questions"
    most_sentences: Annotated[int, Field(ge=2)] = 100
    layers: Layers = "all"

    @field_validator("run")
    @classmethod
    def _in_order(cls, value: tuple[Analysis, ...]) -> tuple[Analysis, ...]:
        if len(set(value)) < len(value):
            raise ValueError("an analysis stands twice")
        return tuple(one for one in ANALYSES if one in value)

    @field_validator("sentences", mode="before")
    @classmethod
    def _questions_or_files(cls, value: Any) -> Any:
        if value != "questions" and not is_files(value):
            raise ValueError(f"should be 'questions' or a list of files, for example [flores.jsonl], not {value!r}")
        return value
