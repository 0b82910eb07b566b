"""`isogloss run`, `status` and `search-worker`: run a pipeline, see how far it is, and help its search."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from isogloss.cli.console import Json, PipelineFile, Set, make_table, output, print_json, progress, say
from isogloss.cli.plan import read_plan
from isogloss.cli.registry import promotion_json, show_promotion, versions_by_bundle
from isogloss.errors import RefusedError

if TYPE_CHECKING:
    from isogloss.pipeline.plan import Plan, Step
    from isogloss.pipeline.promote import Promotion
    from isogloss.pipeline.run import Outcome
    from isogloss.search.result import SearchResult, TrialRecord
    from isogloss.stages.promote import CandidatePoint


def run(
    pipeline: PipelineFile,
    overrides: Set = None,
    until: Annotated[str | None, typer.Option(metavar="STAGE", help="Stop after this stage.")] = None,
    as_json: Json = False,
) -> None:
    """Run a pipeline, or resume it; a finished one says so and stops."""
    from isogloss.pipeline.nodes import lend, lent
    from isogloss.pipeline.run import run_pipeline

    plan = read_plan(pipeline, overrides or [])
    if trainings := lent(plan, until):
        trained = lend(plan, trainings, say=say)
        say(
            f"{plan.spec.name}: this node's part is done ({', '.join(trained) or 'nothing was left to train'}); see node 0"
        )
        if as_json:
            print_json({"pipeline": plan.spec.name, "trained": trained})
        return
    todo = [step.stage.name for step in plan.until(until) if not step.done]
    if todo:
        say(f"{plan.spec.name}: to do {', '.join(todo)}")

    def finished(step: Step) -> None:
        if step.stage.name == "report-first" and not as_json:
            _show_results(plan)
            say(f"a first report, before anything is trained: {step.folder / 'report.html'}")

    outcome = run_pipeline(plan, until=until, progress=progress, say=say, finished=finished)
    after = plan.looked_at_again()
    promotion = _register(after, until)
    if as_json:
        print_json(_outcome_json(after, outcome, promotion))
        _say_next(after)
    else:
        _show_outcome(after, outcome, promotion, until=until)
    if isinstance(promotion, RefusedError):
        raise promotion


def _register(plan: Plan, until: str | None) -> Promotion | RefusedError | None:
    """Register the points of the search, if the pipeline names a registered model.

    Returns:
        The promotion; or the gate's refusal, which `run` raises after it has shown the results; or None where there is
        nothing to register or the registry cannot be reached.
    """
    if plan.spec.promote.name is None or until not in (None, "promote", "report"):
        return None
    from isogloss.pipeline.promote import promote
    from isogloss.tracking.store import StoreUnavailable

    try:
        return promote(plan, verify=False)
    except RefusedError as refusal:
        return refusal
    except StoreUnavailable as error:
        say(f"nothing was registered yet: {error}. The same command goes on")
        return None


def _outcome_json(plan: Plan, outcome: Outcome, promotion: Promotion | RefusedError | None) -> dict[str, Any]:
    from isogloss.files import read_json
    from isogloss.stages.analyse import RESULTS
    from isogloss.stages.compare import COMPARISON

    analyse = plan.step("analyse")
    compare = next((step for step in plan.steps if step.stage.name == "compare" and step.done), None)
    registered = None if isinstance(promotion, RefusedError) else promotion
    return {
        "pipeline": plan.spec.name,
        "identity": plan.identity,
        "ran": list(outcome.ran),
        "reused": list(outcome.reused),
        "stages": {step.stage.name: str(step.folder) if step.done else None for step in plan.steps},
        "mlflow_run": outcome.run_id,
        "results": read_json(analyse.folder / RESULTS) if analyse.done else None,
        "comparison": read_json(compare.folder / COMPARISON) if compare else None,
        "searches": _searches_json(plan, registered),
        "promotion": None if registered is None else promotion_json(registered),
    }


def _searches_json(plan: Plan, promotion: Promotion | None) -> dict[str, Any] | None:
    """Return the stable JSON of the finished searches, or None where none is finished. Scores are fractions.

    `studies`, by checkpoint: how many `trials` ended in which way, the points of the `front` (by rising localization) and
    its `knee` with their changes on dev2, and `hypervolume` over `reference`. `candidates`: the points that were measured
    on test, with their macro changes against the unaligned model, the point that dominates them, and `version` and
    `aliases` of those that are registered.
    """
    from isogloss.files import read_json
    from isogloss.search.result import SearchResult
    from isogloss.stages.promote import read_candidates
    from isogloss.stages.search import RESULT

    done = {step.stage.name: step for step in plan.steps if step.done}
    studies = {
        checkpoint: SearchResult.model_validate(read_json(done[name].folder / RESULT))
        for checkpoint in plan.spec.search.checkpoints
        if (name := f"search-{checkpoint}") in done
    }
    if not studies:
        return None
    points = read_candidates(done["promote"].folder) if "promote" in done else ()
    versions = {} if promotion is None else versions_by_bundle(promotion)
    return {
        "studies": {checkpoint: _study_json(result) for checkpoint, result in studies.items()},
        "candidates": [
            _candidate_json(point) | versions.get(f"{plan.spec.name}-{point.name}", {"version": None, "aliases": []})
            for point in points
        ],
    }


def _study_json(result: SearchResult) -> dict[str, Any]:
    return {
        "sampler": result.sampler,
        "trials": result.counts.model_dump(),
        "front": [_trial_json(trial) for trial in result.front_trials],
        "knee": None if result.knee is None else _trial_json(result.trial(result.knee)),
        "hypervolume": result.hypervolume[-1] if result.hypervolume else None,
        "reference": dict(zip(("transfer", "localization"), result.reference, strict=True)),
        "importances": result.importances,
    }


def _trial_json(trial: TrialRecord) -> dict[str, Any]:
    assert trial.point is not None, "a finished trial has its point"
    return {
        "trial": trial.number,
        "source": trial.source,
        "point": trial.point.model_dump(mode="json")["steerings"],
        "transfer": trial.transfer,
        "localization": trial.localization,
        "details": trial.details,
    }


def _candidate_json(point: CandidatePoint) -> dict[str, Any]:
    from isogloss.results.scores import MACRO

    delta = point.condition.delta
    return {
        "name": point.name,
        "checkpoint": point.checkpoint,
        "trial": point.trial,
        "transfer": delta["transfer"][MACRO].model_dump(),
        "localization": delta["localization"][MACRO].model_dump(),
        "dominated_by": point.dominated_by,
    }


def _show_outcome(
    plan: Plan, outcome: Outcome, promotion: Promotion | RefusedError | None, *, until: str | None
) -> None:
    compare = next((step for step in plan.steps if step.stage.name == "compare"), None)
    report = plan.step("report")
    if compare is not None and compare.done and until in (None, "compare", "report"):
        _show_comparison(compare)
    elif plan.step("analyse").done and until in (None, "analyse", "report", "report-first"):
        _show_results(plan)
    if until is None or until in ("promote", "report") or until.startswith("search"):
        _show_searches(plan)
    if promotion is not None and not isinstance(promotion, RefusedError):
        show_promotion(promotion)
    if not outcome.ran:
        upto = "" if until is None else f" up to {until}"
        say(f"{plan.spec.name}: finished already{upto}; nothing to do")
    if outcome.pending:
        say(f"{outcome.pending} MLflow entries wait in {plan.folder / 'journal.jsonl'}; the next run hands them over")
    if report.done:
        say(f"report: {report.folder / 'report.html'}")
    _say_next(plan)


def _show_results(plan: Plan) -> None:
    from isogloss.files import read_json
    from isogloss.report.findings import findings
    from isogloss.report.tables import language_table, results_table
    from isogloss.results.scores import Results
    from isogloss.stages.analyse import RESULTS

    console = output()
    results = Results.model_validate(read_json(plan.step("analyse").folder / RESULTS))
    console.print(results_table(results))
    console.print(language_table(results))
    for finding in findings(results):
        console.print(f"• {finding}")


def _show_comparison(step: Step) -> None:
    from isogloss.files import read_json
    from isogloss.report.findings import comparison_findings
    from isogloss.report.tables import comparison_tables
    from isogloss.results.scores import Comparison
    from isogloss.stages.compare import COMPARISON

    console = output()
    comparison = Comparison.model_validate(read_json(step.folder / COMPARISON))
    for table in comparison_tables(comparison):
        console.print(table)
    for finding in comparison_findings(comparison):
        console.print(f"• {finding}")


def _show_searches(plan: Plan) -> None:
    """Print the fronts of the finished searches and their points on test; nothing where no search is finished."""
    from isogloss.report.searches import candidates_table, findings_on_test, fronts_table
    from isogloss.stages.report import read_searches

    searches = read_searches(plan.spec, {step.stage.name: step.folder for step in plan.steps if step.done})
    if searches is None:
        return
    console = output()
    console.print(fronts_table(searches))
    if searches.candidates:
        console.print(candidates_table(searches))
    for finding in findings_on_test(searches):
        console.print(f"• {finding}")


def _say_next(plan: Plan) -> None:
    todo = next((step.stage.name for step in plan.steps if not step.done), None)
    say("next: isogloss ui" if todo is None else f"next: isogloss run …, which goes on with {todo}")


def status(
    pipeline: Annotated[
        Path | None, typer.Argument(metavar="[PIPELINE]", help="One pipeline; all of them if left out.")
    ] = None,
    overrides: Set = None,
    as_json: Json = False,
) -> None:
    """Show what is done, running and failed."""
    from isogloss.pipeline.plan import pipeline_states

    states = pipeline_states(Path.cwd())
    if pipeline is not None:
        plan = read_plan(pipeline, overrides or [])
        states = [state for state in states if state.folder == plan.folder]
        if not states:
            if as_json:
                print_json([])
            else:
                say(f"{plan.spec.name}: never run with these settings. next: isogloss run {pipeline}")
            return
    if as_json:
        print_json([state.as_json() for state in states])
        return
    if not states:
        say("no pipeline has been run in this folder. next: isogloss run pipelines/embedded.yaml")
        return
    table = make_table(("pipeline", "state", "stages", "last event"))
    for state in states:
        stages = " ".join(f"{name}:{word}" for name, word in state.stages.items())
        table.add_row(state.folder.name, state.word, stages, state.last)
    output().print(table)


def search_worker(
    pipeline: PipelineFile,
    overrides: Set = None,
    checkpoint: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Whose search: unaligned, mist, … (default: the next unfinished)."),
    ] = None,
) -> None:
    """Join a running search from another process or machine, until it has all its trials."""
    from isogloss.pipeline.nodes import join_search
    from isogloss.processes import die_with_parent

    # A worker that a pipeline started ends with that pipeline.
    die_with_parent()
    plan = read_plan(pipeline, overrides or [])
    done = join_search(plan, checkpoint, progress=progress, say=say)
    say(f"the study has all its trials; {done} of them were run here")
