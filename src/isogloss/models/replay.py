"""Capture hidden states at layers, and run a model again from one of them without computing the layers below.

A second forward over the same tokens that changes nothing below layer l can start from the captured output of layer l:
blocks 1…l are replaced, for its duration, by functions that hand that state on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from torch import nn

from isogloss.models.blocks import block, decoder_blocks


@contextmanager
def captured(model: nn.Module, layers: Iterable[int]) -> Iterator[dict[int, Any]]:
    """Fill the yielded dict with layer → what its block returned, at every forward inside the context.

    `blocks.block_output` takes the hidden state [batch, time, hidden] out of it. Own hooks, because
    `output_hidden_states` normalises the last layer and may show a steered layer unsteered. Enter it after a steering
    context to see steered states.
    """
    outputs: dict[int, Any] = {}
    with ExitStack() as stack:
        for layer in sorted(set(layers)):

            def keep(_module: nn.Module, _inputs: Any, output: Any, layer: int = layer) -> None:
                outputs[layer] = output

            stack.callback(block(model, layer).register_forward_hook(keep).remove)
        yield outputs


@contextmanager
def replayed(model: nn.Module, layer: int, output: Any) -> Iterator[None]:
    """Inside the context layers 1…`layer` are not computed: `output`, captured there, is what block `layer` returns.

    Forward hooks of the replaced blocks still run, so a vector at `layer` itself is added to `output`. With layer 0
    nothing is replaced. No KV cache may be in use, and the tokens must be those of the captured forward.
    """
    replaced = decoder_blocks(model)[:layer]

    def pass_on(hidden_states: Any, *_args: Any, **_kwargs: Any) -> Any:
        return (hidden_states,) if isinstance(output, tuple) else hidden_states

    def give_output(*_args: Any, **_kwargs: Any) -> Any:
        return output

    try:
        for module in replaced[:-1]:
            module.forward = pass_on
        for module in replaced[-1:]:
            module.forward = give_output
        yield
    finally:
        for module in replaced:
            module.__dict__.pop("forward", None)
