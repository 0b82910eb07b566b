"""Analyses where there is little to analyse, the values they give, and what they say is missing."""

from dataclasses import replace

import numpy as np
import pytest
from pydantic import ValidationError

from families import tiny
from isogloss.analysis.convergence import PairProducts, convergence, pair_products
from isogloss.analysis.pca import pca, save_pca
from isogloss.analysis.perpendicularity import perpendicularity
from isogloss.analysis.retrieval import retrieval
from isogloss.errors import RefusedError, UserError
from isogloss.results.analyses import Convergence, LayerCurve, Panel, Pca, Perpendicularity, Retrieval
from isogloss.results.scores import Estimate
from isogloss.steering.extract import Pair
from made_up_states import PANEL, made_up_rows, made_up_states, random_states

STEERED = Panel(model="unaligned", label="Unaligned", condition="en", condition_label="EN-steered")


def in_bounds(curve, low, high):
    for layer, one in zip(curve.layers, curve.values, strict=True):
        assert low <= one.value <= high, layer
        if one.low is not None:
            assert low <= one.low <= one.value <= one.high <= high, layer


def test_a_curve_has_a_value_for_each_layer():
    one = Estimate(value=0.5, low=None, high=None, n=1, groups=1)
    with pytest.raises(ValidationError, match="1 values for 2 layers"):
        LayerCurve(layers=(1, 2), values=(one,))


def test_values_survive_json(tmp_path):
    states = random_states(tmp_path / "s", made_up_rows(("en", "el", "ko"), 8))
    convergent = convergence(states, panel=PANEL, axis="transfer")
    found = retrieval(states, panel=PANEL, axis="transfer")
    value, coordinates = pca([(PANEL, states)])
    assert Convergence.model_validate_json(convergent.model_dump_json()) == convergent
    assert Retrieval.model_validate_json(found.model_dump_json()) == found
    save_pca(tmp_path, value, coordinates)
    assert Pca.model_validate_json((tmp_path / "pca.json").read_text()) == value
    assert np.array_equal(np.load(tmp_path / "coordinates.npy", allow_pickle=False), coordinates)
    assert coordinates.shape == (1, 2, 24, 2)
    assert coordinates.dtype == np.float32


def test_more_shared_meaning_is_more_convergence_and_more_retrieval(tmp_path):
    states = random_states(tmp_path / "s", made_up_rows(("en", "el", "ko"), 30), layers=3)
    found = convergence(states, panel=PANEL, axis="transfer")
    assert set(found.with_english) == {"el", "ko"}
    first, _, last = found.cka.values
    assert first.value < last.value
    assert found.cosine.values[-1].value > found.baseline_cosine.values[-1].value + 0.1
    assert (first.n, first.groups) == (90, 30)
    for curve in (found.cka, found.cosine, found.baseline_cosine):
        in_bounds(curve, -1, 1)
    hits = retrieval(states, panel=PANEL, axis="transfer")
    assert hits.sentences == 30
    assert hits.chance == pytest.approx(1 / 30)
    assert set(hits.by_language) == {"el", "ko", "macro"}
    assert hits.centred["macro"].values[-1].value >= hits.by_language["macro"].values[-1].value
    for curve in (*hits.by_language.values(), *hits.centred.values()):
        in_bounds(curve, 0, 1)


def test_one_language_has_nothing_to_compare(tmp_path):
    states = random_states(tmp_path / "s", made_up_rows(("el",), 6))
    found = convergence(states, panel=PANEL, axis="transfer")
    assert (found.cka.layers, found.with_english) == ((), {})
    assert found.missing == ("items in el alone: nothing to compare",)
    hits = retrieval(states, panel=PANEL, axis="transfer")
    assert hits.by_language == {}
    assert hits.missing == ("no English sentences to retrieve from",)
    value, coordinates = pca([(PANEL, states)])
    assert value.missing == ()
    assert np.ptp(coordinates) > 0


def test_english_alone_has_nothing_to_retrieve(tmp_path):
    states = random_states(tmp_path / "s", made_up_rows(("en",), 6))
    assert retrieval(states, panel=PANEL, axis="transfer").missing == ("no language besides English",)


def test_an_axis_without_items_says_so(tmp_path):
    states = random_states(tmp_path / "s", made_up_rows(("en", "el"), 6))
    assert convergence(states, panel=PANEL, axis="localization").missing == ("no items",)
    assert retrieval(states, panel=PANEL).missing == ("no English sentences to retrieve from",)
    sentences = random_states(tmp_path / "t", made_up_rows(("en", "el"), 6, axis=None))
    assert pca([(PANEL, sentences)])[0].missing[0] == "layer 1: the states of Unaligned do not vary in two directions"


