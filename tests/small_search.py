"""The small pipeline with trained methods, searches and a registered model."""

from __future__ import annotations

from pathlib import Path

from small_align import write_align_pipeline

TRIALS = 6
CHECKPOINTS = ("unaligned", "mist")
NAME = "small-model"

_SEARCH = """
search: {checkpoints: [CHECKPOINTS], trials: TRIALS, starts: 2, max_transfer_loss: null, loc_gammas: [0, 2], workers: WORKERS}
promote: {name: NAME, transfer_floor: -1, localization_floor: -1, min_items: 1, max_points: 2, allow_dirty: true}
"""


def write_search_pipeline(
    folder: Path, model: Path, *, trials: int = TRIALS, workers: int = 1, checkpoints: tuple[str, ...] = CHECKPOINTS
) -> Path:
    """`small.yaml` with `align`, `search` and `promote`, in `folder`."""
    methods = tuple(one for one in checkpoints if one != "unaligned")
    path = write_align_pipeline(folder, model, methods=methods)
    values = {"CHECKPOINTS": ", ".join(checkpoints), "TRIALS": str(trials), "WORKERS": str(workers), "NAME": NAME}
    search = _SEARCH
    for name, value in values.items():
        search = search.replace(name, value)
    path.write_text(path.read_text(encoding="utf-8") + search, encoding="utf-8")
    return path
