"""Four workers share a study on a real PostgreSQL server, and one of them is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from four_workers import one_of_four_is_killed
from isogloss.errors import RefusedError, UserError
from isogloss.search.result import Constraints
from isogloss.search.study import open_study
from isogloss.search.worker import run_trials
from postgres_server import postgres_server
from search_worker import LAYERS, LIMIT, SPACE, open_shared, scores


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server() as url:
        yield url


def test_four_workers_one_of_them_killed_run_every_trial(server: str, tmp_path: Path) -> None:
    one_of_four_is_killed(server, tmp_path)


def test_processes_that_make_the_tables_at_once_all_open_the_study(server: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("CREATE DATABASE fresh")
    fresh = server.replace("/postgres?", "/fresh?")
    code = "import sys, search_worker; search_worker.open_shared(sys.argv[1])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    openers = [subprocess.Popen([sys.executable, "-c", code, fresh], env=environment) for _ in range(3)]
    assert [opener.wait(LIMIT) for opener in openers] == [0, 0, 0]


def test_a_finished_study_is_joined_without_more_work(server: str) -> None:
    study = open_study(server, "finished", space=SPACE, context="tests", num_layers=LAYERS)
    assert run_trials(study, scores, trials=3) == 3
    assert run_trials(study, scores, trials=3) == 0
    with pytest.raises(RefusedError, match="other constraints"):
        open_study(
            server, "finished", space=SPACE, context="tests", num_layers=LAYERS, constraints=Constraints(transfer=0.0)
        )
    with pytest.raises(UserError, match="no study 'other' to join"):
        open_study(server, "other", space=SPACE, context="tests", num_layers=LAYERS, create=False)


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(UserError, match="cannot be used") as refused:
        open_shared("postgres://tester:secret@127.0.0.1:1/nothing")
    assert "tester:***@127.0.0.1:1/nothing" in str(refused.value)
    assert "secret" not in str(refused.value)