def test_three_items_have_cosines_but_no_alignment(tmp_path):
    states = random_states(tmp_path / "s", made_up_rows(("en", "el"), 3))
    found = convergence(states, panel=PANEL, axis="transfer")
    assert found.cka.layers == ()
    assert found.missing == ("no kernel alignment (it needs four questions whose states vary) at any layer for en–el",)
    assert found.cosine.layers == (1, 2)
    assert found.cosine.values[0].low is not None
    assert retrieval(states, panel=PANEL, axis="transfer").sentences == 3
    assert pca([(PANEL, states)])[0].panels[0].share.keys() == {1, 2}


def test_four_questions_have_an_alignment_without_an_interval(tmp_path):
    states = random_states(tmp_path / "s", made_up_rows(("en", "el"), 4), seed=3)
    value = convergence(states, panel=PANEL, axis="transfer").cka.values[-1]
    assert (value.low, value.high) == (None, None)


def test_kinds_that_are_hardly_fewer_than_questions_have_no_alignment_of_their_own(tmp_path):
    rows = [replace(row, kind=row.question if row.question > "q001" else "k") for row in made_up_rows(("en", "el"), 6)]
    found = convergence(random_states(tmp_path / "s", rows), panel=PANEL, axis="transfer")
    assert found.cka.layers == (1, 2)
    assert found.baseline_cka.layers == ()
    assert found.missing == ("no kernel alignment of kinds alone (it needs kinds that have several questions)",)


def test_questions_that_share_nothing_but_their_kind_are_no_more_aligned_than_kinds(tmp_path):
    rows = [replace(row, kind=f"k{int(row.question[1:]) % 4}") for row in made_up_rows(("en", "el"), 40)]
    rng = np.random.default_rng(0)
    middle = {kind: rng.normal(size=30) for kind in ("k0", "k1", "k2", "k3")}
    values = np.stack([2 * middle[row.kind] + rng.normal(size=30) for row in rows])
    found = convergence(made_up_states(tmp_path / "s", rows, {1: values})["none"], panel=PANEL, axis="transfer")
    assert found.cka.values[0].value > 0.8
    assert found.baseline_cka.values[0].value == pytest.approx(found.cka.values[0].value, abs=0.02)


def test_one_item_in_two_languages(tmp_path):
    states = random_states(tmp_path / "s", made_up_rows(("en", "el"), 1))
    found = convergence(states, panel=PANEL, axis="transfer")
    assert (found.cka.layers, found.baseline_cosine.layers, found.cosine.layers) == ((), (), (1, 2))
    assert found.cosine.values[0].low is None
    assert retrieval(states, panel=PANEL, axis="transfer").missing == ("el: 1 sentence in common with English",)
    assert len(pca([(PANEL, states)])[0].missing) in (0, 2)


def test_a_language_without_an_english_counterpart(tmp_path):
    rows = made_up_rows(("en", "el"), 6)
    rows += [replace(row, language="ko", question="other " + row.question) for row in rows[:6]]
    states = random_states(tmp_path / "s", rows)
    found = convergence(states, panel=PANEL, axis="transfer")
    assert set(found.with_english) == {"el"}
    assert found.missing == ("en–ko: no question in both", "el–ko: no question in both")
    hits = retrieval(states, panel=PANEL, axis="transfer")
    assert set(hits.by_language) == {"el", "macro"}
    assert hits.missing == ("ko: 0 sentences in common with English",)


def test_a_language_with_three_questions_does_not_take_the_others_alignment_away(tmp_path):
    rows = made_up_rows(("en", "el", "ko"), 6)[:-3]
    states = random_states(tmp_path / "s", rows)
    found = convergence(states, panel=PANEL, axis="transfer")
    assert found.cka == found.with_english["el"]["cka"]
    assert found.cka.layers == (1, 2)
    assert found.with_english["ko"]["cka"].layers == ()
    assert found.cosine.values[0].n == 12
    assert found.missing == (
        "no kernel alignment (it needs four questions whose states vary) at any layer for en–ko, el–ko",
    )


def test_languages_with_fewer_sentences_are_named(tmp_path):
    rows = made_up_rows(("en", "el", "ko"), 6)[:-2]
    hits = retrieval(random_states(tmp_path / "s", rows), panel=PANEL, axis="transfer")
    assert hits.missing == ("ko: 4 of 6 sentences",)
    assert (hits.by_language["ko"].values[0].n, hits.by_language["ko"].values[0].groups) == (4, 4)
    assert hits.by_language["macro"].values[0].groups == 6


def test_constant_states_have_no_structure(tmp_path):
    rows = made_up_rows(("en", "el"), 6)
    same = np.ones((len(rows), 5))
    states = made_up_states(tmp_path / "s", rows, {1: same, 2: 0 * same})["none"]
    found = convergence(states, panel=PANEL, axis="transfer")
    assert found.cka.layers == ()
    assert found.cosine.layers == found.baseline_cosine.layers == (1,)
    assert found.cosine.values[0].value == pytest.approx(1)
    hits = retrieval(states, panel=PANEL, axis="transfer")
    assert [value.value for value in hits.by_language["macro"].values] == [0, 0]
    value, coordinates = pca([(PANEL, states)])
    assert value.missing[1] == "layer 2: the states of Unaligned do not vary in two directions"
    assert not coordinates.any()
    assert value.panels[0].share == {}


