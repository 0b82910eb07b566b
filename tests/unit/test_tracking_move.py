"""A database where earlier versions kept it is moved once, whoever comes first and whatever interrupts it."""

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from isogloss.tracking.checks import check_store
from isogloss.tracking.store import _say, default_uri, former_uri, tracking_uri

MOVE = """
import sqlite3, sys
from pathlib import Path
from isogloss.tracking.store import tracking_uri
{before}
print(tracking_uri(Path(sys.argv[1])))
"""
#: What is killed right before it happens, in the process that moves.
MOMENTS = {
    "copied": "Path.replace",
    "named": "Path.unlink",
}


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    _say.cache_clear()


def make_database(path, *runs):
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("CREATE TABLE experiments (experiment_id INTEGER)")
        connection.execute("INSERT INTO experiments VALUES (0)")
        connection.execute("CREATE TABLE runs (run_uuid TEXT)")
        connection.execute("CREATE TABLE model_versions (name TEXT, version INTEGER)")
        connection.executemany("INSERT INTO runs VALUES (?)", [(run,) for run in runs])
    return path


def runs_in(path):
    with closing(sqlite3.connect(path)) as connection:
        return [run for (run,) in connection.execute("SELECT run_uuid FROM runs ORDER BY run_uuid")]


def test_it_is_moved_once_with_one_line(tmp_path, capsys):
    former = make_database(tmp_path / "mlruns" / "mlflow.db", "a", "b")
    former.chmod(0o660)
    assert tracking_uri(tmp_path) == tracking_uri(tmp_path) == default_uri(tmp_path)
    assert runs_in(tmp_path / "mlflow.db") == ["a", "b"]
    assert (tmp_path / "mlflow.db").stat().st_mode & 0o777 == 0o660
    assert not former.exists()
    (line,) = capsys.readouterr().err.splitlines()
    assert str(former) in line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mlflow.db", "mlruns"]


def test_what_is_still_in_the_write_ahead_log_is_moved_too(tmp_path):
    former = make_database(tmp_path / "mlruns" / "mlflow.db", "a")
    code = (
        "import os, sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('PRAGMA journal_mode = WAL'); "
        "c.execute(\"INSERT INTO runs VALUES ('b')\"); c.commit(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(former)])
    assert former.with_name("mlflow.db-wal").stat().st_size > 0
    tracking_uri(tmp_path)
    assert runs_in(tmp_path / "mlflow.db") == ["a", "b"]
    assert [path.name for path in (tmp_path / "mlruns").iterdir() if not path.name.startswith(".")] == []


def test_a_database_without_runs_in_the_new_place_is_replaced(tmp_path):
    make_database(tmp_path / "mlruns" / "mlflow.db", "a")
    make_database(tmp_path / "mlflow.db")
    tracking_uri(tmp_path)
    assert runs_in(tmp_path / "mlflow.db") == ["a"]


def test_two_databases_with_runs_of_their_own_both_stay(tmp_path, capsys):
    former = make_database(tmp_path / "mlruns" / "mlflow.db", "a")
    make_database(tmp_path / "mlflow.db", "b")
    for _ in range(2):
        assert tracking_uri(tmp_path) == default_uri(tmp_path)
    assert (runs_in(former), runs_in(tmp_path / "mlflow.db")) == (["a"], ["b"])
    (line,) = capsys.readouterr().err.splitlines()
    assert former_uri(default_uri(tmp_path)) in line


def test_the_user_s_own_store_moves_nothing(tmp_path, monkeypatch):
    former = make_database(tmp_path / "mlruns" / "mlflow.db", "a")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.example")
    assert tracking_uri(tmp_path) == "http://tracking.example"
    assert former.exists()


def test_a_link_to_the_former_place_is_left(tmp_path, capsys):
    """As the container images have it, where only `mlruns/` is a volume."""
    make_database(tmp_path / "mlruns" / "mlflow.db", "a")
    (tmp_path / "mlflow.db").symlink_to("mlruns/mlflow.db")
    assert tracking_uri(tmp_path) == default_uri(tmp_path)
    assert (tmp_path / "mlflow.db").is_symlink()
    assert runs_in(tmp_path / "mlflow.db") == ["a"]
    assert capsys.readouterr().err == ""


def test_a_locked_one_is_used_where_it_is_until_the_next_start(tmp_path, monkeypatch):
    monkeypatch.setattr("isogloss.tracking.store.LOCK_SECONDS", 0.1)
    former = make_database(tmp_path / "mlruns" / "mlflow.db", "a")
    with closing(sqlite3.connect(former)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        assert tracking_uri(tmp_path) == former_uri(default_uri(tmp_path))
    assert not (tmp_path / "mlflow.db").exists()
    assert tracking_uri(tmp_path) == default_uri(tmp_path)
    assert not former.exists()


def test_a_damaged_one_stays_and_is_found(tmp_path):
    former = tmp_path / "mlruns" / "mlflow.db"
    former.parent.mkdir()
    former.write_bytes(b"this is no database, whatever its name says" * 50)
    assert tracking_uri(tmp_path) == former_uri(default_uri(tmp_path))
    (finding,) = check_store(tmp_path)
    assert (finding.severity, str(former) in finding.what) == ("error", True)


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_in_the_middle_the_next_start_goes_on(tmp_path, moment, capsys):
    former = make_database(tmp_path / "mlruns" / "mlflow.db", *map(str, range(500)))
    whole = runs_in(former)
    before = (
        "import os, signal\n"
        f"step = {MOMENTS[moment]}\n"
        "def killed(path, *args, **kwargs):\n"
        "    if path.name == sys.argv[2]: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return step(path, *args, **kwargs)\n"
        f"{MOMENTS[moment]} = killed\n"
    )
    name = ".mlflow.db.moving" if moment == "copied" else "mlflow.db"
    child = subprocess.run([sys.executable, "-c", MOVE.format(before=before), str(tmp_path), name])
    assert child.returncode == -signal.SIGKILL
    assert former.exists()
    assert (tmp_path / "mlflow.db").exists() is (moment == "named")
    assert tracking_uri(tmp_path) == default_uri(tmp_path)
    assert runs_in(tmp_path / "mlflow.db") == whole
    assert not former.exists()
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mlflow.db", "mlruns"]


def test_of_processes_that_start_at_once_one_moves_it(tmp_path):
    make_database(tmp_path / "mlruns" / "mlflow.db", *map(str, range(2000)))
    children = [
        subprocess.Popen(
            [sys.executable, "-c", MOVE.format(before=""), str(tmp_path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"},
        )
        for _ in range(4)
    ]
    said = [child.communicate() for child in children]
    assert [out.strip() for out, _ in said] == [default_uri(tmp_path)] * 4
    assert len("".join(err for _, err in said).splitlines()) == 1
    assert len(runs_in(tmp_path / "mlflow.db")) == 2000
