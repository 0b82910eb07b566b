"""What the journal says each run looks like: events folded into one state a run.

The rule behind "each metric step once": a value given again stays where it first stood; a value given differently takes
the place of the old one, and the pair of sequence numbers is kept so that a projection that already showed the old
value can tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from isogloss.tracking.journal import Event

#: Tags of a run that those below it have too: several pipelines share an experiment.
INHERITED = ("isogloss.pipeline",)


@dataclass(frozen=True, slots=True)
class Point:
    """A metric value with the wall-clock time (Unix ms) and sequence number it was first given at."""

    value: float
    ms: int
    seq: int


@dataclass(slots=True, kw_only=True)
class RunState:
    """One run. Each entry carries the sequence number of the event it comes from."""

    key: str
    name: str
    parent: str | None
    kind: str
    start_ms: int
    tags: dict[str, str] = field(default_factory=dict)
    params: dict[str, tuple[str, int]] = field(default_factory=dict)
    points: dict[tuple[str, int], Point] = field(default_factory=dict)
    """By metric name and step."""
    artifacts: dict[tuple[str, str], int] = field(default_factory=dict)
    """By path and folder."""
    datasets: dict[tuple[str, str, str], tuple[int, int]] = field(default_factory=dict)
    """By name, digest and context: number of rows, sequence number."""
    status: str = "RUNNING"
    end_ms: int | None = None
    seq: int = 0
    replaced: list[tuple[int, int]] = field(default_factory=list)
    """Sequence numbers of a value and of the different one that took its place."""

    def contradicts(self, shown: int) -> bool:
        """Whether a record that shows everything up to sequence number `shown` holds a value that is replaced."""
        return any(old <= shown < new for old, new in self.replaced)


def fold(events: Iterable[Event]) -> dict[str, RunState]:
    """Runs by key, in the order in which they were first started, so parents stand before their children.

    An event of a run that was never started is a broken invariant of the writer.
    """
    runs: dict[str, RunState] = {}
    for event in events:
        if event.run is None:
            continue
        if event.kind == "start":
            run = runs.setdefault(event.run, _new_run(event))
            run.name, run.parent, run.kind = event.data["name"], event.data["parent"], event.data["kind"]
            run.tags.update(_inherited(runs.get(str(run.parent))) | event.data["tags"])
            run.status, run.end_ms = "RUNNING", None
        else:
            assert event.run in runs, f"event {event.seq}: run {event.run!r} was not started"
            run = runs[event.run]
            _apply(run, event)
        run.seq = event.seq
    return runs


def _inherited(parent: RunState | None) -> dict[str, str]:
    return {} if parent is None else {name: parent.tags[name] for name in INHERITED if name in parent.tags}


def _new_run(event: Event) -> RunState:
    assert event.run is not None
    data: dict[str, Any] = event.data
    start_ms = event.ms - data.get("since", 0)
    return RunState(key=event.run, name=data["name"], parent=data["parent"], kind=data["kind"], start_ms=start_ms)


def _apply(run: RunState, event: Event) -> None:
    data = event.data
    match event.kind:
        case "params":
            for name, value in data["values"].items():
                old = run.params.get(name)
                if old is None or old[0] != value:
                    run.params[name] = (value, event.seq)
                    if old is not None:
                        run.replaced.append((old[1], event.seq))
        case "metrics":
            for name, written in data["values"].items():
                value = float(written)
                point = run.points.get((name, data["step"]))
                # repr: NaN equals itself here.
                if point is None or repr(point.value) != repr(value):
                    run.points[name, data["step"]] = Point(value, event.ms, event.seq)
                    if point is not None:
                        run.replaced.append((point.seq, event.seq))
        case "tags":
            run.tags.update(data["values"])
        case "artifact":
            run.artifacts[data["path"], data["folder"]] = event.seq
        case "dataset":
            run.datasets.setdefault((data["name"], data["digest"], data["context"]), (data["rows"], event.seq))
        case "end":
            run.status, run.end_ms = data["status"], data.get("at", event.ms)
