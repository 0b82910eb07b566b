"""Four workers share a study behind Optuna's gRPC proxy of a real PostgreSQL server: signs of life and turns of our own."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.exceptions import ExperimentalWarning
from optuna.storages import GrpcStorageProxy
from optuna.trial import TrialState

from four_workers import one_of_four_is_killed
from isogloss.errors import UserError
from isogloss.search.front import summarise
from isogloss.search.result import Measured
from isogloss.search.space import UNSTEERED, SteeringPoint
from isogloss.search.study import Heartbeat, open_study
from isogloss.search.worker import run_trials
from postgres_server import postgres_server
from search_worker import LAYERS, LIMIT, SPACE, open_shared, scores


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server() as url:
        yield url


@pytest.fixture(scope="module")
def proxy(server: str) -> Iterator[str]:
    """The URL of Optuna's gRPC server, in a process of its own in front of that database."""
    pytest.importorskip("grpc")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    code = (
        "import sys; from optuna.storages import RDBStorage, run_grpc_proxy_server; "
        "run_grpc_proxy_server(RDBStorage(sys.argv[1]), host='127.0.0.1', port=int(sys.argv[2]))"
    )
    database = server.replace("postgresql:", "postgresql+psycopg:")
    process = subprocess.Popen([sys.executable, "-W", "ignore", "-c", code, database, str(port)])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            GrpcStorageProxy(host="127.0.0.1", port=port).wait_server_ready(timeout=LIMIT)
        yield f"grpc://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(LIMIT)


def test_four_workers_one_of_them_killed_run_every_trial_once(server: str, proxy: str, tmp_path: Path) -> None:
    one_of_four_is_killed(proxy, server, tmp_path, elsewhere=True)


def test_a_finished_study_behind_a_proxy_is_joined(proxy: str) -> None:
    first = open_study(proxy, "behind", space=SPACE, context="tests", num_layers=LAYERS)
    assert run_trials(first, scores, trials=4) == 4
    joined = open_study(proxy, "behind", space=SPACE, context="tests", num_layers=LAYERS, create=False)
    assert run_trials(joined, scores, trials=6) == 2
    counts = summarise(joined).counts
    assert (counts.complete, counts.running, counts.waiting) == (6, 0, 0)
    with pytest.raises(UserError, match="no study 'none' to join"):
        open_study(proxy, "none", space=SPACE, context="tests", num_layers=LAYERS, create=False)
    assert {one.study_name for one in first.optuna._storage.get_all_studies()} >= {"behind", "behind, turns"}
    assert "none, turns" not in {one.study_name for one in first.optuna._storage.get_all_studies()}


def test_a_turn_whose_holder_died_passes_to_the_next(proxy: str) -> None:
    quick = Heartbeat(interval=1, grace=2)
    study = open_study(proxy, "turns", space=SPACE, context="tests", num_layers=LAYERS, heartbeat=quick)
    turns = optuna.load_study(study_name="turns, turns", storage=study.storage.backend)
    turns.ask()  # a ticket without any sign of life
    order: list[str] = []
    with study.storage.turns():  # once the dead one's grace period is over
        order.append("first")
        other = threading.Thread(target=lambda: run_trials(study, lambda point: scores(point), trials=1))
        other.start()
        waiting = time.monotonic() + LIMIT
        while len(turns.get_trials(states=(TrialState.RUNNING,))) < 2:
            assert time.monotonic() < waiting
            time.sleep(0.05)
        assert summarise(study).counts.complete == 0, "nobody starts a trial out of turn"
    other.join(LIMIT)
    assert summarise(study).counts.complete == 1


def test_who_lost_its_turn_gives_its_trial_back(proxy: str) -> None:
    study = open_study(proxy, "held up", space=SPACE, context="tests", num_layers=LAYERS)
    turns = optuna.load_study(study_name="held up, turns", storage=study.storage.backend)
    taken: list[SteeringPoint] = []

    def objective(point: SteeringPoint) -> Measured:
        taken.append(point)
        return scores(point)

    before = study.storage.turns

    @contextmanager
    def taken_away() -> Iterator[None]:
        with before():
            yield
            if not taken and (tickets := turns.get_trials(states=(TrialState.RUNNING,))):
                taken.append(UNSTEERED)  # once: others fail the ticket of this process
                turns.tell(tickets[0].number, state=TrialState.FAIL)

    held_up = replace(study, storage=replace(study.storage, turns=taken_away))
    assert run_trials(held_up, objective, trials=2) == 2
    counts = summarise(study).counts
    assert (counts.complete, counts.retried, counts.running, counts.waiting) == (2, 1, 0, 0)


def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("grpc")
    monkeypatch.setattr("isogloss.search.study._CONNECT", 1)
    with socket.socket() as nobody:  # bound, but it does not listen
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        with pytest.raises(UserError, match=rf"grpc://127.0.0.1:{port}: the study's storage cannot be used"):
            open_shared(f"grpc://127.0.0.1:{port}")
