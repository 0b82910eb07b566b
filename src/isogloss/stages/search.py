"""Stage `search`: a two-objective study over layers and strengths of EN and LOC on dev2, for one checkpoint.

A trial is an intervention on the checkpoint; nothing is trained. Its values are the macro changes of both axes against
the same checkpoint unsteered, by `search.statistic`. The study is kept in the stage's work folder, or in the database that
`search.storage` names: there it outlives a kill, and workers may join it. Workers together may run up to workers − 1
trials more than `search.trials`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from isogloss.data.rows import AXES, ENGLISH, ChoiceItem
from isogloss.files import digest_of, read_json, write_json
from isogloss.models.layers import num_layers
from isogloss.models.load import LoadedModel
from isogloss.results.names import model_label
from isogloss.results.scores import Scores
from isogloss.scoring.first_order import first_order
from isogloss.scoring.statistics import macro_accuracy_change, macro_bias_change, macro_probability_difference
from isogloss.scoring.steering_scorer import TrialScorer
from isogloss.search.front import progress_note, summarise
from isogloss.search.result import Constraints, Measured, SearchResult, TrialRecord
from isogloss.search.space import SearchSpace, SteeringPoint, starting_points, trusted_steps
from isogloss.search.study import Study, open_study
from isogloss.search.worker import run_trials
from isogloss.spec import PipelineSpec
from isogloss.spec.pipeline import NOT_RESULTS, SearchSection
from isogloss.stages.checkpoints import checkpoint_model, checkpoint_vectors, intervention_of
from isogloss.stages.data import benchmark_digest, datasets_of, take
from isogloss.stages.evaluate import point_params
from isogloss.stages.parallel import edits_of, on_axis, other_workers, score_settings, split_items, steered_pass
from isogloss.stages.stage import ChildRun, Metric, StageOutcome, StageRun
from isogloss.stages.sweep import SWEEP
from isogloss.stages.vectors import FOLDERS
from isogloss.steering.vectors import Kind, SteeringVectors

RESULT = "search.json"
#: The database of a study that no `search.storage` puts elsewhere.
STUDY = "study.db"
STARTS = "starts.json"
#: Items a language and axis behind the first-order estimate, which only says where to begin.
_ESTIMATE_ITEMS = 10
#: The stages that only the process which begins a study needs: it tries the sweep's choice early.
TO_BEGIN = ("sweep",)


def settings(spec: PipelineSpec) -> Any:
    """What is searched and how points are scored; not who does it."""
    section = spec.search.model_dump(mode="json", exclude={*NOT_RESULTS, "checkpoints"})
    return [section, spec.scoring.model_dump(), spec.steer.model_dump()]


def space_of(section: SearchSection, *, layers: int, languages: Sequence[str]) -> SearchSpace:
    """The space that a section asks for, in a model with that many layers."""
    every = tuple(range(1, layers + 1))
    return SearchSpace(
        en_layers=every if section.en_layers == "all" else section.en_layers,
        loc_layers=every if section.loc_layers == "all" else section.loc_layers,
        en_gammas=section.en_gammas,
        loc_gammas=section.loc_gammas,
        per_language=section.per_language,
        languages=tuple(languages),
    )


@dataclass(frozen=True)
class Objective:
    """What a point is worth: its changes on both axes against the checkpoint unsteered."""

    loaded: LoadedModel
    scorer: TrialScorer
    vectors: dict[Kind, SteeringVectors]
    spec: PipelineSpec

    def __call__(self, point: SteeringPoint) -> Measured:
        intervention = intervention_of(point, self.vectors)
        one = steered_pass(self.loaded, "trial", intervention, positions=self.spec.steer.positions)
        scores = self.scorer.score(one, edits=edits_of(intervention))
        return measured(scores, self.scorer.baseline, statistic=self.spec.search.statistic)


def measured(scores: Scores, before: Scores, *, statistic: str) -> Measured:
    """Both statistics of both axes, and the change in English bias; the values are those of `statistic`."""
    details: dict[str, float] = {}
    for axis in AXES:
        own, paired = on_axis(scores, axis), on_axis(before, axis)
        details[f"{axis}_probability"] = macro_probability_difference(own, paired)
        details[f"{axis}_accuracy"] = macro_accuracy_change(own, paired)
    bias = macro_bias_change(on_axis(scores, "localization"), on_axis(before, "localization"))
    if bias is not None:
        details["english_bias"] = bias
    values = {axis: details[f"{axis}_{statistic}"] for axis in AXES}
    return Measured(transfer=values["transfer"], localization=values["localization"], details=details)


def run(stage: StageRun, *, checkpoint: str) -> StageOutcome:
    """Run the study's trials with as many workers as asked for, and read it."""
    study, _ = _take_part(stage, checkpoint, create=True)
    result = summarise(study)
    write_json(stage.out / RESULT, result.model_dump(mode="json"))
    files = _draw(result, checkpoint, stage.spec.search.statistic, stage.out)
    if stage.spec.search.storage is None:
        _copy_database(stage.work / STUDY, stage.out / STUDY)
        files.append(STUDY)
    knee = None if result.knee is None else result.trial(result.knee)
    return StageOutcome(
        params={
            "checkpoint": checkpoint,
            "sampler": result.sampler,
            "trials": result.counts.complete,
            "front": len(result.front),
            **({} if knee is None else {"knee": str(knee.point)}),
        },
        metrics=tuple(_metrics(result)),
        artifacts=dict.fromkeys([RESULT, *files], "search"),
        datasets=datasets_of(stage.inputs["data"], "choices-dev2"),
        children=tuple(
            _child(trial, checkpoint, front=trial.number in result.front)
            for trial in result.trials
            if trial.state == "complete"
        ),
        note=_note(result, checkpoint),
    )


