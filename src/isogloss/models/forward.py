"""A text-only forward of a causal LM whose logits are made only where they are read.

Shapes: B batch, T time, D hidden size, V vocabulary, N positions read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from isogloss.errors import UserError
from isogloss.models.layers import text_decoder

#: Rows of the head at a time: their logits stay in the processor's cache, which is 3 times as fast as all at once.
_VOCABULARY_SLICE = 4096
#: Layer types whose attention is a mask over positions, so that several continuations can share one prompt in a row.
_MASKED_LAYER_TYPES = {"full_attention", "sliding_attention"}


def text_config(model: nn.Module) -> Any:
    """The text part of a model's configuration, also for multimodal classes."""
    return model.config.get_text_config()  # type: ignore[union-attr,operator]


def masks_by_layer_type(model: nn.Module, allowed_BTT: torch.Tensor, positions_BT: torch.Tensor) -> Any:
    """The attention mask in the form the decoder takes, from `allowed_BTT` (bool: query may see key).

    A model that mixes full and sliding attention takes a dict by layer type; the window counts positions, not places in
    the row. The masks are additive and [B, 1, T, T], which eager and SDPA attention both take.
    """
    config = text_config(model)
    dtype = next(model.parameters()).dtype

    def additive(allowed: torch.Tensor) -> torch.Tensor:
        mask = torch.zeros(allowed.shape, dtype=dtype, device=allowed.device)
        return mask.masked_fill_(~allowed, torch.finfo(dtype).min)[:, None]

    types = set(getattr(config, "layer_types", None) or ())
    if "sliding_attention" not in types:
        return additive(allowed_BTT)
    distance = positions_BT[:, :, None] - positions_BT[:, None, :]
    in_window = allowed_BTT & (distance < config.sliding_window)
    both = {"full_attention": allowed_BTT, "sliding_attention": in_window}
    return {name: additive(both[name]) for name in types}


def takes_packed_rows(model: nn.Module) -> bool:
    """Whether the architecture's attention is a plain mask over positions (no recurrent or chunked layers)."""
    config = text_config(model)
    types = set(getattr(config, "layer_types", None) or {"full_attention"})
    implementation = getattr(config, "_attn_implementation", "sdpa")
    recurrent = any(getattr(config, name, None) for name in ("mamba_d_state", "ssm_cfg", "linear_attn_config"))
    plain_window = "sliding_attention" in types or not getattr(config, "sliding_window", None)
    window_unused = getattr(config, "use_sliding_window", None) is False
    return (
        types <= _MASKED_LAYER_TYPES
        and implementation in ("eager", "sdpa")
        and not recurrent
        and (plain_window or window_unused or "full_attention" in types)
    )


@dataclass(frozen=True)
class TextModel:
    """The decoder and the head of a causal LM, apart. Made by :func:`text_model`, which checks that they compose."""

    model: nn.Module
    decoder: nn.Module
    head: nn.Module
    softcap: float | None
    scale: float

    @property
    def device(self) -> torch.device:
        """Where input ids go."""
        return self.model.get_input_embeddings().weight.device  # type: ignore[operator]

    def hidden(self, ids_BT: torch.Tensor, *, attention_mask: Any, positions_BT: torch.Tensor) -> torch.Tensor:
        """[B, T, D] after the final norm. `attention_mask` is [B, T] or what :func:`masks_by_layer_type` made."""
        return self.decoder(
            input_ids=ids_BT, attention_mask=attention_mask, position_ids=positions_BT, use_cache=False
        ).last_hidden_state

    def logits(self, hidden_ND: torch.Tensor) -> torch.Tensor:
        """Float32 logits [N, V]."""
        return self._finish(self.head(hidden_ND))

    def logits_of(self, hidden_ND: torch.Tensor, token_ids: Sequence[int]) -> torch.Tensor:
        """Float32 logits [N, len(token_ids)] of these tokens alone; other rows of the head are not touched."""
        if type(self.head) is not nn.Linear:
            return self.logits(hidden_ND)[:, list(token_ids)]
        index = torch.tensor(list(token_ids), device=self.head.weight.device)
        bias = None if self.head.bias is None else self.head.bias[index]
        return self._finish(nn.functional.linear(hidden_ND, self.head.weight[index], bias))

    def log_probabilities(self, hidden_ND: torch.Tensor, places: torch.Tensor, token_ids: torch.Tensor) -> torch.Tensor:
        """Float32 log-probability over the vocabulary of each token at its place, both [R]; `places` index `hidden_ND`.

        The normaliser is summed over slices of the vocabulary, so that no [N, V] tensor is made, and the tokens' own
        logits come from their rows of the head in float32.
        """
        if type(self.head) is not nn.Linear:
            logits = self.logits(hidden_ND)
            return logits[places, token_ids] - torch.logsumexp(logits, dim=-1)[places]
        weight, bias = self.head.weight, self.head.bias
        parts = []
        for begin in range(0, weight.shape[0], _VOCABULARY_SLICE):
            rows = slice(begin, begin + _VOCABULARY_SLICE)
            raw = nn.functional.linear(hidden_ND, weight[rows], None if bias is None else bias[rows])
            parts.append(_log_sum_exp(self._finish(raw)))
        own = (hidden_ND[places].float() * weight[token_ids].float()).sum(-1)
        if bias is not None:
            own = own + bias[token_ids].float()
        return self._finish(own) - torch.logsumexp(torch.stack(parts), dim=0)[places]

    def _finish(self, raw: torch.Tensor) -> torch.Tensor:
        logits = raw.float() if self.scale == 1.0 else raw.float() * self.scale
        return logits if self.softcap is None else torch.tanh(logits / self.softcap) * self.softcap


