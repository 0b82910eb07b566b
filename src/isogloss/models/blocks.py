"""The decoder blocks of a Hugging Face causal LM, the one place where a layer becomes a block index.

Layer `l` is the output of the l-th decoder block, 1…L (the paper's numbering); 0 is the embeddings.
"""

from __future__ import annotations

from collections.abc import Callable
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
