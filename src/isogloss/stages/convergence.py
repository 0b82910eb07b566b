"""Stage `convergence`: how alike the languages' states of the same question are, layer by layer."""

from __future__ import annotations

from isogloss.analysis.convergence import convergence
from isogloss.stages.data import AXES
from isogloss.stages.panels import curve_metrics, save_values, state_panels
from isogloss.stages.stage import Record, StageRun
from isogloss.stages.states import ITEMS

FILE = "convergence.json"


def run(stage: StageRun) -> Record:
    """Of every model and steering, on both axes."""
    panels = list(state_panels(stage.inputs, ITEMS))
    values = []
    with stage.progress(len(panels), "convergence") as advance:
        for panel, states in panels:
            values += [convergence(states, panel=panel, axis=axis) for axis in AXES]
            advance(1)
    save_values(stage.out / FILE, values)
    return Record(
        metrics=tuple(
            metric
            for one in values
            for name, curve in (("cka", one.cka), ("cosine", one.cosine))
            for metric in curve_metrics(f"{name}/{one.axis}/{one.panel.model}/{one.panel.condition}", curve)
        ),
        artifacts={FILE: "analyses"},
        note="Debiased linear CKA and mean cosine between languages at each layer (step), mean over pairs of languages.",
    )
