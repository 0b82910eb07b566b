"""The local journal: what a pipeline did, one JSON event a line, appended before any tracking server hears of it.

Several processes may append to one journal (a launcher and its workers): each append takes the file's lock and first
reads what others wrote. A line that a kill or a full disk tore is cut off by the next append and reported in
:attr:`Journal.torn`; a damaged line further up is an error.
"""

from __future__ import annotations

import fcntl
import json
import logging
import math
import os
import posixpath
import re
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Literal

from isogloss.errors import DataError, UserError
from isogloss.processes import identity, is_gone

Status = Literal["FINISHED", "FAILED", "KILLED"]
EventKind = Literal["journal", "start", "params", "metrics", "tags", "artifact", "dataset", "end", "registered"]

#: MLflow's own tag for a description.
NOTE_TAG = "mlflow.note.content"
#: Version of the line format, in the first event of every journal.
FORMAT = 1

_logger = logging.getLogger(__name__)
_NAME = re.compile(r"[/\w.\- :]{1,250}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line: `seq` counts from 1 without gaps, `ms` is Unix time in milliseconds and never goes back."""

    seq: int
    ms: int
    kind: EventKind
    run: str | None = None
    data: dict[str, Any] = field(default_factory=dict)


class Journal:
    """An append-only journal at `path`; the file appears with the first event.

    Runs are named by keys that the caller chooses, unique in the journal. Starting a key again (a stage resumed after
    a kill) continues that run: a metric step given again takes its last value.
    """

    def __init__(self, path: Path, *, base: Path | None = None) -> None:
        """Artifacts under `base` (default: the journal's folder) are kept relative, so that it can move as a whole.

        Every method raises UserError for a journal of a newer format and DataError for a damaged one.
        """
        self.path = path
        self._base = (base or path.parent).absolute()
        self.torn: str | None = None
        """What a torn last line held (its beginning), when one was met."""
        self._size = 0
        self._last = Event(seq=0, ms=0, kind="journal")
        self._id: str | None = None
        self._started: set[str] = set()

    @property
    def id(self) -> str | None:
        """The journal's own identity, drawn with its first event; None before."""
        if self._id is None:
            self.events()
        return self._id

    def start_run(
        self,
        key: str,
        *,
        name: str,
        parent: str | None = None,
        kind: str,
        tags: Mapping[str, str] | None = None,
        seconds: float = 0.0,
    ) -> None:
        """Open run `key`, or open it again. `parent` is a started run's key; `kind` is e.g. `pipeline` or `stage`.

        `seconds` is for how long it has been going on already. This and all that follow raise ValueError for a run that
        was never started.
        """
        data = {"name": name, "parent": parent, "kind": kind, "tags": {**(tags or {}), **identity()}}
        since = {"since": round(1000 * seconds)} if seconds else {}
        self._append("start", key, {**data, **since}, sync=True)

    def params(self, key: str, values: Mapping[str, object]) -> None:
        """Parameters of a run; what is not text is kept as JSON."""
        self._append("params", key, {"values": {_checked(name): _text(value) for name, value in values.items()}})

    def metrics(self, key: str, values: Mapping[str, float], *, step: int = 0) -> None:
        """Metric values at one step; NaN and infinities are allowed."""
        numbers = {_checked(name): float(value) for name, value in values.items()}
        # JSON knows no NaN; float() reads these words back.
        written = {name: value if math.isfinite(value) else str(value) for name, value in numbers.items()}
        self._append("metrics", key, {"values": written, "step": int(step)})

    def tags(self, key: str, values: Mapping[str, str]) -> None:
        """Tags of a run; unlike a parameter, a tag may change."""
        self._append("tags", key, {"values": dict(values)})

    def note(self, key: str, text: str) -> None:
        """What MLflow shows as the run's description."""
        self.tags(key, {NOTE_TAG: text})

    def artifact(self, key: str, path: Path, *, folder: str = "") -> None:
        """A file, or a whole folder, to be shown with the run under `folder`; it keeps its name.

        It is read when the journal is projected.
        """
        path = path.absolute()
        kept = os.path.relpath(path, self.path.parent.absolute()) if path.is_relative_to(self._base) else str(path)
        self._append("artifact", key, {"path": kept, "folder": folder})

    def dataset(self, key: str, name: str, digest: str, context: str, rows: int) -> None:
        """A data set that the run read: its content digest, what for (`context`, e.g. `evaluation`), and its size."""
        self._append("dataset", key, {"name": name, "digest": digest, "context": context, "rows": rows})

    def end_run(self, key: str, status: Status) -> None:
        """Close a run. Durable on return."""
        self._append("end", key, {"status": status}, sync=True)

    def registered(self, facts: Mapping[str, Any]) -> None:
        """Note what was put into a registry; it belongs to no run. Durable on return."""
        self._append("registered", None, dict(facts), sync=True)

    def close_abandoned(self) -> list[str]:
        """End as KILLED, at the time of their last event, the open runs whose process is gone. Returns their keys."""
        open_runs: dict[str, Event] = {}
        last_ms: dict[str, int] = {}
        for event in self.events():
            if event.run is None:
                continue
            last_ms[event.run] = event.ms
            if event.kind == "start":
                open_runs[event.run] = event
            elif event.kind == "end":
                open_runs.pop(event.run, None)
        abandoned = [key for key, start in open_runs.items() if is_gone(start.data["tags"])]
        for key in abandoned:
            self._append("end", key, {"status": "KILLED", "at": last_ms[key]}, sync=True)
        return abandoned

    def sync(self) -> None:
        """Make everything written so far durable."""
        if self.path.exists():
            with self.path.open("rb") as file:
                os.fsync(file.fileno())

    def events(self) -> list[Event]:
        """Every whole event, in order; an absent journal has none."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            events, _ = self._read(file.read(), first=1)
        return events

    def _append(self, kind: EventKind, run: str | None, data: dict[str, Any], *, sync: bool = False) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Opened anew each time: the lock belongs to the open file, so it also keeps threads apart.
        with self.path.open("a+b", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            self._catch_up(file)
            # Refused here, where the caller is at fault: once written, it would spoil every later reading.
            needed = data["parent"] if kind == "start" else run
            if needed is not None and needed not in self._started:
                raise ValueError(f"run {needed!r} was not started")
            if self._last.seq == 0:
                self._write(file, "journal", None, {"id": uuid.uuid4().hex, "format": FORMAT})
            self._write(file, kind, run, data)
            if sync:
                os.fsync(file.fileno())

    def _catch_up(self, file: BinaryIO) -> None:
        """Take in what was appended since this object last looked, and cut a torn end off."""
        size = os.fstat(file.fileno()).st_size
        if size < self._size:
            self._size, self._last, self._started = 0, Event(seq=0, ms=0, kind="journal"), set()
        if size == self._size:
            return
        file.seek(self._size)
        events, whole = self._read(file.read(), first=self._last.seq + 1)
        if events:
            self._last = events[-1]
        self._size += whole
        if self._size < size:
            file.truncate(self._size)

    def _write(self, file: BinaryIO, kind: EventKind, run: str | None, data: dict[str, Any]) -> None:
        ms = max(time.time_ns() // 1_000_000, self._last.ms)
        event = Event(seq=self._last.seq + 1, ms=ms, kind=kind, run=run, data=data)
        line = json.dumps(
            {"seq": event.seq, "ms": ms, "event": kind, **({"run": run} if run is not None else {}), **data},
            ensure_ascii=False,
            allow_nan=False,
        )
        rest = memoryview(line.encode() + b"\n")
        try:
            while rest:
                rest = rest[file.write(rest) :]
        except OSError:
            file.truncate(self._size)
            raise
        self._size += len(line.encode()) + 1
        self._last = event
        self._note(event)

    def _read(self, content: bytes, *, first: int) -> tuple[list[Event], int]:
        """Parse lines of which the first has sequence number `first`; also the bytes that whole events take."""
        events: list[Event] = []
        whole = 0
        lines = content.splitlines(keepends=True)
        for number, line in enumerate(lines, start=first):
            event = _parse(line)
            if event is None or event.seq != number:
                if number - first < len(lines) - 1:
                    raise DataError([f"{self.path}:{number}: line: is not event {number} of a journal"])
                self._report_torn(line)
                break
            if event.kind == "journal" and event.data["format"] > FORMAT:
                raise UserError(
                    f"{self.path}: written in format {event.data['format']}, this version reads up to {FORMAT}: "
                    "update isogloss"
                )
            self._note(event)
            events.append(event)
            whole += len(line)
        return events, whole

    def _note(self, event: Event) -> None:
        if event.kind == "journal":
            self._id = event.data["id"]
        elif event.kind == "start" and event.run is not None:
            self._started.add(event.run)

    def _report_torn(self, line: bytes) -> None:
        torn = line.decode(errors="replace").strip("\0\n")[:80]
        if self.torn != torn:
            _logger.warning("%s: the last line was torn by an interruption and is left out: %s", self.path, torn)
        self.torn = torn


def _parse(line: bytes) -> Event | None:
    """The event of a line, or None for what is not a whole one."""
    if not line.endswith(b"\n"):
        return None
    try:
        raw = json.loads(line)
        return Event(seq=raw.pop("seq"), ms=raw.pop("ms"), kind=raw.pop("event"), run=raw.pop("run", None), data=raw)
    except (ValueError, KeyError, AttributeError):
        return None


def _checked(name: str) -> str:
    """A metric or parameter name that MLflow will take, so that none is refused long after it was written."""
    if not _NAME.fullmatch(name) or posixpath.normpath(name) != name or name.startswith(("/", "..")):
        raise ValueError(f"{name!r}: use letters, digits, '_', '-', '.', ':', spaces and single inner slashes")
    return name


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


# --------------------------------------------------------------------------------------------------------------------
# What each run looks like: its events folded into one state.
#
# A value given again keeps the time at which it was first given. A different value replaces the old one; both sequence numbers
# are kept, so that whoever has shown the old value can tell.

#: Tags that a run passes on to those below it: several pipelines share an experiment.
INHERITED = ("isogloss.pipeline",)


@dataclass(frozen=True, slots=True)
class Point:
    """A metric value with the wall-clock time (Unix ms) and sequence number it was first given at."""

    value: float
    ms: int
    seq: int


@dataclass(slots=True, kw_only=True)
class RunState:
    """One run. Each entry carries the sequence number of the event that it comes from."""

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
    """Sequence numbers of a value and of the different one that replaced it."""

    def contradicts(self, shown: int) -> bool:
        """True if a record that shows everything up to sequence number `shown` holds a value that was replaced."""
        return any(old <= shown < new for old, new in self.replaced)


def fold(events: Iterable[Event]) -> dict[str, RunState]:
    """Fold events into runs by key, in the order in which they were first started: parents before their children.

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
