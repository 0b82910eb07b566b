"""A store that is locked, away, damaged, moved, outdated or left open by a kill: nothing stops, nothing is lost."""

import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from isogloss.tracking import mlflow_sync as project_module
from isogloss.tracking import store as store_module
from isogloss.tracking.checks import check_store, mend_store
from isogloss.tracking.journal import Journal
from isogloss.tracking.mlflow_sync import sync_journal
from isogloss.tracking.store import artifact_location, connect, default_uri

PROJECT = """
import sys
from pathlib import Path
from isogloss.tracking.journal import Journal
from isogloss.tracking.mlflow_sync import sync_journal
from isogloss.tracking.store import default_uri
root, name = Path(sys.argv[1]), sys.argv[2]
journal = Journal(root / name / "journal.jsonl")
journal.start_run("p", name=name, kind="pipeline")
for step in range(5):
    journal.metrics("p", {"loss": float(step)}, step=step)
projection = sync_journal(journal, tracking_uri=default_uri(root), experiment="shared")
print(projection.pending, projection.problem, flush=True)
if sys.argv[3:] == ["stay"]:
    sys.stdin.read()
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    root = tmp_path_factory.mktemp("template")
    with connect(default_uri(root)):
        return root / "mlflow.db"


@pytest.fixture
def root(template, tmp_path, monkeypatch):
    """A project folder with a fresh store, and short patience."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(store_module, "LOCK_SECONDS", 0.5)
    monkeypatch.setattr(project_module, "_warned", set())
    root = tmp_path / "project"
    root.mkdir(parents=True)
    shutil.copy(template, root / "mlflow.db")
    alter(root, f"UPDATE experiments SET artifact_location = '{artifact_location(default_uri(root))}/0'")
    return root


@pytest.fixture
def journal(root):
    journal = Journal(root / "pipelines" / "journal.jsonl")
    journal.start_run("p", name="demo", kind="pipeline")
    for step in range(3):
        journal.metrics("p", {"loss": float(step)}, step=step)
    (root / "pipelines" / "note.txt").write_text("hello")
    journal.artifact("p", root / "pipelines" / "note.txt")
    return journal


def database(root):
    return root / "mlflow.db"


def alter(root, statement):
    with closing(sqlite3.connect(database(root))) as connection, connection:
        connection.execute(statement)


def shown(root, *, experiment="plane"):
    """{run name: (status, steps of `loss`)} as MLflow has it."""
    with connect(default_uri(root)) as client:
        runs = client.search_runs([client.get_experiment_by_name(experiment).experiment_id])
        return {
            run.info.run_name: (
                run.info.status,
                [point.step for point in client.get_metric_history(run.info.run_id, "loss")],
            )
            for run in runs
        }


