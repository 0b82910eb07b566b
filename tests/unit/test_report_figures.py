"""The figures show the numbers they are given, in a form that every reader can tell apart."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path

import pytest
from matplotlib import rcParams
from matplotlib.figure import Figure

from fake_results import LANGUAGES, condition, make_results
from isogloss.errors import UserError
from isogloss.evaluate.results import MACRO, Results
from isogloss.report.details import (
    languages_alternative,
    plane_alternative,
    plane_numbers,
    sweep_alternative,
    sweep_numbers,
)
from isogloss.report.figures import languages_figure, plane_figure, sweep_figure
from isogloss.report.labels import spread
from isogloss.report.style import inline_svg, look_of, save


@pytest.fixture(scope="module")
def results() -> Results:
    return make_results()


@pytest.fixture(scope="module")
def plane(results: Results) -> Figure:
    return plane_figure(results)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def test_the_plane_has_its_points_where_the_numbers_are(plane: Figure, results: Results) -> None:
    axes = plane.axes[0]
    drawn = {
        (round(float(x), 6), round(float(y), 6)) for line in axes.lines for x, y in zip(*line.get_data(), strict=True)
    }
    for each in results.conditions:
        across, up = (each.delta[axis][MACRO].value for axis in ("localization", "transfer"))
        assert (round(100 * across, 6), round(100 * up, 6)) in drawn
    assert (0.0, 0.0) in drawn


def test_the_plane_names_methods_languages_and_the_erasure_quadrant(plane: Figure) -> None:
    found = texts(plane)
    for label in ("EN-steering", "LOC-steering", "SUR-steering"):
        assert label in found
    assert sorted(text for text in found if len(text) == 2) == sorted(3 * [code for code in LANGUAGES if code != "en"])
    assert any("erasure" in text for text in found)
    legend = plane.legends[0]
    assert "Country in the prompt" in [text.get_text() for text in legend.get_texts()]


def test_labels_stay_inside_the_plane_and_off_each_other(plane: Figure) -> None:
    axes = plane.axes[0]
    frame = axes.get_window_extent()
    boxes = [text.get_window_extent() for text in axes.texts if text.get_text().endswith("steering")]
    assert len(boxes) == 3
    for box in boxes:
        assert frame.x0 <= box.x0
        assert box.x1 <= frame.x1
    assert not any(one.overlaps(other) for i, one in enumerate(boxes) for other in boxes[i + 1 :])


def test_all_four_quadrants_are_in_sight(plane: Figure) -> None:
    (left, right), (bottom, top) = plane.axes[0].get_xlim(), plane.axes[0].get_ylim()
    assert left < 0 < right
    assert bottom < 0 < top


def test_the_sweep_has_a_line_for_each_strength_and_marks_the_choice(results: Results) -> None:
    figure = sweep_figure(results)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "EN-steering: transfer",
        "LOC-steering: transfer",
        "EN-steering: localization",
        "LOC-steering: localization",
    ]
    for axes in figure.axes:
        lines = [line for line in axes.lines if len(line.get_xdata()) == results.num_layers]  # type: ignore[arg-type]
        curves = [line for line in lines if line.get_marker() != "None"]
        assert len(curves) == 3
        (probability,) = (line for line in lines if line.get_marker() == "None")
        kind, axis = axes.get_title(loc="left").split("-steering: ")
        chosen = [p for p in results.sweep if p.kind == kind.lower() and p.gamma == 1.0]
        expected = [100 * getattr(point, f"{axis}_probability") for point in chosen]
        assert list(probability.get_ydata()) == pytest.approx(expected)  # type: ignore[arg-type]
        assert len({(line.get_linestyle(), line.get_marker()) for line in curves}) == 3
        assert len(axes.collections) == 3  # interval bands
    assert texts(figure).count("chosen: layer 13, γ 1") == 2
    assert len(sweep_figure(results, columns=1).axes) == 4


def test_the_sweep_draws_what_is_there(results: Results) -> None:
    few = results.model_copy(update={"sweep": tuple(p for p in results.sweep if p.kind == "loc" and p.layer == 13)})
    assert len(sweep_figure(few).axes) == 2
    with pytest.raises(UserError, match="no sweep"):
        sweep_figure(results.model_copy(update={"sweep": ()}))


def test_languages_show_three_conditions_on_two_axes(results: Results) -> None:
    figure = languages_figure(results)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "Unsteered",
        "SUR-steering",
        "Country in the prompt",
    ]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()][-1] == "Macro mean"
    assert len(languages_figure(results, columns=1).axes) == 2


def test_languages_are_drawn_where_a_condition_lacks_an_axis(results: Results) -> None:
    country = results.conditions[3]
    partial = country.model_copy(update={"accuracy": {"localization": country.accuracy["localization"]}})
    figure = languages_figure(results.model_copy(update={"conditions": (*results.conditions[:3], partial)}))
    assert len(figure.legends[0].get_texts()) == 3


def test_loc_in_ens_layer_is_a_hollow_point_named_below(results: Results) -> None:
    loc = results.conditions[1]
    middle = condition("loc_mid", "LOC at EN's layer", "method", "", transfer=0.0, localization=0.02, bias=0.0, seed=9)
    figure = plane_figure(results.model_copy(update={"conditions": (middle, loc)}))
    found = texts(figure)
    assert "LOC at EN's layer" not in found
    assert "LOC at EN's layer" in [text.get_text() for text in figure.legends[0].get_texts()]
    assert sorted(text for text in found if len(text) == 2) == sorted(code for code in LANGUAGES if code != "en")
    assert look_of("loc_mid").marker != look_of("loc").marker


def test_an_empty_plane_is_the_users_to_mend(results: Results) -> None:
    with pytest.raises(UserError, match="plane is empty"):
        plane_figure(results.model_copy(update={"conditions": ()}))


def test_conditions_differ_in_shape_as_well_as_colour(results: Results) -> None:
    looks = [look_of(condition.name) for condition in (results.baseline, *results.conditions)]
    assert len({look.marker for look in looks}) == len(looks)
    assert look_of("a condition of tomorrow").marker


def test_drawing_leaves_matplotlib_as_it_was(results: Results) -> None:
    before = dict(rcParams)
    plane_figure(results)
    assert dict(rcParams) == before


def test_files_are_written_twice_as_fine_as_a_screen_and_repeatable(plane: Figure, tmp_path: Path) -> None:
    png, svg = save(plane, tmp_path / "a" / "plane")
    width = int.from_bytes(png.read_bytes()[16:20], "big")
    assert width == pytest.approx(plane.get_figwidth() * 192, abs=1)
    again = save(plane, tmp_path / "b" / "plane")
    assert (png.read_bytes(), svg.read_bytes()) == tuple(path.read_bytes() for path in again)


def test_inline_drawings_follow_the_page(plane: Figure) -> None:
    text = inline_svg(plane, "plane", 'a < b & "c"')
    root = ElementTree.fromstring(text)
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == 'a < b & "c"'
    assert "width" not in root.attrib
    assert "currentColor" in text
    assert "var(--paper)" in text
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert all(name.startswith("plane-") for name in ids)
    assert set(re.findall(r"(?:href=\"#|url\(#)([^\")]+)", text)) <= set(ids)


def test_alternatives_and_tables_carry_the_numbers(results: Results) -> None:
    assert "SUR-steering at +1.4, +7.8" in plane_alternative(results)
    assert "Chosen: EN layer 8, γ 1; LOC layer 13, γ 1" in sweep_alternative(results)
    assert "Greek" in languages_alternative(results)
    assert len(plane_numbers(results).rows) == len(results.conditions) * (len(LANGUAGES) + 1)
    assert len(sweep_numbers(results).rows) == len(results.sweep)


def test_spread_keeps_order_and_moves_only_what_is_too_near() -> None:
    moved = spread([0.0, 10.0, 0.1, 0.2], 1.0)
    assert moved[1] == 10.0
    assert moved[0] < moved[2] < moved[3]
    assert all(later - earlier >= 1.0 - 1e-9 for earlier, later in pairwise(sorted(moved)))
