"""What the page shows of the analyses beside their figures."""

from __future__ import annotations

from typing import Any

from isogloss.report.geometry.drawings import drawn_layer
from isogloss.report.geometry.findings import geometry_findings
from isogloss.report.geometry.given import Geometry
from isogloss.report.geometry.pca import ITEMS


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
