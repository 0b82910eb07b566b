"""The Python interface on a tiny model, as a user would call it."""

import pytest

import isogloss
from families import made_up_items
from isogloss.errors import RefusedError, UserError
from isogloss.steering.extract import extract_vectors, loc_pairs
from isogloss.steering.intervention import single
from tiny_models import HIDDEN_SIZE, NUM_LAYERS, make_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return isogloss.load(str(make_tiny_model("llama", tmp_path_factory.mktemp("m") / "llama")))


@pytest.fixture(scope="module")
def steering(model):
    loaded = model.loaded
    pairs = loc_pairs(made_up_items(), lambda _item, question: question)
    return single(
        extract_vectors(
            loaded.model, loaded.tokenizer, pairs, kind="loc", model_name="tiny", model_digest=loaded.digest, scoring="cloze"
        ),
        layer=2,
        gamma=4.0,
    )  # fmt: skip


def test_generate_scores_and_states(model, steering):
    plain = model.generate(["uno dos", "一二三四"], max_new_tokens=6)
    steered = model.generate(["uno dos", "一二三四"], max_new_tokens=6, intervention=steering, languages=["es", "zh"])
    assert len(plain) == len(steered) == 2
    assert plain != steered
    assert model.generate("uno dos", max_new_tokens=6) == plain[:1]
    assert model.hidden_states(["a", "b c"]).shape == (2, NUM_LAYERS, HIDDEN_SIZE)
    items = made_up_items()
    assert model.score(items).items != model.score(items, intervention=steering).items


def test_steered_generation_asks_for_languages(model, steering):
    with pytest.raises(UserError, match="needs `languages`"):
        model.generate("uno", intervention=steering)


def test_vectors_of_another_model_are_refused(steering, tmp_path):
    other = isogloss.load(str(make_tiny_model("smollm", tmp_path / "other")))
    digest = steering.components[0].vectors.header.model_digest
    with pytest.raises(RefusedError, match=f"(?s){digest}.*{other.loaded.digest}"):
        other.generate("uno", intervention=steering, languages="es")
