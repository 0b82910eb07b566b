"""States on disk: the same as read one prompt at a time, in every family and condition, whole or absent."""

import numpy as np
import pytest
import torch

from families import WORDS, made_up_items, tiny
from isogloss.analysis.capture import (
    Prompt,
    StateRow,
    capture_states,
    item_prompts,
    load_states,
    matched,
    question_of,
    row_of,
    sentence_prompts,
)
from isogloss.data.rows import ChoiceItem, ParallelRow
from isogloss.errors import RefusedError, UserError
from isogloss.models.layers import block, block_output, captured
from isogloss.scoring.prompts import prompt_of
from isogloss.scoring.score import Pass
from isogloss.steering.apply import steer
from isogloss.steering.extract import extract_vectors, loc_pairs, prompt_states
from isogloss.steering.intervention import Component, Intervention, single
from tiny_models import FAMILIES, HIDDEN_SIZE, NUM_LAYERS

ITEMS = made_up_items()


def prompt(item, question):
    return prompt_of(item, "cloze", question=question)


PROMPTS = item_prompts(ITEMS, prompt)
LAYERS = tuple(range(1, NUM_LAYERS + 1))


def vectors(model, tokenizer):
    facts = {"kind": "loc", "model_name": "tiny", "model_digest": "a" * 64, "scoring": "cloze"}
    return extract_vectors(model, tokenizer, loc_pairs(ITEMS, prompt), **facts)


def steering(model, intervention):
    def context(rows):
        return steer(
            model,
            intervention,
            languages=rows.languages,
            missing="unsteered",
            real=rows.real,
            prompt_ends=rows.prompt_ends,
        )

    return Pass(name="loc", context=context, first_layer=intervention.first_layer)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("budget", [1, 2048])
def test_both_reads_are_those_of_the_reader_in_memory(family, budget, tmp_path):
    model, tokenizer = tiny(family)
    done = []
    found = capture_states(model, tokenizer, PROMPTS, folder=tmp_path / "s", token_budget=budget, progress=done.append)
    assert sum(done) == len(PROMPTS)
    states = found["none"]
    assert (states.layers, states.width, states.rows) == (LAYERS, HIDDEN_SIZE, tuple(one.row for one in PROMPTS))
    for read in ("last", "mean"):
        expected = prompt_states(model, tokenizer, [one.text for one in PROMPTS], token=read)
        for layer in LAYERS:
            values = states.layer(layer, read)
            assert values.dtype == np.float32
            assert np.allclose(values, expected[:, layer - 1], atol=2e-4)


@pytest.mark.parametrize("family", ["llama", "gemma3_text", "gemma3_multimodal"])
@pytest.mark.parametrize("first", [1, 3])
def test_steered_states_are_those_of_each_prompt_steered_alone(family, first, tmp_path):
    model, tokenizer = tiny(family)
    own = vectors(model, tokenizer)
    both = Intervention((Component(vectors=own, layer=first, gamma=2.0), Component(vectors=own, layer=4, gamma=-1.0)))
    found = capture_states(model, tokenizer, PROMPTS, folder=tmp_path / "s", passes=[steering(model, both)])
    for index, one in enumerate(PROMPTS):
        ids = torch.tensor([tokenizer.encode(one.text)])
        with torch.no_grad(), steer(model, both, languages=one.row.language), captured(model, LAYERS) as outputs:
            model(input_ids=ids, attention_mask=torch.ones_like(ids))
        for layer in LAYERS:
            expected = block_output(outputs[layer])[0]
            assert np.allclose(found["loc"].layer(layer, "last")[index], expected[-1], atol=5e-4)
            assert np.allclose(found["loc"].layer(layer, "mean")[index], expected[1:].mean(0), atol=5e-4)
    for layer in LAYERS:
        same = np.array_equal(found["loc"].layer(layer), found["none"].layer(layer))
        assert same == (layer < first)


