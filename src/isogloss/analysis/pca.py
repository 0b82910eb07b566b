"""Two axes a layer through last-token states, the same for every panel (Han et al. 2025, figures 3, 11 to 13).

The axes are the principal components of one panel's states (the first given: the unaligned model, unsteered); every other
panel is moved by the same mean and laid on the same axes, so that what moves between pictures moved in the model. The
share of a panel's own variance on the axes says how much of it a picture shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA

from isogloss.analysis.capture import StateRow, States
from isogloss.errors import UserError
from isogloss.files import write_json
from isogloss.results.analyses import COORDINATES, Panel, Pca, PcaPanel, PcaRow
from isogloss.steering.vectors import Token

PCA_FILE = "pca.json"

#: Above this many rows or columns only the two components asked for are computed (ARPACK, to machine precision).
_SMALL = 500


def pca(
    panels: Sequence[tuple[Panel, States]], *, layers: Sequence[int] | None = None, read: Token = "last"
) -> tuple[Pca, np.ndarray]:
    """The projections, and their coordinates, float32 [panels, layers, rows, 2]; the first panel is the basis.

    A component's sign, which is arbitrary, is that which agrees with the layer before. Rows without an axis (bare
    sentences) are left out. Where the basis does not vary in two directions at a layer its coordinates are zero and
    `missing` says so. Raises UserError where panels differ in rows or layers, or there are none.
    """
    first, basis = panels[0]
    shown = tuple(layers or basis.layers)
    rows = [index for index, row in enumerate(basis.rows) if row.axis is not None]
    for panel, states in panels:
        if states.rows != basis.rows or states.width != basis.width:
            raise UserError(f"panels differ in their prompts or width: {panel.label} and {first.label}")
    coordinates = np.zeros((len(panels), len(shown), len(rows), 2), dtype=np.float32)
    shares: list[dict[int, tuple[float, float]]] = [{} for _ in panels]
    missing = []
    for place, layer in enumerate(shown):
        fitted = _fit(basis.layer(layer, read)[rows].astype(float)) if rows else None
        if fitted is None:
            missing.append(f"layer {layer}: the states of {first.label} do not vary in two directions")
            continue
        mean, axes_2D = fitted
        for number, (panel, states) in enumerate(panels):
            own_ND = states.layer(layer, read)[rows]
            states_ND = own_ND - mean
            points_N2 = states_ND @ axes_2D.T
            if number == 0 and place:
                signs = _agreeing_signs(points_N2, coordinates[0, place - 1])
                axes_2D, points_N2 = axes_2D * signs[:, None], points_N2 * signs
            coordinates[number, place] = points_N2
            if np.ptp(own_ND, axis=0).any():
                one, two = points_N2.var(axis=0) / states_ND.var(axis=0).sum()
                shares[number][layer] = (float(one), float(two))
            else:
                missing.append(f"layer {layer}: the states of {panel.label}, {panel.condition_label}, are all the same")
    return Pca(
        layers=shown,
        rows=tuple(_pca_row(basis.rows[index]) for index in rows),
        panels=tuple(PcaPanel(panel=panel, share=share) for (panel, _), share in zip(panels, shares, strict=True)),
        basis=f"principal components of {first.label}, {first.condition_label}, at each layer",
        missing=tuple(missing),
    ), coordinates


def save_pca(folder: Path, value: Pca, coordinates: np.ndarray) -> None:
    """Write `pca.json` and `coordinates.npy` into `folder`."""
    write_json(folder / PCA_FILE, value.model_dump(mode="json"))
    np.save(folder / COORDINATES, coordinates.astype(np.float32), allow_pickle=False)


def _pca_row(row: StateRow) -> PcaRow:
    assert row.axis is not None
    return PcaRow(id=row.id, group=row.group, language=row.language, axis=row.axis)


def _fit(states_ND: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Mean [D] and axes [2, D]; None where there is less than a plane of variance."""
    smallest, largest = min(states_ND.shape), max(states_ND.shape)
    if smallest < 2 or not np.ptp(states_ND, axis=0).any():
        return None
    solver = "full" if largest <= _SMALL or smallest <= 2 else "arpack"
    found = PCA(n_components=2, svd_solver=solver, random_state=0).fit(states_ND)
    first, second = found.explained_variance_
    # A second axis of nothing but rounding has a direction of its own on every machine.
    return (found.mean_, found.components_) if second > 1e-12 * first else None


def _agreeing_signs(points_N2: np.ndarray, before_N2: np.ndarray) -> np.ndarray:
    """±1 for each axis, so that points rise together with those of the layer before."""
    return np.where((points_N2 * before_N2).sum(0) < 0, -1.0, 1.0)
