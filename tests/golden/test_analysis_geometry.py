"""The analyses against other tools and naive float64 versions: scikit-learn's PCA, published CKA, brute force."""

from dataclasses import replace
from itertools import chain, combinations, permutations, product

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from families import made_up_items, tiny
from isogloss.analysis.convergence import cka, cka_of_kinds, convergence, kernel, pair_products
from isogloss.analysis.pca import pca
from isogloss.analysis.perpendicularity import perpendicularity
from isogloss.analysis.retrieval import both_ways, retrieval
from isogloss.results.analyses import Panel
from isogloss.scoring.prompts import prompt_of
from isogloss.scoring.statistics import jackknife, resampled
from isogloss.steering.extract import Pair, extract_vectors, loc_pairs
from isogloss.steering.vectors import SteeringVectors
from made_up_states import PANEL, made_up_rows, made_up_states, random_states

STEERED = Panel(model="unaligned", label="Unaligned", condition="loc", condition_label="LOC-steered")


def hsic_1(first, second):
    """Song et al. 2012, equation 5, as a loop over entries."""
    n = len(first)
    k = [[0.0 if i == j else float(first[i] @ first[j]) for j in range(n)] for i in range(n)]
    m = [[0.0 if i == j else float(second[i] @ second[j]) for j in range(n)] for i in range(n)]
    trace = sum(k[i][j] * m[j][i] for i in range(n) for j in range(n))
    sums = sum(map(sum, k)) * sum(map(sum, m))
    cross = sum(k[i][j] * m[j][q] for i in range(n) for j in range(n) for q in range(n))
    return (trace + sums / ((n - 1) * (n - 2)) - 2 / (n - 2) * cross) / (n * (n - 3))


def naive_cka(first, second):
    return hsic_1(first, second) / np.sqrt(hsic_1(first, first) * hsic_1(second, second))


def biased_cka(first, second):
    """Kornblith et al. 2019, with centred features."""
    first, second = first - first.mean(0), second - second.mean(0)
    return np.linalg.norm(first.T @ second) ** 2 / (np.linalg.norm(first.T @ first) * np.linalg.norm(second.T @ second))


def test_cka_is_the_published_formula_and_so_is_it_without_each_question():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(11, 6)), rng.normal(size=(11, 9))
    second[:, :6] += first
    starts = np.array([0, 1, 4, 6, 7])
    found = cka(kernel(first), kernel(second), starts=starts)
    assert found[0] == pytest.approx(naive_cka(first, second), rel=1e-10)
    for question, (begin, end) in enumerate(zip(starts, [*starts[1:], 11], strict=True), start=1):
        rest = np.r_[0:begin, end:11]
        assert found[question] == pytest.approx(naive_cka(first[rest], second[rest]), rel=1e-10)


def test_cka_does_not_change_by_rotation_offset_and_scale():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(20, 8)), rng.normal(size=(20, 8))
    second += 0.7 * first
    turned = second @ np.linalg.qr(rng.normal(size=(8, 8)))[0] * 3 + 1000
    starts = np.arange(20)
    expected = cka(kernel(first), kernel(second), starts=starts)
    assert np.allclose(cka(kernel(first), kernel(turned), starts=starts), expected, atol=1e-9)


def test_unrelated_states_of_few_questions_are_near_1_biased_and_near_0_here():
    rng = np.random.default_rng(2)
    biased, debiased = [], []
    for _ in range(50):
        first, second = rng.normal(size=(20, 500)), rng.normal(size=(20, 500))
        biased.append(biased_cka(first, second))
        debiased.append(cka(kernel(first), kernel(second), starts=np.arange(20))[0])
    assert np.mean(biased) > 0.9
    assert abs(np.mean(debiased)) < 0.03


def test_the_alignment_of_kinds_is_the_mean_over_all_exchanges_within_them(tmp_path):
    languages, kinds = ("en", "el"), (0, 0, 0, 1, 1, 2, 2)
    rows = [replace(row, kind=f"k{kinds[int(row.question[1:])]}") for row in made_up_rows(languages, 7)]
    states = random_states(tmp_path / "s", rows, layers=1)
    first, second = np.asarray(states.layer(1), dtype=float).reshape(2, 7, -1)
    places = [[place for place, own in enumerate(kinds) if own == kind] for kind in range(3)]
    exchanged = [list(chain(*each)) for each in product(*map(permutations, places))]
    assert len(exchanged) == 24
    expected = np.mean([naive_cka(first, second[order]) for order in exchanged])
    assert cka_of_kinds(kernel(first), kernel(second), kinds=np.array(kinds)) == pytest.approx(expected, rel=1e-9)
    found = convergence(states, panel=PANEL, axis="transfer")
    assert found.baseline_cka.values[0].value == pytest.approx(expected, rel=1e-6)
    assert found.baseline_cka.values[0].low is None
    assert found.missing == ()


