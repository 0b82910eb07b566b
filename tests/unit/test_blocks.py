"""Layers 1…L of any family, and what is no decoder."""

import pytest
import torch

from families import tiny
from isogloss.errors import UserError
from isogloss.models.layers import (
    block,
    block_output,
    check_layer,
    decoder_blocks,
    edit_block_output,
    num_layers,
    text_decoder,
    with_block_output,
)
from tiny_models import FAMILIES, NUM_LAYERS


@pytest.mark.parametrize("family", FAMILIES)
def test_layer_l_is_hidden_states_l(family):
    """Of transformers' own `hidden_states`, whose entry 0 is the embeddings; the last is shown after the final norm."""
    model, _ = tiny(family)
    outputs = {}
    handles = [
        block(model, layer).register_forward_hook(
            lambda _module, _inputs, output, layer=layer: outputs.update({layer: block_output(output)})
        )
        for layer in range(1, NUM_LAYERS + 1)
    ]
    ids = torch.arange(10, 20)[None]
    with torch.no_grad():
        hidden = model(input_ids=ids, attention_mask=torch.ones_like(ids), output_hidden_states=True).hidden_states
    for handle in handles:
        handle.remove()
    assert num_layers(model) == NUM_LAYERS == len(hidden) - 1
    for layer in range(1, NUM_LAYERS):
        assert torch.equal(outputs[layer], hidden[layer])
    assert torch.allclose(text_decoder(model).norm(outputs[NUM_LAYERS]), hidden[NUM_LAYERS], atol=1e-5)


@pytest.mark.parametrize("layer", [0, -1, NUM_LAYERS + 1])
def test_other_layers_are_refused(layer):
    with pytest.raises(UserError, match=f"layer {layer} is outside the model: it has layers 1 to {NUM_LAYERS}"):
        block(tiny("llama")[0], layer)


def test_the_ends_are_layers():
    check_layer(1, 1)
    model, _ = tiny("llama")
    assert block(model, 1) is decoder_blocks(model)[0]
    assert block(model, NUM_LAYERS) is decoder_blocks(model)[-1]


def test_a_model_without_blocks_is_refused():
    with pytest.raises(UserError, match=r"Linear: no list of decoder blocks at `.layers`"):
        decoder_blocks(torch.nn.Linear(2, 2))


def test_an_edit_replaces_the_hidden_state_and_keeps_the_rest():
    hidden, cache = torch.zeros(1, 2, 3), object()
    assert with_block_output(hidden, hidden + 1) is not hidden
    edited = with_block_output((hidden, cache), hidden + 1)
    assert edited[1] is cache
    assert torch.equal(block_output(edited), hidden + 1)
    hook = edit_block_output(lambda state: state * 0 + 5)
    assert hook(None, None, hidden).unique().tolist() == [5]
    assert hidden.unique().tolist() == [0]
