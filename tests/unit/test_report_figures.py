"""The figures show the numbers they are given, in a form that every reader can tell apart."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from itertools import pairwise
from pathlib import Path

import pytest

from fake_results import LANGUAGES, condition, make_results
from isogloss.errors import UserError
from isogloss.report.first.figures import (
    languages_alternative,
    languages_figure,
    plane_alternative,
    plane_controls,
    plane_figure,
    plane_numbers,
    sweep_alternative,
    sweep_controls,
    sweep_figure,
    sweep_numbers,
)
from isogloss.report.kit.chart import Figure, extent, inline_svg, save
from isogloss.report.kit.plane import Frame, Label, place_labels, spread, text_width
from isogloss.report.kit.style import look_of
from isogloss.report.page import packed
from isogloss.results.scores import MACRO, Results
from scenes import datasets, fault, items, layers, records, texts


@pytest.fixture(scope="module")
def results() -> Results:
    return make_results()


@pytest.fixture(scope="module")
def plane(results: Results) -> Figure:
    return plane_figure(results)


def test_every_figure_is_a_valid_specification(results: Results, plane: Figure) -> None:
    for drawn in (plane, sweep_figure(results), languages_figure(results), plane_figure(results, columns=1)):
        assert not fault(drawn)


def test_the_plane_has_its_points_where_the_numbers_are(plane: Figure, results: Results) -> None:
    points = {(record["series"], record["code"]): record for record in records(plane, "series", "code")}
    for each in results.conditions:
        across, up = (each.delta[axis][MACRO] for axis in ("localization", "transfer"))
        point = points[each.label, MACRO]
        assert (point["x"], point["y"]) == pytest.approx((100 * across.value, 100 * up.value), abs=1e-3)
        assert across.low is not None
        assert up.high is not None
        assert (point["x_low"], point["y_high"]) == pytest.approx((100 * across.low, 100 * up.high), abs=1e-3)
        assert f"{up.n:,} transfer" in point["n"]
    steered = [each.label for each in results.conditions if each.role == "method"]
    assert {key for key in points if key[1] != MACRO} == {(s, c) for s in steered for c in LANGUAGES if c != "en"}
    assert [(p["x0"], p["y0"]) for p in points.values() if "x0" in p] == [(0.0, 0.0)] * len(steered)


def test_a_point_tells_everything_when_hovered(plane: Figure) -> None:
    (told,) = [part["encoding"]["tooltip"] for part in layers(plane.spec) if "tooltip" in part.get("encoding", {})]
    assert [each["title"] for each in told] == [
        *("Method", "Steering", "Language", "Transfer Δ [95 %]", "Localization Δ [95 %]", "Items")
    ]
    assert all(each["field"] in records(plane, "series")[0] for each in told)


def test_the_plane_names_methods_languages_and_the_erasure_quadrant(plane: Figure) -> None:
    found = texts(plane)
    for label in ("EN-steering", "LOC-steering", "SUR-steering"):
        assert label in found
    assert sorted(text for text in found if len(text) == 2 and text.isalpha()) == sorted(
        3 * [code for code in LANGUAGES if code != "en"]
    )
    assert any("erasure" in text for text in found)
    assert "Country in the prompt" in found  # in the legend


@pytest.mark.parametrize("columns", [1, 2])
def test_labels_stay_inside_the_drawing_and_off_each_other(results: Results, columns: int) -> None:
    drawn = plane_figure(results, columns=columns)
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


def test_pages_can_choose_languages_and_methods_of_the_plane(plane: Figure, results: Results) -> None:
    params = {each["name"]: each["value"] for each in plane.spec["params"]}
    for control in plane_controls(results):
        assert control.kind == "boxes"
        assert list(control.checked) == [value for value, _ in control.options]  # type: ignore[union-attr]
        assert set(params[control.signal]) == set(control.checked)  # type: ignore[union-attr]


def test_the_sweep_has_a_line_for_each_strength_and_marks_the_choice(results: Results) -> None:
    drawn = sweep_figure(results)
    titles = [panel["title"] for panel in drawn.spec["concat"]]
    assert titles == [f"{kind}-steering: {axis}" for axis in ("transfer", "localization") for kind in ("EN", "LOC")]
    for panel in drawn.spec["concat"]:
        kind, axis = panel["title"].split("-steering: ")
        own = datasets(drawn, panel)
        lines = [row for rows in own for row in rows if "dash" in row]
        for name in {row["name"] for row in lines}:
            gamma = float(name.split("γ ")[1])
            points = [p for p in results.sweep if p.kind == kind.lower() and p.gamma == gamma]
            line = sorted((row["x"], row["y"], row["low"]) for row in lines if row["name"] == name)
            given = sorted((p.layer, 100 * getattr(p, axis).value, 100 * getattr(p, axis).low) for p in points)
            assert [x for row in line for x in row] == pytest.approx([x for row in given for x in row], abs=1e-3)
        assert len({(str(row["dash"]), row["shape"]) for row in lines}) == len({row["name"] for row in lines}) == 3
        probability = [
            100 * getattr(p, f"{axis}_probability") for p in results.sweep if (p.kind, p.gamma) == (kind.lower(), 1.0)
        ]
        sets = [[row.get("y") for row in rows] for rows in own]
        assert any(len(each) == len(probability) and each == pytest.approx(probability, abs=1e-3) for each in sets)
    assert texts(drawn).count("chosen: layer 13, γ 1") == 2
    assert len(sweep_figure(results, columns=1).spec["concat"]) == 4
    (boxes,) = sweep_controls(results)
    assert [label for _, label in boxes.options] == ["γ 0.5", "γ 1", "γ 2"]  # type: ignore[union-attr]


def test_the_sweep_draws_what_is_there(results: Results) -> None:
    few = results.model_copy(update={"sweep": tuple(p for p in results.sweep if p.kind == "loc" and p.layer == 13)})
    assert len(sweep_figure(few).spec["concat"]) == 2
    assert sweep_figure(few).svg()
    with pytest.raises(UserError, match="no sweep"):
        sweep_figure(results.model_copy(update={"sweep": ()}))


def test_languages_show_three_conditions_on_two_axes(results: Results) -> None:
    drawn = languages_figure(results)
    assert [panel["title"] for panel in drawn.spec["concat"]] == ["Transfer", "Localization"]
    shown = records(drawn, "row", "series", "shape")
    assert {row["series"] for row in shown} == {"Unsteered", "SUR-steering", "Country in the prompt"}
    assert len({row["shape"] for row in shown}) == 3
    greek = [row for row in shown if (row["row"], row["series"]) == ("Greek", "Unsteered")]
    rates = [100 * results.baseline.accuracy[axis]["el"].value for axis in ("transfer", "localization")]
    assert sorted(row["x"] for row in greek) == pytest.approx(sorted(rates))
    assert "Macro mean" in texts(drawn)


def test_languages_are_drawn_where_a_condition_lacks_an_axis(results: Results) -> None:
    country = results.conditions[3]
    partial = country.model_copy(update={"accuracy": {"localization": country.accuracy["localization"]}})
    drawn = languages_figure(results.model_copy(update={"conditions": (*results.conditions[:3], partial)}))
    assert texts(drawn).count("Country in the prompt") == 1
    own = [row for row in records(drawn, "row", "series") if row["series"] == "Country in the prompt"]
    assert len(own) == len(country.accuracy["localization"])


def test_loc_in_ens_layer_is_a_hollow_point_named_below(results: Results) -> None:
    loc = results.conditions[1]
    middle = condition("loc_mid", "LOC at EN's layer", "method", "", transfer=0.0, localization=0.02, bias=0.0, seed=9)
    drawn = plane_figure(results.model_copy(update={"conditions": (middle, loc)}))
    points = [row for row in records(drawn, "series", "code") if row["series"] == middle.label]
    assert [(row["code"], row["hollow"]) for row in points] == [(MACRO, True)]
    assert "text" not in points[0]
    assert texts(drawn).count("LOC at EN's layer") == 1  # in the legend
    assert look_of("loc_mid").shape != look_of("loc").shape


def test_an_empty_plane_is_the_users_to_mend(results: Results) -> None:
    with pytest.raises(UserError, match="plane is empty"):
        plane_figure(results.model_copy(update={"conditions": ()}))


def test_conditions_differ_in_shape_as_well_as_colour(results: Results) -> None:
    looks = [look_of(condition.name) for condition in (results.baseline, *results.conditions)]
    assert len({look.shape for look in looks}) == len(looks)
    assert look_of("a condition of tomorrow").shape


def test_files_are_written_twice_as_fine_as_a_screen_and_repeatable(plane: Figure, tmp_path: Path) -> None:
    stem = tmp_path / "a" / "plane"
    svg = save(plane, stem)
    png = stem.with_suffix(".png").read_bytes()
    wide = re.search(r'<svg[^>]*\bwidth="([\d.]+)"', svg)
    assert wide
    assert int.from_bytes(png[16:20], "big") == pytest.approx(2 * float(wide[1]), abs=2)
    again = tmp_path / "b" / "plane"
    assert save(plane, again) == svg == stem.with_suffix(".svg").read_text(encoding="utf-8")
    assert again.with_suffix(".png").read_bytes() == png
    plane.savefig(tmp_path / "alone.png")
    assert (tmp_path / "alone.png").read_bytes() == png


def test_inline_drawings_follow_the_page(plane: Figure) -> None:
    text = inline_svg(plane.svg(), "plane", 'a < b & "c"')
    root = ElementTree.fromstring(text)
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-label"] == 'a < b & "c"'
    assert "width" not in root.attrib
    for variable in ("--ink", "--paper", "--vermillion"):
        assert f"var({variable})" in text
    assert not re.findall(r"#(?:22262d|fefefe|0072b2)", text)
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert all(name.startswith("plane-") for name in ids)
    assert set(re.findall(r"(?:href=\"#|url\(#)([^\")]+)", text)) <= set(ids)


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


def test_alternatives_and_tables_carry_the_numbers(results: Results) -> None:
    assert "SUR-steering at +1.4, +7.8" in plane_alternative(results)
    assert "Chosen: EN layer 8, γ 1; LOC layer 13, γ 1" in sweep_alternative(results)
    assert "Greek" in languages_alternative(results)
    assert len(plane_numbers(results).rows) == len(results.conditions) * (len(LANGUAGES) + 1)
    assert len(sweep_numbers(results).rows) == len(results.sweep)


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
