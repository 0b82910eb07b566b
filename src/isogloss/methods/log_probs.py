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

from collections.abc import Iterator
from dataclasses import dataclass
from types import MethodType
from typing import Any, NamedTuple, cast

import torch
from torch import nn
from transformers.utils import ModelOutput

from isogloss.errors import UserError
from isogloss.models.forward import text_model
from isogloss.models.layers import block, block_output

# --------------------------------------------------------------------------------------------------------------------
# The output head read at single tokens: log-probability and its gradient from one pass over slices of the vocabulary.
#
#     log p[y] = z[y] − log Σ_v exp z[v]            ∂ log p[y] / ∂h = z'[y] W[y] − Σ_v p[v] z'[v] W[v]
#
# The right side of the gradient needs nothing from later, so it is summed in the forward, slice by slice beside the
# normaliser (both relative to a running maximum): the backward computes no logits unless the head itself is trained.
# Matrix products run in autocast's dtype where that is on, else in the weight's; all sums in float32 at least.
# Shapes: N tokens, D hidden size, V vocabulary, S a slice of it.

#: On a processor a slice's logits should stay in its cache; on a GPU slices should be large enough to fill it.
_SLICE_ON_PROCESSOR = 4096
_LOGITS_ON_GPU = 2**27
#: exp of this adds nothing to a sum of probabilities; below it float32 turns subnormal, which is 50 times as slow.
_NOTHING = -80.0
#: More tokens than this are taken in parts.
_TOKENS = 8192


class Squash(NamedTuple):
    """What follows the linear head: z = softcap · tanh(scale · raw / softcap), or scale · raw without a soft cap."""

    softcap: float | None = None
    scale: float = 1.0

    def __call__(self, raw: torch.Tensor) -> torch.Tensor:
        logits = raw if self.scale == 1.0 else raw * self.scale
        return logits if self.softcap is None else torch.tanh(logits / self.softcap) * self.softcap

    def slope(self, logits: torch.Tensor) -> torch.Tensor | float:
        """dz/draw at z = `logits`."""
        return self.scale if self.softcap is None else self.scale * (1 - (logits / self.softcap) ** 2)


def completion_log_probs(
    hidden_ND: torch.Tensor,
    weight_VD: torch.Tensor,
    bias_V: torch.Tensor | None,
    targets_N: torch.Tensor,
    squash: Squash,
) -> torch.Tensor:
    """Log-probability [N] of each target, in float32 at least; differentiable in hidden states, weight and bias."""
    return _CompletionLogProbs.apply(hidden_ND, weight_VD, bias_V, targets_N, squash)


class _CompletionLogProbs(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden_ND: torch.Tensor,
        weight_VD: torch.Tensor,
        bias_V: torch.Tensor | None,
        targets_N: torch.Tensor,
        squash: Squash,
    ) -> torch.Tensor:
        kind = hidden_ND.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight_VD.dtype
        with torch.autocast(kind, enabled=False):
            parts = [
                _read(rows.to(dtype), weight_VD, bias_V, targets, squash, slope=ctx.needs_input_grad[0])
                for rows, targets in zip(hidden_ND.split(_TOKENS), targets_N.split(_TOKENS), strict=True)
            ]
        values_N, normaliser_N, slope_ND = (torch.cat(column) for column in zip(*parts, strict=True))
        ctx.save_for_backward(hidden_ND, weight_VD, bias_V, targets_N, normaliser_N, slope_ND)
        ctx.squash, ctx.dtype = squash, dtype
        return values_N

    @staticmethod
    def backward(ctx: Any, grad_N: torch.Tensor) -> Any:
        hidden_ND, weight_VD, bias_V, targets_N, normaliser_N, slope_ND = ctx.saved_tensors
        to_hidden = (grad_N[:, None] * slope_ND).to(hidden_ND.dtype) if ctx.needs_input_grad[0] else None
        to_weight = to_bias = None
        if ctx.needs_input_grad[1] or ctx.needs_input_grad[2]:
            with torch.autocast(hidden_ND.device.type, enabled=False):
                to_weight, to_bias = _head_gradient(
                    hidden_ND.to(ctx.dtype), weight_VD, bias_V, targets_N, normaliser_N, grad_N, ctx.squash
                )
        return to_hidden, to_weight, to_bias, None, None


