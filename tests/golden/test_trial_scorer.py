"""The trial scorer against a full evaluation of the same pass, and what it leaves out."""

from itertools import combinations

import pytest
import torch

from families import made_up_items, tiny
from isogloss.models.layers import block
from isogloss.scoring.prefix_tree import collate_trees, tree_rows
from isogloss.scoring.score import Pass, ScoreSettings, pack, score_items, separate
from isogloss.scoring.steering_scorer import Edit, TrialScorer, layers_to_keep
from isogloss.steering.apply import steer
from isogloss.steering.intervention import Component, Intervention, single, surgical
from isogloss.steering.vectors import Header, SteeringVectors
from tiny_models import FAMILIES, HIDDEN_SIZE, NUM_LAYERS

LANGUAGES = ("es", "ko", "zh", "ar")
PLENTY = 1 << 30
LAYERS = range(1, NUM_LAYERS + 1)


def vectors(kind, languages=LANGUAGES):
    generator = torch.Generator().manual_seed(["en", "loc"].index(kind))
    tensors = {one: torch.randn(NUM_LAYERS, HIDDEN_SIZE, generator=generator) for one in languages}
    header = Header(
        kind=kind, model="tiny", model_digest="0" * 64, num_layers=NUM_LAYERS, hidden_size=HIDDEN_SIZE, token="last",
        scoring="cloze", pairs=dict.fromkeys(languages, 1), data_digest="0" * 64,
        norms=dict.fromkeys(languages, (1.0,) * NUM_LAYERS),
        residual_norms=dict.fromkeys(languages, (1.0,) * NUM_LAYERS),
    )  # fmt: skip
    return SteeringVectors(header, tensors)


EN, LOC = vectors("en"), vectors("loc")


def sur(en_layer, en_gamma, loc_layer, loc_gamma):
    return surgical(single(EN, layer=en_layer, gamma=en_gamma), single(LOC, layer=loc_layer, gamma=loc_gamma))


def passed(model, intervention, *, positions="all", used=None):
    def context(rows):
        if used is not None:
            used.append(rows.languages[0])
        return steer(
            model,
            intervention,
            languages=rows.languages,
            positions=positions,
            missing="unsteered",
            real=rows.real,
            prompt_ends=rows.prompt_ends,
        )

    return Pass(name="trial", context=context, first_layer=intervention.first_layer)


def edits_of(intervention):
    """What an intervention does to each language, as the scorer is told."""
    found = {}
    for one in intervention.components:
        for language in one.vectors.languages if one.gamma else ():
            found.setdefault(language, []).append(Edit(one.layer, (one.vectors.header.kind, one.gamma)))
    return found


def items():
    """Made-up items, some of which begin with the same question and share the beginnings of their options."""
    first = made_up_items()
    more = [
        item.model_copy(
            update={"id": f"{item.id}-again", "options": (item.options[0] + " A", *item.options), "answer": 1}
        )
        for item in first[1::2]
    ]
    return [
        item.model_copy(update={"option_regions": None, "region": None}) for item in (*first, *more)
    ]  # fmt: skip


def scorer_of(model, tokenizer, **changes):
    options = {
        "settings": ScoreSettings(),
        "first_layers": LAYERS,
        "positions": "all",
        "memory_bytes": PLENTY,
        **changes,
    }
    return TrialScorer(model, tokenizer, items(), **options)


def assert_equal(ours, theirs, tolerance=1e-5):
    assert [one.id for one in ours] == [one.id for one in theirs]
    for one, other in zip(ours, theirs, strict=True):
        assert one.option_scores == pytest.approx(other.option_scores, abs=tolerance), one.id


