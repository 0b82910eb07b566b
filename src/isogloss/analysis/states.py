"""Hidden states of many prompts at every layer, captured once, kept on disk and read one layer at a time.

A folder holds one float32 array [N, D] (N prompts, D hidden size) a layer and read, in a subfolder a condition, beside
`states.json`. A read is the last real prompt token's state (`last`) or the mean over all real tokens that are not
special (`mean`). Layers below the first one that a steered condition changes are the unsteered ones and are not kept
twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isogloss.analysis.questions import StateRow
from isogloss.errors import RefusedError, UserError
from isogloss.files import damage, read_json, write_json
from isogloss.models.blocks import LAYER_CONVENTION
from isogloss.steering.vectors import Token

#: The condition that is always there.
UNSTEERED = "none"
HEADER = "states.json"
FORMAT = "isogloss-states-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """The states of one condition. `first_layer` is the lowest layer that differs from the unsteered; None: none does."""

    folder: Path
    condition: str
    rows: tuple[StateRow, ...]
    layers: tuple[int, ...]
    width: int
    reads: tuple[Token, ...]
    first_layer: int | None

    def layer(self, layer: int, read: Token = "last") -> np.ndarray:
        """Float32 [N, D], mapped from the disk, read-only. Raises UserError for a layer or read that was not captured."""
        if layer not in self.layers or read not in self.reads:
            raise UserError(
                f"{self.folder}: no '{read}' states of layer {layer}; captured are {' and '.join(self.reads)} of layers "
                f"{', '.join(map(str, self.layers))}"
            )
        changed = self.first_layer is not None and layer >= self.first_layer
        path = file_of(self.folder, self.condition if changed else UNSTEERED, layer, read)
        return np.load(path, mmap_mode="r", allow_pickle=False)


def file_of(folder: Path, condition: str, layer: int, read: Token) -> Path:
    """Where a condition's states of a layer stand."""
    return folder / condition / f"{read}-{layer:03d}.npy"


def write_header(
    folder: Path,
    *,
    rows: Sequence[StateRow],
    layers: Sequence[int],
    width: int,
    reads: Sequence[Token],
    first_layers: Mapping[str, int | None],
) -> None:
    """Write `states.json`; `first_layers` names the conditions."""
    header = {
        "format": FORMAT,
        "layer_convention": LAYER_CONVENTION,
        "layers": list(layers),
        "width": width,
        "reads": list(reads),
        "first_layers": dict(first_layers),
        "rows": [asdict(row) for row in rows],
    }
    write_json(folder / HEADER, header)


def load_states(folder: Path) -> dict[str, States]:
    """{condition: states} of a folder that `capture_states` wrote, the unsteered first.

    Raises UserError where there are none and RefusedError for a damaged folder (files missing or of another size).
    """
    if not (folder / HEADER).is_file():
        raise UserError(f"{folder}: no captured states there ({HEADER} is missing)")
    if wrong := damage(folder, checksums=False):
        raise RefusedError(f"damaged states: {wrong}. Capture them again.")
    header: dict[str, Any] = read_json(folder / HEADER)
    if header.get("format") != FORMAT:
        raise RefusedError(f"{folder / HEADER}: format {header.get('format')!r}, this version reads {FORMAT!r}")
    rows = tuple(StateRow(**row) for row in header["rows"])
    return {
        condition: States(
            folder=folder,
            condition=condition,
            rows=rows,
            layers=tuple(header["layers"]),
            width=header["width"],
            reads=tuple(header["reads"]),
            first_layer=first_layer,
        )
        for condition, first_layer in header["first_layers"].items()
    }
