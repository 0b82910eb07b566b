"""Every figure shows the numbers it is given, in a form that every reader can tell apart; the first run's in detail."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from fake_comparison import make_comparison
from fake_geometry import make_geometry
from fake_results import LANGUAGES, condition, make_results
from fake_search import make_searches
from isogloss.report.chart import Checkboxes, Figure, Menu, Plot, condition_look, inline_svg, model_look, save
from isogloss.report.comparison import comparison_figures
from isogloss.report.first_run import first_run_figures, languages_figure, plane_figure, sweep_figure
from isogloss.report.geometry_figures import geometry_figures
from isogloss.report.labels import Frame, Label, place_labels, spread, text_width
from isogloss.report.page import packed
from isogloss.report.plane import extent
from isogloss.report.search_figures import search_figures
from isogloss.report.training import training_figures
from isogloss.results.names import CONDITIONS, LOC, LOC_MID, MODELS
from isogloss.results.scores import MACRO, Results
from scenes import datasets, fault, items, layers, lines, records, texts

FIGURES: dict[str, Figure[Any]] = {
    figure.name: figure
    for figure in (
        *first_run_figures(make_results()),
        *comparison_figures(make_comparison()),
        *training_figures(make_comparison()),
        *geometry_figures(make_geometry(), layer=13),
        *search_figures(make_searches()),
    )
}


@pytest.fixture(scope="module")
def results() -> Results:
    return make_results()


@pytest.fixture(scope="module")
def plane() -> Plot:
    return FIGURES["plane"].draw()


@pytest.mark.parametrize("figure", FIGURES.values(), ids=list(FIGURES))
def test_a_figure_is_valid_described_and_has_its_numbers(figure: Figure[Any]) -> None:
    drawn = figure.draw()
    for plot in (drawn, figure.draw(columns=1)):
        assert not fault(plot)
    assert len(figure.alt) > 60
    assert figure.caption
    numbers = figure.table_of_numbers()
    assert numbers.rows
    assert all(len(row) == len(numbers.columns) for row in numbers.rows)
    params = {param["name"]: param["value"] for param in drawn.spec.get("params", [])}
    for control in figure.controls:
        if isinstance(control, Checkboxes):
            assert set(params[control.signal]) == set(control.checked) <= {value for value, _ in control.options}
        if isinstance(control, Menu):
            assert params[control.signal] == control.options[0][0]


@pytest.mark.parametrize("name", [name for name in FIGURES if name not in ("loss", "pca", "pca-steered")])
def test_what_a_pointer_reads_is_in_the_table(name: str) -> None:
    cells = {cell for row in FIGURES[name].table_of_numbers().rows for cell in row}
    for row in records(FIGURES[name].draw()):
        if name != "methods" or row.get("code") == MACRO:  # its table is of the macro means
            assert {row[field] for field in ("value", "transfer", "localization") if field in row} <= cells


def test_only_what_was_measured_is_drawn(results: Results) -> None:
    bare = results.model_copy(update={"conditions": (), "sweep": ()})
    assert [figure.name for figure in first_run_figures(bare)] == ["languages"]


def test_the_plane_has_its_points_where_the_numbers_are(plane: Plot, results: Results) -> None:
    points = {(record["series"], record["code"]): record for record in records(plane, "series", "code")}
    for each in results.conditions:
        across, up = (each.delta[axis][MACRO] for axis in ("localization", "transfer"))
        point = points[each.label, MACRO]
        assert (point["x"], point["y"]) == pytest.approx((100 * across.value, 100 * up.value), abs=1e-3)
        ends = [100 * end for end in (across.low, across.high, up.low, up.high) if end is not None]
        assert [point[name] for name in ("x_low", "x_high", "y_low", "y_high")] == pytest.approx(ends, abs=1e-3)
        assert f"{up.n:,} transfer" in point["n"]
    steered = [each.label for each in results.conditions if each.role == "method"]
    assert {key for key in points if key[1] != MACRO} == {(s, c) for s in steered for c in LANGUAGES if c != "en"}
    assert [(p["x0"], p["y0"]) for p in points.values() if "x0" in p] == [(0.0, 0.0)] * len(steered)


def test_a_point_tells_everything_when_hovered(plane: Plot) -> None:
    (tooltip,) = [part["encoding"]["tooltip"] for part in layers(plane.spec) if "tooltip" in part.get("encoding", {})]
    assert len(tooltip) == 6
    assert all(field["field"] in records(plane, "series")[0] for field in tooltip)


def test_the_plane_names_methods_languages_and_the_erasure_quadrant(plane: Plot) -> None:
    written = texts(plane)
    assert {"EN-steering", "LOC-steering", "SUR-steering", "Country in the prompt"} <= set(written)
    codes = sorted(text for text in written if len(text) == 2 and text.isalpha())
    assert codes == sorted(3 * [code for code in LANGUAGES if code != "en"])
    assert any("erasure" in text for text in written)


@pytest.mark.parametrize("columns", [1, 2])
def test_labels_stay_inside_the_drawing_and_off_each_other(columns: int) -> None:
    drawn = FIGURES["plane"].draw(columns=columns)
    wide = re.search(r'<svg[^>]*\bwidth="([\d.]+)"', drawn.svg())
    assert wide
    boxes = []
    for item in items(drawn, "text"):
        if str(item.get("text")).endswith("-steering") and item.get("stroke"):
            width = text_width(Label(x=0, y=0, text=item["text"], bold=True, size=item["fontSize"]))
            align = {"left": 0.0, "center": 0.5, "right": 1.0}[item["align"]]
            left = item["left"] + item.get("dx", 0) - align * width
            boxes.append((left, item["top"] + item.get("dy", 0), left + width))
    assert len(boxes) == 3
    assert all(left >= 0 and right <= float(wide[1]) for left, _, right in boxes)
    for index, (left, top, right) in enumerate(boxes):
        for other in boxes[index + 1 :]:
            assert abs(top - other[1]) > 11 or right < other[0] or other[2] < left


def test_all_four_quadrants_are_in_sight_with_room_for_their_names() -> None:
    left, right, bottom, top = extent([(8.0, 2.0), (6.0, 1.0)], height=400)
    assert left < 0 < right
    assert bottom < 0
    assert (top - 2.0) / (top - bottom) * 400 >= 50
    assert extent([(8.0, 2.0)], height=400, words=False)[3] < top


def test_loc_in_ens_layer_is_a_hollow_point_named_below(results: Results) -> None:
    middle = condition(LOC_MID, "LOC in the middle", "method", "", transfer=0.0, localization=0.02, bias=0.0, seed=9)
    figure = plane_figure(results.model_copy(update={"conditions": (middle, results.conditions[1])}))
    assert figure is not None
    points = [row for row in records(figure.draw(), "series", "code") if row["series"] == middle.label]
    assert [(row["code"], row["hollow"], "text" in row) for row in points] == [(MACRO, True, False)]
    assert texts(figure.draw()).count(middle.label) == 1  # in the legend
    assert condition_look(LOC_MID).shape != condition_look(LOC).shape


def test_the_sweep_has_a_line_for_each_strength_and_marks_the_choice(results: Results) -> None:
    drawn = FIGURES["sweep"].draw()
    titles = [panel["title"] for panel in drawn.spec["concat"]]
    assert titles == [f"{kind}-steering: {axis}" for axis in ("transfer", "localization") for kind in ("EN", "LOC")]
    for panel in drawn.spec["concat"]:
        kind, axis = panel["title"].split("-steering: ")
        found = lines(drawn, panel)
        assert len({(str(line[0]["dash"]), line[0]["shape"]) for line in found.values()}) == len(found) == 3
        for name, line in found.items():
            gamma = float(name.split("γ ")[1])
            points = [p for p in results.sweep if p.kind == kind.lower() and p.gamma == gamma]
            expected = [(p.layer, 100 * getattr(p, axis).value, 100 * getattr(p, axis).low) for p in points]
            shown = [(row["x"], row["y"], row["low"]) for row in line]
            assert [x for row in shown for x in row] == pytest.approx([x for row in expected for x in row], abs=1e-3)
        probability = [
            100 * getattr(p, f"{axis}_probability") for p in results.sweep if (p.kind, p.gamma) == (kind.lower(), 1.0)
        ]
        sets = [[row.get("y") for row in rows] for rows in datasets(drawn, panel)]
        assert any(len(each) == len(probability) and each == pytest.approx(probability, abs=1e-3) for each in sets)
    assert texts(drawn).count("chosen: layer 13, γ 1") == 2
    assert len(FIGURES["sweep"].table_of_numbers().rows) == len(results.sweep)
    few = sweep_figure(results.model_copy(update={"sweep": tuple(p for p in results.sweep if p.layer == 13)}))
    assert few is not None
    assert few.draw().svg()


def test_languages_show_three_conditions_on_two_axes(results: Results) -> None:
    drawn = FIGURES["languages"].draw()
    shown = records(drawn, "row", "series", "shape")
    assert {row["series"] for row in shown} == {"Unsteered", "SUR-steering", "Country in the prompt"}
    assert len({row["shape"] for row in shown}) == 3
    greek = [row for row in shown if (row["row"], row["series"]) == ("Greek", "Unsteered")]
    rates = [100 * results.baseline.accuracy[axis]["el"].value for axis in ("transfer", "localization")]
    assert sorted(row["x"] for row in greek) == pytest.approx(sorted(rates))
    country = results.conditions[3]
    partial = country.model_copy(update={"accuracy": {"localization": country.accuracy["localization"]}})
    half = languages_figure(results.model_copy(update={"conditions": (*results.conditions[:3], partial)})).draw()
    of_country = [row for row in records(half, "row", "series") if row["series"] == country.label]
    assert len(of_country) == len(country.accuracy["localization"])


def test_conditions_and_models_differ_by_more_than_colour() -> None:
    drawn = [condition_look(name) for name in CONDITIONS if name != "none"]
    assert len({look.shape for look in drawn}) == len(drawn)
    models = [model_look(name) for name in MODELS]
    assert len({look.dash for look in models}) == len({look.shape for look in models}) == len(models)
    assert condition_look("a condition of tomorrow").shape
    assert model_look("a method of tomorrow").color


def test_files_are_written_twice_as_fine_as_a_screen_and_repeatable(plane: Plot, tmp_path: Path) -> None:
    stem = tmp_path / "a" / "plane"
    svg = save(plane, stem)
    png = stem.with_suffix(".png").read_bytes()
    wide = re.search(r'<svg[^>]*\bwidth="([\d.]+)"', svg)
    assert wide
    assert int.from_bytes(png[16:20], "big") == pytest.approx(2 * float(wide[1]), abs=2)
    FIGURES["bias"].draw().svg()  # another drawing in between
    again = tmp_path / "b" / "plane"
    assert save(plane_figure(make_results()).draw(), again) == svg  # type: ignore[union-attr]
    assert stem.with_suffix(".svg").read_text(encoding="utf-8") == svg
    assert again.with_suffix(".png").read_bytes() == png
    plane.savefig(tmp_path / "alone.png")
    assert (tmp_path / "alone.png").read_bytes() == png


def test_no_drawing_names_a_part_that_another_on_the_page_could_name_too() -> None:
    """They stand in one page: an id or a reference to one would mix them up."""
    for name, figure in FIGURES.items():
        assert not re.findall(r'\bid="|href=|url\(', figure.draw().svg()), name


def test_inline_drawings_are_described(plane: Plot) -> None:
    root = ElementTree.fromstring(inline_svg(plane.svg(), 'a < b & "c"'))
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == 'a < b & "c"'
    assert "width" not in root.attrib


def test_records_are_packed_so_that_they_can_be_unpacked() -> None:
    rows = [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}, {"a": 3, "c": [0]}]
    whole = packed(rows)
    unpacked: list[dict[str, object]] = [{} for _ in range(whole["count"])]
    for name, (values, places) in whole["columns"].items():
        for index, row in enumerate(unpacked):
            place = index if places is None else places[index]
            if place >= 0:
                row[name] = values[place]
    assert unpacked == rows


def test_labels_go_where_nothing_is_written() -> None:
    frame = Frame(left=0, right=10, bottom=0, top=10, width=300, height=300)
    labels = [Label(x=5, y=5, text="one"), Label(x=5.2, y=5, text="other")]
    places = place_labels(frame, labels, taken=[(155, 100, 300, 200)])
    assert places[0].align == "right"
    assert len({(place.dx, place.dy) for place in places}) == 2


def test_spread_keeps_order_and_moves_only_what_is_too_near() -> None:
    moved = spread([0.0, 10.0, 0.1, 0.2], 1.0)
    assert moved[1] == 10.0
    assert moved[0] < moved[2] < moved[3]
    assert all(later - earlier >= 1.0 - 1e-9 for earlier, later in pairwise(sorted(moved)))
