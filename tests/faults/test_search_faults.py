"""Workers of a search that are killed, stopped, held up or cut off lose no trial."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
import sqlalchemy
from optuna.trial import TrialState

import search_worker
from isogloss.errors import EXIT_INTERRUPTED, InterruptedRun, UserError
from isogloss.search.front import summarise
from isogloss.search.result import Measured, SearchResult
from isogloss.search.space import SteeringPoint
from isogloss.search.study import Heartbeat, Study, open_study
from isogloss.search.worker import run_trials
from search_worker import GRACE, LAYERS, LIMIT, SPACE, open_shared, scores, wait_until

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    open_shared(tmp_path / "study.db")

    def begin(*options: str, trials: int) -> subprocess.Popen[bytes]:
        script = [sys.executable, search_worker.__file__, str(tmp_path / "study.db"), str(tmp_path), str(trials)]
        return subprocess.Popen([*script, *options], stderr=subprocess.PIPE)

    return begin


def ended_well(worker: subprocess.Popen[bytes]) -> None:
    _, errors = worker.communicate(timeout=LIMIT)
    assert worker.returncode == 0, errors.decode()


def quick(storage: Path, *, grace: int = GRACE) -> Study:
    heartbeat = Heartbeat(interval=1, grace=grace)
    return open_study(storage, "quick", space=SPACE, context="tests", num_layers=LAYERS, heartbeat=heartbeat)


def all_accounted_for(result: SearchResult, *, trials: int, retried: int, workers: int = 1) -> None:
    counts = result.counts
    assert trials <= counts.complete < trials + workers
    assert (counts.failed, counts.retried) == (0, retried)
    assert (counts.running, counts.waiting) == (0, 0)
    for lost in result.trials:
        if lost.state == "retried":
            (again,) = [each for each in result.trials if each.retry_of == lost.number and each.state == "complete"]
            assert lost.point in (again.point, None)


def test_of_two_processes_one_is_killed_and_its_trial_is_taken_over(tmp_path: Path, start: Start) -> None:
    victim, other = start("--together", "2", "--hang", trials=15), start("--together", "2", trials=15)
    wait_until(tmp_path / "hanging")
    victim.kill()
    victim.communicate()
    ended_well(other)
    result = summarise(open_shared(tmp_path / "study.db"))
    all_accounted_for(result, trials=15, retried=1, workers=2)
    assert (tmp_path / "evaluations").read_text().count((tmp_path / "hanging").read_text()) == 2
    (lost,) = [each for each in result.trials if each.state == "retried"]
    assert lost.worker is not None
    assert lost.worker.endswith(f":{victim.pid}")


def test_a_stopped_worker_hands_its_trial_back_at_once_and_the_same_command_goes_on(
    tmp_path: Path, start: Start
) -> None:
    stopped = start("--hang", trials=6)
    wait_until(tmp_path / "hanging")
    stopped.send_signal(signal.SIGTERM)
    _, errors = stopped.communicate(timeout=LIMIT)
    assert stopped.returncode == EXIT_INTERRUPTED
    assert "The same command goes on" in errors.decode()
    halfway = summarise(open_shared(tmp_path / "study.db")).counts
    assert (halfway.running, halfway.retried, halfway.complete) == (0, 1, 0)
    ended_well(start(trials=6))
    all_accounted_for(summarise(open_shared(tmp_path / "study.db")), trials=6, retried=1)


def test_the_handler_of_sigterm_is_put_back_and_an_interrupted_call_goes_on(tmp_path: Path) -> None:
    study = quick(tmp_path / "study.db")
    before = signal.getsignal(signal.SIGTERM)
    seen: list[SteeringPoint] = []

    def interrupted(point: SteeringPoint) -> Measured:
        seen.append(point)
        if len(seen) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
            threading.Event().wait(LIMIT)  # the signal ends this
        return scores(point)

    with pytest.raises(InterruptedRun, match="quick"):
        run_trials(study, interrupted, trials=5)
    assert signal.getsignal(signal.SIGTERM) is before
    assert run_trials(study, interrupted, trials=5) == 3
    assert seen[2] in seen[3:]
    all_accounted_for(summarise(study), trials=5, retried=1)


def test_a_trial_whose_worker_died_before_its_first_sign_of_life_is_tried_again(tmp_path: Path) -> None:
    study = quick(tmp_path / "study.db", grace=1)
    with pytest.warns(UserWarning, match="Heartbeat"):
        silent = study.optuna.ask()  # takes the first point, and never shows a sign of life
    assert run_trials(study, scores, trials=4) == 4
    result = summarise(study)
    all_accounted_for(result, trials=4, retried=1)
    assert result.trial(silent.number).state == "retried"
    (again,) = [each for each in result.trials if each.retry_of == silent.number]
    assert again.source == "zero"


def test_a_worker_that_was_held_up_drops_the_trial_that_others_took(tmp_path: Path) -> None:
    study = quick(tmp_path / "study.db")
    measured: list[SteeringPoint] = []

    def held_up(point: SteeringPoint) -> Measured:
        measured.append(point)
        if len(measured) == 2:  # another worker takes this one for dead
            study.optuna.tell(1, state=TrialState.FAIL)
        return scores(point)

    run_trials(study, held_up, trials=4)
    all_accounted_for(summarise(study), trials=4, retried=1)
    assert len(measured) == 5


def test_two_workers_that_find_a_lost_trial_queue_it_once(tmp_path: Path) -> None:
    study = quick(tmp_path / "study.db")
    run_trials(study, scores, trials=2)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study.optuna.add_trial(optuna.create_trial(state=TrialState.FAIL))
    study.retry(2)
    quick(tmp_path / "study.db").retry(2)
    waiting = study.optuna.get_trials(states=(TrialState.WAITING,))
    assert [trial.system_attrs["failed_trial"] for trial in waiting] == [2]


def test_everything_is_killed_and_the_same_command_goes_on(tmp_path: Path, start: Start) -> None:
    workers = [start("--together", "2", "--hang", trials=6) for _ in range(2)]
    wait_until(tmp_path / "hanging")
    wait_until(tmp_path / "at-work-*", 2)
    for worker in workers:
        worker.kill()
        worker.communicate()
    ended_well(start(trials=6))
    all_accounted_for(summarise(open_shared(tmp_path / "study.db")), trials=6, retried=2)


def test_a_point_that_ends_its_worker_every_time_is_given_up(tmp_path: Path) -> None:
    study = quick(tmp_path / "study.db")
    tried = 0

    def fatal(point: SteeringPoint) -> Measured:
        nonlocal tried
        if point.unsteered:
            tried += 1
            raise KeyboardInterrupt
        return scores(point)

    for _ in range(20):
        try:
            run_trials(study, fatal, trials=5)
        except InterruptedRun:
            continue
        break
    counts = summarise(study).counts
    assert (counts.complete, counts.failed, counts.retried) == (5, 1, tried - 1)
    reasons = [each.failure for each in summarise(study).trials if each.state == "failed"]
    assert reasons == [f"its worker ended each of the {tried} times it was tried"]


def test_an_error_of_the_objective_is_raised_as_it_is_and_the_trial_is_tried_again(tmp_path: Path) -> None:
    study = quick(tmp_path / "study.db")

    def broken(point: SteeringPoint) -> Measured:
        raise OSError("no space left")  # one of the kinds that a storage raises too

    with pytest.raises(OSError, match=r"^no space left$"):
        run_trials(study, broken, trials=3)
    assert run_trials(study, scores, trials=3) == 3
    all_accounted_for(summarise(study), trials=3, retried=1)


def test_a_storage_that_breaks_in_the_middle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    study = quick(path)

    def breaking(point: SteeringPoint) -> Measured:
        with study.storage.engine.begin() as connection:
            connection.execute(sqlalchemy.text("DROP TABLE trial_values"))
        return scores(point)

    with pytest.raises(UserError, match="study's storage cannot be used: no such table"):
        run_trials(study, breaking, trials=3)


@pytest.mark.parametrize("kind", ["garbage", "folder", "other tables"])
def test_a_file_that_is_no_study_is_refused_in_a_sentence(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "study.db"
    if kind == "garbage":
        path.write_bytes(b"no database " * 100)
    elif kind == "folder":
        path.mkdir()
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
            connection.execute("INSERT INTO alembic_version VALUES ('another')")
            connection.execute("CREATE TABLE studies (study_id INTEGER)")
        connection.close()
    with pytest.raises(UserError) as refused:
        quick(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
