"""A study on scores whose best trade-offs are known: what it tries, what it skips, what it finds and what it says."""

from __future__ import annotations

import itertools
import math
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy.exc import SQLAlchemyError

from isogloss.errors import RefusedError, UserError
from isogloss.search.front import hypervolume, pareto_front, progress_note, summarise
from isogloss.search.result import Constraints, Measured, SearchResult, TrialRecord
from isogloss.search.space import UNSTEERED, SearchSpace, SteeringPoint, paper_point
from isogloss.search.study import SamplerName, Study, explained, open_study
from isogloss.search.worker import run_trials
from search_worker import LAYERS, SPACE, scores

START = SteeringPoint.everywhere(en_layer=4, en_gamma=0.5, loc_layer=8, loc_gamma=1.25)

Open = Callable[..., Study]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    def call(name: str = "study", **changes: object) -> Study:
        settings: dict[str, object] = {"space": SPACE, "context": "tests", "num_layers": LAYERS, **changes}
        return open_study(tmp_path / "folder" / "study.db", name, **settings)  # type: ignore[arg-type]

    return call


def gains(result: SearchResult) -> list[tuple[float, float]]:
    return [
        (each.transfer, each.localization)
        for each in result.trials
        if each.feasible and each.transfer is not None and each.localization is not None
    ]


def grid_front(loss: float) -> list[tuple[float, float]]:
    """The front of all layers and of strengths in steps of 0.1, where transfer falls by at most `loss`."""
    steps = [step / 10 for step in range(21)]
    every = [
        scores(SteeringPoint.everywhere(en_layer=en, en_gamma=up, loc_layer=loc, loc_gamma=across))
        for en, loc in itertools.product((2, 4, 6), (6, 8, 10))
        for up, across in itertools.product(steps, steps)
    ]
    feasible = [(each.transfer, each.localization) for each in every if each.transfer >= -loss - 1e-12]
    return [feasible[index] for index in pareto_front(feasible)]


@pytest.mark.parametrize(("sampler", "trials", "share"), [("tpe", 40, 0.78), ("nsga2", 40, 0.78), ("gp", 22, 0.9)])
def test_every_sampler_finds_the_known_front_within_the_constraint(
    opened: Open, sampler: SamplerName, trials: int, share: float
) -> None:
    loss = 0.012
    study = opened(sampler=sampler, constraints=Constraints(transfer=loss), seed=5)
    assert run_trials(study, scores, trials=trials) == trials
    result = summarise(study)

    assert result.sampler == sampler
    assert result.counts.complete == trials
    for each in result.trials:
        assert each.transfer is not None
        assert each.feasible == (each.transfer >= -loss)
    assert {each.feasible for each in result.trials} == {True, False}
    dominated_by_none = [
        one
        for one in gains(result)
        if not any(other != one and other[0] >= one[0] and other[1] >= one[1] for other in gains(result))
    ]
    found = [(each.transfer, each.localization) for each in result.front_trials]
    assert found == sorted(set(dominated_by_none), key=lambda one: one[1])
    assert result.knee in result.front

    known = hypervolume(grid_front(loss), result.reference)
    assert share * known < result.hypervolume[-1] < 1.02 * known  # the grid is a little coarser than the truth
    assert result.hypervolume[-1] == pytest.approx(hypervolume(gains(result), result.reference))
    assert list(result.hypervolume) == sorted(result.hypervolume)


def test_the_unsteered_the_papers_and_the_proposed_points_come_first_and_once(opened: Open) -> None:
    opened(starts=(START,))
    study = opened(starts=(START, UNSTEERED, START))
    tried: list[SteeringPoint] = []
    records: list[TrialRecord] = []

    def objective(point: SteeringPoint) -> Measured:
        tried.append(point)
        return scores(point)

    run_trials(study, objective, trials=5, on_trial=records.append)
    assert tried[:3] == [UNSTEERED, paper_point(LAYERS), START]
    assert [each.source for each in records] == ["zero", "paper", "first-order", "sampler", "sampler"]
    assert [each.point for each in records] == tried
    assert summarise(study).trials == tuple(records)


def test_what_a_sweep_chose_comes_before_what_is_proposed(opened: Open) -> None:
    chosen = [SteeringPoint.everywhere(loc_layer=layer, loc_gamma=2.0) for layer in (9, 3)]
    study = opened(swept=(chosen[0], paper_point(LAYERS), chosen[1]), starts=(START, chosen[0]))
    run_trials(study, scores, trials=5)
    found = [(each.source, each.point) for each in summarise(study).trials]
    assert found == [
        ("zero", UNSTEERED),
        ("paper", paper_point(LAYERS)),
        ("sweep", chosen[0]),
        ("sweep", chosen[1]),
        ("first-order", START),
    ]


