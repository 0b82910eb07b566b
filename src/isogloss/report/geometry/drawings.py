"""The figures of the analyses, as far as there is something to draw."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from isogloss.report.details import Drawing
from isogloss.report.geometry import agreement, convergence, pca, perpendicularity, retrieval
from isogloss.report.geometry.given import Geometry


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
            draw=partial(perpendicularity.perpendicularity_figure, given),
            alternative=perpendicularity.perpendicularity_alternative(given),
            numbers=perpendicularity.perpendicularity_numbers(given),
            controls=perpendicularity.perpendicularity_controls(given),
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
        if pca.shown_panels(value, steered=steered):
            found.append(
                Drawing(
                    name=name,
                    draw=partial(pca.pca_figure, value, coordinates, layer=layer, steered=steered),
                    alternative=pca.pca_alternative(value, layer=layer, steered=steered),
                    numbers=pca.pca_numbers(value, coordinates, layer=layer, steered=steered),
                    controls=pca.pca_controls(value, coordinates, layer=layer, steered=steered),
                )
            )
    return found


def _convergence(geometry: Geometry) -> list[Drawing]:
    given = geometry.convergence
    if not any(convergence.measured(each) for each in given):
        return []
    return [
        Drawing(
            name="convergence",
            draw=partial(convergence.convergence_figure, given),
            alternative=convergence.convergence_alternative(given),
            numbers=convergence.convergence_numbers(given),
            controls=convergence.convergence_controls(given),
        )
    ]


def _retrieval(geometry: Geometry) -> list[Drawing]:
    given = geometry.retrieval
    if not retrieval.retrieval_languages(given):
        return []
    return [
        Drawing(
            name="retrieval",
            draw=partial(retrieval.retrieval_figure, given),
            alternative=retrieval.retrieval_alternative(given),
            numbers=retrieval.retrieval_numbers(given),
            controls=retrieval.retrieval_controls(given),
        )
    ]


def _agreement(geometry: Geometry) -> list[Drawing]:
    given = geometry.agreement
    found = []
    if any(each.universal or each.localized for each in given):
        found.append(
            Drawing(
                name="agreement",
                draw=partial(agreement.agreement_figure, given),
                alternative=agreement.agreement_alternative(given),
                numbers=agreement.agreement_numbers(given),
                controls=agreement.agreement_controls(given),
            )
        )
    if agreement.question_labels(given):
        found.append(
            Drawing(
                name="labels",
                draw=partial(agreement.labels_figure, given),
                alternative=agreement.labels_alternative(given),
                numbers=agreement.labels_numbers(given),
                controls=agreement.agreement_controls(given),
            )
        )
    return found
