"""The analyses in the report: their numbers drawn, what they say, and what is said of what is missing."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fake_geometry import CONDITIONS, LAYERS, MODELS, make_geometry
from fake_results import LANGUAGES, OTHERS
from isogloss.report.agreement_figures import agreement_figure, labels_figure
from isogloss.report.chart import Checkboxes, Figure, Menu, Plot, Slider
from isogloss.report.geometry import (
    NUMBERS,
    PROJECTIONS,
    Geometry,
    drawn_layer,
    geometry_findings,
    intervals_apart,
    layers_text,
    write_geometry,
)
from isogloss.report.geometry_figures import (
    convergence_figure,
    geometry_figures,
    perpendicularity_figure,
    retrieval_figure,
)
from isogloss.report.projections import POINTS, projection_figures, rows_of
from isogloss.results.analyses import COORDINATES, LayerCurve, Pca, Perpendicularity
from isogloss.results.scores import MACRO, Estimate
from scenes import datasets, lines, records, texts

NONE = LayerCurve(layers=(), values=())


@pytest.fixture(scope="module")
def geometry() -> Geometry:
    return make_geometry()


@pytest.fixture(scope="module")
def pca(geometry: Geometry) -> Pca:
    assert geometry.pca is not None
    return geometry.pca


@pytest.fixture(scope="module")
def coordinates(geometry: Geometry) -> np.ndarray:
    assert geometry.coordinates is not None
    return geometry.coordinates


def drawn(figure: Figure[Any] | None) -> Plot:
    assert figure is not None
    return figure.draw()


def rows_in(plot: Plot, title: str) -> list[dict[str, Any]]:
    """The points of all lines of the panel with this title."""
    (panel,) = [panel for panel in plot.spec["concat"] if panel.get("title") == title]
    return [row for line in lines(plot, panel).values() for row in line]


def values(rows: list[dict[str, Any]], **wanted: str) -> list[float]:
    """x, y, low and high of the rows with these fields, one after the other."""
    kept = [row for row in rows if all(row.get(name) == value for name, value in wanted.items())]
    return [row[field] for row in kept for field in ("x", "y", "low", "high")]


def expected(curve: LayerCurve, factor: float = 1.0) -> Any:
    numbers = [
        number
        for layer, value in curve.points()
        for number in (layer, factor * value.value, factor * (value.low or 0), factor * (value.high or 0))
    ]
    return pytest.approx(numbers, abs=1e-3)


def unsteered_points(geometry: Geometry) -> list[dict[str, Any]]:
    figure = projection_figures(geometry, layer=13)[0]
    return [row for row in figure.draw().spec["datasets"][POINTS] if "code" in row]


def test_perpendicularity_stands_between_its_nulls(geometry: Geometry) -> None:
    plot = drawn(perpendicularity_figure(geometry.perpendicularity))
    for value in geometry.perpendicularity:
        rows = rows_in(plot, value.label)
        assert values(rows, name="Macro mean") == expected(value.by_language[MACRO])
        assert values(rows, name="null: EN halves") == expected(value.split_half["en"])
        assert values(rows, name="null: LOC halves") == expected(value.split_half["loc"])
        assert values(rows, name="null: random") == expected(value.random)
        named = {row["name"]: (str(row["dash"]), row["shape"]) for row in rows if row.get("series") in OTHERS}
        assert len(named) == len(set(named.values())) == len(OTHERS), "told apart by more than colour"
    assert {"random", "EN halves", "LOC halves", "macro"} <= set(texts(plot))


def test_convergence_of_every_state_universal_beside_localized(geometry: Geometry) -> None:
    figure = convergence_figure(geometry.convergence)
    plot = drawn(figure)
    for value in geometry.convergence:
        title = {"transfer": "universal questions", "localization": "localized questions"}[value.axis]
        label, state = value.panel.label, value.panel.condition
        for measure, curve in (("CKA", value.cka), ("Mean cosine", value.cosine)):
            assert values(rows_in(plot, f"{measure}, {title}"), name=label, state=state) == expected(curve)
        dotted = [
            row["y"]
            for row in rows_in(plot, f"Mean cosine, {title}")
            if (row["name"], row["state"]) == (f"{label}, different questions", state)
        ]
        assert dotted == pytest.approx([each.value for each in value.baseline_cosine.values], abs=1e-4)
    assert set(MODELS.values()) <= set(texts(plot))
    assert figure is not None
    (menu,) = figure.controls
    assert isinstance(menu, Menu)
    assert list(menu.options) == list(CONDITIONS.items())


def test_retrieval_of_every_language_with_chance(geometry: Geometry) -> None:
    figure = retrieval_figure(geometry.retrieval)
    plot = drawn(figure)
    assert [panel["title"] for panel in plot.spec["concat"]] == [*CONDITIONS.values()]
    for value in geometry.retrieval:
        rows = rows_in(plot, value.panel.condition_label)
        for code, curve in value.by_language.items():
            assert values(rows, name=value.panel.label, state=code) == expected(curve, 100)
        name = f"{value.panel.label}, centred"
        centred = [row["y"] for row in rows if (row["name"], row["state"]) == (name, MACRO)]
        assert centred == pytest.approx([100 * each.value for each in value.centred[MACRO].values], abs=1e-3)
    levels = [row["y"] for row in records(plot, "text", "y") if row["text"] == "chance"]
    assert levels
    assert levels == pytest.approx([100 / 120] * len(levels))
    assert figure is not None
    (menu,) = figure.controls
    assert isinstance(menu, Menu)
    assert [value for value, _ in menu.options] == [MACRO, *OTHERS]
    assert len(figure.table_of_numbers().rows) == 2 * 16 * len(LAYERS)


def test_agreement_and_divergence_by_language(geometry: Geometry) -> None:
    figure = agreement_figure(geometry.agreement)
    plot = drawn(figure)
    agrees, parts = ([row for rows in datasets(plot, panel) for row in rows] for panel in plot.spec["concat"])
    labels = {
        (r["row"], r["series"], r["state"]): r["x"] for r in records(drawn(labels_figure(geometry.agreement)), "state")
    }
    for value in geometry.agreement:
        panel = (value.panel.label, value.panel.condition)
        for rows, shares in ((agrees, value.universal), (parts, value.localized)):
            found = sorted(row["x"] for row in rows if (row.get("series"), row.get("state")) == panel)
            assert found == pytest.approx(sorted(100 * share.value for share in shares.values()), abs=1e-3)
        for label, name in (("CS", "culturally sensitive"), ("CA", "culturally agnostic")):
            accuracy = 100 * value.by_label[label][MACRO].value
            assert labels[value.panel.label, name, value.panel.condition] == pytest.approx(accuracy, abs=1e-3)
    assert {"All pairs", "Macro mean", "Greek", "right answers differ"} <= set(texts(plot))
    assert figure is not None
    assert len(figure.records) == 16 * 8


def test_projections_of_one_layer_on_common_axes(geometry: Geometry, pca: Pca, coordinates: np.ndarray) -> None:
    plot = projection_figures(geometry, layer=13)[0].draw()
    points = [row for row in plot.spec["datasets"][POINTS] if "code" in row]
    wanted = [index for index, value in enumerate(pca.panels) if value.panel.condition == "none"]
    assert len(points) == len(wanted) * 2 * 20 * len(LANGUAGES)
    place = {(row.group, row.language): index for index, row in enumerate(pca.rows)}
    reach = float(np.abs(coordinates[wanted, pca.layers.index(13)]).max())
    for point in points[:: len(points) // 50]:
        index = next(i for i in wanted if pca.panels[i].panel.label == point["panel"])
        x, y = coordinates[index, pca.layers.index(13), place[point["question"], point["code"]]]
        assert (point["x"], point["y"]) == pytest.approx((float(x), float(y)), abs=reach / 1000)
    shapes = plot.spec["spec"]["layer"][0]["encoding"]["shape"]["scale"]["range"]
    assert len(set(shapes)) == len(LANGUAGES), "told apart by more than colour"
    assert {"44.0\u202f% + 14.0\u202f%", "Greek"} <= set(texts(plot))
    small, large = (layer["mark"]["size"] for layer in plot.spec["spec"]["layer"][:2])
    assert large > 3 * small, "means of languages stand out"
    assert "resolve" not in plot.spec, "panels share their axes"


def test_localized_questions_of_one_language_each_are_shown_in_every_language(geometry: Geometry, pca: Pca) -> None:
    """As real ones are: a region is in the name of a question, so that no two languages share one."""
    rows = tuple(
        row.model_copy(update={"group": f"{row.group} {row.language}"}) if row.axis == "localization" else row
        for row in pca.rows
    )
    points = unsteered_points(replace(geometry, pca=pca.model_copy(update={"rows": rows})))
    shown = {
        (axis, code): {r["question"] for r in points if (r["axis"], r["code"]) == (axis, code)}
        for axis in ("universal", "localized")
        for code in LANGUAGES
    }
    assert {len(questions) for questions in shown.values()} == {20}
    assert len({tuple(sorted(shown["universal", code])) for code in LANGUAGES}) == 1, "the same ones everywhere"


def test_the_table_of_the_projections_says_where_languages_stand(geometry: Geometry) -> None:
    numbers = projection_figures(geometry, layer=13)[0].table_of_numbers()
    rows = {row[0]: row[1:] for row in numbers.rows}
    greek = [
        (row["x"], row["y"])
        for row in unsteered_points(geometry)
        if (row["code"], row["panel"], row["axis"]) == ("el", "MIST", "localized")
    ]
    told = rows["Layer 13: mean of Greek, localized"][list(MODELS).index("mist")].replace("−", "-").split("; ")
    assert [float(each) for each in told] == pytest.approx(np.mean(greek, axis=0).tolist(), rel=0.02, abs=0.05)
    assert len(rows) == 2 * len(LANGUAGES) + len(LAYERS)


def test_the_slider_holds_every_layer(geometry: Geometry) -> None:
    figure = projection_figures(geometry, layer=13)[1]
    slider, menu, boxes = figure.controls
    assert isinstance(slider, Slider)
    assert isinstance(menu, Menu)
    assert isinstance(boxes, Checkboxes)
    assert (slider.start, list(slider.values), list(slider.frames)) == (13, [*LAYERS], [*LAYERS])
    assert [label for _, label in menu.options] == [*MODELS.values()]
    assert list(boxes.checked) == [*LANGUAGES]
    points = figure.draw().spec["datasets"][POINTS]
    assert rows_of(slider.shared, slider.frames[13]) == points
    assert rows_of(slider.shared, slider.frames[4]) != points


def test_the_numbers_are_files_beside_the_page(
    geometry: Geometry, pca: Pca, coordinates: np.ndarray, tmp_path: Path
) -> None:
    write_geometry(geometry, tmp_path, layer=13)
    assert np.array_equal(np.load(tmp_path / COORDINATES, allow_pickle=False), coordinates)
    numbers = json.loads((tmp_path / NUMBERS).read_text())
    assert Pca.model_validate(numbers["pca"]) == pca
    assert tuple(map(Perpendicularity.model_validate, numbers["perpendicularity"])) == geometry.perpendicularity
    rows = list(csv.DictReader(io.StringIO((tmp_path / PROJECTIONS).read_text())))
    assert len(rows) == len(pca.panels) * len(pca.rows)
    last = coordinates[-1, pca.layers.index(13), -1]
    assert (rows[-1]["layer"], float(rows[-1]["x"])) == ("13", pytest.approx(float(last[0]), rel=1e-4))


def test_findings_claim_only_what_intervals_tell_apart(geometry: Geometry) -> None:
    """Whole sentences: the page's snapshot."""
    _, kinds, convergence, *_ = geometry_findings(geometry)
    # Beside each claim of alignment: what the kinds of question give by themselves.
    assert "kinds of question alone give 0." in kinds
    assert "more alike after MIDALIGN" in convergence
    assert "kinds of question alone give 0." in convergence
    assert "between MIST and CLO" in convergence
    alike = tuple(value.model_copy(update={"cka": geometry.convergence[0].cka}) for value in geometry.convergence)
    assert "between MIST, CLO and MIDALIGN" in geometry_findings(replace(geometry, convergence=alike))[2]
    one = Estimate(value=0.5, low=0.4, high=0.6, n=9, groups=9)
    assert intervals_apart(one, one.model_copy(update={"low": 0.61, "high": 0.7})) == -1
    assert intervals_apart(one, one.model_copy(update={"low": 0.2, "high": 0.4})) == 0
    assert intervals_apart(one, one.model_copy(update={"low": None})) == 0


