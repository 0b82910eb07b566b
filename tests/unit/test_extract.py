"""Vectors as mean differences of states, against a loop over single prompts."""

import pytest
import torch

from families import tiny
from isogloss.errors import UserError
from isogloss.models.layers import block_output, captured
from isogloss.steering.extract import Pair, extract_vectors, pairs_digest, prompt_states
from tiny_models import FAMILIES, HIDDEN_SIZE, NUM_LAYERS

PROMPTS = ("a", "¿Cuál es la capital?", "대한민국의 수도는 서울이다", "the the the the the the the the the")
PAIRS = [
    Pair("es", PROMPTS[1], PROMPTS[0]),
    Pair("es", PROMPTS[3], PROMPTS[1]),
    Pair("ko", PROMPTS[2], PROMPTS[0]),
]


def alone(family, prompt, token):
    """[layers, hidden] of one prompt read by itself."""
    model, tokenizer = tiny(family)
    ids = torch.tensor([tokenizer.encode(prompt)])
    with torch.no_grad(), captured(model, range(1, NUM_LAYERS + 1)) as outputs:
        model(input_ids=ids, attention_mask=torch.ones_like(ids))
    states = torch.stack([block_output(outputs[layer])[0] for layer in range(1, NUM_LAYERS + 1)])
    return states[:, -1] if token == "last" else states[:, 1:].mean(dim=1)  # Place 0 is the special first token.


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("token", ["last", "mean"])
@pytest.mark.parametrize("budget", [1, 2048])
def test_states_are_those_of_each_prompt_alone(family, token, budget):
    model, tokenizer = tiny(family)
    done = []
    states = prompt_states(model, tokenizer, PROMPTS, token=token, token_budget=budget, progress=done.append)
    assert states.shape == (len(PROMPTS), NUM_LAYERS, HIDDEN_SIZE)
    assert sum(done) == len(PROMPTS)
    for prompt, ours in zip(PROMPTS, states, strict=True):
        assert torch.allclose(ours, alone(family, prompt, token), atol=2e-4)


def extracted(**changes):
    model, tokenizer = tiny("llama")
    facts = {"kind": "loc", "model_name": "tiny", "model_digest": "a" * 64, "scoring": "cloze"}
    return extract_vectors(model, tokenizer, PAIRS, **{**facts, **changes})


def test_a_vector_is_the_mean_difference_over_the_pairs():
    state = {prompt: alone("llama", prompt, "last") for prompt in PROMPTS}
    vectors = extracted()
    expected = {
        language: torch.stack([state[p.towards] - state[p.away] for p in PAIRS if p.language == language]).mean(0)
        for language in ("es", "ko")
    }
    for language, tensor in expected.items():
        assert torch.allclose(vectors.tensors[language], tensor, atol=2e-4)
        assert vectors.header.norms[language] == pytest.approx(tensor.norm(dim=-1).tolist(), rel=1e-3)
    residual = state[PROMPTS[0]].norm(dim=-1).tolist()
    assert vectors.header.residual_norms["ko"] == pytest.approx(residual, rel=1e-3)


def test_the_header_says_where_they_come_from():
    header = extracted().header
    assert (header.num_layers, header.hidden_size, header.token) == (NUM_LAYERS, HIDDEN_SIZE, "last")
    assert header.pairs == {"es": 2, "ko": 1}
    assert header.data_digest == pairs_digest(PAIRS)


def test_the_same_prompts_give_the_same_vectors_whatever_the_batches():
    assert extracted().digest == extracted().digest
    small, large = extracted(token_budget=1), extracted(token_budget=4096)
    for language in ("es", "ko"):
        assert torch.allclose(small.tensors[language], large.tensors[language], atol=1e-5)


def test_a_prompt_without_tokens_is_refused():
    class NoFirstToken:
        pad_token_id, all_special_ids = 0, ()

        def encode(self, text):
            return list(text.encode())

    with pytest.raises(UserError, match="prompt 1 has no tokens"):
        prompt_states(tiny("llama")[0], NoFirstToken(), ["a", ""])