@pytest.mark.parametrize("lock", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_locked_store_costs_one_warning_and_the_next_projection_hands_it_over(root, journal, caplog, lock):
    uri = default_uri(root)
    with closing(sqlite3.connect(database(root))) as holder:
        holder.execute(f"BEGIN {lock}")
        for _ in range(2):
            projection = sync_journal(journal, tracking_uri=uri, experiment="plane")
            assert (projection.pending, "database is locked" in projection.problem) == (5, True)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "Nothing is lost: 5 events in" in caplog.text
    assert sync_journal(journal, tracking_uri=uri, experiment="plane").pending == 0
    assert shown(root) == {"demo": ("RUNNING", [0, 1, 2])}


def test_a_store_locked_in_the_middle_gives_up_soon(root, journal, monkeypatch):
    from mlflow.tracking import MlflowClient

    holder = sqlite3.connect(database(root), check_same_thread=False)
    send = MlflowClient.log_batch

    def lock_first(*args, **kwargs):
        if not holder.in_transaction:
            holder.execute("BEGIN IMMEDIATE")
        return send(*args, **kwargs)

    with closing(holder), pytest.MonkeyPatch.context() as patch:
        patch.setattr(MlflowClient, "log_batch", lock_first)
        before = time.monotonic()
        projection = sync_journal(journal, tracking_uri=default_uri(root), experiment="plane")
        assert time.monotonic() - before < 15, "MLflow alone waits 20 s a call"
        assert (projection.pending, "locked" in projection.problem) == (5, True)
    assert sync_journal(journal, tracking_uri=default_uri(root), experiment="plane").pending == 0
    assert shown(root) == {"demo": ("RUNNING", [0, 1, 2])}


def test_an_absent_server_costs_one_warning(journal, caplog):
    uri = "http://user:secret@127.0.0.1:9"
    for _ in range(2):
        projection = sync_journal(journal, tracking_uri=uri, experiment="plane")
        assert (projection.pending, "no answer" in projection.problem) == (5, True)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "secret" not in caplog.text + projection.problem


#: MLflow itself tries a database that does not answer for a hundred seconds.
_ABSENT = pytest.param("postgresql://user:secret@127.0.0.1:9/db", marks=pytest.mark.slow)


@pytest.mark.parametrize("uri", ["nonsense://somewhere", _ABSENT])
def test_a_store_that_mlflow_cannot_open_is_a_problem_and_no_stop(journal, uri, caplog):
    projection = sync_journal(journal, tracking_uri=uri, experiment="plane")
    assert projection.pending == 5
    assert projection.problem
    assert "secret" not in caplog.text + projection.problem


def test_a_damaged_database_is_a_problem_and_no_stop(root, journal):
    database(root).write_bytes(b"not a database at all" * 100)
    projection = sync_journal(journal, tracking_uri=default_uri(root), experiment="plane")
    assert (projection.pending, "not a database" in projection.problem) == (5, True)


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b""])
def test_mending_a_damaged_database_keeps_it_and_fills_a_new_one_from_the_journals(root, content):
    folder = root / "mlruns" / "pipelines" / "demo-1"
    folder.mkdir(parents=True)
    (folder / "pipeline.yaml").write_text("name: demo\nmodel: embedded\ntrack: {experiment: plane}\n")
    journal = Journal(folder / "journal.jsonl", base=root / "mlruns")
    journal.start_run("p", name="demo", kind="pipeline")
    for step in range(3):
        journal.metrics("p", {"loss": float(step)}, step=step)
    database(root).write_bytes(content)
    assert [finding.severity for finding in check_store(root)] == ["error"]
    assert any("runs of demo-1 in the new store: 1" in done for done in mend_store(root))
    (kept,) = root.glob("mlflow.db.damaged-*")
    assert kept.read_bytes() == content
    assert shown(root) == {"demo": ("RUNNING", [0, 1, 2])}
    assert check_store(root) == []


def test_a_folder_that_cannot_be_made_is_a_problem_and_no_stop(journal, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "mlruns").write_text("a file where the folder should be")
    projection = sync_journal(journal, tracking_uri=default_uri(tmp_path / "elsewhere"), experiment="plane")
    assert projection.pending == 5
    assert projection.problem


def test_a_damaged_memory_is_found_again_in_the_store(root, journal):
    uri = default_uri(root)
    first = sync_journal(journal, tracking_uri=uri, experiment="plane")
    memory = root / "pipelines" / "journal.projected.json"
    for content in ("{", "[]", '{"journal": "another"}', '{"stores": 1}'):
        memory.write_text(content)
        assert sync_journal(journal, tracking_uri=uri, experiment="plane") == first
    assert shown(root) == {"demo": ("RUNNING", [0, 1, 2])}


def test_a_projection_killed_in_the_middle_goes_on_where_it_was(root, journal):
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from mlflow.tracking import MlflowClient\n"
        "from isogloss.tracking.journal import Journal\n"
        "from isogloss.tracking.mlflow_sync import sync_journal\n"
        "MlflowClient.log_artifact = lambda *args, **kwargs: os.kill(os.getpid(), signal.SIGKILL)\n"
        "sync_journal(Journal(Path(sys.argv[1])), tracking_uri=sys.argv[2], experiment='plane')\n"
    )
    child = subprocess.run([sys.executable, "-c", code, str(journal.path), default_uri(root)])
    assert child.returncode == -signal.SIGKILL
    assert shown(root) == {"demo": ("RUNNING", [0, 1, 2])}, "metrics were sent, the artifact was not"
    projection = sync_journal(journal, tracking_uri=default_uri(root), experiment="plane")
    assert projection.pending == 0
    assert shown(root) == {"demo": ("RUNNING", [0, 1, 2])}
    with connect(default_uri(root)) as client:
        assert [file.path for file in client.list_artifacts(projection.run_ids["p"])] == ["note.txt"]


