"""The figures of a search show its numbers, and can be read without colour."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes

from isogloss.errors import UserError
from isogloss.report.searched.figures import front_figure, hypervolume_figure, importances_figure
from isogloss.report.style import save
from isogloss.search.point import UNSTEERED, SteeringPoint, paper_point
from isogloss.search.result import Constraints, Counts, SearchResult, Source, TrialRecord
from isogloss.search.space import SearchSpace

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


def drawn(axes: Axes) -> dict[str, set[tuple[float, float]]]:
    """The places of each labelled series."""
    found = {}
    for line in axes.lines:
        places = np.column_stack([np.asarray(values, dtype=float) for values in line.get_data()]).tolist()
        found[str(line.get_label())] = {(round(x, 6), round(y, 6)) for x, y in places}
    return found


def test_the_plane_has_every_trial_with_its_role(result: SearchResult) -> None:
    figure = front_figure(result)
    (axes,) = figure.axes
    series = drawn(axes)
    assert series["front"] == {(1, 2), (4, 1), (6, -1)}
    assert series["knee"] == {(4, 1)}
    assert series["the paper's point"] == {(5, -3)}
    assert series["the sweep's choice"] == {(3, -2)}
    assert series["first-order estimate"] == {(1, 2)}
    assert series["trial"] == {(0, 0), (4, 1), (6, -1)}
    assert series["outside the constraints"] == {(2, -4)}
    assert "EN layer 8 γ 0.5\nLOC layer 13 γ 1.5" in [text.get_text() for text in axes.texts]
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert len(labels) == len(set(labels)) == 8
    markers = [line.get_marker() for line in axes.lines if str(line.get_label()) in labels]
    faces = [str(line.get_markerfacecolor()) for line in axes.lines if str(line.get_label()) in labels]
    sizes = [line.get_markersize() for line in axes.lines if str(line.get_label()) in labels]
    assert len({*zip(markers, faces, sizes, strict=True)}) == len(labels), "told apart by more than colour"


def test_the_staircase_runs_below_the_front_and_never_above_it(result: SearchResult) -> None:
    (axes,) = front_figure(result).axes
    (stairs,) = [line for line in axes.lines if line.get_drawstyle() == "steps-pre"]
    assert list(zip(*stairs.get_data(), strict=True)) == [(1, 2), (4, 1), (6, -1)]  # type: ignore[call-overload]


def test_hypervolume_in_squared_points_after_each_trial(result: SearchResult) -> None:
    (axes,) = hypervolume_figure(result).axes
    curve, took_over = axes.lines
    assert curve.get_ydata() == pytest.approx([25, 25, 42, 60, 60, 68, 68, 68])  # type: ignore[comparison-overlap]
    assert list(curve.get_xdata()) == list(range(1, 9))  # type: ignore[arg-type]
    assert list(took_over.get_xdata()) == [3.5, 3.5]  # type: ignore[arg-type]


def test_importances_of_both_objectives_side_by_side(result: SearchResult) -> None:
    (axes,) = importances_figure(result).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["EN γ", "EN layer", "LOC γ, ko"]
    transfer, localization = axes.containers
    assert [bar.get_width() for bar in transfer] == pytest.approx([50, 10, 40])
    assert [bar.get_width() for bar in localization] == pytest.approx([10, 20, 70])


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
    assert "unsteered" in [text.get_text() for text in front_figure(begun).axes[0].texts]
    assert len(hypervolume_figure(begun).axes[0].lines) == 1
    with pytest.raises(UserError, match="study: too few trials"):
        importances_figure(begun)
    empty = begun.model_copy(update={"trials": (), "front": (), "knee": None, "hypervolume": ()})
    for draw in (front_figure, hypervolume_figure):
        with pytest.raises(UserError, match="study: no trial"):
            draw(empty)


def test_the_figures_are_the_same_bytes_each_time(result: SearchResult, tmp_path: Path) -> None:
    for draw in (front_figure, hypervolume_figure, importances_figure):
        first, second = (save(draw(result), tmp_path / name) for name in ("first", "second"))
        for one, other in zip(first, second, strict=True):
            assert one.read_bytes() == other.read_bytes()
