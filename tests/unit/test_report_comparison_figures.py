"""The figures of the comparison show the numbers they are given, and can be read without colour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fake_comparison import STEPS, make_comparison
from fake_results import OTHERS
from isogloss.errors import UserError
from isogloss.report.comparison import drawings
from isogloss.report.comparison.drawings import comparison_drawings
from isogloss.report.comparison.figures import (
    bias_controls,
    bias_figure,
    bias_numbers,
    curves_controls,
    curves_figure,
    languages_curves_figure,
    languages_planes_figure,
    loss_figure,
    methods_controls,
    methods_figure,
    running_mean,
)
from isogloss.report.comparison.rows import SHAPE_NAMES, SHAPES, look_of_model
from isogloss.report.kit.chart import LANGUAGES, Figure, save
from isogloss.results.scores import MACRO, Comparison
from scenes import datasets, fault, layers, records, texts

TRAINED = ("MIST", "CLO", "MIDALIGN")


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return make_comparison()


@pytest.fixture(scope="module")
def plane(comparison: Comparison) -> Figure:
    return methods_figure(comparison)


def points(figure: Figure) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The points of a plane by model, steering and language."""
    return {(each["series"], each["steering"], each["code"]): each for each in records(figure, "steering")}


def lines_of(figure: Figure, panel: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The points of each line of one panel, in their order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for rows in datasets(figure, panel):
        for row in rows:
            if "dash" in row:
                found.setdefault(row["name"], []).append(row)
    return found


def place(comparison: Comparison, model: int, condition: str, code: str) -> tuple[float, float]:
    deltas = next(each for each in comparison.models[model].conditions if each.name == condition).delta
    return 100 * deltas["localization"][code].value, 100 * deltas["transfer"][code].value


def test_every_figure_is_a_valid_specification(comparison: Comparison) -> None:
    for drawing in comparison_drawings(comparison):
        assert not fault(drawing.draw()), drawing.name
        assert not fault(drawing.draw(columns=1)), drawing.name


def test_the_plane_of_methods_has_every_point_in_its_steerings_shape(plane: Figure, comparison: Comparison) -> None:
    found = points(plane)
    for index, model in enumerate(comparison.models):
        for steering, shape in SHAPES.items():
            for code in (MACRO, *OTHERS):
                if index or steering != "none":
                    point = found.pop((model.label, SHAPE_NAMES[steering], code))
                    assert (point["x"], point["y"]) == pytest.approx(place(comparison, index, steering, code), abs=1e-3)
                    assert (point["shape"], point["color"]) == (shape, look_of_model(model.name).color)
    assert not found
    assert len(set(SHAPES.values())) == 4


def test_the_plane_of_methods_names_models_steerings_and_erasure(plane: Figure) -> None:
    found = texts(plane)
    assert all(found.count(label) == 1 for label in ("Unaligned", *TRAINED))
    assert [found.count(label) for label in ("EN", "LOC", "SUR")] == [4, 4, 4]
    assert any("erasure" in text for text in found)
    assert all(f"{name}-steering" in found for name in ("EN", "LOC", "SUR"))  # in the legend


def test_languages_are_there_for_the_page_to_show(plane: Figure, comparison: Comparison) -> None:
    params = {each["name"]: each["value"] for each in plane.spec["params"]}
    assert params[LANGUAGES] == [MACRO]
    models, languages = methods_controls(comparison)
    assert [value for value, _ in models.options] == ["Unaligned", *TRAINED]  # type: ignore[union-attr]
    assert [value for value, _ in languages.options] == [MACRO, *OTHERS]  # type: ignore[union-attr]
    assert not [text for text in texts(plane) if text.endswith(" el")], "only what is chosen is drawn"


def test_intervals_are_drawn_whole(plane: Figure, comparison: Comparison) -> None:
    found = points(plane)
    for index, model in enumerate(comparison.models):
        for condition in model.conditions:
            if condition.name in SHAPES and condition.delta:
                point = found[model.label, SHAPE_NAMES[condition.name], MACRO]
                across, up = condition.delta["localization"][MACRO], condition.delta["transfer"][MACRO]
                ends = [point[name] / 100 for name in ("x_low", "x_high", "y_low", "y_high")]
                assert ends == pytest.approx([across.low, across.high, up.low, up.high], abs=1e-5), index


def test_arrows_lead_from_the_origin_to_a_model_and_from_it_to_its_steered_variants(
    plane: Figure, comparison: Comparison
) -> None:
    found = points(plane)
    for index, model in enumerate(comparison.models):
        own = place(comparison, index, "none", MACRO) if index else (0.0, 0.0)
        for steering, name in SHAPE_NAMES.items():
            if index or steering != "none":
                point = found[model.label, name, MACRO]
                start = (0.0, 0.0) if steering == "none" else own
                assert (point["x0"], point["y0"]) == pytest.approx(start, abs=1e-3)
                assert point["thick"] == (steering == "none")


def test_each_language_has_its_plane(comparison: Comparison) -> None:
    figure = languages_planes_figure(comparison)
    panels = figure.spec["concat"]
    assert [panel["title"] for panel in panels] == ["Spanish", "Indonesian", "Korean", "Greek", "Chinese", "Arabic"]
    found = points(figure)
    for code in OTHERS:
        point = found["MIDALIGN", "unsteered", code]
        assert (point["x"], point["y"]) == pytest.approx(place(comparison, 3, "none", code), abs=1e-3)
    spans = [
        part["encoding"]["x"]["scale"]
        for panel in panels
        for part in layers(panel)
        if "scale" in part.get("encoding", {}).get("x", {})
    ]
    assert len(spans) == len(panels)
    assert all(span == spans[0] for span in spans)
    few = comparison.model_copy(update={"languages": ("en", "es", "ar")})
    assert len(languages_planes_figure(few, columns=1).spec["concat"]) == 2


def test_bias_before_and_after_steering_by_language(comparison: Comparison) -> None:
    figure = bias_figure(comparison)
    rows = records(figure, "series", "row", "state")
    for model in comparison.models:
        for steering, name in SHAPE_NAMES.items():
            condition = next(each for each in model.conditions if each.name == steering)
            found = {r["state"]: r["x"] for r in rows if (r["row"], r["series"]) == (model.label, name)}
            assert found == pytest.approx({code: 100 * rate.value for code, rate in condition.bias.items()}, abs=1e-3)
    assert len({row["shape"] for row in rows}) == 4
    (choice,) = bias_controls(comparison)
    assert [value for value, _ in choice.options] == [MACRO, *OTHERS]  # type: ignore[union-attr]
    assert len(bias_numbers(comparison).rows) == 4 * 5 * 7


def test_curves_hold_each_checkpoint_with_its_band(comparison: Comparison) -> None:
    figure = curves_figure(comparison)
    panels = figure.spec["concat"]
    assert len(panels) == len(curves_figure(comparison, columns=1).spec["concat"]) == 3
    for panel, values in zip(panels, ("transfer", "localization", None), strict=True):
        lines = lines_of(figure, panel)
        assert list(lines) == [*TRAINED]
        assert len({str(line[0]["dash"]) for line in lines.values()}) == 3
        for line, model in zip(lines.values(), comparison.models[1:], strict=True):
            given = [(p.accuracy[values] if values else p.bias)[MACRO] for p in model.curve]  # type: ignore[index]
            assert [row["x"] for row in line] == [*STEPS]
            for name, wanted in (("y", [e.value for e in given]), ("low", [e.low for e in given])):
                assert [row[name] / 100 for row in line] == pytest.approx(wanted, abs=1e-5)
    assert all(texts(figure).count(label) == 3 for label in TRAINED)
    (boxes,) = curves_controls(comparison)
    assert [value for value, _ in boxes.options] == [*TRAINED]  # type: ignore[union-attr]


def test_curves_by_language_have_one_span_in_a_column(comparison: Comparison) -> None:
    figure = languages_curves_figure(comparison)
    panels = figure.spec["concat"]
    assert len(panels) == 3 * len(OTHERS)
    for column in range(3):
        spans = []
        for panel in panels[column::3]:
            (low, high) = next(
                part["encoding"]["y"]["scale"]["domain"]
                for part in layers(panel)
                if "scale" in part.get("encoding", {}).get("y", {})
            )
            spans.append(high - low)
        assert spans == pytest.approx([spans[0]] * len(spans))
    assert all(label in texts(figure) for label in TRAINED)


def test_losses_have_a_panel_a_method(comparison: Comparison) -> None:
    figure = loss_figure(comparison)
    assert [panel["title"] for panel in figure.spec["concat"]] == [f"{label}: loss" for label in TRAINED]
    raw, mean = lines_of(figure, figure.spec["concat"][0]).values()
    assert [row["y"] for row in raw] == pytest.approx(
        [loss for _, loss in comparison.models[1].losses["loss"]], abs=1e-4
    )
    assert len(mean) == len(raw)
    assert raw[0]["faint"]


def test_losses_that_alternate_are_lines_of_their_own(comparison: Comparison) -> None:
    figure = loss_figure(comparison)
    lines = lines_of(figure, figure.spec["concat"][2])
    assert [row["x"] for row in lines["MIDALIGN alignment, each step"]][:3] == [2, 4, 6]
    assert [row["x"] for row in lines["MIDALIGN SFT, each step"]][:3] == [1, 3, 5]
    assert {"alignment", "SFT"} <= set(texts(figure))


def test_a_running_mean() -> None:
    mean = running_mean([float(n) for n in range(80)])
    assert mean[10:70] == [float(n) for n in range(10, 70)]
    assert running_mean([5.0]) == [5.0]


def test_models_differ_in_line_as_well_as_colour() -> None:
    looks = [look_of_model(name) for name in ("unaligned", "mist", "clo", "midalign")]
    assert len({look.dash for look in looks}) == len({look.shape for look in looks}) == 4
    assert look_of_model("a method of tomorrow").color


def test_alternatives_and_tables_carry_the_numbers(comparison: Comparison) -> None:
    across, up = place(comparison, 1, "none", MACRO)
    assert f"MIST at {up:+.1f}, {across:+.1f}".replace("-", "−") in drawings.methods_alternative(comparison)
    assert "LOC at EN's layer" not in drawings.methods_alternative(comparison), "which the plane does not show"
    assert "Greek: " in drawings.languages_planes_alternative(comparison)
    assert "at step 100" in drawings.curves_alternative(comparison)
    assert "MIDALIGN moves English bias most in " in drawings.languages_curves_alternative(comparison)
    assert "CLO contrast, English from " in drawings.loss_alternative(comparison)
    assert len(drawings.planes_numbers(comparison, by_language=False).rows) == 4 * 5 - 1
    assert len(drawings.planes_numbers(comparison, by_language=True).rows) == 7 * (4 * 5 - 1)
    assert len(drawings.curves_numbers(comparison, by_language=False).rows) == 3 * len(STEPS)
    assert len(drawings.curves_numbers(comparison, by_language=True).rows) == 7 * 3 * len(STEPS)
    assert len(drawings.loss_numbers(comparison).rows) == 100


def test_only_what_was_measured_is_drawn(comparison: Comparison) -> None:
    bare = comparison.model_copy(
        update={
            "models": tuple(
                model.model_copy(
                    update={
                        "conditions": tuple(
                            each.model_copy(update={"delta": {}, "bias": {}}) for each in model.conditions
                        ),
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
        (bias_figure, "nothing to draw"),
    ):
        with pytest.raises(UserError, match=words):
            draw(bare)


def test_files_are_the_same_each_time(plane: Figure, tmp_path: Path) -> None:
    save(plane, tmp_path / "a" / "methods")
    save(plane, tmp_path / "b" / "methods")
    for end in (".png", ".svg"):
        first, again = ((tmp_path / name / f"methods{end}").read_bytes() for name in ("a", "b"))
        assert first == again
