"""Stage `promote`: the Pareto sets of the searches on test, what is left of them there, and a bundle of each.

Dev2 chose among many points, so that the best of them look better there than they are. On test each is measured anew against the
unaligned model; what another point dominates is dropped. The gate and the registry come after this stage: they look at
its bundles, and change nothing in them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from isogloss import __version__
from isogloss.data.benchmark.wording import regions
from isogloss.data.rows import AXES
from isogloss.files import read_json, write_json
from isogloss.methods.job import FINAL
from isogloss.models.config import model_shape
from isogloss.models.load import is_adapter
from isogloss.registry.bundle import CARD, Bundle, merged_from, write_bundle
from isogloss.registry.card import PICTURE, card
from isogloss.registry.contents import Base, BundleScores, BundleSpec, Git, Lineage
from isogloss.results.names import BASELINE, CONDITIONS, UNALIGNED, model_label
from isogloss.results.scores import MACRO, Condition, Scores
from isogloss.search.front import knee_of, pareto_front
from isogloss.search.result import SearchResult, TrialRecord
from isogloss.search.space import SteeringPoint
from isogloss.spec import PipelineSpec
from isogloss.stages.analyse import condition_of
from isogloss.stages.baseline import TEST
from isogloss.stages.checkpoints import checkpoint_model, checkpoint_vectors, intervention_of
from isogloss.stages.corpus import corpus_digest
from isogloss.stages.data import benchmark_digest, datasets_of
from isogloss.stages.evaluate import condition_run, point_params
from isogloss.stages.parallel import score_conditions, split_items
from isogloss.stages.search import RESULT
from isogloss.stages.stage import Metric, StageOutcome, StageRun
from isogloss.steering.intervention import Intervention

# --------------------------------------------------------------------------------------------------------------------
# The state of the working tree that a result was made from.

#: What `git describe --always --dirty --abbrev=40 --exclude '*'` says: the commit, and whether the tree had changes.
_DESCRIBED = re.compile(r"(?P<commit>[0-9a-f]{40})(?P<dirty>-dirty)?")


def working_tree() -> Git:
    """Commit of the checkout that the package runs from, or else of the current folder, and whether it has changes.

    Outside a checkout, or without git, what `ISOGLOSS_COMMIT` says: an image carries there what it was built from. Both are
    None without that.
    """
    found = _checkout()
    if found.commit is not None:
        return found
    built = _DESCRIBED.fullmatch(os.environ.get("ISOGLOSS_COMMIT", ""))
    return found if built is None else Git(commit=built["commit"], dirty=built["dirty"] is not None)


def _checkout() -> Git:
    # GitPython looks for the git program when it is imported, and raises ImportError without one.
    try:
        import git
    except ImportError:
        return Git()
    for place in (Path(__file__).parent, Path.cwd()):
        try:
            repository = git.Repo(place, search_parent_directories=True)
            tracked = repository.git.ls_files("--", str(place)) if place != Path.cwd() else "."
            if tracked:
                return Git(commit=repository.head.commit.hexsha, dirty=repository.is_dirty(untracked_files=False))
        except (git.InvalidGitRepositoryError, git.NoSuchPathError, git.GitCommandError, ValueError):
            continue
    return Git()


# --------------------------------------------------------------------------------------------------------------------

CANDIDATES = "candidates.json"
BUNDLES = "bundles"
#: The unaligned model, unsteered, which every change is against.
_ORIGIN = (0.0, 0.0)


class CandidatePoint(BaseModel):
    """A point of a search on test. `dominated_by` names another that is at least as good on both axes there, or the
    unaligned model itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    checkpoint: str
    trial: int
    point: SteeringPoint
    condition: Condition
    dominated_by: str | None = None

    @property
    def gains(self) -> tuple[float, float]:
        """Macro changes on test: transfer, localization."""
        delta = self.condition.delta
        return delta["transfer"][MACRO].value, delta["localization"][MACRO].value


