"""Follow a growing `log.jsonl`, from another process."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


class LogFollower:
    """Hands out the lines that are written from now on, each once, and only whole ones.

    A training that goes on from a checkpoint cuts the log back first: the lines that stay are not handed out again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: list[bytes] = []
        self._file, self._offset = 0, 0
        self.new()

    def new(self) -> list[dict[str, Any]]:
        """Lines written since the last call."""
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                rewritten = status.st_ino != self._file or status.st_size < self._offset
                file.seek(0 if rewritten else self._offset)
                content = file.read()
        except FileNotFoundError:
            return []
        whole, _, _ = content.rpartition(b"\n")
        lines = whole.split(b"\n") if whole else []
        length = len(whole) + 1 if lines else 0
        if not rewritten:
            self._offset += length
            self._lines += lines
            return [json.loads(line) for line in lines]
        kept = 0
        while kept < min(len(lines), len(self._lines)) and lines[kept] == self._lines[kept]:
            kept += 1
        self._file, self._offset, self._lines = status.st_ino, length, lines
        return [json.loads(line) for line in lines[kept:]]