def test_convergence_is_the_mean_over_pairs_of_languages(tmp_path):
    languages, questions = ("en", "el", "ko"), 9
    states = random_states(tmp_path / "s", made_up_rows(languages, questions), layers=2)
    found = convergence(states, panel=PANEL, axis="transfer")
    for place, layer in enumerate((1, 2)):
        values = np.asarray(states.layer(layer), dtype=float).reshape(3, questions, -1)
        unit = values / np.linalg.norm(values, axis=-1, keepdims=True)
        alignments, same, different = [], [], []
        for a, b in combinations(range(3), 2):
            alignments.append(naive_cka(values[a], values[b]))
            same.append(np.mean([unit[a, q] @ unit[b, q] for q in range(questions)]))
            different.append(
                np.mean([unit[a, q] @ unit[b, r] for q in range(questions) for r in range(questions) if q != r])
            )
        assert found.cka.values[place].value == pytest.approx(np.mean(alignments), rel=1e-6)
        assert found.cosine.values[place].value == pytest.approx(np.mean(same), rel=1e-6)
        assert found.baseline_cosine.values[place].value == pytest.approx(np.mean(different), rel=1e-6)
        assert found.with_english["ko"]["cka"].values[place].value == pytest.approx(alignments[1], rel=1e-6)
        assert found.with_english["ko"]["cosine"].values[place].value == pytest.approx(same[1], rel=1e-6)
    # The interval: without each question, everywhere at once.
    kept = [[q for q in range(questions) if q != gone] for gone in range(questions)]
    left_out = np.array(
        [np.mean([naive_cka(values[a][k], values[b][k]) for a, b in combinations(range(3), 2)]) for k in kept]
    )
    half = jackknife([left_out[:, None]])[0]
    last = found.cka.values[1]
    assert last.high == pytest.approx(min(1.0, last.value + half), rel=1e-6)
    assert last.low == pytest.approx(last.value - half, rel=1e-6)


def test_the_jackknife_interval_of_a_mean_is_students_t():
    from scipy.stats import t

    sample = np.random.default_rng(0).normal(size=15)
    left_out = np.array([np.delete(sample, gone).mean() for gone in range(15)])
    low, high = t.interval(0.95, 14, loc=sample.mean(), scale=sample.std(ddof=1) / np.sqrt(15))
    assert jackknife([left_out[:, None]])[0] == pytest.approx((high - low) / 2)


def test_intervals_of_cka_cover_and_a_bootstrap_of_copies_would_not():
    """Copies of a question are perfectly alike: a bootstrap that draws them stands beside the estimate, not around it."""
    rng = np.random.default_rng(3)
    mix = 0.4
    big = rng.normal(size=(2000, 40)), rng.normal(size=(2000, 40))
    truth = cka(kernel(big[0]), kernel(mix * big[0] + big[1]), starts=np.arange(2000))[0]
    covered, drawn_above = 0, []
    for _ in range(60):
        first = rng.normal(size=(30, 40))
        second = mix * first + rng.normal(size=(30, 40))
        found = cka(kernel(first), kernel(second), starts=np.arange(30))
        half = jackknife([found[1:, None]])[0]
        covered += abs(found[0] - truth) <= half
        drawn = rng.integers(30, size=30)
        drawn_above.append(cka(kernel(first[drawn]), kernel(second[drawn]), starts=np.arange(30))[0] > found[0])
    assert covered >= 52
    assert np.mean(drawn_above) > 0.8


def test_the_bootstrap_of_means_is_that_of_scipy():
    from scipy.stats import bootstrap

    values = np.random.default_rng(0).random((40, 3))
    low, high = resampled(lambda times: times @ values / times.sum(1, keepdims=True), groups=40, seed=0)
    for column in range(3):
        expected = bootstrap(
            [values[:, column]], np.mean, n_resamples=2000, method="percentile", rng=np.random.default_rng(0)
        ).confidence_interval
        assert (low[column], high[column]) == pytest.approx((expected.low, expected.high), abs=1e-12)


