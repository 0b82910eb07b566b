"""Stage `agreement`: where languages pick the same option, and where, as they should, another one."""

from __future__ import annotations

from pathlib import Path

from isogloss.analysis.agreement import agreement
from isogloss.analysis.convergence import PairProducts, convergence
from isogloss.analysis.pca import PCA_FILE, pca, save_pca
from isogloss.analysis.perpendicularity import perpendicularity
from isogloss.analysis.retrieval import retrieval
from isogloss.data.rows import AXES
from isogloss.results.analyses import COORDINATES
from isogloss.results.names import STATES, UNALIGNED, UNSTEERED, model_label
from isogloss.results.scores import MACRO, Scores
from isogloss.stages.baseline import TEST
from isogloss.stages.checkpoints import (
    curve_metrics,
    macro_metrics,
    models_of,
    panel,
    save_values,
    state_panels,
)
from isogloss.stages.parallel import split_items
from isogloss.stages.stage import Metric, StageOutcome, StageRun
from isogloss.stages.states import ITEMS, PAIRS, SENTENCES

AGREEMENT_FILE = "agreement.json"


def run_agreement(stage: StageRun) -> StageOutcome:
    """Of every model and steering, from their scores on test."""
    items = split_items(stage.inputs["data"], "test")
    scored = [
        (model, condition, path)
        for model, folder in models_of(stage.inputs, "evaluate").items()
        for condition in STATES
        if (path := _scores(stage, model, folder, condition)).is_file()
    ]
    values = []
    with stage.progress(len(scored), "agreement") as advance:
        for model, condition, path in scored:
            values.append(agreement(Scores.load(path), items, panel=panel(model, condition)))
            advance(1)
    save_values(stage.out / AGREEMENT_FILE, values)
    return StageOutcome(
        metrics=tuple(
            Metric(name=f"{name}/{one.panel.model}/{one.panel.condition}", value=found[MACRO].value)
            for one in values
            for name, found in (("agreement", one.universal), ("divergence", one.localized))
            if MACRO in found
        ),
        artifacts={AGREEMENT_FILE: "analyses"},
        note="Share of universal questions answered as in English, and of localized ones answered otherwise.",
    )


def _scores(stage: StageRun, model: str, folder: Path, condition: str) -> Path:
    if condition != UNSTEERED:
        return folder / f"{condition}.jsonl"
    return stage.inputs["baseline"] / TEST if model == UNALIGNED else folder / "baseline.jsonl"


# --------------------------------------------------------------------------------------------------------------------
# Stage `convergence`: how alike the languages' states of the same question are, layer by layer.

CONVERGENCE_FILE = "convergence.json"


def run_convergence(stage: StageRun) -> StageOutcome:
    """Of every model and steering, on both axes."""
    panels = list(state_panels(stage.inputs, ITEMS))
    values = []
    with stage.progress(len(panels), "convergence") as advance:
        for panel, states in panels:
            values += [convergence(states, panel=panel, axis=axis) for axis in AXES]
            advance(1)
    save_values(stage.out / CONVERGENCE_FILE, values)
    return StageOutcome(
        metrics=tuple(
            metric
            for one in values
            for name, curve in (("cka", one.cka), ("cosine", one.cosine))
            for metric in curve_metrics(f"{name}/{one.axis}/{one.panel.model}/{one.panel.condition}", curve)
        ),
        artifacts={CONVERGENCE_FILE: "analyses"},
        note="Debiased linear CKA and mean cosine between languages at each layer (step), mean over pairs of languages.",
    )


# --------------------------------------------------------------------------------------------------------------------
# Stage `pca`: last-token states of every model and steering, projected to the same two axes a layer.


def run_pca(stage: StageRun) -> StageOutcome:
    """The unaligned, unsteered model is the basis."""
    with stage.progress(1, "projections") as advance:
        value, coordinates = pca(tuple(state_panels(stage.inputs, ITEMS)))
        advance(1)
    save_pca(stage.out, value, coordinates)
    return StageOutcome(
        artifacts={PCA_FILE: "analyses", COORDINATES: "analyses"},
        note=f"{len(value.rows)} items in {len(value.panels)} panels; the axes are {value.basis}.",
    )


# --------------------------------------------------------------------------------------------------------------------
# Stage `perpendicularity`: how far the EN and the LOC direction are from each other, layer by layer, beside two nulls.

PERPENDICULARITY_FILE = "perpendicularity.json"


def run_perpendicularity(stage: StageRun) -> StageOutcome:
    """Of every model."""
    models = models_of(stage.inputs, "states")
    values = []
    with stage.progress(len(models), "perpendicularity") as advance:
        for model, folder in models.items():
            products = PairProducts.load(folder / PAIRS)
            values.append(perpendicularity(products, model=model, label=model_label(model), seed=stage.spec.seed))
            advance(1)
    save_values(stage.out / PERPENDICULARITY_FILE, values)
    return StageOutcome(
        metrics=tuple(
            metric for one in values for metric in macro_metrics(f"perpendicularity/{one.model}", one.by_language)
        ),
        artifacts={PERPENDICULARITY_FILE: "analyses"},
        note="90 − |angle − 90| between the mean EN and the mean LOC difference at each layer (step), in degrees.",
    )


# --------------------------------------------------------------------------------------------------------------------
# Stage `retrieval`: how often a sentence's nearest neighbour in another language is its translation, layer by layer.

RETRIEVAL_FILE = "retrieval.json"


def run_retrieval(stage: StageRun) -> StageOutcome:
    """Of every model and steering."""
    panels = list(state_panels(stage.inputs, SENTENCES))
    values = []
    with stage.progress(len(panels), "retrieval") as advance:
        for panel, states in panels:
            values.append(retrieval(states, panel=panel, seed=stage.spec.seed))
            advance(1)
    save_values(stage.out / RETRIEVAL_FILE, values)
    return StageOutcome(
        metrics=tuple(
            metric
            for one in values
            for metric in macro_metrics(f"retrieval/{one.panel.model}/{one.panel.condition}", one.by_language)
        ),
        artifacts={RETRIEVAL_FILE: "analyses"},
        note=(
            f"Top-1 among {max((one.sentences for one in values), default=0)} sentences to and from English at each layer "
            "(step), by cosine of mean-pooled states."
        ),
    )
