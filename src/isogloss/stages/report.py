"""Stage `report`: the plane, the layer curves, the table and the one-page report."""

from __future__ import annotations

from typing import Any

from isogloss.evaluate.results import Comparison, Results
from isogloss.files import read_json
from isogloss.spec import PipelineSpec
from isogloss.stages.analyse import RESULTS
from isogloss.stages.compare import COMPARISON
from isogloss.stages.stage import Record, StageRun


def settings(spec: PipelineSpec) -> Any:
    """Nothing but the results."""
    return None


def run(stage: StageRun) -> Record:
    """Write report.html, figures, tables."""
    from isogloss.report.page import write_report

    results = Results.model_validate(read_json(stage.inputs["analyse"] / RESULTS))
    comparison = None
    if "compare" in stage.inputs:
        comparison = Comparison.model_validate(read_json(stage.inputs["compare"] / COMPARISON))
    with stage.progress(1, "figures and report") as advance:
        write_report(results, stage.out, comparison=comparison)
        advance(1)
    files = sorted(path for path in stage.out.rglob("*") if path.is_file())
    names = [path.relative_to(stage.out).as_posix() for path in files]
    return Record(artifacts={name: name.rpartition("/")[0] for name in names if name not in (RESULTS, COMPARISON)})
