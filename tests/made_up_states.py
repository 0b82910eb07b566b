"""States folders with made-up values: for tests of what is computed from states, without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from isogloss.analysis.capture import UNSTEERED, StateRow, States, file_of, load_states, write_header
from isogloss.files import sealed_folder
from isogloss.results.analyses import Panel
from isogloss.steering.vectors import Token

PANEL = Panel(model="unaligned", label="Unaligned")


def made_up_rows(languages: Sequence[str], questions: int, *, axis: str | None = "transfer") -> list[StateRow]:
    """Every question in every language, language by language."""
    return [
        StateRow(f"q{number:03d}/{language}", f"q{number:03d}", language, axis, f"q{number:03d}")
        for language in languages
        for number in range(questions)
    ]


def made_up_states(
    folder: Path,
    rows: Sequence[StateRow],
    values: Mapping[int, np.ndarray],
    *,
    reads: Sequence[Token] = ("last", "mean"),
    steered: Mapping[str, Mapping[int, np.ndarray]] | None = None,
) -> dict[str, States]:
    """States with `values` [N, D] by layer, the same for both reads; `steered` conditions have values from a layer on."""
    conditions = {UNSTEERED: dict(values), **{name: dict(own) for name, own in (steered or {}).items()}}
    width = next(iter(values.values())).shape[1]
    with sealed_folder(folder, kind="states") as aside:
        for name, by_layer in conditions.items():
            for layer, array in by_layer.items():
                for read in reads:
                    path = file_of(aside, name, layer, read)
                    path.parent.mkdir(exist_ok=True)
                    np.save(path, array.astype(np.float32))
        first = {name: None if name == UNSTEERED else min(own) for name, own in conditions.items()}
        write_header(aside, rows=rows, layers=sorted(values), width=width, reads=reads, first_layers=first)
    return load_states(folder)


def random_states(folder: Path, rows: Sequence[StateRow], *, width: int = 24, layers: int = 2, seed: int = 0) -> States:
    """States in which a question's meaning, its language and noise each play a part."""
    rng = np.random.default_rng(seed)
    meaning = {row.question: rng.normal(size=width) for row in rows}
    offset = {row.language: rng.normal(size=width) for row in rows}
    values = {
        layer: np.stack(
            [layer * meaning[row.question] + 2 * offset[row.language] + rng.normal(size=width) for row in rows]
        )
        for layer in range(1, layers + 1)
    }
    return made_up_states(folder, rows, values)["none"]
