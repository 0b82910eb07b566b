"""Stage `retrieval`: how often a sentence's nearest neighbour in another language is its translation, layer by layer."""

from __future__ import annotations

from isogloss.analysis.results import MACRO
from isogloss.analysis.retrieval import retrieval
from isogloss.files import write_json
from isogloss.stages.panels import curve_metrics, state_panels
from isogloss.stages.stage import Record, StageRun
from isogloss.stages.states import SENTENCES

FILE = "retrieval.json"


def run(stage: StageRun) -> Record:
    """Of every model and steering."""
    panels = list(state_panels(stage.inputs, SENTENCES))
    values = []
    with stage.progress(len(panels), "retrieval") as advance:
        for panel, states in panels:
            values.append(retrieval(states, panel=panel, seed=stage.spec.seed))
            advance(1)
    write_json(stage.out / FILE, [one.model_dump(mode="json") for one in values])
    return Record(
        metrics=tuple(
            metric
            for one in values
            if MACRO in one.by_language
            for metric in curve_metrics(f"retrieval/{one.panel.model}/{one.panel.condition}", one.by_language[MACRO])
        ),
        artifacts={FILE: "analyses"},
        note=(
            f"Top-1 among {max((one.sentences for one in values), default=0)} sentences to and from English at each layer "
            "(step), by cosine of mean-pooled states."
        ),
    )