def test_six_processes_on_a_fresh_store_all_succeed(tmp_path):
    names = [f"process{number}" for number in range(6)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROJECT, str(tmp_path), name],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    outputs = [process.communicate() for process in processes]
    assert [out for out, _ in outputs] == ["0 None\n"] * 6, outputs
    assert shown(tmp_path, experiment="shared") == {name: ("RUNNING", list(range(5))) for name in names}
    with closing(sqlite3.connect(database(tmp_path))) as connection:
        assert sorted(connection.execute("SELECT name FROM experiments")) == [("Default",), ("shared",)]


def test_a_run_left_open_by_a_kill_is_found_mended_and_can_go_on(root):
    process = subprocess.Popen(
        [sys.executable, "-c", PROJECT, str(root), "killed", "stay"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "0 None\n"
    assert check_store(root) == [], "its process still runs"
    assert mend_store(root) == []
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (finding,) = check_store(root)
    assert (finding.severity, "run 'killed'" in finding.what) == ("warning", True)
    (done,) = mend_store(root)
    assert "run 'killed'" in done
    assert shown(root, experiment="shared") == {"killed": ("KILLED", list(range(5)))}
    assert check_store(root) == []
    journal = Journal(root / "killed" / "journal.jsonl")
    journal.start_run("p", name="killed", kind="pipeline")
    journal.metrics("p", {"loss": 4.0}, step=4)
    journal.metrics("p", {"loss": 5.0}, step=5)
    assert sync_journal(journal, tracking_uri=default_uri(root), experiment="shared").pending == 0
    assert shown(root, experiment="shared") == {"killed": ("RUNNING", list(range(6)))}


def test_a_moved_store_is_refused_found_and_mended(root, journal):
    first = sync_journal(journal, tracking_uri=default_uri(root), experiment="plane")
    new_root = root.rename(root.with_name("moved"))
    uri = default_uri(new_root)
    journal = Journal(new_root / "pipelines" / "journal.jsonl")
    journal.end_run("p", "FINISHED")

    refused = sync_journal(journal, tracking_uri=uri, experiment="plane")
    assert refused.pending > 0
    assert "the store has moved" in refused.problem
    assert not root.exists(), "nothing is written into the old place"
    (finding,) = [finding for finding in check_store(new_root) if "moved" in finding.what]
    assert finding.severity == "error"

    assert any("are now looked for in" in done for done in mend_store(new_root))
    assert [finding for finding in check_store(new_root) if "moved" in finding.what] == []
    assert (new_root / "mlflow.db.before-mend").exists()
    again = sync_journal(journal, tracking_uri=uri, experiment="plane")
    assert (again.pending, again.run_ids) == (0, first.run_ids)
    with connect(uri) as client:
        run = client.get_run(first.run_ids["p"])
        (artifact,) = client.list_artifacts(run.info.run_id)
        folder = Path(unquote(urlsplit(run.info.artifact_uri).path))
    assert (folder / artifact.path).read_text() == "hello"
    assert folder.is_relative_to(new_root)


def test_a_copied_store_is_told_but_not_touched(root, journal, tmp_path):
    sync_journal(journal, tracking_uri=default_uri(root), experiment="plane")
    copy = Path(shutil.copytree(root, tmp_path / "copy"))
    (finding,) = check_store(copy)
    assert (finding.severity, "lie outside" in finding.what) == ("warning", True)
    before = database(copy).read_bytes()
    assert mend_store(copy) == []
    assert database(copy).read_bytes() == before


def test_an_outdated_schema_says_how_to_upgrade_and_stops_nothing(root, journal):
    alter(root, "UPDATE alembic_version SET version_num = '451aebb31d03'")  # MLflow's first
    (finding,) = [finding for finding in check_store(root) if finding.severity == "error"]
    assert f"mlflow db upgrade {default_uri(root)}" in finding.how_to_mend
    projection = sync_journal(journal, tracking_uri=default_uri(root), experiment="plane")
    assert (projection.pending, "out-of-date database schema" in projection.problem) == (5, True)


def test_a_schema_from_the_future_says_to_update_mlflow(root):
    alter(root, "UPDATE alembic_version SET version_num = 'ffffffffffff'")
    (finding,) = [finding for finding in check_store(root) if finding.severity == "error"]
    assert "newer MLflow" in finding.how_to_mend


def test_a_locked_store_is_found(root):
    with closing(sqlite3.connect(database(root))) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        (finding,) = check_store(root, timeout=0.1)
    assert (finding.severity, "locked" in finding.what) == ("error", True)
    assert "journal" in finding.how_to_mend
