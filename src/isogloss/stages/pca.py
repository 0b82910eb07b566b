"""Stage `pca`: last-token states of every model and steering, projected to the same two axes a layer."""

from __future__ import annotations

from isogloss.analysis.pca import PCA_FILE, pca, save_pca
from isogloss.analysis.results import COORDINATES
from isogloss.stages.panels import state_panels
from isogloss.stages.stage import Record, StageRun
from isogloss.stages.states import ITEMS


def run(stage: StageRun) -> Record:
    """The unaligned, unsteered model is the basis."""
    with stage.progress(1, "projections") as advance:
        value, coordinates = pca(tuple(state_panels(stage.inputs, ITEMS)))
        advance(1)
    save_pca(stage.out, value, coordinates)
    return Record(
        artifacts={PCA_FILE: "analyses", COORDINATES: "analyses"},
        note=f"{len(value.rows)} items in {len(value.panels)} panels; the axes are {value.basis}.",
    )
