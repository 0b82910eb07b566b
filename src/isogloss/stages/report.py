"""Stage `report`: the one-page report of results, comparison, analyses and searches, as far as they are there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from isogloss.analysis.pca import PCA_FILE
from isogloss.data.rows import AXES, Axis
from isogloss.files import read_json
from isogloss.report.geometry import Geometry
from isogloss.report.searches import CandidateOnTest, SearchedModel, Searches
from isogloss.results.analyses import COORDINATES, Agreement, Convergence, Pca, Perpendicularity, Retrieval
from isogloss.results.names import UNALIGNED, UNSTEERED, model_label
from isogloss.results.scores import MACRO, Comparison, Results
from isogloss.search.front import knee_of
from isogloss.search.result import SearchResult
from isogloss.spec import PipelineSpec
from isogloss.spec.pipeline import ANALYSES
from isogloss.stages import analyses
from isogloss.stages.analyse import RESULTS
from isogloss.stages.compare import COMPARISON
from isogloss.stages.promote import CandidatePoint, read_candidates
from isogloss.stages.search import RESULT
from isogloss.stages.stage import StageOutcome, StageRun

Value = TypeVar("Value", bound=BaseModel)


def settings(spec: PipelineSpec) -> Any:
    """Return what the page says about a search beside its numbers; None where nothing was searched."""
    return [spec.promote.name, spec.search.statistic] if spec.search.checkpoints else None


def run(stage: StageRun) -> StageOutcome:
    """Write report.html, figures, tables."""
    from isogloss.report.page import write_report

    results = Results.model_validate(read_json(stage.inputs["analyse"] / RESULTS))
    comparison = read_comparison(stage.inputs)
    searches = read_searches(stage.spec, stage.inputs)
    geometry = read_geometry(stage.spec, stage.inputs)
    with stage.progress(1, "figures and report") as advance:
        write_report(results, stage.out, comparison=comparison, searches=searches, geometry=geometry)
        advance(1)
    files = sorted(path for path in stage.out.rglob("*") if path.is_file())
    names = [path.relative_to(stage.out).as_posix() for path in files]
    return StageOutcome(
        artifacts={name: name.rpartition("/")[0] for name in names if name not in (RESULTS, COMPARISON)}
    )


def read_comparison(folders: Mapping[str, Path]) -> Comparison | None:
    """The comparison of trained models, from the folders of finished stages by name; None where there is none."""
    if "compare" not in folders:
        return None
    return Comparison.model_validate(read_json(folders["compare"] / COMPARISON))


def read_geometry(spec: PipelineSpec, folders: Mapping[str, Path]) -> Geometry | None:
    """The analyses, as far as `folders` has their stages, and what is missing; None where there is none at all."""
    import numpy as np

    there = [name for name in ANALYSES if name in folders]
    if not there:
        return None

    def values(name: str, file: str, kind: type[Value]) -> tuple[Value, ...]:
        return tuple(map(kind.model_validate, read_json(folders[name] / file))) if name in there else ()

    projected = "pca" in there
    return Geometry(
        perpendicularity=values("perpendicularity", analyses.PERPENDICULARITY_FILE, Perpendicularity),
        pca=Pca.model_validate(read_json(folders["pca"] / PCA_FILE)) if projected else None,
        coordinates=np.load(folders["pca"] / COORDINATES, allow_pickle=False) if projected else None,
        convergence=values("convergence", analyses.CONVERGENCE_FILE, Convergence),
        retrieval=values("retrieval", analyses.RETRIEVAL_FILE, Retrieval),
        agreement=values("agreement", analyses.AGREEMENT_FILE, Agreement),
        missing=tuple(
            f"{name}: {'not finished' if name in spec.analyses.run else 'not asked for (analyses.run)'}"
            for name in ANALYSES
            if name not in there
        ),
    )


def read_searches(spec: PipelineSpec, folders: Mapping[str, Path]) -> Searches | None:
    """The studies and their points on test, as far as `folders` has their stages; None where no search is finished."""
    studies: dict[str, SearchResult] = {
        checkpoint: SearchResult.model_validate(read_json(folders[name] / RESULT))
        for checkpoint in spec.search.checkpoints
        if (name := f"search-{checkpoint}") in folders
    }
    if not studies:
        return None
    points = read_candidates(folders["promote"]) if "promote" in folders else ()
    comparison = read_comparison(folders)
    candidates = tuple(_candidate(one, studies[one.checkpoint], comparison) for one in points)
    return Searches(
        studies=tuple(
            SearchedModel(checkpoint=checkpoint, label=model_label(checkpoint), result=result)
            for checkpoint, result in studies.items()
        ),
        statistic=spec.search.statistic,
        candidates=candidates,
        knee=_knee(points),
        model=spec.promote.name,
    )


def _candidate(point: CandidatePoint, study: SearchResult, comparison: Comparison | None) -> CandidateOnTest:
    details = study.trial(point.trial).details
    return CandidateOnTest(
        name=point.name,
        checkpoint=point.checkpoint,
        label=model_label(point.checkpoint),
        trial=point.trial,
        point=point.point,
        condition=point.condition,
        dev2={axis: details[f"{axis}_accuracy"] for axis in AXES if f"{axis}_accuracy" in details},
        test=_over_own(point, comparison),
        dominated_by=point.dominated_by,
    )


def _over_own(point: CandidatePoint, comparison: Comparison | None) -> dict[Axis, float]:
    """Macro changes on test against the point's own checkpoint unsteered, as on dev2.

    Both are measured on the same items against the unaligned model, so that their difference is the change between them.
    """
    changes = dict(zip(AXES, point.gains, strict=True))
    if point.checkpoint == UNALIGNED:
        return changes
    models = () if comparison is None else comparison.models
    plain = [
        one for model in models if model.name == point.checkpoint for one in model.conditions if one.name == UNSTEERED
    ]
    return {axis: changes[axis] - one.delta[axis][MACRO].value for one in plain for axis in AXES}


def _knee(points: tuple[CandidatePoint, ...]) -> str | None:
    """The knee of what no other point dominates on test."""
    kept = sorted((one for one in points if one.dominated_by is None), key=lambda one: one.gains[1])
    knee = knee_of([one.gains for one in kept])
    return None if knee is None else kept[knee].name
