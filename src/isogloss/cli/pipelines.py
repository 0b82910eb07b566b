"""`isogloss run`, `plan` and `status`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table

from isogloss.cli.shown import output, print_json, progress, say
from isogloss.errors import RefusedError
from isogloss.pipeline.nodes import lend, lent
from isogloss.pipeline.plan import Plan, Step, make_plan
from isogloss.pipeline.run import Outcome, run_pipeline
from isogloss.spec import load_spec

if TYPE_CHECKING:
    from isogloss.pipeline.promote import Promotion


def read_plan(pipeline: Path, overrides: Sequence[str]) -> Plan:
    """The pipeline with its steps, in the current folder; what its model stands for goes to stderr."""
    plan = make_plan(load_spec(pipeline, overrides), Path.cwd())
    for line in plan.model.notices:
        say(line)
    return plan


def run_command(pipeline: Path, overrides: Sequence[str], *, until: str | None, as_json: bool) -> None:
    """Run or resume, then show the results."""
    plan = read_plan(pipeline, overrides)
    if trainings := lent(plan, until):
        taken = lend(plan, trainings, say=say)
        say(
            f"{plan.spec.name}: this node's part is done ({', '.join(taken) or 'nothing was left to train'}); see node 0"
        )
        if as_json:
            print_json({"pipeline": plan.spec.name, "trained": taken})
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
    promotion = _promoted(after, until)
    if as_json:
        print_json(_outcome_json(after, outcome, promotion))
        _say_next(after)
    else:
        _show(after, outcome, promotion, until=until)
    if isinstance(promotion, RefusedError):
        raise promotion


def _promoted(plan: Plan, until: str | None) -> Promotion | RefusedError | None:
    """Register what was searched, where the pipeline names a registered model; None where there is nothing to register.

    A refusal is shown after the results, and then raised. A registry that cannot be reached stops nothing.
    """
    if plan.spec.promote.name is None or until not in (None, "promote", "report"):
        return None
    from isogloss.pipeline.promote import promote
    from isogloss.tracking.store import StoreUnavailable

    try:
        return promote(plan, verify=False)
    except RefusedError as refused:
        return refused
    except StoreUnavailable as gone:
        say(f"nothing was registered yet: {gone}. The same command goes on")
        return None


def _outcome_json(plan: Plan, outcome: Outcome, promotion: Promotion | RefusedError | None) -> dict[str, Any]:
    from isogloss.cli.search import promotion_json
    from isogloss.cli.searches import searches_json
    from isogloss.files import read_json
    from isogloss.pipeline.promote import Promotion
    from isogloss.stages.analyse import RESULTS
    from isogloss.stages.compare import COMPARISON

    analyse = plan.step("analyse")
    compare = next((step for step in plan.steps if step.stage.name == "compare" and step.done), None)
    registered = promotion if isinstance(promotion, Promotion) else None
    return {
        "pipeline": plan.spec.name,
        "identity": plan.identity,
        "ran": list(outcome.ran),
        "reused": list(outcome.reused),
        "stages": {step.stage.name: str(step.folder) if step.done else None for step in plan.steps},
        "mlflow_run": outcome.run_id,
        "results": read_json(analyse.folder / RESULTS) if analyse.done else None,
        "comparison": read_json(compare.folder / COMPARISON) if compare else None,
        "searches": searches_json(plan, registered),
        "promotion": None if registered is None else promotion_json(registered),
    }


def _show(plan: Plan, outcome: Outcome, promotion: Promotion | RefusedError | None, *, until: str | None) -> None:
    compare = next((step for step in plan.steps if step.stage.name == "compare"), None)
    report = plan.step("report")
    if compare is not None and compare.done and until in (None, "compare", "report"):
        _show_comparison(compare)
    elif plan.step("analyse").done and until in (None, "analyse", "report", "report-first"):
        _show_results(plan)
    if until is None or until in ("promote", "report") or until.startswith("search"):
        _show_searches(plan)
    if promotion is not None and not isinstance(promotion, RefusedError):
        from isogloss.cli.search import show_promotion

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
    """The fronts of the finished searches, and their points on test; nothing where nothing was searched."""
    from isogloss.report.searched.findings import findings_on_test
    from isogloss.report.searched.page import candidates_table, fronts_table
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


def status_command(pipeline: Path | None, overrides: Sequence[str], *, as_json: bool) -> None:
    """One pipeline's stages, or every pipeline that left a journal here."""
    from isogloss.pipeline.plan import pipeline_states

    states = pipeline_states(Path.cwd())
    if pipeline is not None:
        plan = read_plan(pipeline, overrides)
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
    table = Table()
    for name in ("pipeline", "state", "stages", "last event"):
        table.add_column(name)
    for state in states:
        stages = " ".join(f"{name}:{word}" for name, word in state.stages.items())
        table.add_row(state.folder.name, state.word, stages, state.last)
    output().print(table)
