"""Folded checkpoints: loaded by transformers alone, they answer as the steered model does, to 1e-5."""

import shutil

import pytest
import torch
import transformers as hf

from isogloss.errors import RefusedError, UserError
from isogloss.export.folded import export_folded
from isogloss.files import damage, read_json
from isogloss.models.load import load_model
from isogloss.steering.apply import steer
from promoted import surgery
from tiny_models import FAMILIES, HIDDEN_SIZE, NUM_LAYERS, make_tiny_model, make_tiny_tokenizer

PROMPTS = ["¿Qué?", "대한민국의 수도는 어디인가", "one two three four"]


def biased_llama(folder):
    """A llama with `mlp_bias` on and biases that are not zero."""
    config = hf.LlamaConfig(
        vocab_size=296, hidden_size=HIDDEN_SIZE, intermediate_size=64, num_hidden_layers=NUM_LAYERS,
        num_attention_heads=4, num_key_value_heads=2, head_dim=8, max_position_embeddings=512, initializer_range=0.2,
        pad_token_id=0, eos_token_id=1, bos_token_id=2, mlp_bias=True, tie_word_embeddings=True,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = hf.LlamaForCausalLM(config)
        for name, parameter in model.named_parameters():
            if name.endswith("bias"):
                torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(folder)
    return make_tiny_tokenizer(folder)


def make(kind, folder):
    return biased_llama(folder) if kind == "biased" else make_tiny_model(kind, folder)


def fold(folder, dest, *, positions="all", languages=("es", "ko"), **where):
    loaded = load_model(str(folder))
    export_folded(
        folder, dest, loaded=loaded, intervention=surgery(loaded.digest, **where), positions=positions,
        languages=languages,
    )  # fmt: skip


@pytest.mark.parametrize(
    "where", [{"en_layer": 1, "loc_layer": 3}, {"en_layer": 2, "loc_layer": 2}, {"loc_layer": NUM_LAYERS}]
)
@pytest.mark.parametrize("kind", ["llama", "smollm", "biased"])
def test_the_folded_model_is_the_steered_one(kind, where, tmp_path):
    folder = make(kind, tmp_path / "model")
    fold(folder, tmp_path / "out", **where)
    steered = load_model(str(folder))
    intervention = surgery(steered.digest, **where)
    for side in ("left", "right"):
        steered.tokenizer.padding_side = side
        encoded = steered.tokenizer(PROMPTS, return_tensors="pt", padding=True)
        real = encoded["attention_mask"].bool()
        for language in ("es", "ko"):
            plain = hf.AutoModelForCausalLM.from_pretrained(tmp_path / "out" / language).eval()
            with torch.no_grad():
                unsteered = steered.model(**encoded).logits[real].log_softmax(-1)
                folded = plain(**encoded).logits[real].log_softmax(-1)
                with steer(steered.model, intervention, languages=language):
                    expected = steered.model(**encoded).logits[real].log_softmax(-1)
            assert (folded - expected).abs().max() < 1e-5
            assert (folded - unsteered).abs().max() > 0.1
            tokenizer = hf.AutoTokenizer.from_pretrained(tmp_path / "out" / language)
            assert tokenizer(PROMPTS)["input_ids"] == steered.tokenizer(PROMPTS)["input_ids"]


def test_only_the_last_bias_of_a_steered_layer_is_not_zero(tmp_path):
    fold(make("llama", tmp_path / "model"), tmp_path / "out", en_layer=2, loc_layer=3)
    assert read_json(tmp_path / "out" / "ko" / "config.json")["mlp_bias"] is True
    folded = hf.AutoModelForCausalLM.from_pretrained(tmp_path / "out" / "ko")
    biases = {name for name, one in folded.named_parameters() if name.endswith("bias") and bool(one.any())}
    assert biases == {"model.layers.1.mlp.down_proj.bias", "model.layers.2.mlp.down_proj.bias"}
    assert damage(tmp_path / "out") is None
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["README.md", "es", "ko", "manifest.json"]


@pytest.mark.parametrize("family", sorted(set(FAMILIES) - {"llama", "smollm"}))
def test_an_architecture_without_a_place_for_it_is_refused_with_the_reason(family, tmp_path):
    reason = "post_feedforward_layernorm" if family.startswith("gemma") else "has no bias"
    folder = make_tiny_model(family, tmp_path / "model")
    with pytest.raises(RefusedError, match=reason):
        fold(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_vector_added_to_some_positions_only_is_refused(tmp_path):
    with pytest.raises(RefusedError, match="from-prompt-end"):
        fold(make("llama", tmp_path / "model"), tmp_path / "out", positions="from-prompt-end")


def test_a_folded_model_that_answers_otherwise_is_not_written(tmp_path, monkeypatch):
    from isogloss.export import folded

    folder = make("llama", tmp_path / "model")
    monkeypatch.setattr(folded, "additions", lambda *_: {})
    with pytest.raises(RefusedError, match="differs from the steered model"):
        fold(folder, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_what_is_there_is_left_alone(tmp_path):
    folder = make("llama", tmp_path / "model")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    with pytest.raises(UserError, match="is there already"):
        fold(folder, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine"]
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "out").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match="is there already"):
        fold(folder, tmp_path / "out")