def test_a_point_that_is_tried_again_uses_its_scores_again(opened: Open) -> None:
    study = opened(constraints=Constraints(transfer=0.0))
    again = {"en_layer": 9, "en_gamma": 0.00001, "loc_layer": 7, "loc_gamma": 1.50001}
    study.optuna.enqueue_trial(again)
    study.optuna.enqueue_trial(again | {"en_layer": 2, "loc_gamma": 1.5})  # γ is 0, so any layer is the same point
    calls = []

    def objective(point: SteeringPoint) -> Measured:
        calls.append(point)
        return scores(point)

    run_trials(study, objective, trials=4)
    assert len(calls) == 3
    result = summarise(study)
    first, second = result.trials[2:]
    assert (first.reused_from, second.reused_from) == (None, first.number)
    assert (second.transfer, second.localization, second.details) == (
        first.transfer,
        first.localization,
        first.details,
    )
    assert second.point == first.point
    assert (first.feasible, second.feasible) == (False, False)
    assert result.counts.reused == 1


def test_the_same_call_only_does_what_is_left(opened: Open) -> None:
    assert run_trials(opened(), scores, trials=4) == 4
    assert run_trials(opened(), scores, trials=4) == 0
    assert run_trials(opened(), scores, trials=7) == 3
    assert summarise(opened()).counts.complete == 7


def test_one_worker_alone_draws_the_same_points_from_the_same_seed(opened: Open) -> None:
    def points(name: str, seed: int) -> list[SteeringPoint | None]:
        study = opened(name, seed=seed)
        run_trials(study, scores, trials=6)
        return [each.point for each in summarise(study).trials]

    assert points("a", 1) == points("b", 1)
    assert points("c", 2) != points("a", 1)


def test_who_joins_draws_other_points_than_who_began(opened: Open) -> None:
    began, joined = opened(), opened()
    run_trials(began, scores, trials=4)
    run_trials(joined, scores, trials=6)
    counts = summarise(began).counts
    assert (counts.complete, counts.reused) == (6, 0)


def test_scores_that_are_no_numbers_fail_their_trial_alone(opened: Open) -> None:
    study = opened()

    def objective(point: SteeringPoint) -> Measured:
        if point == paper_point(LAYERS):
            return Measured(transfer=math.nan, localization=math.inf)
        return scores(point)

    assert run_trials(study, objective, trials=4) == 4
    result = summarise(study)
    assert (result.counts.complete, result.counts.failed, result.counts.retried) == (3, 1, 0)
    failed = result.trial(1)
    assert failed.failure == "not a finite score: transfer is nan, localization is inf"
    assert (failed.transfer, failed.feasible, failed.state) == (None, False, "failed")
    assert result.hypervolume[1] == result.hypervolume[0]


def test_an_error_stops_the_study_and_its_trial_is_tried_again(opened: Open) -> None:
    study = opened()

    def mistaken(point: SteeringPoint) -> Measured:
        raise UserError("the items are gone")

    with pytest.raises(UserError, match=r"^the items are gone$"):
        run_trials(study, mistaken, trials=3)
    assert run_trials(study, scores, trials=3) == 3
    result = summarise(study)
    assert (result.counts.complete, result.counts.failed, result.counts.retried) == (3, 0, 1)
    again = next(each for each in result.trials if each.retry_of == 0)
    assert (again.point, again.source) == (UNSTEERED, "zero")


def test_a_study_of_something_else_is_refused(opened: Open) -> None:
    opened()
    other = SPACE.model_copy(update={"loc_gammas": (0.0, 3.0)})
    with pytest.raises(RefusedError, match=r"'study' is one of another search space, so .* another study name"):
        opened(space=other)
    with pytest.raises(RefusedError, match="another model, other vectors or other items and other constraints"):
        opened(context="another", constraints=Constraints(localization=0.1))
    opened("another", space=other)


def test_a_study_to_join_must_be_there(opened: Open) -> None:
    with pytest.raises(UserError, match="no study 'study' to join yet"):
        opened(create=False)
    opened()
    assert run_trials(opened(create=False), scores, trials=2) == 2


def test_an_unknown_sampler_is_refused_with_the_known_ones(opened: Open) -> None:
    with pytest.raises(UserError, match=r"none of tpe, nsga2, gp \(did you mean 'nsga2'\?\)"):
        opened(sampler="nsga")