def join(stage: StageRun, *, checkpoint: str) -> int:
    """Run trials of a study that another process has begun, until it has all; returns how many were run here."""
    return _take_part(stage, checkpoint, create=False)[1]


def _take_part(stage: StageRun, checkpoint: str, *, create: bool) -> tuple[Study, int]:
    section, spec = stage.spec.search, stage.spec
    loaded = checkpoint_model(stage, checkpoint)
    vectors = checkpoint_vectors(stage, checkpoint)
    # English is steered by LOC alone and counts in neither macro mean.
    items = [item for item in split_items(stage.inputs["data"], "dev2") if item.language != ENGLISH]
    layers = num_layers(loaded.model)
    space = space_of(section, layers=layers, languages=[one for one in vectors["loc"].languages if one != ENGLISH])
    context = digest_of(
        [
            [one.digest for one in vectors.values()],
            benchmark_digest(items),
            [spec.scoring.model_dump(), spec.steer.model_dump(), section.statistic, stage.dtype],
        ]
    )
    with stage.progress(len(items), f"states of {checkpoint}") as advance:
        scorer = TrialScorer(
            loaded.model,
            loaded.tokenizer,
            items,
            settings=score_settings(spec),
            first_layers=[*space.en_layers, *space.loc_layers],
            positions=spec.steer.positions,
            memory_bytes=int(section.memory * 2**30),
            progress=advance,
        )
    objective = Objective(loaded, scorer, vectors, spec)
    swept = swept_points(stage, space, checkpoint=checkpoint) if create else ()
    starts = _starts(stage, objective, items, space) if create else ()
    study = open_study(
        section.storage or stage.work / STUDY,
        f"{spec.name} {checkpoint} {digest_of([context, settings(spec)])[:12]}",
        space=space,
        context=context,
        num_layers=layers,
        sampler=section.sampler,
        seed=section.seed,
        constraints=Constraints(transfer=section.max_transfer_loss, localization=section.max_localization_loss),
        swept=swept,
        starts=starts,
        create=create,
    )
    with (
        other_workers(stage, checkpoint, count=section.workers - 1 if create else 0),
        stage.watched(partial(_finished, study, checkpoint)),
        stage.progress(section.trials, f"search of {checkpoint}") as advance,
    ):
        shown = 0

        def on_trial(_trial: TrialRecord) -> None:
            nonlocal shown
            finished = min(study.finished(), section.trials)
            advance(finished - shown, progress_note(study))
            shown = finished

        done = run_trials(study, objective, trials=section.trials, on_trial=on_trial)
        advance(section.trials - shown)
    return study, done


def swept_points(stage: StageRun, space: SearchSpace, *, checkpoint: str) -> tuple[SteeringPoint, ...]:
    """What the sweep of the unaligned model chose: EN and LOC together, then each alone.

    Choices outside the search space are skipped, with a notice: the nearest point inside was never measured.
    """
    choices = {choice["kind"]: choice for choice in read_json(stage.inputs["sweep"] / SWEEP)["choices"]}
    alone: list[dict[str, Any]] = [
        {f"{kind}_layer": choices[kind]["layer"], f"{kind}_gamma": choices[kind]["gamma"]} for kind in FOLDERS
    ]
    points = []
    for settings in (alone[0] | alone[1], *alone):
        point = SteeringPoint.everywhere(**settings)
        nearest = space.clipped(point)
        if nearest == point:
            points.append(point)
        else:
            stage.say(
                f"search of {checkpoint}: the sweep's choice {point} lies outside the search space, and is not tried "
                f"first (nearest there: {nearest})"
            )
    return tuple(points)


