"""Stage `retrieval`: how often a sentence's nearest neighbour in another language is its translation, layer by layer."""

from __future__ import annotations

from isogloss.analysis.retrieval import retrieval
from isogloss.stages.panels import macro_metrics, save_values, state_panels
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
    save_values(stage.out / FILE, values)
    return Record(
        metrics=tuple(
            metric
            for one in values
            for metric in macro_metrics(f"retrieval/{one.panel.model}/{one.panel.condition}", one.by_language)
        ),
        artifacts={FILE: "analyses"},
        note=(
            f"Top-1 among {max((one.sentences for one in values), default=0)} sentences to and from English at each layer "
            "(step), by cosine of mean-pooled states."
        ),
    )
