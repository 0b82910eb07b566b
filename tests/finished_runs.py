"""What a finished run left behind: the folder of a stage, and rows of the MLflow store."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def stage_folder(root: Path, name: str) -> Path:
    """The one folder of the stage `name`."""
    (found,) = (root / "mlruns" / "stages").glob(f"{name}-????????????????")
    return found


def store_rows(root: Path, query: str) -> list[Any]:
    """What a query of the run's own store gives."""
    with closing(sqlite3.connect(root / "mlflow.db")) as connection:
        return connection.execute(query).fetchall()