def _read(
    hidden_ND: torch.Tensor,
    weight_VD: torch.Tensor,
    bias_V: torch.Tensor | None,
    targets_N: torch.Tensor,
    squash: Squash,
    *,
    slope: bool,
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(log-probability [N], log-normaliser [N], gradient of the former in the hidden state [N, D] or [N, 0])."""
    exact = _exact(hidden_ND.dtype)
    count = hidden_ND.shape[0]
    highest_N = torch.full((count,), -torch.inf, dtype=exact, device=hidden_ND.device)
    total_N, own_N = torch.zeros_like(highest_N), torch.zeros_like(highest_N)
    pull_ND = torch.zeros((count, hidden_ND.shape[1] if slope else 0), dtype=exact, device=hidden_ND.device)
    for begin, weight_SD, logits_NS in _slices(hidden_ND, weight_VD, bias_V, squash):
        higher_N = torch.maximum(highest_N, logits_NS.amax(dim=1)) if count else highest_N
        fade_N = torch.exp(highest_N - higher_N)
        share_NS = (logits_NS - higher_N[:, None]).clamp_(min=_NOTHING).exp_()
        total_N = total_N * fade_N + share_NS.sum(dim=1)
        at_N, here_N = _place(targets_N, begin, len(weight_SD))
        own_N = torch.where(here_N, logits_NS.gather(1, at_N[:, None])[:, 0], own_N)
        if slope:
            if squash != Squash():
                share_NS = share_NS * squash.slope(logits_NS)
            pull_ND = pull_ND * fade_N[:, None] + _product(share_NS.to(hidden_ND.dtype), weight_SD, exact)
        highest_N = higher_N
    normaliser_N = highest_N + total_N.log()
    if slope:
        own_slope = squash.slope(own_N)
        toward_ND = weight_VD[targets_N].to(exact) * (own_slope if isinstance(own_slope, float) else own_slope[:, None])
        pull_ND = toward_ND - pull_ND / total_N[:, None]
    return own_N - normaliser_N, normaliser_N, pull_ND


def _head_gradient(
    hidden_ND: torch.Tensor,
    weight_VD: torch.Tensor,
    bias_V: torch.Tensor | None,
    targets_N: torch.Tensor,
    normaliser_N: torch.Tensor,
    grad_N: torch.Tensor,
    squash: Squash,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Gradients of Σ grad · log p in the weight [V, D] and the bias [V]; the logits are computed again."""
    to_weight_VD = torch.zeros_like(weight_VD)
    to_bias_V = None if bias_V is None else torch.zeros_like(bias_V)
    exact = _exact(hidden_ND.dtype)
    for rows in torch.arange(len(hidden_ND), device=hidden_ND.device).split(_TOKENS):
        for begin, weight_SD, logits_NS in _slices(hidden_ND[rows], weight_VD, bias_V, squash):
            # ∂ log p[y] / ∂raw = (1[v = y] − p[v]) · slope
            change_NS = -torch.exp(logits_NS - normaliser_N[rows, None])
            at_N, here_N = _place(targets_N[rows], begin, len(weight_SD))
            change_NS.scatter_add_(1, at_N[:, None], here_N[:, None].to(exact))
            change_NS = change_NS * squash.slope(logits_NS) * grad_N[rows, None]
            end = begin + len(weight_SD)
            to_weight_VD[begin:end] += _product(change_NS.T.to(hidden_ND.dtype), hidden_ND[rows], exact)
            if to_bias_V is not None:
                to_bias_V[begin:end] += change_NS.sum(dim=0)
    return to_weight_VD, to_bias_V


def _slices(
    hidden_ND: torch.Tensor, weight_VD: torch.Tensor, bias_V: torch.Tensor | None, squash: Squash
) -> Iterator[tuple[int, torch.Tensor, torch.Tensor]]:
    """(first token of the slice, its weight [S, D], its logits [N, S] in float32 at least)."""
    size = _SLICE_ON_PROCESSOR
    if hidden_ND.device.type != "cpu":
        size = max(size, _LOGITS_ON_GPU // max(1, len(hidden_ND)) // 4096 * 4096)
    exact = _exact(hidden_ND.dtype)
    for begin in range(0, weight_VD.shape[0], size):
        weight_SD = weight_VD[begin : begin + size].to(hidden_ND.dtype)
        raw_NS = _product(hidden_ND, weight_SD.T, exact)
        if bias_V is not None:
            raw_NS = raw_NS + bias_V[begin : begin + size].to(exact)
        yield begin, weight_SD, squash(raw_NS)


def _place(targets_N: torch.Tensor, begin: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    """(position in the slice, whether it is in the slice) of each target."""
    at_N = targets_N - begin
    return at_N.clamp(0, size - 1), (at_N >= 0) & (at_N < size)


def _product(left: torch.Tensor, right: torch.Tensor, exact: torch.dtype) -> torch.Tensor:
    if left.device.type == "cuda" and left.dtype != exact:
        return torch.mm(left, right, out_dtype=exact)  # not rounded to bfloat16 in between
    return (left @ right).to(exact)


def _exact(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)


# --------------------------------------------------------------------------------------------------------------------


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