def test_layers_below_the_first_steered_one_are_not_kept_twice(tmp_path):
    model, tokenizer = tiny("llama")
    one = steering(model, single(vectors(model, tokenizer), layer=3, gamma=1.0))
    off = Pass(name="off", first_layer=None)
    found = capture_states(model, tokenizer, PROMPTS, folder=tmp_path / "s", passes=[one, off], reads=["last"])
    assert sorted(path.name for path in (tmp_path / "s" / "loc").iterdir()) == ["last-003.npy", "last-004.npy"]
    assert not (tmp_path / "s" / "off").exists()
    assert np.array_equal(found["off"].layer(4), found["none"].layer(4))


def test_some_layers_alone_and_no_block_above_them_is_computed(tmp_path):
    model, tokenizer = tiny("qwen3")
    every = capture_states(model, tokenizer, PROMPTS, folder=tmp_path / "all")["none"]
    ran: list[int] = []
    handle = block(model, 4).mlp.register_forward_hook(lambda *_: ran.append(1))
    try:
        some = capture_states(model, tokenizer, PROMPTS, folder=tmp_path / "some", layers=[3, 1], reads=["mean"])[
            "none"
        ]
    finally:
        handle.remove()
    # Once whole and once in parts: the check that decoder and head compose, before anything is captured.
    assert len(ran) == 2
    assert some.layers == (1, 3)
    assert np.array_equal(some.layer(3, "mean"), every.layer(3, "mean"))
    with pytest.raises(UserError, match="no 'mean' states of layer 2; captured are mean of layers 1, 3"):
        some.layer(2, "mean")
    with pytest.raises(UserError, match="no 'last' states"):
        some.layer(3)


def test_bfloat16_states_are_kept_in_float32(tmp_path):
    import copy

    model, tokenizer = tiny("llama")
    narrow = copy.deepcopy(model).bfloat16()
    found = capture_states(narrow, tokenizer, PROMPTS, folder=tmp_path / "s")["none"]
    wide = capture_states(model, tokenizer, PROMPTS, folder=tmp_path / "w")["none"]
    assert found.layer(2).dtype == np.float32
    error = np.linalg.norm(found.layer(2) - wide.layer(2)) / np.linalg.norm(wide.layer(2))
    assert 0 < error < 0.05


def test_a_state_that_is_not_a_number_is_refused_by_prompt_and_layer_and_nothing_is_left(tmp_path):
    model, tokenizer = tiny("llama")
    bad = next(index for index, one in enumerate(PROMPTS) if one.row.id == "ko-1")
    length = len(tokenizer.encode(PROMPTS[bad].text))

    def spoil(_module, _inputs, output):
        hidden = block_output(output).clone()
        if hidden.shape[:2] == (1, length):
            hidden[:, -1, 5] = float("inf")
        return hidden

    handle = block(model, 3).register_forward_hook(spoil)
    try:
        with pytest.raises(UserError, match=r"prompt ko-1: its hidden state at layer 3 is not finite"):
            capture_states(model, tokenizer, [PROMPTS[bad]], folder=tmp_path / "s")
    finally:
        handle.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_strength_beyond_the_number_format_names_its_condition(tmp_path):
    model, tokenizer = tiny("llama")
    huge = steering(model, single(vectors(model, tokenizer), layer=2, gamma=1e39))
    with pytest.raises(UserError, match="at layer 2 under 'loc' is not finite"):
        capture_states(model, tokenizer, PROMPTS, folder=tmp_path / "s", passes=[huge])


