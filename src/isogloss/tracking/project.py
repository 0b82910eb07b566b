"""Projecting a journal to MLflow: bring the record up to the journal, or say what is pending and go on.

MLflow is never on the critical path: a store that is locked, absent or refusing costs a few seconds and one warning.
How each thing comes to be shown once is told in :mod:`isogloss.tracking.record`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock

from isogloss.files import digest_of, read_json, write_json
from isogloss.tracking.client import LOCK_SECONDS, StoreUnavailable, connect
from isogloss.tracking.journal import Event, Journal
from isogloss.tracking.record import Shown, record
from isogloss.tracking.runs import fold
from isogloss.tracking.store import holds_runs, shown_uri

_logger = logging.getLogger(__name__)
_warned: set[str] = set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """How far the journal is in MLflow.

    `pending` counts the events still to be projected; `run_ids` are MLflow's, by key; `missing` lists artifacts that
    were gone before they could be projected; `problem` says why something is pending.
    """

    pending: int
    run_ids: dict[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    problem: str | None = None


def project(journal: Journal, *, tracking_uri: str, experiment: str) -> Projection:
    """Bring MLflow up to the journal. Never raises for a store that is locked, absent or refusing.

    Then `pending` is above zero, one warning a process goes to the log, and the next call goes on. Waits add up to
    about 15 s at most. Where nothing is new, mlflow is not even imported.

    Args:
        journal: what to project; it is made durable first.
        tracking_uri: any MLflow tracking URI.
        experiment: name of the MLflow experiment; created where absent.

    Raises:
        DataError: the journal itself is damaged.
    """
    journal.sync()
    events = journal.events()
    if not events:
        return Projection(pending=0)
    memory = _Memory(journal, digest_of([tracking_uri, experiment]))
    shown = memory.load()
    if shown and not holds_runs(tracking_uri, (known.run_id for known in shown.values())):
        shown = {}
    missing: list[str] = []
    problem = None
    if _pending(events, shown):
        try:
            with FileLock(memory.path.with_suffix(".lock"), timeout=LOCK_SECONDS), connect(tracking_uri) as client:
                try:
                    missing = record(client, journal, fold(events), shown, tracking_uri, experiment)
                finally:
                    memory.save(shown)
        except (StoreUnavailable, OSError) as error:
            problem = str(error)
            _warn(journal, tracking_uri, problem, _pending(events, shown))
    for path in missing:
        _logger.warning("%s: gone before MLflow could have it; the run is recorded without it", path)
    return Projection(
        pending=_pending(events, shown),
        run_ids={key: known.run_id for key, known in shown.items()},
        missing=tuple(missing),
        problem=problem,
    )


def memory_of(journal: Path) -> Path:
    """Where it is kept how far a journal is projected, and what MLflow calls its runs."""
    return journal.with_name(f"{journal.stem}.projected.json")


@dataclass(slots=True)
class _Memory:
    """Beside the journal: how far it is projected, by store and experiment. Lost, it is found again in the tags."""

    journal: Journal
    store: str

    @property
    def path(self) -> Path:
        return memory_of(self.journal.path)

    def _all(self) -> dict[str, Any]:
        try:
            content = read_json(self.path)
        except (OSError, ValueError):
            return {}
        if not isinstance(content, dict) or content.get("journal") != self.journal.id:
            return {}
        return content.get("stores", {})

    def load(self) -> dict[str, Shown]:
        runs = self._all().get(self.store, {})
        return {key: Shown(run_id, seq) for key, (run_id, seq) in runs.items()}

    def save(self, shown: dict[str, Shown]) -> None:
        stores = {**self._all(), self.store: {key: [known.run_id, known.seq] for key, known in shown.items()}}
        write_json(self.path, {"journal": self.journal.id, "stores": stores})


def _pending(events: Sequence[Event], shown: dict[str, Shown]) -> int:
    return sum(
        1 for event in events if event.run is not None and (event.run not in shown or shown[event.run].seq < event.seq)
    )


def _warn(journal: Journal, uri: str, problem: str, pending: int) -> None:
    if uri in _warned:
        return
    _warned.add(uri)
    _logger.warning(
        "MLflow at %s could not take the record (%s). Nothing is lost: %d event%s in %s wait for the next run or "
        "projection.",
        shown_uri(uri),
        problem.removeprefix(f"{shown_uri(uri)}: "),
        pending,
        "s" if pending != 1 else "",
        journal.path,
    )
