"""Where the store is, and which process a run belongs to; none of it may import mlflow."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from isogloss.errors import UserError
from isogloss.processes import HOST_TAG, PID_TAG, STARTED_TAG, identity, is_gone
from isogloss.tracking.checks import check_store
from isogloss.tracking.store import (
    artifact_location,
    database_path,
    default_uri,
    has_moved,
    holds_runs,
    is_initialised,
    shown_uri,
    tracking_uri,
)


def test_importing_tracking_imports_no_mlflow():
    modules = ["checks", "journal", "mlflow_sync", "store", "ui"]
    code = "import sys\n" + "".join(f"import isogloss.tracking.{name}\n" for name in modules)
    code += "print(sorted({'mlflow', 'sqlalchemy', 'torch', 'matplotlib'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_user_s_own_store_is_respected(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert tracking_uri(tmp_path) == f"sqlite:///{tmp_path}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.example")
    assert tracking_uri(tmp_path) == "http://tracking.example"


def test_default_store_is_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert default_uri(Path()) == f"sqlite:///{tmp_path}/mlflow.db"


def test_a_path_that_no_address_can_carry_is_refused(tmp_path):
    with pytest.raises(UserError, match="cannot hold"):
        default_uri(tmp_path / "what?")


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("sqlite:////a/b c/mlflow.db", "/a/b c/mlflow.db"),
        ("sqlite:///mlflow.db?timeout=3", "mlflow.db"),
        ("sqlite+pysqlite:////a/x.db", "/a/x.db"),
        ("postgresql://u:p@host/db", None),
        ("http://host:5000", None),
        ("file:///a/b", None),
    ],
)
def test_database_path(uri, path):
    assert database_path(uri) == (Path(path) if path else None)


def test_artifacts_are_below_mlruns_and_servers_decide_themselves():
    assert artifact_location("sqlite:////a/b c/mlflow.db") == "file:///a/b%20c/mlruns/artifacts"
    assert artifact_location("sqlite:////a/b c/mlruns/mlflow.db") == "file:///a/b%20c/mlruns/artifacts"
    assert artifact_location("http://host:5000") is None


def test_passwords_are_not_shown():
    assert shown_uri("postgresql://user:secret@host/db") == "postgresql://***@host/db"
    assert shown_uri("https://u:p@ss@host:1/x") == "https://***@host:1/x"
    assert shown_uri("sqlite:////a@b/mlflow.db") == "sqlite:////a@b/mlflow.db"


def test_has_moved(tmp_path):
    here = (tmp_path / "mlruns" / "artifacts").as_uri()
    there = (tmp_path / "old" / "mlruns" / "artifacts").as_uri()
    assert not has_moved(here, here)
    assert not has_moved(f"{here}/0", here)
    assert not has_moved("s3://bucket/mlruns/artifacts", here)
    assert has_moved(there, here)
    (tmp_path / "old" / "mlruns" / "artifacts").mkdir(parents=True)
    assert not has_moved(there, here)


def test_a_store_half_made_is_not_initialised(tmp_path):
    database = tmp_path / "mlflow.db"
    assert not is_initialised(database)
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("CREATE TABLE experiments (experiment_id INTEGER)")
    assert not is_initialised(database)
    assert not holds_runs(f"sqlite:///{database}", ["a"])
    with sqlite3.connect(database) as connection:
        connection.execute("INSERT INTO experiments VALUES (0)")
        connection.execute("CREATE TABLE runs (run_uuid TEXT)")
        connection.execute("INSERT INTO runs VALUES ('a')")
    assert is_initialised(database)
    assert holds_runs(f"sqlite:///{database}", ["a"])
    assert not holds_runs(f"sqlite:///{database}", ["a", "b"])


def test_this_process_is_there_and_an_ended_one_is_gone():
    tags = identity()
    assert tags[PID_TAG] == str(os.getpid())
    assert not is_gone(tags)
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = psutil.Process(child.pid).create_time()
    tags = {**tags, PID_TAG: str(child.pid), STARTED_TAG: str(started)}
    assert not is_gone(tags)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_gone(tags)  # a zombie runs no more
    child.communicate()
    assert is_gone(tags)


def test_a_reused_process_id_is_another_process():
    tags = identity()
    assert is_gone({**tags, STARTED_TAG: str(float(tags[STARTED_TAG]) - 3600)})


@pytest.mark.parametrize("change", [{HOST_TAG: "another-machine"}, {PID_TAG: None}, {STARTED_TAG: None}])
def test_what_cannot_be_known_from_here_is_not_called_gone(change):
    tags = {**identity(), PID_TAG: "999999999", **change}
    assert not is_gone({name: value for name, value in tags.items() if value is not None})


def test_an_absent_store_is_information_and_is_not_made_by_looking(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (finding,) = check_store(tmp_path)
    assert (finding.severity, "no store yet" in finding.what) == ("info", True)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_database_is_an_error(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    database = tmp_path / "mlflow.db"
    database.write_bytes(b"this is no database, whatever its name says" * 50)
    (finding,) = check_store(tmp_path)
    assert (finding.severity, "not a database" in finding.what) == ("error", True)


def test_a_server_that_does_not_answer_is_a_warning(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://u:secret@127.0.0.1:9")
    (finding,) = check_store(tmp_path)
    assert (finding.severity, "no answer" in finding.what, "secret" in finding.what) == ("warning", True, False)
