"""`log.jsonl`: one line an optimizer step, by rank 0. A resumed training cuts it back, so that no step stands twice."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isogloss.files import write_atomic
from isogloss.methods.job import LOG, Job


class StepLog:
    """Counts the time and tokens of a step, and writes its line."""

    def __init__(self, job: Job, *, writes: bool) -> None:
        self.path: Path | None = job.folder / LOG if writes else None
        self._since = time.perf_counter()

    def begin(self, step: int) -> None:
        """Training goes on after `step` (0: from the start)."""
        if self.path is not None:
            cut_back(self.path, step)
        self._since = time.perf_counter()

    def write(self, step: int, *, steps: int, tokens: int, parts: Mapping[str, float], **values: float) -> None:
        """One line. `tokens` are the real ones of the whole step, over all processes; `seconds` since the last line."""
        now = time.perf_counter()
        seconds, self._since = now - self._since, now
        line: dict[str, Any] = {"step": step, "steps": steps, **values}
        if parts:
            line["parts"] = dict(parts)
        line |= {"tokens": tokens, "tokens_per_second": round(tokens / seconds, 1), "seconds": round(seconds, 4)}
        if self.path is not None:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")


def read_log(path: Path) -> list[dict[str, Any]]:
    """Its whole lines; the last one may be torn where the process was killed."""
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1]]


def cut_back(path: Path, step: int) -> None:
    """Remove lines after `step`, and a torn one."""
    kept = [line for line in read_log(path) if line["step"] <= step]
    write_atomic(path, "".join(json.dumps(line) + "\n" for line in kept))