def settings(spec: PipelineSpec) -> Any:
    """How many points, how they are scored, and the name that the bundles carry; floors and registry come later."""
    return [spec.name, spec.promote.max_points, spec.scoring.model_dump(), spec.steer.model_dump()]


def run(stage: StageRun) -> StageOutcome:
    """Score the points of every study on test; bundle those that no other dominates."""
    checkpoints = stage.spec.search.checkpoints
    before = Scores.load(stage.inputs["baseline"] / TEST).items
    baseline = condition_of(BASELINE, CONDITIONS[BASELINE].label, "baseline", before, before)
    points: list[CandidatePoint] = []
    interventions: dict[str, Intervention] = {}
    for checkpoint in checkpoints:
        trials = _chosen(stage, checkpoint)
        vectors = checkpoint_vectors(stage, checkpoint)
        own = {f"{checkpoint}-{trial.number}": intervention_of(_point(trial), vectors) for trial in trials}
        scores = _score(stage, checkpoint, own)
        for trial, (name, intervention) in zip(trials, own.items(), strict=True):
            label = f"{model_label(checkpoint)}: {trial.point}"
            scores[name].save(stage.out / f"{name}.jsonl")
            condition = condition_of(name, label, "method", scores[name].items, before)
            points.append(
                CandidatePoint(
                    name=name, checkpoint=checkpoint, trial=trial.number, point=_point(trial), condition=condition
                )
            )
            interventions[name] = intervention
    points = _compared(points)
    write_json(
        stage.out / CANDIDATES,
        {"baseline": baseline.model_dump(), "candidates": [point.model_dump(mode="json") for point in points]},
    )
    kept = [point for point in points if point.dominated_by is None]
    datasets = datasets_of(stage.inputs["data"], "choices-test")
    for point in kept:
        _bundle(stage, point, interventions[point.name], baseline, points)
    _draw(stage, points)
    return StageOutcome(
        params={"candidates": len(points), "not dominated on test": len(kept)},
        metrics=tuple(
            Metric(name=f"plane/{axis}/{point.checkpoint}/trial-{point.trial}", value=value)
            for point in points
            for axis, value in zip(AXES, point.gains, strict=True)
        ),
        artifacts={
            CANDIDATES: "promote",
            "candidates.png": "promote",
            **{f"{BUNDLES}/{point.name}/{CARD}": f"promote/{point.name}" for point in kept},
        },
        datasets=datasets,
        children=tuple(
            condition_run(
                point.condition,
                model=model_label(point.checkpoint),
                steering=f"searched (trial {point.trial})",
                params={"base": stage.base_ref, **point_params(point.point)},
                datasets=datasets,
            )
            for point in points
        ),
        note=(
            f"{len(points)} searched points measured on test; {len(kept)} of them no other point dominates there. "
            "A run below for each, comparable with those of the comparison."
        ),
    )


def read_candidates(folder: Any) -> tuple[CandidatePoint, ...]:
    """The points of a finished stage."""
    return tuple(CandidatePoint.model_validate(one) for one in read_json(folder / CANDIDATES)["candidates"])


def _chosen(stage: StageRun, checkpoint: str) -> list[TrialRecord]:
    """At most `promote.max_points` of a study's front: both ends, the knee, and others evenly between.

    The unaligned model unsteered is the origin, and nothing to ship.
    """
    result = SearchResult.model_validate(read_json(stage.inputs[f"search-{checkpoint}"] / RESULT))
    front = [trial for trial in result.front_trials if checkpoint != UNALIGNED or not _point(trial).unsteered]
    most = stage.spec.promote.max_points
    if len(front) <= most:
        return front
    gains = [(trial.transfer or 0.0, trial.localization or 0.0) for trial in front]
    spread = [round(index * (len(front) - 1) / max(most - 1, 1)) for index in range(most)]
    knee = knee_of(gains)
    if knee is not None and knee not in spread:
        # The knee takes the place of the nearest one that is no end.
        inner = spread[1:-1] or spread[:1]
        spread[spread.index(min(inner, key=lambda index: abs(index - knee)))] = knee
    return [front[index] for index in sorted(set(spread))]