def test_a_path_may_hold_any_character(tmp_path: Path) -> None:
    path = tmp_path / "a {b} 100% c?d#é" / "study.db"
    for place in (path, f"sqlite:///{path}"):
        open_study(place, "odd", space=SPACE, context="tests", num_layers=LAYERS)
    assert path.is_file()
    assert {each.name for each in path.parent.iterdir()} <= {f"study.db{end}" for end in ("", "-wal", "-shm")}


def test_what_a_storage_needs_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UserError, match=r"psycopg.*isogloss\[postgres\]") as refused:
        open_study("postgresql://me:secret@host/x", "study", space=SPACE, context="tests", num_layers=LAYERS)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("place", ["mysql://root:secret@host/x", "http://host/x"])
def test_other_storages_are_refused(place: str) -> None:
    with pytest.raises(UserError, match="postgresql://USER@HOST/DATABASE") as refused:
        open_study(place, "study", space=SPACE, context="tests", num_layers=LAYERS)
    assert "secret" not in str(refused.value)


def test_a_locked_file_is_named(opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isogloss.search.study._PATIENCE", 0)
    opened()
    path = tmp_path / "folder" / "study.db"
    with sqlite3.connect(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UserError, match="locked") as refused:
            opened()
        other.rollback()
    other.close()
    assert str(path) in str(refused.value)


def test_the_result_survives_json(opened: Open) -> None:
    study = opened(starts=(START,))
    run_trials(study, scores, trials=4)
    result = summarise(study)
    assert SearchResult.model_validate_json(result.model_dump_json()) == result
    assert result.trials[0].details == scores(UNSTEERED).details
    with pytest.raises(KeyError):
        result.trial(99)


def test_each_language_may_have_its_own_point(opened: Open) -> None:
    space = SearchSpace.model_validate(SPACE.model_dump() | {"per_language": "all", "languages": ("es", "ko")})
    study = opened(space=space)
    run_trials(study, scores, trials=4)
    points = [each.point for each in summarise(study).trials]
    assert points[:2] == [UNSTEERED, paper_point(LAYERS)]
    for point in points[2:]:
        assert point is not None
        assert [each.language for each in point.steerings] == ["es", "ko"]


def test_importances_name_the_parameters_that_matter(opened: Open) -> None:
    study = opened(sampler="nsga2")

    def one_each(point: SteeringPoint) -> Measured:
        return Measured(transfer=point.steerings[0].en_gamma, localization=point.steerings[0].loc_gamma)

    run_trials(study, one_each, trials=10)
    assert summarise(study).importances == {}, "too few to tell"
    run_trials(study, one_each, trials=22)
    importances = summarise(study).importances
    assert importances.keys() == {"transfer", "localization"}
    for shares in importances.values():
        assert sum(shares.values()) == pytest.approx(1)
    assert importances["transfer"]["en_gamma"] > 0.8
    assert importances["localization"]["loc_gamma"] > 0.8


def test_progress_in_a_line(opened: Open) -> None:
    study = opened(constraints=Constraints(transfer=0.015))
    assert progress_note(study) == "front empty: no feasible trial yet"
    values = iter([(0.0, 0.0), (0.021, -0.004), (0.01, 0.044), (-0.02, 0.3), (0.01, 0.01)])

    def given(point: SteeringPoint) -> Measured:
        transfer, localization = next(values)
        return Measured(transfer=transfer, localization=localization)

    run_trials(study, given, trials=1)
    assert progress_note(study) == "front 1 point, hypervolume 0.0025, best transfer +0.0, best localization +0.0"
    run_trials(study, given, trials=5)
    # 0.071 · 0.046 for the left one, and 0.06 · 0.048 for what the right one adds.
    assert progress_note(study) == "front 2 points, hypervolume 0.0061, best transfer +2.1, best localization +4.4"
    assert re.search(r"0\.0061", f"{summarise(study).hypervolume[-1]:.4f}")


def test_types_of_a_search_are_imported_without_optuna() -> None:
    modules = "isogloss.search, isogloss.search.result, isogloss.search.space, isogloss.search.front"
    code = f"import sys, {modules}; assert not {{'optuna', 'torch', 'sqlalchemy', 'moocore'}} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_statement_cut_off_by_a_signal_is_an_interruption_and_no_fault_of_the_storage() -> None:
    """psycopg cannot put a connection back whose statement a signal cut off, and its complaint hides the signal."""
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"), explained("postgresql://there"):
        try:
            raise KeyboardInterrupt("SIGTERM")
        finally:
            raise SQLAlchemyError("can't change 'autocommit' now: connection in transaction status ACTIVE")
