"""The figures of the comparison and of training show the numbers they are given, and can be read without colour."""

from __future__ import annotations

from typing import Any

import pytest

from fake_comparison import STEPS, make_comparison
from fake_results import OTHERS
from isogloss.report.chart import LANGUAGES, Checkboxes, Figure, Menu, Plot, model_look
from isogloss.report.comparison import (
    DRAWN,
    SHAPES,
    bias_figure,
    comparison_figures,
    languages_figure,
    methods_figure,
)
from isogloss.report.training import (
    curves_figure,
    language_curves_figure,
    loss_figure,
    running_mean,
    training_figures,
)
from isogloss.results.scores import MACRO, Comparison
from scenes import layers, lines, records, texts

TRAINED = ("MIST", "CLO", "MIDALIGN")


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return make_comparison()


@pytest.fixture(scope="module")
def methods(comparison: Comparison) -> Figure[Any]:
    figure = methods_figure(comparison)
    assert figure is not None
    return figure


@pytest.fixture(scope="module")
def plane(methods: Figure[Any]) -> Plot:
    return methods.draw()


def drawn(figure: Figure[Any] | None, *, columns: int = 2) -> Plot:
    assert figure is not None
    return figure.draw(columns=columns)


def points(figure: Plot) -> dict[tuple[str, str, str], dict[str, Any]]:
    """The points of a plane by model, steering and language."""
    return {(each["series"], each["steering"], each["code"]): each for each in records(figure, "steering")}


def place(comparison: Comparison, model: int, condition: str, code: str) -> tuple[float, float]:
    deltas = next(each for each in comparison.models[model].conditions if each.name == condition).delta
    return 100 * deltas["localization"][code].value, 100 * deltas["transfer"][code].value


def test_the_plane_of_methods_has_every_point_in_its_steerings_shape(plane: Plot, comparison: Comparison) -> None:
    found = points(plane)
    for index, model in enumerate(comparison.models):
        for steering, label in DRAWN.items():
            for code in (MACRO, *OTHERS):
                if index or steering != "none":
                    point = found.pop((model.label, label, code))
                    assert (point["x"], point["y"]) == pytest.approx(place(comparison, index, steering, code), abs=1e-3)
                    assert (point["shape"], point["color"]) == (SHAPES[label], model_look(model.name).color)
    assert not found
    assert len(set(SHAPES.values())) == 4


def test_the_plane_of_methods_names_models_steerings_and_erasure(plane: Plot) -> None:
    written = texts(plane)
    assert all(written.count(label) == 1 for label in ("Unaligned", *TRAINED))
    assert [written.count(label) for label in ("EN", "LOC", "SUR")] == [4, 4, 4]
    assert any("erasure" in text for text in written)
    assert set(DRAWN.values()) <= set(written)  # in the legend


def test_languages_are_there_for_the_page_to_show(methods: Figure[Any], plane: Plot) -> None:
    params = {each["name"]: each["value"] for each in plane.spec["params"]}
    assert params[LANGUAGES] == [MACRO]
    models, languages = methods.controls
    assert isinstance(models, Checkboxes)
    assert isinstance(languages, Checkboxes)
    assert [value for value, _ in models.options] == ["Unaligned", *TRAINED]
    assert [value for value, _ in languages.options] == [MACRO, *OTHERS]
    assert not [text for text in texts(plane) if text.endswith(" el")], "only what is chosen is drawn"


def test_intervals_and_arrows_of_the_macro_means(plane: Plot, comparison: Comparison) -> None:
    """Arrows lead from the origin to a model, and from it to its steered variants."""
    found = points(plane)
    for index, model in enumerate(comparison.models):
        unsteered = place(comparison, index, "none", MACRO) if index else (0.0, 0.0)
        for condition in model.conditions:
            if condition.name in DRAWN and condition.delta:
                point = found[model.label, DRAWN[condition.name], MACRO]
                across, up = condition.delta["localization"][MACRO], condition.delta["transfer"][MACRO]
                ends = [point[name] / 100 for name in ("x_low", "x_high", "y_low", "y_high")]
                assert ends == pytest.approx([across.low, across.high, up.low, up.high], abs=1e-5)
                start = (0.0, 0.0) if condition.name == "none" else unsteered
                assert (point["x0"], point["y0"]) == pytest.approx(start, abs=1e-3)
                assert point["thick"] == (condition.name == "none")


