"""`searches` in the JSON of `isogloss run`: what each study found on dev2, and what became of its points on test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from isogloss.files import read_json
from isogloss.pipeline.plan import Plan
from isogloss.results.scores import MACRO
from isogloss.search.result import SearchResult, TrialRecord
from isogloss.stages.promote import CandidatePoint, read_candidates
from isogloss.stages.search import RESULT

if TYPE_CHECKING:
    from isogloss.pipeline.promote import Promotion


def searches_json(plan: Plan, promotion: Promotion | None) -> dict[str, Any] | None:
    """Stable JSON of the finished searches, None where none is finished; fractions throughout.

    `studies`, by checkpoint: how many `trials` became what, the points of the `front` (by rising localization) and its
    `knee` with their changes on dev2, and `hypervolume` over `reference`. `candidates`: the points that were measured on
    test, with their macro changes against the unaligned model, what dominates them, and `version` and `aliases` of those
    that are registered.
    """
    done = {step.stage.name: step for step in plan.steps if step.done}
    studies = {
        checkpoint: SearchResult.model_validate(read_json(done[name].folder / RESULT))
        for checkpoint in plan.spec.search.checkpoints
        if (name := f"search-{checkpoint}") in done
    }
    if not studies:
        return None
    points = read_candidates(done["promote"].folder) if "promote" in done else ()
    versions = {} if promotion is None else _versions(promotion)
    return {
        "studies": {checkpoint: _study(result) for checkpoint, result in studies.items()},
        "candidates": [
            _candidate(point) | versions.get(f"{plan.spec.name}-{point.name}", {"version": None, "aliases": []})
            for point in points
        ],
    }


def _study(result: SearchResult) -> dict[str, Any]:
    return {
        "sampler": result.sampler,
        "trials": result.counts.model_dump(),
        "front": [_trial(trial) for trial in result.front_trials],
        "knee": None if result.knee is None else _trial(result.trial(result.knee)),
        "hypervolume": result.hypervolume[-1] if result.hypervolume else None,
        "reference": dict(zip(("transfer", "localization"), result.reference, strict=True)),
        "importances": result.importances,
    }


def _trial(trial: TrialRecord) -> dict[str, Any]:
    assert trial.point is not None, "a finished trial has its point"
    return {
        "trial": trial.number,
        "source": trial.source,
        "point": trial.point.model_dump(mode="json")["steerings"],
        "transfer": trial.transfer,
        "localization": trial.localization,
        "details": trial.details,
    }


def _candidate(point: CandidatePoint) -> dict[str, Any]:
    delta = point.condition.delta
    return {
        "name": point.name,
        "checkpoint": point.checkpoint,
        "trial": point.trial,
        "transfer": delta["transfer"][MACRO].model_dump(),
        "localization": delta["localization"][MACRO].model_dump(),
        "dominated_by": point.dominated_by,
    }


def _versions(promotion: Promotion) -> dict[str, dict[str, Any]]:
    """Version and aliases by the bundle's name."""
    aliases = promotion.registered.aliases
    return {
        bundle.name: {
            "version": version.number,
            "aliases": sorted(alias for alias, number in aliases.items() if number == version.number),
        }
        for version, bundle in zip(promotion.registered.versions, promotion.bundles, strict=True)
    }
