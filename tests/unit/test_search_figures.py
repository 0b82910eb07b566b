"""The figures of a search show its numbers, and can be read without colour."""

from __future__ import annotations

from pathlib import Path

import pytest

from isogloss.errors import UserError
from isogloss.report.kit.chart import Figure, save
from isogloss.report.searched.figures import front_figure, hypervolume_figure, importances_figure
from isogloss.search.result import Constraints, Counts, SearchResult, Source, TrialRecord
from isogloss.search.space import UNSTEERED, SearchSpace, SteeringPoint, paper_point
from scenes import fault, items, layers, records, texts

LAYERS = tuple(range(1, 19))
SAMPLED = SteeringPoint.everywhere(en_layer=8, en_gamma=0.5, loc_layer=13, loc_gamma=1.5)


def trial(number: int, source: Source, scores: tuple[float, float] | None, *, feasible: bool = True) -> TrialRecord:
    return TrialRecord(
        number=number,
        state="failed" if scores is None else "complete",
        source=source,
        point={"zero": UNSTEERED, "paper": paper_point(18)}.get(source, SAMPLED),
        transfer=None if scores is None else scores[0],
        localization=None if scores is None else scores[1],
        feasible=feasible and scores is not None,
    )


@pytest.fixture
def result() -> SearchResult:
    return SearchResult(
        name="study",
        sampler="tpe",
        space=SearchSpace(en_layers=LAYERS, loc_layers=LAYERS, en_gammas=(0, 1), loc_gammas=(0, 3)),
        constraints=Constraints(transfer=0.02),
        trials=(
            trial(0, "zero", (0.0, 0.0)),
            trial(1, "paper", (-0.03, 0.05), feasible=False),
            trial(2, "first-order", (0.02, 0.01)),
            trial(3, "sampler", (0.01, 0.04)),
            trial(4, "sampler", None),
            trial(5, "sampler", (-0.01, 0.06)),
            trial(6, "sampler", (-0.04, 0.02), feasible=False),
            trial(7, "sweep", (-0.02, 0.03)),
        ),
        front=(2, 3, 5),
        knee=3,
        reference=(-0.05, -0.05),
        hypervolume=(0.0025, 0.0025, 0.0042, 0.006, 0.006, 0.0068, 0.0068, 0.0068),
        importances={
            "transfer": {"en_layer": 0.1, "en_gamma": 0.5, "loc_gamma.ko": 0.4},
            "localization": {"en_layer": 0.2, "en_gamma": 0.1, "loc_gamma.ko": 0.7},
        },
        counts=Counts(complete=7, failed=1, retried=0, reused=0, running=0, waiting=0),
    )


def drawn(figure: Figure) -> dict[str, set[tuple[float, float]]]:
    """The places of each kind of point."""
    found: dict[str, set[tuple[float, float]]] = {}
    for each in records(figure, "kind"):
        found.setdefault(each["kind"], set()).add((each["x"], each["y"]))
    return found


def test_every_figure_is_a_valid_specification(result: SearchResult) -> None:
    for draw in (front_figure, hypervolume_figure, importances_figure):
        assert not fault(draw(result))
        assert not fault(draw(result, columns=1))


def test_the_plane_has_every_trial_with_its_role(result: SearchResult) -> None:
    figure = front_figure(result)
    series = drawn(figure)
    assert series == {
        "front": {(1, 2), (4, 1), (6, -1)},
        "the paper's point": {(5, -3)},
        "the sweep's choice": {(3, -2)},
        "first-order estimate": {(1, 2)},
        "trial": {(0, 0), (4, 1), (6, -1)},
        "outside the constraints": {(2, -4)},
    }
    told = texts(figure)
    assert {"knee", "EN layer 8 γ 0.5", "LOC layer 13 γ 1.5", *series} <= set(told)
    looks = {each["kind"]: (each["shape"], each["area"]) for each in records(figure, "kind")}
    assert len(set(looks.values())) == len(looks), "told apart by more than colour"


def test_a_ring_and_words_mark_the_knee(result: SearchResult) -> None:
    figure = front_figure(result)
    rings = [item for item in items(figure, "symbol") if item.get("size") == 230]
    centre = next(
        item for item in items(figure, "symbol") if item.get("size") == 48 and item["left"] == rings[0]["left"]
    )
    assert [(ring["left"], ring["top"]) for ring in rings] == [(centre["left"], centre["top"])]
    (knee,) = [each for each in records(figure, "kind") if each["role"] == "front, knee" and each["kind"] == "front"]
    assert (knee["x"], knee["y"], knee["number"]) == (4, 1, 3)


def test_the_staircase_runs_below_the_front_and_never_above_it(result: SearchResult) -> None:
    figure = front_figure(result)
    (stairs,) = [part for part in layers(figure.spec) if part["mark"].get("interpolate") == "step-before"]
    rows = figure.spec["datasets"][stairs["data"]["name"]]
    assert [(row["x"], row["y"]) for row in rows] == [(1, 2), (4, 1), (6, -1)]


def test_hypervolume_in_squared_points_after_each_trial(result: SearchResult) -> None:
    figure = hypervolume_figure(result)
    rows = records(figure, "area")
    assert [row["area"] for row in rows] == pytest.approx([25, 25, 42, 60, 60, 68, 68, 68])
    assert [row["trial"] for row in rows] == list(range(1, 9))
    assert [row["trial"] for row in records(figure, "text")] == [3.5]
    assert "sampler" in texts(figure)


def test_importances_of_both_objectives_side_by_side(result: SearchResult) -> None:
    figure = importances_figure(result)
    shares = {
        objective: {row["parameter"]: row["share"] for row in records(figure, "share") if row["objective"] == objective}
        for objective in ("Transfer", "Localization")
    }
    assert list(shares["Transfer"]) == ["EN γ", "EN layer", "LOC γ, ko"]
    assert list(shares["Transfer"].values()) == pytest.approx([50, 10, 40])
    assert list(shares["Localization"].values()) == pytest.approx([10, 20, 70])
    assert texts(figure).count("Transfer") == 2, "in the legend, and beside a bar: told apart by more than colour"


def test_the_figures_of_a_study_that_has_just_begun(result: SearchResult) -> None:
    begun = result.model_copy(
        update={
            "trials": result.trials[:1],
            "front": (0,),
            "knee": 0,
            "hypervolume": result.hypervolume[:1],
            "importances": {},
        }
    )
    assert "unsteered" in texts(front_figure(begun))
    assert "sampler" not in texts(hypervolume_figure(begun))
    with pytest.raises(UserError, match="study: too few trials"):
        importances_figure(begun)
    empty = begun.model_copy(update={"trials": (), "front": (), "knee": None, "hypervolume": ()})
    for draw in (front_figure, hypervolume_figure):
        with pytest.raises(UserError, match="study: no trial"):
            draw(empty)


def test_the_figures_are_the_same_bytes_each_time(result: SearchResult, tmp_path: Path) -> None:
    for draw in (front_figure, hypervolume_figure, importances_figure):
        for name in ("first", "second"):
            save(draw(result), tmp_path / name)
        for end in (".png", ".svg"):
            first, second = ((tmp_path / f"{name}{end}").read_bytes() for name in ("first", "second"))
            assert first == second
