"""The `search` section: which models' layers and strengths are searched, within what, and by how many workers."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from isogloss.spec.align import Method
from isogloss.spec.section import Count, Finite, Layers, Positive, Section

#: A model of a pipeline by name: the pipeline's own, or what a method made of it.
Checkpoint = Literal["unaligned"] | Method
Range = tuple[Finite, Finite]


class SearchSection(Section):
    """A study for each of `checkpoints`; without any, no search.

    A trial is a point: EN in one layer and LOC in another, each with its strength γ. `en_layers` and `loc_layers` are
    the candidates, `en_gammas` and `loc_gammas` the lowest and highest strength; `per_language` gives each language
    strengths (`gammas`), or layers and strengths (`all`), of its own. `statistic` is what is maximised on dev2, on both
    axes: the gold option's probability among the options, or accuracy. A point is feasible where transfer falls by at
    most `max_transfer_loss` against the same model unsteered, and localization by `max_localization_loss` (fractions;
    null: by any). `starts` points proposed by a first-order estimate are tried first, after γ = 0, the paper's and the sweep's.

    `storage` is where the study is kept: null for a file beside the stage, or the URL of a database that workers on
    several machines reach. `workers` processes share the study here. `memory` GiB may hold the hidden states that trials start
    from. None of the three can change what a point scores.
    """

    checkpoints: tuple[Checkpoint, ...] = ()
    trials: Count = 60
    sampler: Literal["tpe", "nsga2", "gp"] = "tpe"
    en_layers: Layers = "all"
    loc_layers: Layers = "all"
    en_gammas: Range = (0.0, 1.0)
    loc_gammas: Range = (0.0, 3.0)
    per_language: Literal["no", "gammas", "all"] = "no"
    statistic: Literal["probability", "accuracy"] = "probability"
    max_transfer_loss: Annotated[float, Field(ge=0, le=1)] | None = 0.02
    max_localization_loss: Annotated[float, Field(ge=0, le=1)] | None = None
    starts: Annotated[int, Field(ge=0)] = 4
    seed: int = 0
    storage: str | None = None
    workers: Count = 1
    memory: Positive = 2.0

    @field_validator("checkpoints")
    @classmethod
    def _once(cls, value: tuple[Checkpoint, ...]) -> tuple[Checkpoint, ...]:
        if len(set(value)) < len(value):
            raise ValueError("a checkpoint stands twice")
        return value

    @field_validator("en_gammas", "loc_gammas")
    @classmethod
    def _rising(cls, value: Range) -> Range:
        if value[0] > value[1]:
            raise ValueError(f"the lowest strength comes first, not {list(value)}")
        return value

    @field_validator("storage")
    @classmethod
    def _no_password(cls, value: str | None) -> str | None:
        # A pipeline's settings are logged and shown.
        if value is not None and re.search(r"://[^/@]*:[^/@]*@", value):
            raise ValueError("holds a password, and settings are logged: put it into PGPASSWORD or ~/.pgpass")
        return value


#: Settings that change how fast a search is, not what a point scores.
NOT_RESULTS = {"storage", "workers", "memory"}