def test_each_language_has_its_plane(comparison: Comparison) -> None:
    figure = drawn(languages_figure(comparison))
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
    assert len(drawn(languages_figure(few), columns=1).spec["concat"]) == 2


def test_bias_before_and_after_steering_by_language(comparison: Comparison) -> None:
    figure = bias_figure(comparison)
    rows = records(drawn(figure), "series", "row", "state")
    for model in comparison.models:
        for steering, label in DRAWN.items():
            condition = next(each for each in model.conditions if each.name == steering)
            found = {r["state"]: r["x"] for r in rows if (r["row"], r["series"]) == (model.label, label)}
            assert found == pytest.approx({code: 100 * rate.value for code, rate in condition.bias.items()}, abs=1e-3)
    assert len({row["shape"] for row in rows}) == 4
    assert figure is not None
    (menu,) = figure.controls
    assert isinstance(menu, Menu)
    assert [value for value, _ in menu.options] == [MACRO, *OTHERS]


def test_curves_hold_each_checkpoint_with_its_band(comparison: Comparison) -> None:
    figure = drawn(curves_figure(comparison))
    panels = figure.spec["concat"]
    assert len(panels) == len(drawn(curves_figure(comparison), columns=1).spec["concat"]) == 3
    for panel, quantity in zip(panels, ("transfer", "localization", "english_bias"), strict=True):
        found = lines(figure, panel)
        assert list(found) == [*TRAINED]
        assert len({str(line[0]["dash"]) for line in found.values()}) == 3
        for line, model in zip(found.values(), comparison.models[1:], strict=True):
            rates = [point.rates(quantity)[MACRO] for point in model.curve]  # type: ignore[arg-type]
            assert [row["x"] for row in line] == [*STEPS]
            for name, wanted in (("y", [e.value for e in rates]), ("low", [e.low for e in rates])):
                assert [row[name] / 100 for row in line] == pytest.approx(wanted, abs=1e-5)
    assert all(texts(figure).count(label) == 3 for label in TRAINED)


def test_curves_by_language_have_one_span_in_a_column(comparison: Comparison) -> None:
    figure = drawn(language_curves_figure(comparison))
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
    assert set(TRAINED) <= set(texts(figure))


def test_losses_have_a_panel_a_method_and_a_line_a_part(comparison: Comparison) -> None:
    figure = drawn(loss_figure(comparison))
    mist, _, midalign = figure.spec["concat"]
    raw, mean = lines(figure, mist).values()
    losses = [loss for _, loss in comparison.models[1].losses["loss"]]
    assert [row["y"] for row in raw] == pytest.approx(losses, abs=1e-4)
    assert len(mean) == len(raw)
    assert raw[0]["faint"]
    parts = lines(figure, midalign)
    assert [row["x"] for row in parts["MIDALIGN alignment, each step"]][:3] == [2, 4, 6]
    assert [row["x"] for row in parts["MIDALIGN SFT, each step"]][:3] == [1, 3, 5]
    assert {"MIST: loss", "alignment", "SFT"} <= set(texts(figure))


def test_a_running_mean() -> None:
    mean = running_mean([float(n) for n in range(80)])
    assert mean[10:70] == [float(n) for n in range(10, 70)]
    assert running_mean([5.0]) == [5.0]


def test_the_tables_have_a_row_for_each_number(comparison: Comparison) -> None:
    figures = [*comparison_figures(comparison), *training_figures(comparison)]
    steered = 4 * 5  # models and conditions
    assert {figure.name: len(figure.table_of_numbers().rows) for figure in figures} == {
        "methods": steered - 1,
        "methods-languages": 7 * (steered - 1),
        "bias": steered * (len(OTHERS) + 1),
        "curves": 3 * len(STEPS),
        "curves-languages": 7 * 3 * len(STEPS),
        "loss": 100,
    }
    place = next(figure.alt for figure in figures if figure.name == "methods")
    assert "LOC-steering at EN's layer" not in place, "which the plane does not show"


def test_only_what_was_measured_is_drawn(comparison: Comparison) -> None:
    conditions = [
        tuple(condition.model_copy(update={"delta": {}, "bias": {}}) for condition in model.conditions)
        for model in comparison.models
    ]
    bare = comparison.model_copy(
        update={
            "models": tuple(
                model.model_copy(update={"conditions": left, "over_own": {}, "curve": (), "losses": {}})
                for model, left in zip(comparison.models, conditions, strict=True)
            )
        }
    )
    assert comparison_figures(bare) == training_figures(bare) == []
