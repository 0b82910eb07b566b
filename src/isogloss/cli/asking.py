"""Options that `isogloss localize` and `isogloss translate` share: who is asked, and what that may cost."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class AskingOptions:
    """As a person gave them; None is what was left out."""

    settings: Path | None
    model: str | None
    url: str | None
    key: str | None
    mirror: Path | None
    max_cost: float | None