TRIALS = (
    sur(1, 0.7, 3, 1.3),
    sur(2, 0.4, 2, 0.9),
    sur(3, 0.5, 4, 2.0),
    single(LOC, layer=4, gamma=1.0),
    sur(3, 1.0, 1, 0.5),
)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("positions", ["all", "from-prompt-end"])
@pytest.mark.parametrize("scoring", ["cloze", "letter"])
def test_a_trial_equals_a_full_evaluation(family, positions, scoring):
    model, tokenizer = tiny(family)
    settings = ScoreSettings(scoring=scoring)
    scorer = scorer_of(model, tokenizer, settings=settings, positions=positions)
    for intervention in TRIALS:
        one = passed(model, intervention, positions=positions)
        full = score_items(model, tokenizer, items(), settings=settings, passes=[one])["trial"]
        assert_equal(scorer.score(one), full)
        assert_equal(scorer.score(one, edits=edits_of(intervention)), full)
        assert full.items != scorer.baseline.items
    assert "forward" not in block(model, 1).__dict__
    assert "forward" not in block(model, NUM_LAYERS).__dict__


@pytest.mark.parametrize("family", ["gemma3_text", "qwen3"])
@pytest.mark.parametrize("layers_fit", [0, 1, 2, 3])
def test_memory_and_token_budget_do_not_matter(family, layers_fit):
    model, tokenizer = tiny(family)
    most = scorer_of(model, tokenizer)
    one = passed(model, TRIALS[0])
    expected = most.score(one)
    assert most.kept_layers == tuple(LAYERS)
    few = scorer_of(
        model, tokenizer, settings=ScoreSettings(token_budget=100), memory_bytes=layers_fit * most.bytes_per_layer
    )
    assert len(few.kept_layers) <= layers_fit
    assert_equal(few.score(one), expected)


@pytest.mark.parametrize("packing", ["packed", "separate"])
def test_packing_does_not_matter(packing):
    model, tokenizer = tiny("gemma3_text")
    settings = ScoreSettings(packing=packing, normalise="none", padding="left")
    one = passed(model, TRIALS[1])
    full = score_items(model, tokenizer, items(), settings=settings, passes=[one])["trial"]
    assert_equal(scorer_of(model, tokenizer, settings=settings).score(one), full, tolerance=1e-4)


def test_the_same_trial_twice_is_the_same_to_the_bit():
    model, tokenizer = tiny("llama")
    scorer = scorer_of(model, tokenizer)
    one = passed(model, TRIALS[0])
    assert scorer.score(one) == scorer.score(one)


def test_gamma_zero_is_identical_to_the_baseline():
    model, tokenizer = tiny("llama")
    baseline = score_items(model, tokenizer, items())["baseline"]
    off = passed(model, sur(2, 0.0, 3, 0.0))
    scorer = scorer_of(model, tokenizer)
    assert scorer.score(off).items == scorer.baseline.items
    assert_equal(scorer.baseline, baseline)
    assert scorer_of(model, tokenizer, baseline=baseline).score(off).items == baseline.items
    with pytest.raises(ValueError, match="lack 1 of the items, en-0 among them"):
        scorer_of(model, tokenizer, baseline=type(baseline)(condition="baseline", items=baseline.items[1:]))


def test_only_what_changed_is_computed():
    """Languages left alone keep their baseline, languages tried before their scores, and the rest equals a full run."""
    model, tokenizer = tiny("llama")
    scorer = scorer_of(model, tokenizer)

    def trial(intervention):
        used, finished = [], []
        one = passed(model, intervention, used=used)
        scores = scorer.score(one, edits=edits_of(intervention), progress=finished.append)
        assert sum(finished) == len(items())
        full = score_items(model, tokenizer, items(), passes=[passed(model, intervention)])["trial"]
        assert_equal(scores, full)
        return set(used)

    def of(languages, layer, gamma):
        return Component(vectors=LOC.only(languages), layer=layer, gamma=gamma)

    assert trial(Intervention((of(["es", "ko"], 2, 1.0),))) == {"es", "ko"}
    assert trial(Intervention((of(["es"], 2, 1.0), of(["ko"], 3, 0.5)))) == {"ko"}
    assert trial(Intervention((of(["es"], 2, 1.0), of(["ko", "ar"], 3, 0.5)))) == {"ar"}
    assert trial(Intervention((of(["ko"], 3, 0.5),))) == set()