def _log_sum_exp(logits_NV: torch.Tensor) -> torch.Tensor:
    """[N]; by way of the fused log-softmax, which takes a quarter of the time of `torch.logsumexp` on a processor."""
    return logits_NV[:, 0] - torch.log_softmax(logits_NV, dim=-1)[:, 0]


@torch.inference_mode()
def text_model(model: nn.Module) -> TextModel:
    """Split `model` into decoder and head, and check on a few tokens that together they give the model's own logits.

    Raises UserError where they do not (a head with more to it than a matrix, a soft cap and a scale).
    """
    config = text_config(model)
    parts = TextModel(
        model=model,
        decoder=text_decoder(model),
        head=model.get_output_embeddings(),  # type: ignore[operator]
        softcap=getattr(config, "final_logit_softcapping", None),
        scale=float(getattr(config, "logit_scale", None) or 1.0)
        / float(getattr(config, "logits_scaling", None) or 1.0),
    )
    ids = torch.arange(1, 5, device=parts.device)[None] % config.vocab_size
    real = torch.ones_like(ids)
    hidden = parts.hidden(ids, attention_mask=real, positions_BT=torch.arange(4, device=parts.device)[None])
    own = model(input_ids=ids, attention_mask=real, use_cache=False).logits.float()
    ours = parts.logits(hidden[0])
    if ours.shape != own[0].shape or not torch.allclose(ours, own[0], rtol=1e-2, atol=1e-2):
        raise UserError(
            f"{type(model).__name__}: its logits are not decoder → linear head (→ scale, soft cap), so they cannot be "
            "read at single positions. Use another model class, or open an issue naming this one."
        )
    return parts


# --------------------------------------------------------------------------------------------------------------------
# Matrix products of float32 models on a processor by oneDNN instead of the BLAS that torch was built with.
#
# On processors that the BLAS was not written for, its AVX-512 kernels stay unused: on an AMD Zen 5 core oneDNN does 215
# GFLOP/s where MKL does 90. Both are float32 with float32 sums, in another order. torch takes oneDNN by itself for bfloat16.


class fast_linear(TorchFunctionMode):
    """Inside the context `torch.nn.functional.linear`, hence every `nn.Linear`, goes by oneDNN where that is possible:
    float32 on a processor, without gradients. Everything else is as outside."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Hand on every call but that of a product it can take over."""
        if func is torch.nn.functional.linear and not kwargs and _can_take_over(args[0], args[1]):
            bias = args[2] if len(args) > 2 else None
            return torch.ops.mkldnn._linear_pointwise(args[0], args[1], bias, "none", [], "")
        return func(*args, **(kwargs or {}))


def _can_take_over(input: torch.Tensor, weight: torch.Tensor) -> bool:
    return (
        torch.backends.mkldnn.is_available()
        and bool(torch.backends.mkldnn.enabled)
        and type(input) is torch.Tensor
        and input.device.type == "cpu"
        and input.dtype is weight.dtype is torch.float32
        and weight.ndim == 2
        and input.numel() > 0
        and not (torch.is_grad_enabled() and (input.requires_grad or weight.requires_grad))
    )


# --------------------------------------------------------------------------------------------------------------------
# Token rows into padded batches: sorted by length, under a token budget, padded on either side.


def length_sorted_batches(lengths: Sequence[int], *, token_budget: int) -> Iterator[list[int]]:
    """Indices of rows in batches whose padded size (rows × longest) stays within `token_budget`.

    The longest first, so that a budget too large for memory fails at the start. A row longer than the budget stands alone.
    """
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    batch: list[int] = []
    for index in order:
        if batch and lengths[batch[0]] * (len(batch) + 1) > token_budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


@dataclass(frozen=True, slots=True)
class Padded:
    """Rows of token ids as one rectangle. `ids` and `real` are [batch, time]; `offset[i]` is where row i begins."""

    ids: torch.Tensor
    real: torch.Tensor
    offset: tuple[int, ...]


def pad(rows: Sequence[Sequence[int]], *, pad_id: int, side: str = "right") -> Padded:
    """Pad token rows to the longest on the left or right."""
    width = max(len(row) for row in rows)
    ids = torch.full((len(rows), width), pad_id, dtype=torch.long)
    real = torch.zeros((len(rows), width), dtype=torch.bool)
    offset = tuple(width - len(row) if side == "left" else 0 for row in rows)
    for index, (row, begin) in enumerate(zip(rows, offset, strict=True)):
        ids[index, begin : begin + len(row)] = torch.tensor(row, dtype=torch.long)
        real[index, begin : begin + len(row)] = True
    return Padded(ids, real, offset)


def causal_mask(real: torch.Tensor) -> torch.Tensor:
    """[batch, time, time] bool: query may see key, for rows of one sequence each with padding `real` [batch, time]."""
    time = real.shape[1]
    return torch.ones(time, time, dtype=torch.bool).tril() & real[:, None, :]
