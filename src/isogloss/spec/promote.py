"""Settings of the gate before the registry: what a point must hold on test to become a registered version."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from isogloss.spec.section import Count, Section

#: Names that MLflow's registry and a `models:/NAME@alias` reference can carry.
RegisteredName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)]
#: A change of accuracy as a fraction: −0.05 is five points lost.
Floor = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]


class PromoteSection(Section):
    """`name` is the registered model's; null promotes nothing.

    The floors bound the lower end of the macro 95 % interval of each axis' paired change against the unaligned model.
    `min_items` are needed of every language on each axis. `allow_dirty` lets points of a working tree with uncommitted
    changes, or of no known commit, pass. At most `max_points` become versions.
    """

    name: RegisteredName | None = None
    transfer_floor: Floor = -0.05
    localization_floor: Floor = 0.0
    min_items: Count = 20
    allow_dirty: bool = False
    max_points: Count = 5
