"""The figures of a search show its numbers, and can be read without colour."""

from __future__ import annotations

import pytest

from fake_search import make_searches
from isogloss.report.chart import Plot, plot
from isogloss.report.search_figures import (
    candidates_chart,
    candidates_figure,
    front_figure,
    hypervolume_figure,
    importances_figure,
)
from isogloss.report.searches import SearchedModel, Searches
from isogloss.search.result import Constraints, Counts, SearchResult, Source, TrialRecord
from isogloss.search.space import UNSTEERED, SearchSpace, SteeringPoint, paper_point
from scenes import items, layers, records, texts

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


RESULT = SearchResult(
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
STUDY = SearchedModel(checkpoint="mist", label="MIST", result=RESULT)


@pytest.fixture(scope="module")
def searches() -> Searches:
    return make_searches()


@pytest.fixture(scope="module")
def front() -> Plot:
    figure = front_figure(STUDY, statistic="probability")
    assert figure is not None
    return figure.draw()


def test_the_plane_has_every_trial_with_its_role(front: Plot) -> None:
    places: dict[str, set[tuple[float, float]]] = {}
    for row in records(front, "kind"):
        places.setdefault(row["kind"], set()).add((row["x"], row["y"]))
    assert places == {
        "front": {(1, 2), (4, 1), (6, -1)},
        "the paper's point": {(5, -3)},
        "the sweep's choice": {(3, -2)},
        "first-order estimate": {(1, 2)},
        "trial": {(0, 0), (4, 1), (6, -1)},
        "outside the constraints": {(2, -4)},
    }
    assert {"knee", "EN layer 8 γ 0.5", "LOC layer 13 γ 1.5", *places} <= set(texts(front))
    looks = {row["kind"]: (row["shape"], row["area"]) for row in records(front, "kind")}
    assert len(set(looks.values())) == len(looks), "told apart by more than colour"


def test_a_ring_marks_the_knee_and_a_staircase_runs_below_the_front(front: Plot) -> None:
    rings = [item for item in items(front, "symbol") if item.get("size") == 230]
    centre = next(
        item for item in items(front, "symbol") if item.get("size") == 48 and item["left"] == rings[0]["left"]
    )
    assert [(ring["left"], ring["top"]) for ring in rings] == [(centre["left"], centre["top"])]
    (knee,) = [each for each in records(front, "kind") if each["role"] == "front, knee" and each["kind"] == "front"]
    assert (knee["x"], knee["y"], knee["number"]) == (4, 1, 3)
    (stairs,) = [part for part in layers(front.spec) if part["mark"].get("interpolate") == "step-before"]
    rows = front.spec["datasets"][stairs["data"]["name"]]
    assert [(row["x"], row["y"]) for row in rows] == [(1, 2), (4, 1), (6, -1)]


def test_hypervolume_in_squared_points_after_each_trial() -> None:
    figure = hypervolume_figure(STUDY)
    assert figure is not None
    rows = records(figure.draw(), "area")
    assert [row["area"] for row in rows] == pytest.approx([25, 25, 42, 60, 60, 68, 68, 68])
    assert [row["trial"] for row in rows] == list(range(1, 9))
    assert [(row["trial"], row["text"]) for row in records(figure.draw(), "text")] == [(3.5, "sampler")]
    steps = figure.table_of_numbers().rows
    assert steps == [["1", "25.00"], ["3", "42.00"], ["4", "60.00"], ["6", "68.00"], ["8", "68.00"]]


def test_importances_of_both_objectives_side_by_side() -> None:
    figure = importances_figure(STUDY)
    assert figure is not None
    drawn = figure.draw()
    rows = {(row["objective"], row["parameter"]): row["share"] for row in records(drawn, "share")}
    assert list(rows) == [(o, p) for o in ("Transfer", "Localization") for p in ("EN γ", "EN layer", "LOC γ, ko")]
    assert list(rows.values()) == pytest.approx([50, 10, 40, 10, 20, 70])
    assert texts(drawn).count("Transfer") == 2, "in the legend, and beside a bar: told apart by more than colour"


def test_the_figures_of_a_study_that_has_just_begun() -> None:
    update = {"trials": RESULT.trials[:1], "front": (0,), "knee": 0, "hypervolume": RESULT.hypervolume[:1]}
    result = RESULT.model_copy(update={**update, "importances": {}})
    begun = SearchedModel(checkpoint="mist", label="MIST", result=result)
    first, area = front_figure(begun, statistic="accuracy"), hypervolume_figure(begun)
    assert first is not None
    assert "unsteered" in texts(first.draw())
    assert area is not None
    assert "sampler" not in texts(area.draw())
    assert importances_figure(begun) is None
    nothing = result.model_copy(update={"trials": (), "front": (), "knee": None, "hypervolume": ()})
    empty = SearchedModel(checkpoint="mist", label="MIST", result=nothing)
    assert front_figure(empty, statistic="accuracy") is hypervolume_figure(empty) is None


def test_the_table_of_trials_says_what_became_of_each(searches: Searches) -> None:
    study = searches.studies[0]
    figure = front_figure(study, statistic="probability")
    assert figure is not None
    numbers = figure.table_of_numbers()
    roles = [row[1] for row in numbers.rows]
    assert len(roles) == 60
    assert (roles.count("front"), roles.count("front, knee")) == (len(study.result.front) - 1, 1)
    assert roles[17] == "failed"
    assert set(numbers.rows[17][4:]) == {"–"}
    by_accuracy = front_figure(study, statistic="accuracy")
    assert by_accuracy is not None
    assert len(by_accuracy.table) == len(numbers.columns) - 2, "accuracy is not there twice"


def test_candidates_are_told_apart_without_colour(searches: Searches) -> None:
    figure = candidates_figure(searches)
    assert figure is not None
    drawn = figure.draw()
    points = {each["text"]: each for each in records(drawn, "steering", "text")}
    assert list(points) == [str(number) for number in range(1, 9)]
    for candidate, point in zip(searches.candidates, points.values(), strict=True):
        across, up = candidate.change("localization"), candidate.change("transfer")
        assert (point["x"], point["y"]) == pytest.approx((100 * across.value, 100 * up.value), abs=1e-3)
        assert point["hollow"] == (candidate.dominated_by is not None)
    shapes = {c.label: point["shape"] for c, point in zip(searches.candidates, points.values(), strict=True)}
    assert len(set(shapes.values())) == 2
    assert {"unaligned", "Unaligned", "MIST", "hollow: dominated by another", *points} <= set(texts(drawn))
    assert figure.alt.count("(dominated)") == len(searches.candidates) - len(searches.kept)


def test_one_point_among_them_is_marked_by_name(searches: Searches) -> None:
    drawn = plot(candidates_chart(searches.candidates, marked=searches.candidates[2].name))
    points = records(drawn, "steering")
    assert [point.get("text") for point in points] == [None, None, "this model", *[None] * 5]
    sizes = [point["area"] for point in points]
    assert sizes.index(max(sizes)) == 2
    assert sizes.count(max(sizes)) == 1