def test_no_alignment_is_claimed_where_every_interval_reaches_zero(geometry: Geometry) -> None:
    first = geometry.convergence[0]
    reaching = tuple(value.model_copy(update={"low": -0.1}) for value in first.cka.values)
    lone = first.model_copy(update={"cka": first.cka.model_copy(update={"values": reaching})})
    (told,) = geometry_findings(Geometry(convergence=(lone,)))
    assert "cannot be told" in told
    assert "most alike" not in told


def test_nothing_is_said_beside_a_null_that_is_not_there(geometry: Geometry) -> None:
    without = geometry.perpendicularity[0].model_copy(update={"split_half": {"en": NONE, "loc": NONE}})
    (told,) = geometry_findings(Geometry(perpendicularity=(without,)))
    assert "most perpendicular at layer" in told
    assert "halves" not in told


def test_empty_charts_are_not_drawn(geometry: Geometry, pca: Pca) -> None:
    """Labels of English questions alone; states that do not vary; nothing at all."""
    english = tuple(
        value.model_copy(update={"by_label": {label: {"en": rates[MACRO]} for label, rates in value.by_label.items()}})
        for value in geometry.agreement
    )
    still = pca.model_copy(update={"panels": tuple(p.model_copy(update={"share": {}}) for p in pca.panels)})
    names = [figure.name for figure in geometry_figures(replace(geometry, agreement=english, pca=still), layer=13)]
    assert names == ["perpendicularity", "convergence", "retrieval", "agreement"]
    nothing = Geometry(
        perpendicularity=tuple(v.model_copy(update={"by_language": {}}) for v in geometry.perpendicularity),
        pca=pca.model_copy(update={"rows": ()}),
        coordinates=geometry.coordinates,
        convergence=tuple(v.model_copy(update={"cka": NONE, "cosine": NONE}) for v in geometry.convergence),
        retrieval=tuple(v.model_copy(update={"by_language": {}}) for v in geometry.retrieval),
        agreement=tuple(
            v.model_copy(update={"universal": {}, "localized": {}, "by_label": {}}) for v in geometry.agreement
        ),
    )
    assert geometry_figures(nothing, layer=13) == []


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([1, 2, 3, 4], "in every layer"),
        ([3, 4], "from layer 3 on"),
        ([4], "in layer 4"),
        ([1, 2, 4], "in layers 1 to 2 and 4"),
    ],
)
def test_layers_in_words(layers: list[int], words: str) -> None:
    assert layers_text(layers, [1, 2, 3, 4]) == words


