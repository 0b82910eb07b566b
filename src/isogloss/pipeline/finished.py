"""What a run has left so far, found by any name that a person has for it: for a report of it, whole or half."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from isogloss.errors import UserError
from isogloss.files import damage, read_json
from isogloss.pipeline.plan import STORE, PipelineState, make_plan, pipeline_states, resolve_dtype
from isogloss.pipeline.recording import PARENT
from isogloss.registry.resolve import pipeline_model
from isogloss.results.scores import Comparison, Results
from isogloss.spec import PipelineSpec, load_spec
from isogloss.stages.analyse import RESULTS, results_of
from isogloss.stages.compare import comparison_of
from isogloss.stages.graph import stages_of
from isogloss.stages.report import read_comparison
from isogloss.stages.stage import RECORD, StageOutcome
from isogloss.tracking.journal import Journal, fold
from isogloss.tracking.mlflow_sync import memory_of

_STAGE_KEY = "isogloss.stage_key"
#: Without these nothing can be shown.
_LEAST = ("data", "baseline")


@dataclass(frozen=True, kw_only=True)
class LeftByRun:
    """`folders` of the finished and whole stages by name; `missing` says what became of the others."""

    name: str
    root: Path
    spec: PipelineSpec
    folders: dict[str, Path]
    missing: tuple[str, ...]

    def results(self) -> Results:
        """Of the analysis, or what the stages before it allow. Raises UserError where not even the baseline is there."""
        if "analyse" in self.folders:
            return Results.model_validate(read_json(self.folders["analyse"] / RESULTS))
        if lacking := [name for name in _LEAST if name not in self.folders]:
            raise UserError(
                f"{self.name}: nothing to report: {' and '.join(lacking)} did not finish. Run it again, which keeps what is "
                "finished; for a run with other settings, or made by another version, give its name (isogloss status)"
            )
        model = pipeline_model(self.spec, self.root)
        return results_of(
            self.spec,
            self.folders,
            model=model.ref,
            model_path=model.path,
            model_digest=model.digest,
            dtype=resolve_dtype(self.spec),
            seconds={
                name: StageOutcome.model_validate(read_json(folder / RECORD)).seconds
                for name, folder in self.folders.items()
            },
        )

    def comparison(self, results: Results) -> Comparison | None:
        """Of the trained models; where one of them failed, of those that are finished. None where there is none."""
        if "compare" in self.folders:
            return read_comparison(self.folders)
        whole = [
            method
            for method in self.spec.align.methods
            if all(f"{family}-{method}" in self.folders for family in ("align", "follow", "evaluate"))
        ]
        there = whole and "analyse" in self.folders
        return comparison_of(self.spec, self.folders, results, whole) if there else None


def left_by_run(ref: str, root: Path, overrides: Sequence[str] = ()) -> LeftByRun:
    """Find a run by its pipeline's YAML, by the name or folder that `isogloss status` shows, or by its run ID in MLflow.

    A name without its digest means the last run of that name. Raises UserError for an unknown one.
    """
    states = pipeline_states(root)
    if Path(ref).is_file():
        plan = make_plan(load_spec(Path(ref), overrides), root)
        state = next((one for one in states if one.folder == plan.folder), None)
        folders = {step.stage.name: step.folder for step in plan.steps if step.done}
        return _left(plan.folder.name, root, plan.spec, folders, state)
    if overrides:
        raise UserError(f"--set: '{ref}' has its settings already; overrides go with a pipeline's YAML")
    state = _named(ref, states)
    spec = load_spec(state.folder / "pipeline.yaml")
    return _left(state.folder.name, root, spec, _folders(state.folder, root), state)


def _named(ref: str, states: Sequence[PipelineState]) -> PipelineState:
    """The newest is the last."""
    name = Path(ref).name
    found = [one for one in states if one.folder.name == name]
    found = found or [one for one in states if one.folder.name.rpartition("-")[0] == name]
    found = found or [one for one in states if len(ref) > 8 and ref in _run_ids(one.folder)]
    if found:
        return found[-1]
    there = ", ".join(one.folder.name for one in states) or "none; the first: isogloss run pipelines/embedded.yaml"
    raise UserError(f"run '{ref}': no such file, and no run of that name or ID in {STORE}/pipelines. There: {there}")


def _run_ids(folder: Path) -> set[str]:
    """MLflow's, of the pipeline and everything below it."""
    path = memory_of(folder / "journal.jsonl")
    if not path.is_file():
        return set()
    return {entry[0] for shown in read_json(path)["stores"].values() for entry in shown.values()}


def _folders(folder: Path, root: Path) -> dict[str, Path]:
    """The stages' folders by the keys that the journal notes: whatever the code would call them today."""
    runs = fold(Journal(folder / "journal.jsonl", base=root / STORE).events())
    keys = {
        name: run.tags[_STAGE_KEY] for name, run in runs.items() if run.parent == PARENT and run.status == "FINISHED"
    }
    found = {name: root / STORE / "stages" / f"{name}-{key[:16]}" for name, key in keys.items()}
    return {name: path for name, path in found.items() if damage(path) is None}


def _left(
    name: str, root: Path, spec: PipelineSpec, folders: dict[str, Path], state: PipelineState | None
) -> LeftByRun:
    words = {} if state is None else state.stages
    lacking: dict[str, list[str]] = {}
    for stage in stages_of(spec):
        if stage.name not in folders and stage.family != "report":
            word = words.get(stage.name, "not begun")
            lacking.setdefault("gone or damaged since" if word == "finished" else word, []).append(stage.name)
    missing = tuple(f"{word}: {', '.join(names)}" for word, names in lacking.items())
    return LeftByRun(name=name, root=root, spec=spec, folders=folders, missing=missing)