@pytest.mark.parametrize("family", ["gemma3_text", "llama"])
def test_the_state_above_the_same_en_edit_is_used_again(family):
    model, tokenizer = tiny(family)
    scorer = scorer_of(model, tokenizer)
    computed = []
    handle = block(model, 2).self_attn.register_forward_hook(lambda *_: computed.append(2))
    try:
        for expected, intervention in (
            (True, sur(1, 0.7, 3, 1.3)),
            (False, sur(1, 0.7, 3, 0.4)),
            (False, sur(1, 0.7, 4, 2.0)),
            (True, sur(1, 0.7, 2, 0.5)),
            (True, sur(1, 0.8, 3, 1.3)),
        ):
            one = passed(model, intervention)
            full = score_items(model, tokenizer, items(), passes=[one])["trial"]
            computed.clear()
            assert_equal(scorer.score(one, edits=edits_of(intervention)), full)
            assert bool(computed) is expected, str(intervention.describe())
    finally:
        handle.remove()


def test_questions_that_begin_alike_share_their_places():
    a = pack(0, [1, 2, 3], [[7, 8, 9], [7, 8], [6]])
    b = pack(1, [1, 2, 4], [[5, 5]])
    (row,) = tree_rows([a, b], share=True)
    assert row.ids == [1, 2, 3, 7, 8, 4, 5]
    assert row.parents == [-1, 0, 1, 2, 3, 1, 5]
    assert row.depths == [0, 1, 2, 3, 4, 2, 3]
    batch = collate_trees([row, *tree_rows(separate(2, [1], [[3, 4]]), share=True)], pad_id=0)
    seen = [[place for place, sees in enumerate(line) if sees] for line in batch.allowed[0].tolist()]
    assert seen == [[0], [0, 1], [0, 1, 2], [0, 1, 2, 3], [0, 1, 2, 3, 4], [0, 1, 5], [0, 1, 5, 6]]
    assert [len(tree_rows([a, b], share=share, most_places=most)) for share, most in ((False, 99), (True, 6))] == [2, 2]
    places = dict(zip(zip(batch.rows_N.tolist(), batch.places_N.tolist(), strict=True), batch.readers, strict=True))
    assert places[0, 2] == ((0, 0, 7), (0, 1, 7), (0, 2, 6))
    assert places[0, 3] == ((0, 0, 8), (0, 1, 8))


def test_a_forest_without_a_common_first_token_stays_apart():
    (row,) = tree_rows([pack(0, [1, 2], [[3]]), pack(1, [4], [[5, 6]])], share=True)
    batch = collate_trees([row], pad_id=0)
    assert row.parents == [-1, 0, -1, 2]
    assert batch.allowed[0].tolist() == [
        [True, False, False, False],
        [True, True, False, False],
        [False, False, True, False],
        [False, False, True, True],
    ]


def test_the_layers_kept_are_those_that_save_most():
    assert layers_to_keep([1, 2, 3, 4], count=9) == (1, 2, 3, 4)
    assert layers_to_keep([1, 2, 3, 4], count=0) == ()
    assert layers_to_keep([2, 2, 2, 9], count=1) == (9,)
    assert layers_to_keep([5, 5, 5, 9], count=1) == (5,)
    for layers in ([1, 2, 4, 7, 7, 11], [3, 3, 5, 6, 12, 12, 12]):
        for count in (1, 2, 3):

            def wasted(kept, layers=layers):
                return sum(one - max((k for k in kept if k <= one), default=0) for one in layers)

            best = min(wasted(kept) for kept in combinations(sorted(set(layers)), count))
            assert wasted(layers_to_keep(layers, count=count)) == best
