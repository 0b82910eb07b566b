"""The figures of the comparison show the numbers they are given, and can be read without colour."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fake_comparison import STEPS, make_comparison
from fake_results import OTHERS
from isogloss.errors import UserError
from isogloss.evaluate.results import MACRO, Comparison
from isogloss.report.comparison import details
from isogloss.report.comparison.curves import (
    curves_figure,
    languages_curves_figure,
    loss_figure,
    running_mean,
)
from isogloss.report.comparison.drawings import comparison_drawings
from isogloss.report.comparison.looks import SHAPES, look_of_model
from isogloss.report.comparison.planes import languages_planes_figure, methods_figure
from isogloss.report.style import save

TRAINED = ("MIST", "CLO", "MIDALIGN")


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return make_comparison()


@pytest.fixture(scope="module")
def plane(comparison: Comparison) -> Figure:
    return methods_figure(comparison)


def drawn(axes: Axes) -> dict[tuple[float, float], object]:
    """The marker of every point drawn alone, by its place."""
    found = {}
    for line in axes.lines:
        x, y = line.get_data()
        if len(x) == 1:  # type: ignore[arg-type]
            found[round(float(x[0]), 6), round(float(y[0]), 6)] = line.get_marker()  # type: ignore[index]
    return found


def place(comparison: Comparison, model: int, condition: str, code: str) -> tuple[float, float]:
    deltas = next(each for each in comparison.models[model].conditions if each.name == condition).delta
    return round(100 * deltas["localization"][code].value, 6), round(100 * deltas["transfer"][code].value, 6)


def test_the_plane_of_methods_has_every_point_in_its_steerings_shape(plane: Figure, comparison: Comparison) -> None:
    points = drawn(plane.axes[0])
    assert (0.0, 0.0) in points
    for index in range(len(comparison.models)):
        for steering, shape in SHAPES.items():
            if index or steering != "none":
                assert points[place(comparison, index, steering, MACRO)] == shape
    assert len(set(SHAPES.values())) == 4


def test_the_plane_of_methods_names_models_steerings_and_erasure(plane: Figure) -> None:
    found = [text.get_text() for text in plane.axes[0].texts]
    assert all(found.count(label) == 1 for label in ("Unaligned", *TRAINED))
    assert [found.count(label) for label in ("EN", "LOC", "SUR")] == [4, 4, 4]
    assert any("erasure" in text for text in found)
    assert [text.get_text() for text in plane.legends[0].get_texts()][1:] == [
        "EN-steering",
        "LOC-steering",
        "SUR-steering",
    ]


def test_names_and_intervals_stay_inside_the_plane(plane: Figure, comparison: Comparison) -> None:
    axes = plane.axes[0]
    frame = axes.get_window_extent()
    boxes = [text.get_window_extent() for text in axes.texts if text.get_text() in ("Unaligned", *TRAINED)]
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 for box in boxes)
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[i + 1 :])
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    for model in comparison.models:
        for condition in model.conditions:
            if condition.delta:
                across, up = condition.delta["localization"][MACRO], condition.delta["transfer"][MACRO]
                assert left < across.low < across.high < right  # type: ignore[operator]
                assert bottom < up.low < up.high < top  # type: ignore[operator]


def test_arrows_lead_from_the_origin_to_a_model_and_from_it_to_its_steered_variants(plane: Figure) -> None:
    arrows = [text for text in plane.axes[0].texts if text.get_text() == ""]
    assert len(arrows) == 3 + 4 * 3


def test_each_language_has_its_plane(comparison: Comparison) -> None:
    figure = languages_planes_figure(comparison)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        *("Spanish", "Indonesian", "Korean", "Greek", "Chinese", "Arabic"),
    ]
    for code, axes in zip(OTHERS, figure.axes, strict=True):
        assert place(comparison, 3, "none", code) in drawn(axes)
        assert [text.get_text() for text in axes.texts if text.get_text()] == [*TRAINED]
        assert axes.get_xlim() == figure.axes[0].get_xlim()
    few = comparison.model_copy(update={"languages": ("en", "es", "ar")})
    assert len(languages_planes_figure(few, columns=1).axes) == 2


def test_curves_hold_each_checkpoint_with_its_band(comparison: Comparison) -> None:
    figure = curves_figure(comparison)
    assert len(figure.axes) == 3
    for axes, values in zip(figure.axes, ("transfer", "localization", None), strict=True):
        lines = [line for line in axes.lines if len(line.get_xdata()) == len(STEPS)]  # type: ignore[arg-type]
        assert len(lines) == len(axes.collections) == 3
        assert len({str(line.get_linestyle()) + str(line._dash_pattern) for line in lines}) == 3  # type: ignore[attr-defined]
        assert [text.get_text() for text in axes.texts] == [*TRAINED]
        for line, model in zip(lines, comparison.models[1:], strict=True):
            expected = [100 * (p.accuracy[values] if values else p.bias)[MACRO].value for p in model.curve]  # type: ignore[index]
            assert list(line.get_ydata()) == pytest.approx(expected)  # type: ignore[arg-type]
    assert len(curves_figure(comparison, columns=1).axes) == 3


def test_curves_by_language_have_one_span_in_a_column(comparison: Comparison) -> None:
    figure = languages_curves_figure(comparison)
    assert len(figure.axes) == 3 * len(OTHERS)
    for column in range(3):
        spans = [axes.get_ylim()[1] - axes.get_ylim()[0] for axes in figure.axes[column::3]]
        assert spans == pytest.approx([spans[0]] * len(spans))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [*TRAINED]


def test_losses_have_a_panel_a_method(comparison: Comparison) -> None:
    figure = loss_figure(comparison)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [f"{label}: loss" for label in TRAINED]
    raw, mean = figure.axes[0].lines
    assert list(raw.get_ydata()) == [loss for _, loss in comparison.models[1].losses["loss"]]  # type: ignore[arg-type]
    assert len(mean.get_ydata()) == len(raw.get_ydata())  # type: ignore[arg-type]


def test_losses_that_alternate_are_lines_of_their_own(comparison: Comparison) -> None:
    axes = loss_figure(comparison).axes[2]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["alignment", "SFT"]  # type: ignore[union-attr]
    alignment, _, sft, _ = axes.lines
    assert list(alignment.get_xdata())[:3] == [2, 4, 6]  # type: ignore[arg-type]
    assert list(sft.get_xdata())[:3] == [1, 3, 5]  # type: ignore[arg-type]


def test_a_running_mean() -> None:
    mean = running_mean([float(n) for n in range(80)])
    assert mean[10:70] == [float(n) for n in range(10, 70)]
    assert running_mean([5.0]) == [5.0]


def test_models_differ_in_line_as_well_as_colour() -> None:
    looks = [look_of_model(name) for name in ("unaligned", "mist", "clo", "midalign")]
    assert len({str(look.stroke) for look in looks}) == len({look.color for look in looks}) == 4
    assert look_of_model("a method of tomorrow").color


def test_alternatives_and_tables_carry_the_numbers(comparison: Comparison) -> None:
    across, up = place(comparison, 1, "none", MACRO)
    assert f"MIST at {up:+.1f}, {across:+.1f}".replace("-", "−") in details.methods_alternative(comparison)
    assert "Greek: " in details.languages_planes_alternative(comparison)
    assert "at step 100" in details.curves_alternative(comparison)
    assert "MIDALIGN moves English bias most in " in details.languages_curves_alternative(comparison)
    assert "CLO contrast, English from " in details.loss_alternative(comparison)
    assert len(details.planes_numbers(comparison, by_language=False).rows) == 4 * 5 - 1
    assert len(details.planes_numbers(comparison, by_language=True).rows) == 7 * (4 * 5 - 1)
    assert len(details.curves_numbers(comparison, by_language=False).rows) == 3 * len(STEPS)
    assert len(details.curves_numbers(comparison, by_language=True).rows) == 7 * 3 * len(STEPS)
    assert len(details.loss_numbers(comparison).rows) == 100


def test_only_what_was_measured_is_drawn(comparison: Comparison) -> None:
    bare = comparison.model_copy(
        update={
            "models": tuple(
                model.model_copy(
                    update={
                        "conditions": tuple(each.model_copy(update={"delta": {}}) for each in model.conditions),
                        "curve": (),
                        "losses": (),
                    }
                )
                for model in comparison.models
            )
        }
    )
    assert comparison_drawings(bare) == []
    for draw, words in (
        (methods_figure, "plane of methods is empty"),
        (languages_planes_figure, "no planes to draw"),
        (curves_figure, "no curves to draw"),
        (languages_curves_figure, "no curves to draw"),
        (loss_figure, "training loss"),
    ):
        with pytest.raises(UserError, match=words):
            draw(bare)


def test_files_are_the_same_each_time(plane: Figure, tmp_path: Path) -> None:
    first = save(plane, tmp_path / "a" / "methods")
    again = save(plane, tmp_path / "b" / "methods")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in again]