def _point(trial: TrialRecord) -> SteeringPoint:
    assert trial.point is not None, "a finished trial has its point"
    return trial.point


def _score(stage: StageRun, checkpoint: str, interventions: Mapping[str, Intervention]) -> dict[str, Scores]:
    loaded = checkpoint_model(stage, checkpoint)
    items = split_items(stage.inputs["data"], "test")
    return score_conditions(
        stage, f"{len(interventions)} points of {checkpoint} on test", items, interventions, loaded=loaded
    )


def _compared(points: Sequence[CandidatePoint]) -> list[CandidatePoint]:
    """Each with what dominates it on test, if anything: the unaligned model, or another point."""
    front = [points[index] for index in pareto_front([point.gains for point in points])]
    found = []
    for point in points:
        name = None
        if point.gains != _ORIGIN and _covers(_ORIGIN, point.gains):
            name = UNALIGNED
        elif not any(one is point for one in front):
            name = next(one.name for one in front if _covers(one.gains, point.gains))
        found.append(point.model_copy(update={"dominated_by": name}))
    return found


def _covers(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] >= other[0] and one[1] >= other[1]


def _bundle(
    stage: StageRun,
    point: CandidatePoint,
    intervention: Intervention,
    baseline: Condition,
    points: Sequence[CandidatePoint],
) -> Bundle:
    trained = None if point.checkpoint == UNALIGNED else stage.inputs[f"align-{point.checkpoint}"] / FINAL
    shape = model_shape(stage.model_path)
    spec = stage.spec
    items = split_items(stage.inputs["data"], "test")
    weights = None if trained is None else ("adapter" if is_adapter(trained) else "full")
    return write_bundle(
        stage.out / BUNDLES / point.name,
        spec=BundleSpec(
            name=f"{spec.name}-{point.name}",
            base=Base(
                ref=stage.base_ref,
                digest=stage.model_digest,
                merged_from=merged_from(stage.model_path),
                num_layers=shape.num_layers,
                hidden_size=shape.hidden_size,
                architecture=shape.architecture,
            ),
            checkpoint=point.checkpoint,
            weights=weights,  # type: ignore[arg-type]
            languages=spec.data.languages,
            regions={language: "/".join(regions().get(language, ())) for language in spec.data.languages},
            scoring={"method": spec.scoring.method, "normalise": spec.scoring.normalise, "dtype": stage.dtype},
            positions=spec.steer.positions,
            lineage=Lineage(
                pipeline=spec.name,
                spec_digest=spec.digest,
                benchmark_digest=benchmark_digest(items),
                corpus_digest=corpus_digest(stage.inputs["corpus"]) if "corpus" in stage.inputs else None,
                code_version=__version__,
                git=working_tree(),
                study=f"search-{point.checkpoint}",
            ),
        ),
        intervention=intervention,
        scores=BundleScores.between(point.condition, baseline),
        card=partial(_card, point=point, points=points),
        model_folder=trained,
    )


def _card(bundle: Bundle, *, point: CandidatePoint, points: Sequence[CandidatePoint]) -> str:
    """The model card, with its picture beside it."""
    from isogloss.report.chart import plot
    from isogloss.report.search_figures import candidates_chart

    plot(candidates_chart(points, marked=point.name)).savefig(bundle.folder / PICTURE, dpi=150)
    return card(bundle)


def _draw(stage: StageRun, points: Sequence[CandidatePoint]) -> None:
    from isogloss.report.chart import plot
    from isogloss.report.search_figures import candidates_chart

    plot(candidates_chart(points)).savefig(stage.out / "candidates.png", dpi=150)
