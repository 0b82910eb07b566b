"""Stage `perpendicularity`: how far the EN and the LOC direction are from each other, layer by layer, beside two nulls."""

from __future__ import annotations

from isogloss.analysis.perpendicularity import perpendicularity
from isogloss.analysis.products import PairProducts
from isogloss.stages.compare import LABELS
from isogloss.stages.panels import macro_metrics, models_of, save_values
from isogloss.stages.stage import Record, StageRun
from isogloss.stages.states import PAIRS

FILE = "perpendicularity.json"


def run(stage: StageRun) -> Record:
    """Of every model."""
    models = models_of(stage.inputs, "states")
    values = []
    with stage.progress(len(models), "perpendicularity") as advance:
        for model, folder in models.items():
            products = PairProducts.load(folder / PAIRS)
            values.append(perpendicularity(products, model=model, label=LABELS[model], seed=stage.spec.seed))
            advance(1)
    save_values(stage.out / FILE, values)
    return Record(
        metrics=tuple(
            metric for one in values for metric in macro_metrics(f"perpendicularity/{one.model}", one.by_language)
        ),
        artifacts={FILE: "analyses"},
        note="90 − |angle − 90| between the mean EN and the mean LOC difference at each layer (step), in degrees.",
    )
