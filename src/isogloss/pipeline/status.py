"""What the journals say was done, is running, or failed. Needs neither the model nor the specs."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isogloss.pipeline.recording import PARENT
from isogloss.pipeline.steps import STORE
from isogloss.tracking.journal import Journal
from isogloss.tracking.process import is_gone
from isogloss.tracking.runs import RunState, fold


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineState:
    """A pipeline that left a journal: `word` and each stage's word are finished, failed, stopped or running."""

    folder: Path
    word: str
    stages: dict[str, str]
    last: str

    def as_json(self) -> dict[str, Any]:
        """Stable JSON."""
        return {"pipeline": self.folder.name, "state": self.word, "stages": self.stages, "last_event": self.last}


def pipeline_states(root: Path) -> list[PipelineState]:
    """Every pipeline of this folder, the newest last."""
    found = []
    for path in (root / STORE / "pipelines").glob("*/journal.jsonl"):
        events = Journal(path).events()
        if not events:
            continue
        runs = fold(events)
        last = datetime.datetime.fromtimestamp(events[-1].ms / 1000).astimezone().isoformat(timespec="seconds")
        words = {key: _word(run) for key, run in runs.items() if run.parent in (None, PARENT)}
        found.append(PipelineState(folder=path.parent, word=words.pop(PARENT, "stopped"), stages=words, last=last))
    return sorted(found, key=lambda state: state.last)


def _word(run: RunState) -> str:
    if run.end_ms is None:
        return "stopped (killed)" if is_gone(run.tags) else "running"
    return {"FINISHED": "finished", "FAILED": "failed", "KILLED": "stopped"}[run.status]
