"""Stage `agreement`: where languages pick the same option, and where, as they should, another one."""

from __future__ import annotations

from pathlib import Path

from isogloss.analysis.agreement import agreement
from isogloss.analysis.results import MACRO
from isogloss.evaluate.scores import Scores
from isogloss.stages.baseline import TEST
from isogloss.stages.panels import CONDITIONS, models_of, panel, save_values
from isogloss.stages.points import UNALIGNED
from isogloss.stages.scoring import split_items
from isogloss.stages.stage import Metric, Record, StageRun

FILE = "agreement.json"


def run(stage: StageRun) -> Record:
    """Of every model and steering, from their scores on test."""
    items = split_items(stage.inputs["data"], "test")
    scored = [
        (model, condition, path)
        for model, folder in models_of(stage.inputs, "evaluate").items()
        for condition in CONDITIONS
        if (path := _scores(stage, model, folder, condition)).is_file()
    ]
    values = []
    with stage.progress(len(scored), "agreement") as advance:
        for model, condition, path in scored:
            values.append(agreement(Scores.load(path), items, panel=panel(model, condition)))
            advance(1)
    save_values(stage.out / FILE, values)
    return Record(
        metrics=tuple(
            Metric(name=f"{name}/{one.panel.model}/{one.panel.condition}", value=found[MACRO].value)
            for one in values
            for name, found in (("agreement", one.universal), ("divergence", one.localized))
            if MACRO in found
        ),
        artifacts={FILE: "analyses"},
        note="Share of universal questions answered as in English, and of localized ones answered otherwise.",
    )


def _scores(stage: StageRun, model: str, folder: Path, condition: str) -> Path:
    if condition != "none":
        return folder / f"{condition}.jsonl"
    return stage.inputs["baseline"] / TEST if model == UNALIGNED else folder / "baseline.jsonl"