@pytest.mark.parametrize(("questions", "width"), [(20, 24), (200, 24), (20, 700)])
def test_pca_is_scikit_learns_with_one_basis_for_all_panels(questions, width, tmp_path):
    rows = made_up_rows(("en", "el", "ko"), questions)
    rng = np.random.default_rng(0)
    scale = np.linspace(3, 1, width)
    base = {layer: rng.normal(size=(len(rows), width)) * scale + 50 for layer in (1, 2)}
    moved = {2: base[2] * 0.5 + 3}
    found = made_up_states(tmp_path / "s", rows, base, steered={"loc": moved})
    value, coordinates = pca([(PANEL, found["none"]), (STEERED, found["loc"])])
    for place, layer in enumerate((1, 2)):
        fitted = PCA(n_components=2, svd_solver="full").fit(base[layer].astype(np.float32).astype(float))
        for panel, states in enumerate((found["none"], found["loc"])):
            expected = fitted.transform(states.layer(layer).astype(float))
            ours = coordinates[panel, place]
            signs = np.sign((ours * expected).sum(0)) if panel == 0 else signs  # noqa: F821
            assert np.allclose(ours, expected * signs, atol=1e-3)
            total = states.layer(layer).astype(float).var(axis=0).sum()
            assert value.panels[panel].share[layer] == pytest.approx(tuple(expected.var(axis=0) / total), rel=1e-4)
        assert value.panels[0].share[layer] == pytest.approx(tuple(fitted.explained_variance_ratio_), rel=1e-4)
    # Signs agree with the layer before, whatever the solver says.
    assert ((coordinates[0, 0] * coordinates[0, 1]).sum(0) >= 0).all()


def brute_force(first, second):
    """Top-1 both ways, one pair at a time."""
    cosine = [[a @ b / (np.linalg.norm(a) * np.linalg.norm(b)) for b in second] for a in first]
    n = len(first)
    there = [all(cosine[i][i] > cosine[i][j] for j in range(n) if j != i) for i in range(n)]
    back = [all(cosine[i][i] > cosine[j][i] for j in range(n) if j != i) for i in range(n)]
    return (np.array(there, dtype=float) + np.array(back)) / 2


def test_retrieval_is_brute_force_with_and_without_each_languages_mean(tmp_path):
    states = random_states(tmp_path / "s", made_up_rows(("en", "el", "ko"), 40, axis=None), width=6)
    found = retrieval(states, panel=PANEL)
    for place, layer in enumerate((1, 2)):
        english, *others = np.asarray(states.layer(layer, "mean"), dtype=float).reshape(3, 40, -1)
        by_language = []
        for language, own in zip(("el", "ko"), others, strict=True):
            expected = brute_force(english, own)
            assert 0 < expected.mean() < 1
            assert np.array_equal(both_ways(english, own), expected)
            assert found.by_language[language].values[place].value == pytest.approx(expected.mean())
            by_language.append(expected.mean())
            centred = brute_force(english - english.mean(0), own - own.mean(0)).mean()
            assert found.centred[language].values[place].value == pytest.approx(centred)
        assert found.by_language["macro"].values[place].value == pytest.approx(np.mean(by_language))


def test_retrieval_by_blocks_is_retrieval_at_once():
    rng = np.random.default_rng(0)
    first = rng.normal(size=(1100, 5))
    second = first + 0.2 * rng.normal(size=(1100, 5))
    similarity = (first / np.linalg.norm(first, axis=1)[:, None]) @ (second / np.linalg.norm(second, axis=1)[:, None]).T
    own = np.arange(1100)
    expected = ((similarity.argmax(1) == own) + (similarity.argmax(0) == own).astype(float)) / 2
    assert np.array_equal(both_ways(first, second), expected)


def test_a_tie_is_a_miss():
    same = np.tile([1.0, 2.0], (4, 1))
    assert both_ways(same, same).tolist() == [0.0] * 4
    one = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    assert both_ways(one, one).tolist() == [1.0, 0.0, 0.0]


PAIRS = {
    kind: [
        Pair(language, f"{kind} {number} {'there' * number}", f"{kind} {number} {language} here")
        for language in ("el", "ko")
        for number in range(6)
    ]
    for kind in ("en", "loc")
}


def degrees(first, second):
    first, second = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    return np.degrees(np.arccos(first @ second / np.linalg.norm(first) / np.linalg.norm(second)))


def folded(angle):
    return 90 - abs(angle - 90)


@pytest.fixture(scope="module")
def products():
    model, tokenizer = tiny("gemma3_text")
    return pair_products(model, tokenizer, PAIRS["en"], PAIRS["loc"])


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    """The steering vectors of the same pairs, saved and loaded."""
    model, tokenizer = tiny("gemma3_text")
    found = {}
    for kind, pairs in PAIRS.items():
        facts = {"kind": kind, "model_name": "tiny", "model_digest": "a" * 64, "scoring": "cloze"}
        folder = tmp_path_factory.mktemp("vectors") / kind
        extract_vectors(model, tokenizer, pairs, **facts).save(folder)
        found[kind] = SteeringVectors.load(folder)
    return found


