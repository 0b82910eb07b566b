"""Steering against a naive reference: each row alone, its own vector added by hand to its block's output."""

import pytest
import torch

from families import made_up_items, tiny
from isogloss.models.layers import block, block_output, captured, decoder_blocks
from isogloss.scoring.score import BASELINE, Pass, ScoreSettings, score_items
from isogloss.steering.apply import steer
from isogloss.steering.intervention import Component, Intervention, single, surgical
from isogloss.steering.vectors import Header, SteeringVectors
from tiny_models import FAMILIES, HIDDEN_SIZE, NUM_LAYERS

LANGUAGES = ("en", "es", "ko", "zh", "ar")


def vectors(kind="loc", seed=0, languages=LANGUAGES):
    generator = torch.Generator().manual_seed(seed)
    tensors = {one: torch.randn(NUM_LAYERS, HIDDEN_SIZE, generator=generator) for one in languages}
    header = Header(
        kind=kind, model="tiny", model_digest="0" * 64, num_layers=NUM_LAYERS, hidden_size=HIDDEN_SIZE, token="last",
        scoring="cloze", pairs=dict.fromkeys(languages, 1), data_digest="0" * 64,
        norms={one: tuple(tensor.norm(dim=-1).tolist()) for one, tensor in tensors.items()},
        residual_norms=dict.fromkeys(languages, (1.0,) * NUM_LAYERS),
    )  # fmt: skip
    return SteeringVectors(header, tensors)


SUR = surgical(single(vectors("en", 1), layer=2, gamma=0.7), single(vectors("loc", 2), layer=3, gamma=1.3))

PROMPTS = {"ko": "대한민국의 수도", "es": "¿Qué?", "zh": "一二三四五六七八九十", "ar": "ما"}


def batch(tokenizer, side, prompts=PROMPTS):
    tokenizer.padding_side = side
    return tokenizer(list(prompts.values()), return_tensors="pt", padding=True)


def by_hand(model, ids, language, intervention):
    """Logits of one unpadded row with the vectors added to the blocks' outputs by hooks written here."""
    handles = []
    for one in intervention.components:
        shift = one.gamma * one.vectors.tensors[language][one.layer - 1]

        def add(_module, _inputs, output, shift=shift):
            return (output[0] + shift, *output[1:]) if isinstance(output, tuple) else output + shift

        handles.append(decoder_blocks(model)[one.layer - 1].register_forward_hook(add))
    with torch.no_grad():
        logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits
    for handle in handles:
        handle.remove()
    return logits[0]


def hooks(model):
    return [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules()]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("family", FAMILIES)
