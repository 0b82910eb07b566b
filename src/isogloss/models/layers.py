"""The decoder blocks of a Hugging Face causal LM, the one place where a layer becomes a block index.

Layer `l` is the output of the l-th decoder block, 1…L (the paper's numbering); 0 is the embeddings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn

from isogloss.errors import UserError

#: Stated in every artifact that names a layer.
LAYER_CONVENTION = "layer l is the output of decoder block l, counted from 1; 0 is the embeddings"


def text_decoder(model: Any) -> nn.Module:
    """The module that owns the text decoder blocks, below any language-model head, vision tower or PEFT wrapper.

    Raises UserError for a model without a plain list of decoder blocks.
    """
    base = model.get_base_model() if hasattr(model, "peft_config") else model
    decoder = base.get_decoder() if hasattr(base, "get_decoder") else base
    if not isinstance(getattr(decoder, "layers", None), nn.ModuleList):
        raise UserError(
            f"{type(model).__name__}: no list of decoder blocks at `.layers` of its text decoder "
            f"({type(decoder).__name__}). Decoder-only causal language models are supported."
        )
    return decoder


def decoder_blocks(model: nn.Module) -> list[nn.Module]:
    """All decoder blocks in order; `decoder_blocks(model)[l - 1]` is layer l, and only :func:`block` says so."""
    return list(text_decoder(model).layers)  # type: ignore[arg-type]


def num_layers(model: nn.Module) -> int:
    """L, the number of decoder blocks."""
    return len(decoder_blocks(model))


def check_layer(layer: int, total: int) -> None:
    """Raise UserError unless 1 ≤ layer ≤ total."""
    if not 1 <= layer <= total:
        raise UserError(f"layer {layer} is outside the model: it has layers 1 to {total} ({LAYER_CONVENTION})")


def block(model: nn.Module, layer: int) -> nn.Module:
    """The decoder block whose output is layer `layer` (1…L). Raises UserError outside that range."""
    blocks = decoder_blocks(model)
    check_layer(layer, len(blocks))
    return blocks[layer - 1]


def block_output(output: Any) -> torch.Tensor:
    """The hidden state [batch, time, hidden] in what a block returns: the tensor itself, or the first of a tuple."""
    return output[0] if isinstance(output, tuple) else output


def with_block_output(output: Any, hidden: torch.Tensor) -> Any:
    """`output` with its hidden state replaced by `hidden`; the original is left as it is."""
    return (hidden, *output[1:]) if isinstance(output, tuple) else hidden


def edit_block_output(edit: Callable[[torch.Tensor], torch.Tensor]) -> Callable[..., Any]:
    """A forward hook that replaces a block's hidden state by `edit(hidden)`."""

    def hook(_module: nn.Module, _inputs: Any, output: Any) -> Any:
        return with_block_output(output, edit(block_output(output)))

    return hook


# --------------------------------------------------------------------------------------------------------------------
# Capture hidden states at layers, and run a model again from one of them without computing the layers below.
#
# A second forward over the same tokens that changes nothing below layer l can start from the captured output of layer l:
# blocks 1…l are replaced, for its duration, by functions that hand that state on. In the same way the layers above the last
# one that is wanted can be left out, and the last block's work on positions that nobody reads.

#: Parts of a decoder block that work on each position alone and whose result nobody else in the block reads.
_POSITION_WISE = ("mlp", "self_attn.q_proj", "self_attn.o_proj")


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

    with ExitStack() as stack:
        for module in replaced[:-1]:
            stack.enter_context(_forward_replaced(module, pass_on))
        for module in replaced[-1:]:
            stack.enter_context(_forward_replaced(module, give_output))
        yield


@contextmanager
def cut_above(model: nn.Module, layer: int) -> Iterator[None]:
    """Inside the context the blocks above `layer` are not computed; what the model returns then means nothing."""
    with captured(model, [layer]) as last, ExitStack() as stack:

        def pass_on(hidden_states: Any, *_args: Any, **_kwargs: Any) -> Any:
            return with_block_output(last[layer], hidden_states)

        for module in decoder_blocks(model)[layer:]:
            stack.enter_context(_forward_replaced(module, pass_on))
        yield


@contextmanager
def last_block_at(model: nn.Module, rows_N: torch.Tensor, places_N: torch.Tensor) -> Iterator[None]:
    """Inside the context the last block's queries, attention output and feed-forward are computed at these N positions of
    the batch alone, on the model's device. Its output elsewhere means nothing; at these positions it is what it was."""

    def narrowed(forward: Callable[..., Any]) -> Callable[..., Any]:
        def at_places(hidden_BTD: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            output = forward(hidden_BTD[rows_N, places_N][None], *args, **kwargs)
            own_ND = block_output(output)[0]
            whole_BTD = own_ND.new_zeros(*hidden_BTD.shape[:2], own_ND.shape[-1])
            whole_BTD[rows_N, places_N] = own_ND
            return with_block_output(output, whole_BTD)

        return at_places

    last = decoder_blocks(model)[-1]
    modules = dict(last.named_modules())
    with ExitStack() as stack:
        for module in (modules[name] for name in _POSITION_WISE if name in modules):
            stack.enter_context(_forward_replaced(module, narrowed(module.forward)))
        yield


@contextmanager
def _forward_replaced(module: nn.Module, forward: Callable[..., Any]) -> Iterator[None]:
    """`module.forward` is `forward` inside the context; what stood there, on the class or the instance, comes back."""
    before = module.__dict__.get("forward")
    module.forward = forward
    try:
        yield
    finally:
        module.__dict__.pop("forward", None)
        if before is not None:
            module.forward = before
