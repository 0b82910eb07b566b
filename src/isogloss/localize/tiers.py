"""From settings to askers: the rules, an endpoint, or a model of this machine."""

from __future__ import annotations

from collections.abc import Iterable

from isogloss.localize.asked import Asker
from isogloss.localize.asking import Tier
from isogloss.spec.localize import AskerSection


def asker_of(section: AskerSection, *, setting: str) -> Asker | None:
    """The asker that `section` describes; a local model is loaded when it is first asked.

    Raises UserError for an empty key, or a model that is not there.
    """
    if section.kind == "endpoint":
        from isogloss.localize.endpoint import Endpoint

        return Endpoint(section, setting=setting)
    if section.kind == "model":
        from isogloss.localize.local_model import local_asker

        return local_asker(section, setting=setting)
    return None


def tiers_of(first: AskerSection, second: AskerSection | None, *, setting: str) -> list[Tier]:
    """Both askers, the second where there is one."""
    named: Iterable[tuple[str, AskerSection | None]] = (("first", first), ("second", second))
    return [
        Tier(asker_of(section, setting=f"{setting}.{name}"), section.tries)
        for name, section in named
        if section is not None
    ]