def test_prompts_without_tokens_too_long_or_none_at_all_are_refused(tmp_path):
    model, tokenizer = tiny("llama")

    class NoFirstToken:
        pad_token_id, all_special_ids = 0, ()

        def encode(self, text):
            return list(text.encode())

    row = StateRow("here", "g", "en", None, "g")
    for texts, other, reason in (
        ([""], NoFirstToken(), "prompt here has no tokens"),
        (["x" * 600], tokenizer, "prompt here: 601 tokens, the model reads at most 512"),
        ([], tokenizer, "no prompts"),
    ):
        with pytest.raises(UserError, match=reason):
            capture_states(model, other, [Prompt(text, row) for text in texts], folder=tmp_path / "s")
    with pytest.raises(UserError, match="layer 9 is outside"):
        capture_states(model, tokenizer, PROMPTS, folder=tmp_path / "s", layers=[9])
    with pytest.raises(ValueError, match="must differ in name"):
        capture_states(model, tokenizer, PROMPTS, folder=tmp_path / "s", passes=[Pass(name="none")])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_refused_where_it_is_empty_or_damaged(tmp_path):
    model, tokenizer = tiny("llama")
    capture_states(model, tokenizer, PROMPTS, folder=tmp_path / "s")
    with pytest.raises(UserError, match="no captured states"):
        load_states(tmp_path)
    again = load_states(tmp_path / "s")["none"]
    assert again.rows == tuple(one.row for one in PROMPTS)
    with pytest.raises(ValueError, match="read-only"):
        again.layer(1)[0] = 0
    path = tmp_path / "s" / "none" / "last-001.npy"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(RefusedError, match="damaged states"):
        load_states(tmp_path / "s")


def test_a_vector_of_strength_2_moves_every_state_of_its_layer_by_itself_twice(tmp_path):
    model, tokenizer = tiny("llama")
    own = vectors(model, tokenizer)
    one = steering(model, single(own, layer=2, gamma=2.0))
    found = capture_states(model, tokenizer, PROMPTS, folder=tmp_path / "s", passes=[one])
    for read in ("last", "mean"):
        moved = found["loc"].layer(2, read) - found["none"].layer(2, read)
        for row, prompt_, change in zip(found["none"].rows, PROMPTS, moved, strict=True):
            assert prompt_.row == row
            assert np.allclose(change, 2 * own.at(row.language, 2), atol=1e-4)


def item(**changes):
    facts = {"id": "a", "group": "g", "language": "el", "axis": "localization", "question": "?"}
    return ChoiceItem.model_validate({**facts, "options": ["x", "y"], "answer": 0, **changes})


@pytest.mark.parametrize(
    ("group", "region", "question"),
    [
        ("localization/currency/GR/value", "GR", "localization/currency/value"),
        ("transfer/capital/GR", None, "transfer/capital/GR"),
        ("Al-en-02", "ES", "Al-en-02"),
        ("GR", "GR", "GR"),
        ("a/GR/GR", "GR", "a/GR"),
    ],
)
def test_a_question_is_its_group_less_its_own_region(group, region, question):
    assert question_of(item(group=group, region=region)) == question


def test_a_row_keeps_the_kind_of_its_item():
    assert row_of(item(kind="currency")) == StateRow("a", "g", "el", "localization", "g", "currency")
    assert row_of(item()).kind is None


def test_items_of_a_question_are_matched_in_the_order_of_their_ids():
    rows = [
        StateRow(name, "g", language, "transfer", question)
        for name, language, question in (
            ("en/2", "en", "b"), ("en/1", "en", "b"), ("en/0", "en", "a"),
            ("el/1", "el", "b"), ("el/9", "el", "c"), ("el/0", "el", "b"), ("el/3", "el", "b"),
        )
    ]  # fmt: skip
    one, other = matched(rows, "en", "el")
    assert [(rows[a].id, rows[b].id) for a, b in zip(one, other, strict=True)] == [("en/1", "el/0"), ("en/2", "el/1")]
    assert [len(side) for side in matched(rows, "en", "ko")] == [0, 0]


def test_sentences_are_those_of_the_languages_asked_for():
    rows = [ParallelRow(id="s", text={"en": WORDS["en"][0], "es": WORDS["es"][0]})]
    prompts = sentence_prompts(rows, languages=["es", "ko"])
    assert [(one.text, one.row.id, one.row.language, one.row.axis, one.row.question) for one in prompts] == [
        (WORDS["es"][0], "s/es", "es", None, "s")
    ]
