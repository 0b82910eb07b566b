"""The gate: what keeps a point of the plane out of the registry. Pure: it looks at numbers and lineage, changes nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from isogloss.data.rows import AXES, ENGLISH, Axis
from isogloss.errors import RefusedError
from isogloss.registry.contents import BundleScores, Lineage
from isogloss.results.format import ascii_points
from isogloss.results.scores import MACRO, Estimate
from isogloss.spec.pipeline import PromoteSection

_DIGEST_LENGTH = 64


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A point with its scores on test. `label` names it to a person; `languages` are those the pipeline is about."""

    label: str
    base_digest: str | None
    languages: Sequence[str]
    scores: BundleScores
    lineage: Lineage


def check_gate(candidate: Candidate, *, settings: PromoteSection) -> list[str]:
    """Every reason to refuse `candidate`, in words; empty where it passes.

    On each axis the lower end of the macro interval of the paired change must reach its floor, and each language of the
    base's evaluation, and each non-English one that the pipeline names, must have `min_items` scores. The inputs must be
    known: digests of base, benchmark and settings, code version, and a clean commit unless `allow_dirty`.
    """
    floors = {"transfer": settings.transfer_floor, "localization": settings.localization_floor}
    reasons: list[str] = []
    for axis in AXES:
        reasons += _under_floor(axis, candidate.scores.delta.get(axis, {}).get(MACRO), floors[axis])
        reasons += _missing_languages(axis, candidate, settings.min_items)
    return [*reasons, *_unknown_inputs(candidate, allow_dirty=settings.allow_dirty)]


def refusal(reasons: Mapping[str, Sequence[str]]) -> RefusedError:
    """The refusal of candidates, all reasons of each under its label."""
    lines = [f"{label}:\n" + "\n".join(f"  - {reason}" for reason in found) for label, found in reasons.items()]
    return RefusedError("not promoted\n" + "\n".join(lines))


def _under_floor(axis: Axis, delta: Estimate | None, floor: float) -> Iterator[str]:
    if delta is None:
        yield f"{axis}: no change against the unaligned model was measured on test"
    elif delta.low is None or not math.isfinite(delta.low) or not math.isfinite(delta.value):
        yield f"{axis}: its change has no interval ({delta.n} items in {delta.groups} question groups are too few)"
    elif delta.low < floor:
        yield (
            f"{axis}: its change {ascii_points(delta.value)} points could be as low as {ascii_points(delta.low)} points, "
            f"and the floor is {ascii_points(floor)} points (promote.{axis}_floor)"
        )


def _missing_languages(axis: Axis, candidate: Candidate, min_items: int) -> Iterator[str]:
    scores = candidate.scores
    base = set(scores.baseline.axes.get(axis, {})) - {MACRO}
    for language in sorted(base | (set(candidate.languages) - {ENGLISH})):
        count = min(
            measured[language].n if language in measured else 0
            for measured in (scores.axes.get(axis, {}), scores.delta.get(axis, {}))
        )
        if count == 0:
            yield f"{axis}: no scores in '{language}'"
        elif count < min_items:
            yield f"{axis}: {count} items in '{language}', {min_items} are needed (promote.min_items)"


def _unknown_inputs(candidate: Candidate, *, allow_dirty: bool) -> Iterator[str]:
    lineage = candidate.lineage
    for what, digest in (
        ("base model", candidate.base_digest),
        ("benchmark", lineage.benchmark_digest),
        ("pipeline's settings", lineage.spec_digest),
    ):
        if digest is None or len(digest) != _DIGEST_LENGTH:
            yield f"inputs: the digest of the {what} is not known"
    if not lineage.code_version:
        yield "inputs: the version of the code is not known"
    if allow_dirty:
        return
    if lineage.git.commit is None or lineage.git.dirty is None:
        yield "inputs: the commit of the code is not known; run in its git checkout, or set promote.allow_dirty"
    elif lineage.git.dirty:
        yield (
            f"inputs: the working tree has changes besides commit {lineage.git.commit[:12]}; commit them and run again, "
            "or set promote.allow_dirty"
        )
