"""Four workers share a study on a real PostgreSQL server, and one of them is killed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from four_workers import one_of_four_is_killed
from isogloss.errors import RefusedError, UserError
from isogloss.search.result import Constraints
from isogloss.search.signs import ALIVE
from isogloss.search.study import Heartbeat, open_study
from isogloss.search.worker import Watch, run_trials
from postgres_server import postgres_server
from search_worker import LAYERS, LIMIT, SPACE, open_shared, scores


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres_server() as url:
        yield url


def test_four_workers_one_of_them_killed_run_every_trial_once(server: str, tmp_path: Path) -> None:
    one_of_four_is_killed(server, server, tmp_path, elsewhere=False)


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


def test_of_two_silent_trials_the_one_whose_count_goes_up_lives(server: str) -> None:
    study = open_study(
        server, "mixed", space=SPACE, context="tests", num_layers=LAYERS, heartbeat=Heartbeat(interval=1, grace=1)
    )
    with pytest.warns(UserWarning, match="Heartbeat"):
        beating, still, silent = (study.optuna.ask() for _ in range(3))
    still.set_user_attr(ALIVE, 7)  # as behind a proxy, and then no more
    watch = Watch(study.optuna, study.storage)
    end, count = time.monotonic() + LIMIT, 0
    while len(states := [each.state.name for each in study.optuna.get_trials()]) < 5:
        assert time.monotonic() < end, states
        count += 1
        beating.set_user_attr(ALIVE, count)
        watch.revive()
        time.sleep(0.1)
    assert [states[each.number] for each in (beating, still, silent)] == ["RUNNING", "FAIL", "FAIL"]
    assert states[3:] == ["WAITING", "WAITING"]


@pytest.mark.parametrize("place", ["grpc://host", "grpc://:80", "mysql://root@host/x", "http://host/x"])
def test_other_places_are_refused(place: str) -> None:
    with pytest.raises(UserError, match="grpc://HOST:PORT"):
        open_shared(place)
