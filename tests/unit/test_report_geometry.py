"""The analyses in the report: their numbers drawn, what they say, and what is said of what is missing."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fake_geometry import CONDITIONS, LAYERS, MODELS, make_geometry
from fake_results import LANGUAGES, OTHERS
from isogloss.errors import UserError
from isogloss.report.geometry.findings import Geometry, apart, geometry_findings, layers_text
from isogloss.report.geometry.languages import (
    agreement_figure,
    agreement_numbers,
    convergence_controls,
    convergence_figure,
    labels_figure,
    retrieval_controls,
    retrieval_figure,
    retrieval_numbers,
)
from isogloss.report.geometry.page import NUMBERS, PROJECTIONS, drawn_layer, geometry_drawings, write_geometry
from isogloss.report.geometry.subspaces import (
    POINTS,
    pca_controls,
    pca_figure,
    perpendicularity_figure,
    records,
    shown_panels,
)
from isogloss.report.kit.chart import Figure
from isogloss.report.kit.style import Boxes, Choice, Slider
from isogloss.results.analyses import COORDINATES, LayerCurve, Pca, Perpendicularity
from isogloss.results.scores import MACRO, Estimate
from scenes import datasets, fault, texts
from scenes import records as records_of


@pytest.fixture(scope="module")
def geometry() -> Geometry:
    return make_geometry()


def lines_of(figure: Figure, title: str) -> list[dict[str, Any]]:
    """The points of all lines of the panel with this title."""
    (panel,) = [panel for panel in figure.spec["concat"] if panel.get("title") == title]
    return [row for rows in datasets(figure, panel) for row in rows if "dash" in row]


def values(rows: list[dict[str, Any]], **wanted: str) -> list[tuple[float, ...]]:
    own = [row for row in rows if all(row.get(name) == value for name, value in wanted.items())]
    return [(row["x"], row["y"], row.get("low"), row.get("high")) for row in own]


def given(curve: LayerCurve, factor: float = 1.0) -> list[tuple[float, ...]]:
    return [
        (layer, factor * each.value, factor * (each.low or 0), factor * (each.high or 0))
        for layer, each in zip(curve.layers, curve.values, strict=True)
    ]


def flat(rows: list[tuple[float, ...]]) -> Any:
    return pytest.approx([each for row in rows for each in row], abs=1e-3)


def test_every_figure_is_there_valid_and_described(geometry: Geometry) -> None:
    drawings = geometry_drawings(geometry, layer=13)
    assert [each.name for each in drawings] == [
        *("perpendicularity", "pca", "pca-steered", "convergence", "retrieval", "agreement", "labels")
    ]
    for each in drawings:
        assert not fault(each.draw()), each.name
        assert not fault(each.draw(columns=1)), each.name
        assert len(each.alternative) > 60
        assert all(len(row) == len(each.numbers.columns) for row in each.numbers.rows)
        assert each.numbers.rows


def test_perpendicularity_stands_between_its_nulls(geometry: Geometry) -> None:
    figure = perpendicularity_figure(geometry.perpendicularity)
    for each in geometry.perpendicularity:
        rows = lines_of(figure, each.label)
        drawn = values(rows, name="Macro mean")
        assert [x for row in drawn for x in row] == flat(given(each.by_language[MACRO]))
        for kind, name in (("en", "null: EN halves"), ("loc", "null: LOC halves")):
            assert [x for row in values(rows, name=name) for x in row] == flat(given(each.split_half[kind]))  # type: ignore[index]
        assert [x for row in values(rows, name="null: random") for x in row] == flat(given(each.random))
        named = {row["name"]: (str(row["dash"]), row["shape"]) for row in rows if row.get("series") in OTHERS}
        assert len(named) == len(set(named.values())) == len(OTHERS), "told apart by more than colour"
    assert {"random", "EN halves", "LOC halves", "macro"} <= set(texts(figure))


def test_convergence_of_every_state_universal_beside_localized(geometry: Geometry) -> None:
    figure = convergence_figure(geometry.convergence)
    assert figure.spec["params"][1]["value"] == "none"
    for each in geometry.convergence:
        title = {"transfer": "universal questions", "localization": "localized questions"}[each.axis]
        for measure, curve in (("CKA", each.cka), ("Mean cosine", each.cosine)):
            rows = lines_of(figure, f"{measure}, {title}")
            drawn = values(rows, name=each.panel.label, state=each.panel.condition)
            assert [x for row in drawn for x in row] == flat(given(curve))
        dotted = values(rows, name=f"{each.panel.label}, different questions", state=each.panel.condition)
        assert [row[1] for row in dotted] == pytest.approx([one.value for one in each.baseline_cosine.values], abs=1e-4)
    assert set(MODELS.values()) <= set(texts(figure))
    (choice,) = convergence_controls(geometry.convergence)
    assert list(choice.options) == list(CONDITIONS.items())  # type: ignore[union-attr]


def test_retrieval_of_every_language_with_chance(geometry: Geometry) -> None:
    figure = retrieval_figure(geometry.retrieval)
    assert [panel["title"] for panel in figure.spec["concat"]] == [*CONDITIONS.values()]
    for each in geometry.retrieval:
        rows = lines_of(figure, each.panel.condition_label)
        for code, curve in each.by_language.items():
            drawn = values(rows, name=each.panel.label, state=code)
            assert [x for row in drawn for x in row] == flat(given(curve, 100))
        centred = values(rows, name=f"{each.panel.label}, centred", state=MACRO)
        assert [row[1] for row in centred] == pytest.approx(
            [100 * e.value for e in each.centred[MACRO].values], abs=1e-3
        )
    levels = [row["y"] for row in records_of(figure, "text", "y") if row["text"] == "chance"]
    assert levels
    assert levels == pytest.approx([100 / 120] * len(levels))
    (choice,) = retrieval_controls(geometry.retrieval)
    assert [value for value, _ in choice.options] == [MACRO, *OTHERS]  # type: ignore[union-attr]
    assert len(retrieval_numbers(geometry.retrieval).rows) == 2 * 16 * len(LAYERS)


def test_agreement_and_divergence_by_language(geometry: Geometry) -> None:
    figure = agreement_figure(geometry.agreement)
    agrees, parts = ([row for rows in datasets(figure, panel) for row in rows] for panel in figure.spec["concat"])
    for each in geometry.agreement:
        where = {"series": each.panel.label, "state": each.panel.condition}
        for rows, shares in ((agrees, each.universal), (parts, each.localized)):
            own = {r["row"]: r["x"] for r in rows if all(r.get(name) == value for name, value in where.items())}
            assert sorted(own.values()) == pytest.approx(sorted(100 * one.value for one in shares.values()), abs=1e-3)
    assert {"All pairs", "Macro mean", "Greek", "right answers differ"} <= set(texts(figure))
    assert len(agreement_numbers(geometry.agreement).rows) == 16 * 8
    labels = {
        (r["row"], r["series"], r["state"]): r["x"] for r in records_of(labels_figure(geometry.agreement), "state")
    }
    for each in geometry.agreement:
        for label, name in (("CS", "culturally sensitive"), ("CA", "culturally agnostic")):
            drawn = labels[each.panel.label, name, each.panel.condition]
            assert drawn == pytest.approx(100 * each.by_label[label][MACRO].value, abs=1e-3)


def test_projections_of_one_layer_on_common_axes(geometry: Geometry) -> None:
    pca, coordinates = geometry.pca, geometry.coordinates
    assert pca is not None
    assert coordinates is not None
    figure = pca_figure(pca, coordinates, layer=13)
    points = [row for row in figure.spec["datasets"][POINTS] if "code" in row]
    wanted = shown_panels(pca, steered=False)
    assert [pca.panels[index].panel.condition for index in wanted] == ["none"] * 4
    assert len(points) == 4 * 2 * 20 * len(LANGUAGES)
    place = {(row.group, row.language): index for index, row in enumerate(pca.rows)}
    reach = float(np.abs(coordinates[wanted, pca.layers.index(13)]).max())
    for point in points[:: len(points) // 50]:
        index = next(i for i in wanted if pca.panels[i].panel.label == point["panel"])
        x, y = coordinates[index, pca.layers.index(13), place[point["question"], point["code"]]]
        assert (point["x"], point["y"]) == pytest.approx((float(x), float(y)), abs=reach / 1000)
    shapes = figure.spec["spec"]["layer"][0]["encoding"]["shape"]["scale"]["range"]
    assert len(set(shapes)) == len(LANGUAGES), "told apart by more than colour"
    assert {"44.0\u202f% + 14.0\u202f%", "Greek"} <= set(texts(figure))
    sizes = [layer["mark"]["size"] for layer in figure.spec["spec"]["layer"][:2]]
    assert sizes[1] > 3 * sizes[0], "means of languages stand out"
    assert "resolve" not in figure.spec, "panels share their axes"


def test_localized_questions_of_one_language_each_are_shown_in_every_language(geometry: Geometry) -> None:
    """As real ones are: a region is in the name of a question, so that no two languages share one."""
    assert geometry.pca is not None
    assert geometry.coordinates is not None
    own = tuple(
        row.model_copy(update={"group": f"{row.group} {row.language}"}) if row.axis == "localization" else row
        for row in geometry.pca.rows
    )
    pca = geometry.pca.model_copy(update={"rows": own})
    points = pca_figure(pca, geometry.coordinates, layer=13).spec["datasets"][POINTS]
    first = [row for row in points if "code" in row and row["panel"] == "Unaligned"]
    shown = {
        (axis, code): [r["question"] for r in first if (r["axis"], r["code"]) == (axis, code)]
        for axis in ("universal", "localized")
        for code in LANGUAGES
    }
    assert {len(set(questions)) for questions in shown.values()} == {20}
    assert len({tuple(sorted(shown["universal", code])) for code in LANGUAGES}) == 1, "the same ones everywhere"


def test_the_table_of_the_projections_says_where_languages_stand(geometry: Geometry) -> None:
    (drawing,) = [each for each in geometry_drawings(geometry, layer=13) if each.name == "pca"]
    assert geometry.pca is not None
    assert geometry.coordinates is not None
    rows = {row[0]: row[1:] for row in drawing.numbers.rows}
    points = pca_figure(geometry.pca, geometry.coordinates, layer=13).spec["datasets"][POINTS]
    greek = [(r["x"], r["y"]) for r in points if (r.get("code"), r["panel"], r["axis"]) == ("el", "MIST", "localized")]
    told = rows["Layer 13: mean of Greek, localized"][list(MODELS).index("mist")].replace("−", "-").split("; ")
    assert [float(each) for each in told] == pytest.approx(np.mean(greek, axis=0).tolist(), rel=0.02, abs=0.05)
    assert len(rows) == 2 * len(LANGUAGES) + len(LAYERS)


def test_the_slider_holds_every_layer(geometry: Geometry) -> None:
    pca, coordinates = geometry.pca, geometry.coordinates
    assert pca is not None
    assert coordinates is not None
    slider, choice, boxes = pca_controls(pca, coordinates, layer=13, steered=True)
    assert isinstance(slider, Slider)
    assert isinstance(choice, Choice)
    assert isinstance(boxes, Boxes)
    assert (slider.start, list(slider.values), list(slider.frames)) == (13, [*LAYERS], [*LAYERS])
    assert [label for _, label in choice.options] == [*MODELS.values()]
    assert list(boxes.checked) == [*LANGUAGES]
    drawn = pca_figure(pca, coordinates, layer=13, steered=True).spec["datasets"][POINTS]
    assert records(dict(slider.shared), slider.frames[13]) == drawn
    assert records(dict(slider.shared), slider.frames[4]) != drawn


def test_the_numbers_are_files_beside_the_page(geometry: Geometry, tmp_path: Path) -> None:
    write_geometry(geometry, tmp_path, layer=13)
    pca, coordinates = geometry.pca, geometry.coordinates
    assert pca is not None
    assert coordinates is not None
    kept = np.load(tmp_path / COORDINATES, allow_pickle=False)
    assert np.array_equal(kept, coordinates)
    numbers = json.loads((tmp_path / NUMBERS).read_text())
    assert Pca.model_validate(numbers["pca"]) == pca
    assert tuple(map(Perpendicularity.model_validate, numbers["perpendicularity"])) == geometry.perpendicularity
    rows = list(csv.DictReader(io.StringIO((tmp_path / PROJECTIONS).read_text())))
    assert len(rows) == len(pca.panels) * len(pca.rows)
    last = coordinates[-1, pca.layers.index(13), -1]
    assert (rows[-1]["layer"], float(rows[-1]["x"])) == ("13", pytest.approx(float(last[0]), rel=1e-4))


def test_findings_claim_only_what_intervals_tell_apart(geometry: Geometry) -> None:
    told = " ".join(geometry_findings(geometry))
    assert "arrange universal questions more alike after MIDALIGN than before" in told
    # Beside each claim of alignment: what the kinds of question give by themselves.
    assert ", where the kinds of question alone give 0." in told
    assert re.search(r"CKA [^;]* against [^;]*; the kinds of question alone give 0\.\d\d against 0\.\d\d\)", told)
    assert "No difference can be told between MIST and CLO and the unaligned model" in told
    assert "MIDALIGN parts from English on localized questions less often" in told
    same = replace(
        geometry,
        convergence=tuple(
            each.model_copy(update={"cka": geometry.convergence[0].cka}) for each in geometry.convergence
        ),
    )
    assert "closer across languages" not in " ".join(geometry_findings(same))
    one = Estimate(value=0.5, low=0.4, high=0.6, n=9, groups=9)
    assert apart(one, one.model_copy(update={"low": 0.61, "high": 0.7})) == -1
    assert apart(one, one.model_copy(update={"low": 0.2, "high": 0.4})) == 0
    assert apart(one, one.model_copy(update={"low": None})) == 0


def test_no_alignment_is_claimed_where_every_interval_reaches_zero(geometry: Geometry) -> None:
    def reaching(curve: LayerCurve) -> LayerCurve:
        return curve.model_copy(
            update={"values": tuple(value.model_copy(update={"low": -0.1}) for value in curve.values)}
        )

    lone = tuple(each.model_copy(update={"cka": reaching(each.cka)}) for each in geometry.convergence[:1])
    (told,) = geometry_findings(Geometry(convergence=lone))
    assert "cannot be told at any layer" in told
    assert "most alike" not in told


def test_nothing_is_said_beside_a_null_that_is_not_there(geometry: Geometry) -> None:
    none = LayerCurve(layers=(), values=())
    (first,) = geometry.perpendicularity[:1]
    (told,) = geometry_findings(
        Geometry(perpendicularity=(first.model_copy(update={"split_half": {"en": none, "loc": none}}),))
    )
    assert "most perpendicular at layer" in told
    assert "halves" not in told


def test_empty_charts_are_not_drawn(geometry: Geometry) -> None:
    """Labels of English questions alone; states that do not vary."""
    assert geometry.pca is not None
    english = tuple(
        each.model_copy(update={"by_label": {label: {"en": values[MACRO]} for label, values in each.by_label.items()}})
        for each in geometry.agreement
    )
    flat = geometry.pca.model_copy(
        update={"panels": tuple(each.model_copy(update={"share": {}}) for each in geometry.pca.panels)}
    )
    names = [each.name for each in geometry_drawings(replace(geometry, agreement=english, pca=flat), layer=13)]
    assert not {"labels", "pca", "pca-steered"} & set(names)
    assert "agreement" in names


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
    gone = {
        **{"pca": {"pca", "pca-steered"}, "coordinates": {"pca", "pca-steered"}, "agreement": {"agreement", "labels"}},
    }.get(part, {part})
    whole = [each.name for each in geometry_drawings(geometry, layer=13)]
    drawn = [each.name for each in geometry_drawings(without, layer=13)]
    assert drawn == [name for name in whole if name not in gone]
    geometry_findings(without)
    write_geometry(without, tmp_path, layer=None)
    assert (tmp_path / NUMBERS).exists()
    assert (tmp_path / PROJECTIONS).exists() == (part not in ("pca", "coordinates"))


def test_what_is_missing_is_said_once(geometry: Geometry) -> None:
    sly = tuple(each.model_copy(update={"missing": ("only 3 items",)}) for each in geometry.retrieval[:1])
    assert replace(geometry, retrieval=(*sly, *sly)).absent() == [
        "Figures by topic were not asked for.",
        "Retrieval of Unaligned: only 3 items.",
    ]
    lacking = tuple(each.model_copy(update={"missing": ("no parallel sentence",)}) for each in geometry.retrieval)
    assert replace(geometry, retrieval=lacking).absent()[1:] == ["Retrieval: no parallel sentence."]


def test_counts_that_differ_among_panels_are_one_sentence(geometry: Geometry) -> None:
    lacking = tuple(
        each.model_copy(update={"missing": (f"ar: {36 + number % 5} of 60 items cannot be compared",)})
        for number, each in enumerate(geometry.agreement)
    )
    assert replace(geometry, agreement=lacking).absent()[1:] == [
        "Agreement: ar: 36 to 40 of 60 items cannot be compared."
    ]


def test_what_convergence_lacks_is_said_of_the_questions_that_lack_it(geometry: Geometry) -> None:
    lacking = tuple(
        each.model_copy(update={"missing": ("no kinds",)}) if each.axis == "localization" else each
        for each in geometry.convergence
    )
    assert replace(geometry, convergence=lacking).absent()[1:] == ["Convergence on localized questions: no kinds."]


def test_cosines_are_drawn_where_alignment_cannot_be_told(geometry: Geometry) -> None:
    """Three items: no kernel alignment, but their cosines."""
    none = LayerCurve(layers=(), values=())
    few = replace(geometry, convergence=tuple(e.model_copy(update={"cka": none}) for e in geometry.convergence))
    (drawing,) = [each for each in geometry_drawings(few, layer=13) if each.name == "convergence"]
    titles = [panel["title"] for panel in drawing.draw().spec["concat"]]
    assert titles == ["Mean cosine, universal questions", "Mean cosine, localized questions"]
    assert "highest mean cosine" in drawing.alternative
    assert {row[3] for row in drawing.numbers.rows} == {"–"}
    assert "universal question lies" not in " ".join(geometry_findings(few)), "nothing is said of what was not measured"
    assert len(drawing.numbers.rows) == len(geometry.convergence) * len(LAYERS)


def test_figures_of_nothing_are_refused_in_words() -> None:
    none = LayerCurve(layers=(), values=())
    geometry = make_geometry()
    assert geometry.pca is not None
    assert geometry.coordinates is not None
    for draw in (
        lambda: perpendicularity_figure(
            [each.model_copy(update={"by_language": {}}) for each in geometry.perpendicularity]
        ),
        lambda: convergence_figure([e.model_copy(update={"cka": none, "cosine": none}) for e in geometry.convergence]),
        lambda: retrieval_figure([each.model_copy(update={"by_language": {}}) for each in geometry.retrieval]),
        lambda: agreement_figure(
            [each.model_copy(update={"universal": {}, "localized": {}}) for each in geometry.agreement]
        ),
        lambda: labels_figure([each.model_copy(update={"by_label": {}}) for each in geometry.agreement]),
        lambda: pca_figure(geometry.pca.model_copy(update={"rows": ()}), geometry.coordinates, layer=13),
    ):
        with pytest.raises(UserError, match="nothing to draw"):
            draw()


def test_a_model_of_two_layers_one_language_and_three_items(geometry: Geometry) -> None:
    """The chosen layer is not among those there: the nearest is drawn."""
    assert geometry.pca is not None
    assert geometry.coordinates is not None
    keep = [index for index, row in enumerate(geometry.pca.rows) if row.language == "en"][:3]
    pca = geometry.pca.model_copy(
        update={
            "layers": (1, 2),
            "rows": tuple(geometry.pca.rows[index] for index in keep),
            "panels": geometry.pca.panels[:1],
        }
    )
    few = Geometry(pca=pca, coordinates=geometry.coordinates[:1, :2][:, :, keep], missing=("one language only",))
    (drawing,) = geometry_drawings(few, layer=13)
    assert drawing.name == "pca"
    assert len([row for row in drawing.draw().spec["datasets"][POINTS] if "code" in row]) == 3
    assert (drawn_layer((1, 2), 13), drawn_layer((1, 2), None)) == (2, 2)
    assert geometry_findings(few) == []
    assert few.absent() == ["One language only."]