def test_each_row_gets_its_own_language_on_every_real_position(family, side):
    model, tokenizer = tiny(family)
    encoded = batch(tokenizer, side)
    positions = (encoded["attention_mask"].cumsum(-1) - 1).clamp_min(0)
    with torch.no_grad(), steer(model, SUR, languages=list(PROMPTS)):
        logits = model(**{**encoded, "position_ids": positions}).logits
    for row, language in enumerate(PROMPTS):
        real = encoded["attention_mask"][row].bool()
        expected = by_hand(model, encoded["input_ids"][row][real][None], language, SUR)
        assert torch.allclose(logits[row][real], expected, atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_row_changes_and_padding_does_not(family):
    model, tokenizer = tiny(family)
    encoded = batch(tokenizer, "right")
    with torch.no_grad():
        with captured(model, [3]) as plain:
            model(**encoded)
        before = block_output(plain[3])
        with steer(model, single(vectors(), layer=3, gamma=1.0), languages=list(PROMPTS)), captured(model, [3]) as seen:
            model(**encoded)
    moved = (block_output(seen[3]) - before).norm(dim=-1) > 1e-3
    assert torch.equal(moved, encoded["attention_mask"].bool())


@pytest.mark.parametrize("family", FAMILIES)
def test_gamma_zero_is_bit_identical_to_off(family):
    model, tokenizer = tiny(family)
    encoded = batch(tokenizer, "left")
    off = single(vectors(), layer=2, gamma=0.0)
    with torch.no_grad():
        plain = model(**encoded).logits
        with steer(model, off, languages=list(PROMPTS)):
            assert torch.equal(model(**encoded).logits, plain)
    assert off.first_layer is None


@pytest.mark.parametrize("family", FAMILIES)
def test_generation_with_a_cache_equals_generation_without(family):
    model, tokenizer = tiny(family)
    encoded = batch(tokenizer, "left")
    settings = {"max_new_tokens": 8, "do_sample": False, "pad_token_id": tokenizer.pad_token_id}
    with torch.no_grad(), steer(model, SUR, languages=list(PROMPTS)):
        cached = model.generate(**encoded, use_cache=True, **settings)
        uncached = model.generate(**encoded, use_cache=False, **settings)
    assert torch.equal(cached, uncached)
    with torch.no_grad():
        assert not torch.equal(cached, model.generate(**encoded, **settings))
    for row, language in enumerate(PROMPTS):
        ids = encoded["input_ids"][row][encoded["attention_mask"][row].bool()][None]
        for _ in range(4):
            ids = torch.cat([ids, by_hand(model, ids, language, SUR)[-1:].argmax(-1)[None]], dim=1)
        start = encoded["input_ids"].shape[1]
        assert cached[row, start : start + 4].tolist() == ids[0, -4:].tolist()


def test_beams_and_several_sequences_keep_their_rows_language():
    model, tokenizer = tiny("llama")
    encoded = batch(tokenizer, "left")
    settings = {"max_new_tokens": 5, "num_beams": 3, "num_return_sequences": 3, "do_sample": False, "pad_token_id": 0}
    with torch.no_grad(), steer(model, SUR, languages=list(PROMPTS)):
        together = model.generate(**encoded, **settings)
    for row, language in enumerate(PROMPTS):
        alone = tokenizer([PROMPTS[language]], return_tensors="pt")
        with torch.no_grad(), steer(model, SUR, languages=language):
            own = model.generate(**alone, **settings)
        start, own_start = encoded["input_ids"].shape[1], alone["input_ids"].shape[1]
        assert together[3 * row : 3 * row + 3, start:].tolist() == own[:, own_start:].tolist()


def test_hooks_are_gone_after_an_exception():
    model, tokenizer = tiny("gemma3_multimodal")
    before = hooks(model)
    with pytest.raises(RuntimeError, match="mine"), steer(model, SUR, languages="ko"):
        assert hooks(model) != before
        raise RuntimeError("mine")
    assert hooks(model) == before
    encoded = batch(tokenizer, "right")
    with pytest.raises(Exception, match="3 languages given for a batch of 4"):  # noqa: SIM117
        with torch.no_grad(), steer(model, SUR, languages=["ko", "es", "zh"]):
            model(**encoded)
    assert hooks(model) == before


def test_a_language_without_vector_is_refused_or_left_alone():
    model, tokenizer = tiny("llama")
    some = single(vectors(languages=("ko", "es")), layer=2, gamma=1.0)
    with pytest.raises(Exception, match="no steering vector for language 'zh'"), steer(model, some, languages="zh"):
        pass
    encoded = batch(tokenizer, "right")
    with torch.no_grad():
        plain = model(**encoded).logits
        with steer(model, some, languages=list(PROMPTS), missing="unsteered"):
            steered = model(**encoded).logits
    same = [torch.equal(a, b) for a, b in zip(plain, steered, strict=True)]
    assert same == [False, False, True, True]


@pytest.mark.parametrize("side", ["left", "right"])
def test_from_prompt_end_leaves_earlier_positions(side):
    model, tokenizer = tiny("llama")
    encoded = batch(tokenizer, side)
    mask = encoded["attention_mask"].bool()
    last = (mask * torch.arange(1, mask.shape[1] + 1)).argmax(-1)
    with torch.no_grad():
        with captured(model, [2]) as plain:
            model(**encoded)
        before = block_output(plain[2])
        context = steer(
            model, single(vectors(), layer=2, gamma=1.0), languages=list(PROMPTS), positions="from-prompt-end"
        )
        with context, captured(model, [2]) as seen:
            model(**encoded)
    moved = (block_output(seen[2]) - before).norm(dim=-1) > 1e-3
    assert [row.nonzero().flatten().tolist() for row in moved] == [[int(place)] for place in last]


@pytest.mark.parametrize("family", FAMILIES)
def test_steered_scores_do_not_depend_on_batching_and_replay_equals_a_full_forward(family):
    model, tokenizer = tiny(family)
    items = made_up_items()

    def passes(intervention, name, first):
        def context(rows):
            return steer(model, intervention, languages=rows.languages, real=rows.real, prompt_ends=rows.prompt_ends)

        return Pass(name=name, context=context, first_layer=first)

    cases = {
        f"layer{layer}": Intervention((Component(vectors=vectors(), layer=layer, gamma=1.5),))
        for layer in range(1, NUM_LAYERS + 1)
    }
    cases["sur"] = SUR
    replayed = score_items(
        model, tokenizer, items, passes=[BASELINE, *(passes(one, name, one.first_layer) for name, one in cases.items())]
    )
    for name, one in cases.items():
        for settings in (ScoreSettings(token_budget=1), ScoreSettings(packing="separate", padding="left")):
            full = score_items(model, tokenizer, items, settings=settings, passes=[passes(one, name, 1)])[name]
            for ours, theirs in zip(replayed[name], full, strict=True):
                assert ours.option_scores == pytest.approx(theirs.option_scores, abs=2e-4)
        assert replayed[name].items != replayed["baseline"].items
    assert "forward" not in block(model, 1).__dict__
