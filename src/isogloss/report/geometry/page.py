"""What the page shows of the analyses beside their figures."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.files import write_atomic
from isogloss.report.geometry import languages, subspaces
from isogloss.report.geometry.findings import Geometry, geometry_findings
from isogloss.report.geometry.subspaces import ITEMS, pca_csv
from isogloss.report.kit.style import Drawing
from isogloss.results.analyses import COORDINATES

# --------------------------------------------------------------------------------------------------------------------
# The figures of the analyses, as far as there is something to draw.


def geometry_drawings(geometry: Geometry, *, layer: int | None) -> list[Drawing]:
    """Directions, projections (drawn at `layer`, or the middle one), convergence, retrieval, agreement."""
    return [
        *_perpendicularity(geometry),
        *_projections(geometry, layer),
        *_convergence(geometry),
        *_retrieval(geometry),
        *_agreement(geometry),
    ]


def drawn_layer(layers: Sequence[int], wanted: int | None) -> int:
    """The layer that the projections are drawn at: the one wanted, or the nearest there is; the middle one by default."""
    if wanted is None:
        return layers[len(layers) // 2]
    return min(layers, key=lambda each: (abs(each - wanted), each))


def _perpendicularity(geometry: Geometry) -> list[Drawing]:
    given = geometry.perpendicularity
    if not any(curve.layers for each in given for curve in each.by_language.values()):
        return []
    return [
        Drawing(
            name="perpendicularity",
            draw=partial(subspaces.perpendicularity_figure, given),
            alternative=subspaces.perpendicularity_alternative(given),
            numbers=subspaces.perpendicularity_numbers(given),
            controls=subspaces.perpendicularity_controls(given),
        )
    ]


def _projections(geometry: Geometry, wanted: int | None) -> list[Drawing]:
    value, coordinates = geometry.pca, geometry.coordinates
    # Without a share of variance at any layer the states did not vary, and all points would lie in one place.
    if value is None or coordinates is None or not value.rows or not any(panel.share for panel in value.panels):
        return []
    layer = drawn_layer(value.layers, wanted)
    found = []
    for name, steered in (("pca", False), ("pca-steered", True)):
        if subspaces.shown_panels(value, steered=steered):
            found.append(
                Drawing(
                    name=name,
                    draw=partial(subspaces.pca_figure, value, coordinates, layer=layer, steered=steered),
                    alternative=subspaces.pca_alternative(value, layer=layer, steered=steered),
                    numbers=subspaces.pca_numbers(value, coordinates, layer=layer, steered=steered),
                    controls=subspaces.pca_controls(value, coordinates, layer=layer, steered=steered),
                )
            )
    return found


def _convergence(geometry: Geometry) -> list[Drawing]:
    given = geometry.convergence
    if not any(languages.measured(each) for each in given):
        return []
    return [
        Drawing(
            name="convergence",
            draw=partial(languages.convergence_figure, given),
            alternative=languages.convergence_alternative(given),
            numbers=languages.convergence_numbers(given),
            controls=languages.convergence_controls(given),
        )
    ]


def _retrieval(geometry: Geometry) -> list[Drawing]:
    given = geometry.retrieval
    if not languages.retrieval_languages(given):
        return []
    return [
        Drawing(
            name="retrieval",
            draw=partial(languages.retrieval_figure, given),
            alternative=languages.retrieval_alternative(given),
            numbers=languages.retrieval_numbers(given),
            controls=languages.retrieval_controls(given),
        )
    ]


def _agreement(geometry: Geometry) -> list[Drawing]:
    given = geometry.agreement
    found = []
    if any(each.universal or each.localized for each in given):
        found.append(
            Drawing(
                name="agreement",
                draw=partial(languages.agreement_figure, given),
                alternative=languages.agreement_alternative(given),
                numbers=languages.agreement_numbers(given),
                controls=languages.agreement_controls(given),
            )
        )
    if languages.question_labels(given):
        found.append(
            Drawing(
                name="labels",
                draw=partial(languages.labels_figure, given),
                alternative=languages.labels_alternative(given),
                numbers=languages.labels_numbers(given),
                controls=languages.agreement_controls(given),
            )
        )
    return found


# --------------------------------------------------------------------------------------------------------------------


def shown_geometry(geometry: Geometry, *, layer: int | None) -> dict[str, Any]:
    """Sentences, what is missing, and the words of the captions, for the template."""
    pca = geometry.pca
    return {
        "findings": geometry_findings(geometry),
        "missing": geometry.absent(),
        "basis": "" if pca is None else pca.basis,
        "layer": None if pca is None or not pca.layers else drawn_layer(pca.layers, layer),
        "chosen": layer,
        "most": ITEMS,
        "centred": any(each.centred for each in geometry.retrieval),
        "sentences": max((each.sentences for each in geometry.retrieval), default=0),
    }


# --------------------------------------------------------------------------------------------------------------------
# The numbers of the analyses as files beside the page.

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
