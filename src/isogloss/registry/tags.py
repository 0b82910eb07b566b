"""What a registered version says in MLflow's own words: its tags and description."""

from __future__ import annotations

from isogloss.evaluate.results import MACRO, Estimate
from isogloss.registry.bundle import Bundle
from isogloss.registry.gate import AXES
from isogloss.registry.references import MANIFEST_TAG, POINT_TAG


def tags_of(bundle: Bundle, *, manifest: str) -> dict[str, str]:
    """Point, kind, base, changes on the plane, and lineage; what is not known has no tag."""
    lineage = bundle.lineage
    known = {
        POINT_TAG: bundle.point,
        MANIFEST_TAG: manifest,
        "isogloss.version_kind": bundle.kind,
        "isogloss.checkpoint": bundle.checkpoint,
        "isogloss.base": bundle.base.ref,
        "isogloss.base_digest": bundle.base.digest,
        "isogloss.pipeline": lineage.pipeline,
        "isogloss.spec_digest": lineage.spec_digest,
        "isogloss.benchmark_digest": lineage.benchmark_digest,
        "isogloss.corpus_digest": lineage.corpus_digest,
        "isogloss.code_version": lineage.code_version,
        "isogloss.git_commit": lineage.git.commit,
        "isogloss.git_dirty": None if lineage.git.dirty is None else str(lineage.git.dirty).lower(),
        "isogloss.run_id": lineage.run_id,
        "isogloss.study": lineage.study,
        **{f"plane/{axis}": f"{one.value:+.4f}" for axis, one in _changes(bundle).items()},
    }
    return {name: value for name, value in known.items() if value is not None}


def describe(bundle: Bundle) -> str:
    """Two sentences for MLflow's page of the version."""
    steering = ", ".join(
        f"{one.vectors.header.kind.upper()} in layer {one.layer} with γ {one.gamma:g} ({' '.join(one.vectors.languages)})"
        for one in bundle.intervention().components
    )
    changes = "; ".join(f"{axis} {_shown(one)}" for axis, one in _changes(bundle).items())
    return (
        f"{bundle.checkpoint} on {bundle.base.ref}, {f'steered: {steering}' if steering else 'not steered'}. "
        f"Macro change against the unaligned model on test: {changes or 'not measured'}."
    )


def _changes(bundle: Bundle) -> dict[str, Estimate]:
    delta = bundle.scores.delta
    return {axis: delta[axis][MACRO] for axis in AXES if MACRO in delta.get(axis, {})}


def _shown(one: Estimate) -> str:
    interval = "" if one.low is None or one.high is None else f" [{100 * one.low:+.1f}, {100 * one.high:+.1f}]"
    return f"{100 * one.value:+.1f}{interval} points (n = {one.n})"