@pytest.mark.parametrize("part", ["perpendicularity", "pca", "coordinates", "convergence", "retrieval", "agreement"])
def test_each_part_may_be_absent(geometry: Geometry, tmp_path: Path, part: str) -> None:
    empty: Any = None if part in ("pca", "coordinates") else ()
    without = replace(geometry, **{part: empty})
    projections = {"pca", "pca-steered"}
    gone = {"pca": projections, "coordinates": projections, "agreement": {"agreement", "labels"}}.get(part, {part})
    every = [figure.name for figure in geometry_figures(geometry, layer=13)]
    left = [figure.name for figure in geometry_figures(without, layer=13)]
    assert left == [name for name in every if name not in gone]
    geometry_findings(without)
    write_geometry(without, tmp_path, layer=None)
    assert (tmp_path / NUMBERS).exists()
    assert (tmp_path / PROJECTIONS).exists() == (part not in ("pca", "coordinates"))


def test_what_is_missing_is_said_once(geometry: Geometry) -> None:
    (first, *_), asked = geometry.retrieval, "Figures by topic were not asked for."
    lacking = first.model_copy(update={"missing": ("only 3 items",)})
    assert replace(geometry, retrieval=(lacking, lacking)).absent() == [asked, "Retrieval of Unaligned: only 3 items."]
    every = tuple(value.model_copy(update={"missing": ("no parallel sentence",)}) for value in geometry.retrieval)
    assert replace(geometry, retrieval=every).absent()[1:] == ["Retrieval: no parallel sentence."]
    counted = tuple(
        value.model_copy(update={"missing": (f"ar: {36 + number % 5} of 60 items cannot be compared",)})
        for number, value in enumerate(geometry.agreement)
    )
    (told,) = replace(geometry, agreement=counted).absent()[1:]
    assert "36 to 40 of 60 items" in told
    localized = tuple(
        value.model_copy(update={"missing": ("no kinds",)}) if value.axis == "localization" else value
        for value in geometry.convergence
    )
    assert replace(geometry, convergence=localized).absent()[1:] == ["Convergence on localized questions: no kinds."]