def test_perpendicularity_is_the_angle_between_the_saved_vectors(products, vectors):
    found = perpendicularity(products, model="m", label="M", splits=10)
    for place, layer in enumerate(products.layers):
        angles = [folded(degrees(vectors["en"].at(one, layer), vectors["loc"].at(one, layer))) for one in ("el", "ko")]
        assert found.by_language["el"].values[place].value == pytest.approx(angles[0], abs=0.01)
        assert found.by_language["macro"].values[place].value == pytest.approx(np.mean(angles), abs=0.01)


def test_products_are_inner_products_of_differences(products):
    from isogloss.steering.extract import prompt_states

    model, tokenizer = tiny("gemma3_text")
    own = [pair for kind in ("en", "loc") for pair in PAIRS[kind] if pair.language == "ko"]
    towards = prompt_states(model, tokenizer, [pair.towards for pair in own]).double()
    difference = towards - prompt_states(model, tokenizer, [pair.away for pair in own]).double()
    assert products.kinds["ko"] == ("en",) * 6 + ("loc",) * 6
    assert np.allclose(products.gram["ko"], torch.einsum("pld,qld->lpq", difference, difference), atol=1e-2)


def test_the_interval_of_an_angle_leaves_out_each_group_of_either_kind(products):
    found = perpendicularity(products, model="m", label="M", splits=10)
    gram = products.gram["el"]

    def angles(en, loc):
        inner = gram[:, en][:, :, loc].mean((1, 2))
        return np.degrees(
            np.arccos(inner / np.sqrt(gram[:, en][:, :, en].mean((1, 2)) * gram[:, loc][:, :, loc].mean((1, 2))))
        )

    en, loc = list(range(6)), list(range(6, 12))
    without_en = np.array([angles([i for i in en if i != gone], loc) for gone in en])
    without_loc = np.array([angles(en, [i for i in loc if i != gone]) for gone in loc])
    half = jackknife([without_en, without_loc])
    for place in range(len(products.layers)):
        one = found.by_language["el"].values[place]
        assert one.value == pytest.approx(folded(angles(en, loc)[place]), abs=1e-6)
        assert one.low == pytest.approx(max(0, one.value - half[place]), abs=1e-5)
        assert one.high == pytest.approx(min(90, one.value + half[place]), abs=1e-5)
        assert (one.n, one.groups) == (12, 12)


def test_split_halves_are_angles_between_means_of_disjoint_halves(products):
    """With four pairs there are three ways to split them: the mean over many splits is the mean over the three."""
    kept = [0, 1, 2, 3, 6, 7]
    few = replace(
        products,
        kinds={"el": ("en",) * 4 + ("loc",) * 2},
        groups={"el": tuple("abcdef")},
        gram={"el": products.gram["el"][:, kept][:, :, kept]},
    )
    found = perpendicularity(few, model="m", label="M", splits=3000)
    gram = few.gram["el"]
    for place in range(len(few.layers)):
        ways = []
        for first, second in (([0, 1], [2, 3]), ([0, 2], [1, 3]), ([0, 3], [1, 2])):
            inner = gram[place][np.ix_(first, second)].mean()
            lengths = np.sqrt(gram[place][np.ix_(first, first)].mean() * gram[place][np.ix_(second, second)].mean())
            ways.append(folded(np.degrees(np.arccos(inner / lengths))))
        assert found.split_half["en"].values[place].value == pytest.approx(np.mean(ways), abs=1.5)
        assert found.split_half["en"].values[place].low == pytest.approx(min(ways), abs=1e-6)


@pytest.mark.parametrize("width", [2, 32, 640])
def test_the_random_null_is_that_of_random_directions(width):
    from isogloss.analysis.convergence import PairProducts

    empty = PairProducts(width=width, layers=(1,), kinds={}, groups={}, gram={})
    one = perpendicularity(empty, model="m", label="M").random.values[0]
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(2, 20_000, width))
    directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
    simulated = folded(np.degrees(np.arccos((directions[0] * directions[1]).sum(-1))))
    assert one.value == pytest.approx(simulated.mean(), abs=0.6)
    assert (one.low, one.high) == pytest.approx(tuple(np.quantile(simulated, [0.025, 0.975])), abs=1.0)


def test_pairs_of_real_items_have_products(tmp_path):
    model, tokenizer = tiny("llama")
    items = made_up_items()
    pairs = loc_pairs(items, lambda item, question: prompt_of(item, "cloze", question=question))
    found = pair_products(model, tokenizer, [], pairs, scratch=tmp_path)
    assert set(found.gram) == {"en", "es", "ko", "zh", "ar"}
    assert list(tmp_path.iterdir()) == []
