"""`isogloss search-worker` and `promote`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from isogloss.cli.pipelines import read_plan
from isogloss.cli.shown import output, print_json, progress, say
from isogloss.pipeline.promote import Promotion


def search_worker_command(pipeline: Path, overrides: Sequence[str], *, checkpoint: str | None) -> None:
    """Join a search until it has all its trials. Started by a pipeline, it ends with that."""
    from isogloss.pipeline.nodes import join_search
    from isogloss.processes import die_with_parent

    die_with_parent()
    plan = read_plan(pipeline, overrides)
    done = join_search(plan, checkpoint, progress=progress, say=say)
    say(f"the study has all its trials; {done} of them were run here")


def promote_command(pipeline: Path, overrides: Sequence[str], *, name: str | None, as_json: bool) -> None:
    """Gate and register the points of a finished search."""
    from isogloss.pipeline.promote import promote

    promotion = promote(read_plan(pipeline, overrides), name=name)
    if as_json:
        print_json(promotion_json(promotion))
    else:
        show_promotion(promotion)


def promotion_json(promotion: Promotion) -> dict[str, Any]:
    """Stable JSON: the model's name, its versions with their point and aliases, and what was refused and why."""
    roles = _roles(promotion)
    return {
        "name": promotion.name,
        "versions": [
            {
                "version": version.number,
                "point": version.point,
                "bundle": bundle.name,
                "new": version.new,
                "aliases": roles.get(version.number, []),
            }
            for version, bundle in zip(promotion.registered.versions, promotion.bundles, strict=True)
        ],
        "refused": promotion.refused,
    }


def _roles(promotion: Promotion) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for alias, number in sorted(promotion.registered.aliases.items()):
        found.setdefault(number, []).append(alias)
    return found


def show_promotion(promotion: Promotion) -> None:
    """A table of the versions, then what was refused, then how to use the champion."""
    from isogloss.results.format import delta_text
    from isogloss.results.scores import MACRO

    roles = _roles(promotion)
    table = Table(title=f"registered model {promotion.name}")
    for head in ("version", "point", "transfer Δ", "localization Δ", "aliases"):
        table.add_column(head)
    for version, bundle in zip(promotion.registered.versions, promotion.bundles, strict=True):
        table.add_row(
            f"{version.number}{'' if version.new else ' (known)'}",
            bundle.name,
            *(delta_text(bundle.scores.delta[axis][MACRO]) for axis in ("transfer", "localization")),
            ", ".join(roles.get(version.number, [])),
        )
    output().print(table)
    for label, reasons in promotion.refused.items():
        say(f"{label} was not promoted: {'; '.join(reasons)}")
    say(f"next: isogloss fetch models:/{promotion.name}@champion DIR")