def _starts(
    stage: StageRun, objective: Objective, items: Sequence[ChoiceItem], space: SearchSpace
) -> tuple[SteeringPoint, ...]:
    """The points that a first-order estimate proposes, kept in a file: a resumed study asks for the same ones."""
    if stage.spec.search.starts == 0:
        return ()
    kept = stage.work / STARTS
    if not kept.is_file():
        items = take(items, limit=_ESTIMATE_ITEMS, seed=stage.spec.data.seed)
        with stage.progress(len(items), "first-order estimate") as advance:
            slopes = first_order(
                objective.loaded.model,
                objective.loaded.tokenizer,
                items,
                directions={kind: vectors.tensors for kind, vectors in objective.vectors.items()},
                settings=score_settings(stage.spec),
                positions=stage.spec.steer.positions,
                progress=advance,
            )
        highest = {"en": space.en_gammas[1], "loc": space.loc_gammas[1]}
        points = starting_points(
            slopes,
            layers={"en": space.en_layers, "loc": space.loc_layers},
            steps={
                kind: trusted_steps(vectors.header.norms, vectors.header.residual_norms, highest=highest[kind])
                for kind, vectors in objective.vectors.items()
            },
            count=stage.spec.search.starts,
        )
        write_json(kept, [point.model_dump(mode="json") for point in points])
    return tuple(SteeringPoint.model_validate(point) for point in read_json(kept))


def _draw(result: SearchResult, checkpoint: str, statistic: str, folder: Path) -> list[str]:
    """Write the figures that there are enough trials for, as PNG and SVG; returns their names."""
    from isogloss.report.search_figures import front_figure, hypervolume_figure, importances_figure
    from isogloss.report.searches import SearchedModel

    study = SearchedModel(checkpoint=checkpoint, label=model_label(checkpoint), result=result)
    figures = {
        "front": front_figure(study, statistic=statistic),
        "hypervolume": hypervolume_figure(study),
        "importances": importances_figure(study),
    }
    names = []
    for name, figure in figures.items():
        if figure is not None:
            for ending in ("png", "svg"):
                figure.draw().savefig(folder / f"{name}.{ending}", dpi=150)
                names.append(f"{name}.{ending}")
    return names


def _copy_database(source: Path, target: Path) -> None:
    """Copy the database with what its journal still holds: for optuna-dashboard and for every detail of the trials."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _metrics(result: SearchResult) -> Iterator[Metric]:
    for step, area in enumerate(result.hypervolume, start=1):
        yield Metric(name="search/hypervolume", value=area, step=step)
    for objective, shares in result.importances.items():
        for parameter, share in shares.items():
            yield Metric(name=f"search/importance/{objective}/{parameter}", value=share)
    if result.knee is not None:
        knee = result.trial(result.knee)
        for axis in AXES:
            yield Metric(name=f"search/knee/{axis}", value=getattr(knee, axis))


def _note(result: SearchResult, checkpoint: str) -> str:
    knee = "" if result.knee is None else f"; its knee is {result.trial(result.knee).point}"
    return (
        f"{result.counts.complete} points of steering {checkpoint} measured on dev2 ({result.sampler}). "
        f"{len(result.front)} of them are on the front of transfer and localization{knee}."
    )


def _finished(study: Study, checkpoint: str) -> Iterator[ChildRun]:
    """The trials that are complete so far, whoever ran them."""
    for trial in study.records():
        if trial.state == "complete":
            yield _child(trial, checkpoint)


def _child(trial: TrialRecord, checkpoint: str, *, front: bool | None = None) -> ChildRun:
    """A trial as a run below the study's. Whether it is on the front is a tag, since the next trial may change it."""
    assert trial.point is not None, "a complete trial has its point"
    assert trial.transfer is not None, "a complete trial has its scores"
    assert trial.localization is not None, "a complete trial has its scores"
    params: dict[str, str | int | float] = {
        "checkpoint": checkpoint,
        "point": str(trial.point),
        "source": trial.source,
        "feasible": str(trial.feasible).lower(),
        **point_params(trial.point),
    }
    if trial.reused_from is not None:
        params["reused from"] = trial.reused_from
    return ChildRun(
        name=f"trial-{trial.number}",
        kind="trial",
        params=params,
        metrics={
            # Not the plane's names: dev2, and against the checkpoint's own unsteered scores.
            "search/transfer": trial.transfer,
            "search/localization": trial.localization,
            "seconds": trial.seconds,
            **{f"dev2/{name}": value for name, value in trial.details.items()},
        },
        tags={} if front is None else {"front": str(front).lower()},
        seconds=trial.seconds,
    )