def test_a_panel_that_collapsed_has_no_share_of_variance(tmp_path):
    rows = made_up_rows(("en", "el"), 6)
    varied = np.random.default_rng(0).normal(size=(len(rows), 5))
    found = made_up_states(tmp_path / "s", rows, {1: varied}, steered={"en": {1: np.ones((len(rows), 5))}})
    value, coordinates = pca([(PANEL, found["none"]), (STEERED, found["en"])])
    assert value.panels[1].share == {}
    assert value.missing == ("layer 1: the states of Unaligned, EN-steered, are all the same",)
    assert np.ptp(coordinates[1], axis=1).max() < 1e-6


def test_panels_of_other_prompts_do_not_share_axes(tmp_path):
    one = random_states(tmp_path / "a", made_up_rows(("en", "el"), 6))
    other = random_states(tmp_path / "b", made_up_rows(("en", "el"), 5))
    with pytest.raises(UserError, match="differ in their prompts"):
        pca([(PANEL, one), (STEERED, other)])


PAIRS = {
    kind: [
        Pair(language, f"{kind} {number} there", f"{kind} {number} {language} here")
        for language in ("el", "ko")
        for number in range(5)
    ]
    for kind in ("en", "loc")
}


@pytest.fixture(scope="module")
def products():
    model, tokenizer = tiny("llama")
    return pair_products(model, tokenizer, PAIRS["en"], PAIRS["loc"])


def test_products_survive_the_disk(products, tmp_path):
    products.save(tmp_path / "p")
    again = PairProducts.load(tmp_path / "p")
    assert (again.width, again.layers, again.kinds, again.groups) == (
        products.width,
        products.layers,
        products.kinds,
        products.groups,
    )
    assert all(np.array_equal(again.gram[language], gram) for language, gram in products.gram.items())
    with pytest.raises(UserError, match="no products of pairs"):
        PairProducts.load(tmp_path)
    (tmp_path / "p" / "el.npy").unlink()
    with pytest.raises(RefusedError, match="damaged products"):
        PairProducts.load(tmp_path / "p")


def test_perpendicularity_has_all_its_curves(products):
    found = perpendicularity(products, model="m", label="M", splits=50)
    assert set(found.by_language) == {"el", "ko", "macro"}
    for curve in (*found.by_language.values(), *found.split_half.values(), found.random):
        assert curve.layers == products.layers
        in_bounds(curve, 0, 90)
    assert Perpendicularity.model_validate_json(found.model_dump_json()) == found
    assert found.missing == ()
    assert perpendicularity(products, model="m", label="M", splits=50) == found


def test_groups_make_pairs_stand_or_fall_together(products):
    model, tokenizer = tiny("llama")
    groups = {pair.away: pair.towards[:-7] for pairs in PAIRS.values() for pair in pairs}
    alike = pair_products(model, tokenizer, PAIRS["en"], PAIRS["loc"], groups=dict.fromkeys(groups, "one"))
    found = perpendicularity(alike, model="m", label="M", splits=50)
    assert found.by_language["el"].values[0].low is None
    assert found.split_half["en"].layers == ()
    assert "el: one group of EN pairs cannot be split in halves" in found.missing


def test_a_language_without_pairs_of_a_kind_is_named(products):
    model, tokenizer = tiny("llama")
    loc = [*(pair for pair in PAIRS["loc"] if pair.language == "el"), Pair("en", "In Britain: x", "x")]
    found = perpendicularity(pair_products(model, tokenizer, PAIRS["en"], loc), model="m", label="M", splits=50)
    assert set(found.by_language) == {"el", "macro"}
    assert found.missing == ("ko: no LOC pairs",)
    whole = perpendicularity(products, model="m", label="M", splits=50)
    assert found.by_language["el"].values[0].value == pytest.approx(whole.by_language["el"].values[0].value)


def test_differences_of_zero_have_no_angle():
    gram = np.zeros((2, 4, 4))
    gram[1] = np.diag([1.0, 1.0, 2.0, 2.0])
    found = perpendicularity(
        PairProducts(
            width=8,
            layers=(1, 2),
            kinds={"el": ("en", "en", "loc", "loc")},
            groups={"el": ("a", "b", "c", "d")},
            gram={"el": gram},
        ),
        model="m",
        label="M",
        splits=10,
    )
    assert found.by_language["macro"].layers == (2,)
    assert found.by_language["el"].values[0].value == pytest.approx(90)
    assert found.missing[0] == "el: a mean difference is zero at layer 1"
