"""Log-probabilities of completion tokens, without ever making a [batch, time, vocabulary] tensor.

    log π(y_t | x, y_<t) = z_t[y_t] − log Σ_v exp z_t[v],   z_t = softcap(scale · W h_t + b)

Usage (works through DDP, PEFT and DeepSpeed wrappers, because the base model's own forward is taught it):

    install_completion_forward(model)        # once, before a trainer wraps the model
    out = model(input_ids=ids_BT, attention_mask=real_BT, completion_mask=mask_BT)
    out.values_N, out.rows_N                 # per completion token, row by row: log-probability and index of its row
    out = model(..., completion_mask=mask_BT, hidden_layer=9)   # also out.hidden_BTD, the output of block 9 (1-based)
    out = model(..., hidden_layer=9, stop_at_layer=True)        # only hidden_BTD; the blocks above are not computed

Rows are padded on the right. A mask without a true position gives empty values that still hang on the whole graph.
Shapes: B batch, T time, N completion tokens of the batch, D hidden size, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MethodType
from typing import Any, cast

import torch
from torch import nn
from transformers.utils import ModelOutput

from isogloss.errors import UserError
from isogloss.methods.completion_head import Squash, completion_log_probs
from isogloss.models.blocks import block, block_output
from isogloss.models.forward import text_model


@dataclass
class TokenLogProbs(ModelOutput):
    """`values_N` float32 log-probabilities of the tokens under `completion_mask`, row by row; `rows_N` their rows.

    `hidden_BTD` is the output of the layer that was asked for. None where it was not.
    """

    values_N: torch.Tensor | None = None
    rows_N: torch.Tensor | None = None
    hidden_BTD: torch.Tensor | None = None


class _LayerReached(Exception):
    """Ends a forward at a layer; nothing above it is computed."""


def install_completion_forward(model: nn.Module) -> None:
    """Teach `model`'s forward the arguments `completion_mask`, `hidden_layer` and `stop_at_layer`.

    Without them it is the forward it was. `model` is a causal LM, bare or under PEFT; installing twice changes nothing.
    Raises UserError for an architecture whose logits are not decoder → linear head (→ scale, soft cap).
    """
    base: Any = model.get_base_model() if hasattr(model, "peft_config") else model  # type: ignore[operator]
    if getattr(base, "takes_completion_mask", False):
        return
    training = base.training
    parts = text_model(base.eval())
    base.train(training)
    # Named here, because PEFT and engines later change what is inside these modules, not the modules.
    decoder, head = parts.decoder, parts.head
    if not isinstance(head, nn.Linear):
        raise UserError(f"{type(base).__name__}: its output layer is a {type(head).__name__}, not a plain linear layer")
    squash = Squash(parts.softcap, parts.scale)
    original, original_head = base.forward, head.forward

    def head_forward(self: Any, hidden: torch.Tensor, targets_N: torch.Tensor | None = None) -> torch.Tensor:
        # One call of the head module a forward, so that ZeRO-3 gathers its weight once, here and in backward.
        if targets_N is None:
            return original_head(hidden)
        return completion_log_probs(hidden, self.weight, self.bias, targets_N, squash)

    def forward(
        self: Any,
        *args: Any,
        completion_mask: torch.Tensor | None = None,
        hidden_layer: int | None = None,
        stop_at_layer: bool = False,
        **kwargs: Any,
    ) -> Any:
        if completion_mask is None and hidden_layer is None:
            return original(*args, **kwargs)
        assert not args, "name the arguments"
        given = {name: value for name, value in kwargs.items() if value is not None}
        return _completion_forward(decoder, head, given, completion_mask, hidden_layer, stop=stop_at_layer)

    cast(Any, head).forward = MethodType(head_forward, head)
    base.forward = MethodType(forward, base)
    base.takes_completion_mask = True


def _completion_forward(
    decoder: nn.Module,
    head: nn.Module,
    given: dict[str, Any],
    mask_BT: torch.Tensor | None,
    layer: int | None,
    *,
    stop: bool,
) -> TokenLogProbs:
    kept: dict[str, torch.Tensor] = {}

    def keep(_module: nn.Module, _inputs: Any, output: Any) -> None:
        kept["hidden_BTD"] = block_output(output)
        if stop:
            raise _LayerReached

    hook = None if layer is None else block(decoder, layer).register_forward_hook(keep)
    try:
        last_BTD = decoder(**{**given, "use_cache": False}).last_hidden_state
    except _LayerReached:
        return TokenLogProbs(**kept)
    finally:
        if hook is not None:
            hook.remove()
    if mask_BT is None:
        return TokenLogProbs(**kept)
    # The state at t predicts the token at t + 1; a first token is predicted by nothing.
    predicting_BT = mask_BT[:, 1:].bool()
    values_N = head(last_BTD[:, :-1][predicting_BT], targets_N=given["input_ids"][:, 1:][predicting_BT])
    return TokenLogProbs(values_N=values_N, rows_N=predicting_BT.nonzero()[:, 0], **kept)
