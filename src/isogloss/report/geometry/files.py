"""The numbers of the analyses as files beside the page."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np

from isogloss.analysis.results import COORDINATES
from isogloss.files import write_atomic
from isogloss.report.geometry.drawings import drawn_layer
from isogloss.report.geometry.given import Geometry
from isogloss.report.geometry.pca import pca_csv

NUMBERS, PROJECTIONS = "geometry.json", "projections.csv"


def write_geometry(geometry: Geometry, folder: Path, *, layer: int | None) -> None:
    """`geometry.json`; with projections also `coordinates.npy`, all of them, and `projections.csv`, the layer drawn."""
    named = {
        name: [each.model_dump(mode="json") for each in getattr(geometry, name)]
        for name in ("perpendicularity", "convergence", "retrieval", "agreement")
    }
    pca = None if geometry.pca is None else geometry.pca.model_dump(mode="json")
    numbers = {**named, "pca": pca, "missing": list(geometry.missing)}
    write_atomic(folder / NUMBERS, json.dumps(numbers, ensure_ascii=False, indent=1) + "\n")
    if geometry.pca is None or geometry.coordinates is None or not geometry.pca.layers:
        return
    drawn = drawn_layer(geometry.pca.layers, layer)
    write_atomic(folder / PROJECTIONS, pca_csv(geometry.pca, geometry.coordinates, layer=drawn))
    out = io.BytesIO()
    np.save(out, geometry.coordinates.astype(np.float32), allow_pickle=False)
    write_atomic(folder / COORDINATES, out.getvalue())
