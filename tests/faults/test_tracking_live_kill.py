"""Killed with SIGKILL while it shows trials as they finish: the store stays sound, and each trial is there once."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from isogloss.pipeline.recording import PARENT, Recorder, child_key, record_stage
from isogloss.stages.stage import ChildRun, StageOutcome
from isogloss.tracking.journal import Journal, fold
from isogloss.tracking.store import default_uri, initialise

TRIALS = 3
#: A trial is shown by the thread, and the process killed right before (or in the middle of) one of these.
MOMENTS = (
    "Journal.params",
    "Journal.end_run",
    "MlflowClient.create_run",
    "MlflowClient.log_batch",
    "MlflowClient.set_terminated",
    "MlflowClient.set_tag",
    "_Memory.save",
)

#: argv: the project's folder, the moment, and how many trials are finished. Ends only by the kill.
WATCH = """
import os, signal, sys, threading
from pathlib import Path
from mlflow.tracking import MlflowClient
from isogloss.pipeline import recording
from isogloss.stages.stage import ChildRun
from isogloss.tracking.journal import Journal
from isogloss.tracking.mlflow_sync import polling
from isogloss.tracking.mlflow_sync import _Memory
from isogloss.tracking.store import default_uri

root, moment, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
owner, _, name = moment.partition(".")
owner = {"Journal": Journal, "MlflowClient": MlflowClient, "_Memory": _Memory}[owner]
own = getattr(owner, name)

def kill(*args, **kwargs):
    if threading.current_thread().name == "isogloss-polling":
        os.kill(os.getpid(), signal.SIGKILL)
    return own(*args, **kwargs)

setattr(owner, name, kill)
recording.polling = lambda act: polling(act, every=0.01)
recorder = recording.Recorder(Journal(root / "journal.jsonl"), default_uri(root), "live")
recorder.journal.close_abandoned()
recorder.start("pipeline", name="demo", kind="pipeline")
recorder.start("search", name="search", parent="pipeline", kind="stage")
trials = [ChildRun(name=f"trial-{n}", kind="trial", params={"n": n}, metrics={"m": n / 4}) for n in range(count)]
with recorder.watched("search")(lambda: trials):
    threading.Event().wait(100)
"""


def trials(count, **tags):
    return tuple(
        ChildRun(name=f"trial-{n}", kind="trial", params={"n": n}, metrics={"m": n / 4}, tags=tags)
        for n in range(count)
    )


def rows(root, query):
    with closing(sqlite3.connect(root / "mlflow.db")) as connection:
        return connection.execute(query).fetchall()


@pytest.mark.slow
def test_killed_at_many_moments_one_after_another(tmp_path):
    uri = default_uri(tmp_path)
    initialise(uri)
    journal = Journal(tmp_path / "journal.jsonl")
    for count, moment in enumerate(MOMENTS, start=TRIALS):
        ended = subprocess.run(
            [sys.executable, "-c", WATCH, str(tmp_path), moment, str(count)],
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert ended.returncode == -signal.SIGKILL, f"{moment}: {ended.stderr}"
        assert rows(tmp_path, "PRAGMA integrity_check") == [("ok",)]
        assert "search" in fold(journal.events())

    count = TRIALS + len(MOMENTS) - 1
    recorder = Recorder(journal, uri, "live")
    journal.close_abandoned()
    recorder.start(PARENT, name="demo", kind="pipeline")
    recorder.start("search", name="search", parent=PARENT, kind="stage")
    record_stage(journal, "search", tmp_path, StageOutcome(children=trials(count, front="true")))
    recorder.end("search", "FINISHED")
    recorder.end(PARENT, "FINISHED")
    projection = recorder.sync(last=True)

    assert (projection.problem, projection.pending, journal.torn) == (None, 0, None)
    names = [f"trial-{n}" for n in range(count)]
    assert set(projection.run_ids) == {PARENT, "search", *(child_key("search", one) for one in trials(count))}
    active = rows(tmp_path, "SELECT name, status FROM runs WHERE lifecycle_stage = 'active'")
    assert sorted(active) == sorted(
        [("demo", "FINISHED"), ("search", "FINISHED"), *((one, "FINISHED") for one in names)]
    )
    shown = rows(tmp_path, "SELECT name, key, metrics.value, step FROM metrics JOIN runs USING (run_uuid)")
    assert sorted(one for one in shown if one[1] == "m") == [(f"trial-{n}", "m", n / 4, 0) for n in range(count)]
    fronts = rows(tmp_path, "SELECT name FROM tags JOIN runs USING (run_uuid) WHERE key = 'front' AND value = 'true'")
    assert sorted(fronts) == [(one,) for one in names]