def test_cosines_are_drawn_where_alignment_cannot_be_told(geometry: Geometry) -> None:
    """Three items: no kernel alignment, but their cosines."""
    few = tuple(value.model_copy(update={"cka": NONE}) for value in geometry.convergence)
    figure = convergence_figure(few)
    titles = [panel["title"] for panel in drawn(figure).spec["concat"]]
    assert titles == ["Mean cosine, universal questions", "Mean cosine, localized questions"]
    assert figure is not None
    assert "highest mean cosine" in figure.alt
    rows = figure.table_of_numbers().rows
    assert {row[3] for row in rows} == {"–"}
    assert len(rows) == len(few) * len(LAYERS)
    assert geometry_findings(Geometry(convergence=few)) == [], "nothing is said of what was not measured"


def test_a_model_of_two_layers_one_language_and_three_items(pca: Pca, coordinates: np.ndarray) -> None:
    """The chosen layer is not among those there: the nearest is drawn."""
    keep = [index for index, row in enumerate(pca.rows) if row.language == "en"][:3]
    rows = tuple(pca.rows[index] for index in keep)
    small = pca.model_copy(update={"layers": (1, 2), "rows": rows, "panels": pca.panels[:1]})
    few = Geometry(pca=small, coordinates=coordinates[:1, :2][:, :, keep], missing=("one language only",))
    (figure,) = geometry_figures(few, layer=13)
    assert figure.name == "pca"
    assert len([row for row in figure.draw().spec["datasets"][POINTS] if "code" in row]) == 3
    assert (drawn_layer((1, 2), 13), drawn_layer((1, 2), None)) == (2, 2)
    assert geometry_findings(few) == []
    assert few.absent() == ["One language only."]
