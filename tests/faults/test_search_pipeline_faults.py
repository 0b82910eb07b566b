"""A pipeline that searches, killed or stopped in the middle: the same command has every trial, and one run for each."""

import json
import signal
import sqlite3
from contextlib import closing

import psutil
import pytest

from command_line import isogloss, start
from small_search import write_search_pipeline
from tiny_models import make_tiny_model

TRIALS = 12
RUN = ("run", "small.yaml", "--until", "search-unaligned", "--set", "promote.name=null")

pytestmark = pytest.mark.usefixtures("own_cache_and_store")


@pytest.fixture
def root(tmp_path):
    model = make_tiny_model("llama", tmp_path / "models" / "tiny")
    write_search_pipeline(tmp_path / "run", model, trials=TRIALS, checkpoints=("unaligned",))
    return tmp_path / "run"


def finished_trials(root):
    """How many trials of the study under way are complete."""
    databases = list((root / "mlruns" / "stages" / ".work").glob("search-unaligned-*/study.db"))
    if not databases:
        return 0
    try:
        with closing(sqlite3.connect(f"file:{databases[0]}?mode=ro", uri=True)) as connection:
            return connection.execute("SELECT count(*) FROM trials WHERE state = 'COMPLETE'").fetchone()[0]
    except sqlite3.OperationalError:  # not made yet
        return 0


def assert_whole(root, *, workers=1):
    ended = isogloss(*RUN, cwd=root)
    assert ended.code == 0, ended.err
    (out,) = (root / "mlruns" / "stages").glob("search-unaligned-*")
    result = json.loads((out / "search.json").read_text())
    complete = result["counts"]["complete"]
    assert TRIALS <= complete < TRIALS + workers
    assert len(result["hypervolume"]) == len(result["trials"])
    with closing(sqlite3.connect(root / "mlflow.db")) as connection:
        names = connection.execute(
            "SELECT name FROM runs JOIN tags USING (run_uuid) WHERE key = 'isogloss.kind' AND value = 'trial' "
            "AND lifecycle_stage = 'active'"
        ).fetchall()
    assert len(names) == len(set(names)) == complete


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_ended_in_the_middle_of_a_search(root, number):
    running = start(*RUN, cwd=root)
    assert running.until(lambda: finished_trials(root) >= 3)
    running.signal(number)
    ended = running.wait()
    assert ended.code == (-signal.SIGKILL if number == signal.SIGKILL else 4), ended.err
    assert "Traceback" not in ended.err
    assert 3 <= finished_trials(root) < TRIALS
    assert_whole(root)


def joined(root):
    """The processes that share the study of that folder's pipeline."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if "search-worker" in (command := process.info["cmdline"] or []) and any(str(root) in part for part in command)
    ]


def test_a_worker_that_is_killed_costs_no_trial(root):
    """Two processes share the study; the one that joined is killed, and the first takes its trial over."""
    running = start(*RUN, "--set", "search.workers=2", cwd=root)
    assert running.until(lambda: joined(root))
    for worker in joined(root):
        worker.kill()
    ended = running.wait()
    assert ended.code == 0, ended.err
    assert_whole(root, workers=2)


def test_no_worker_outlives_a_pipeline_that_was_killed(root):
    running = start(*RUN, "--set", "search.workers=2", cwd=root)
    assert running.until(lambda: joined(root))
    workers = joined(root)
    running.signal(signal.SIGKILL)
    running.wait()
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert alive == []
    assert finished_trials(root) < TRIALS  # ended, and not because nothing was left to do
