"""MIDALIGN's alignment loss: at one layer, a sentence should be nearer to its translation than to the other translations.

For a batch of B translation pairs, with h the mean over the tokens of the layer's hidden states (the paper, section 3):

    L_align = −1/B Σ_i log( exp(cos(h_src_i, h_tgt_i)/τ) / Σ_b exp(cos(h_src_i, h_tgt_b)/τ) )

Shapes: B pairs of this process, G pairs of all processes, T time, D hidden size. The loss is made in float32 at least.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.distributed as dist
from torch.nn.functional import normalize

from isogloss.errors import UserError


def mean_pool(hidden_BTD: torch.Tensor, tokens_BT: torch.Tensor) -> torch.Tensor:
    """h [B, D]: the mean of the hidden states over the positions where `tokens_BT` is true (nonzero)."""
    weights_BT1 = tokens_BT.to(_loss_dtype(hidden_BTD)).unsqueeze(-1)
    return (hidden_BTD.to(weights_BT1.dtype) * weights_BT1).sum(dim=1) / weights_BT1.sum(dim=1).clamp_min(1.0)


def pool_mask(input_ids_BT: torch.Tensor, attention_mask_BT: torch.Tensor, *, without: int | None) -> torch.Tensor:
    """Which positions enter the mean: the real tokens; but not a first one that is the token `without` (BOS)."""
    real_BT = attention_mask_BT.bool()
    if without is None:
        return real_BT
    first_BT = real_BT & (real_BT.cumsum(dim=1) == 1)
    return real_BT & ~(first_BT & (input_ids_BT == without))


def info_nce(sources_BD: torch.Tensor, targets_BD: torch.Tensor, *, temperature: float) -> torch.Tensor:
    """Each source's loss [B]: −log softmax over all targets of cos/τ, at its own target (the same row)."""
    with torch.autocast(sources_BD.device.type, enabled=False):
        dtype = _loss_dtype(sources_BD)
        cosine_BB = normalize(sources_BD.to(dtype), dim=-1) @ normalize(targets_BD.to(dtype), dim=-1).T
        logits_BB = cosine_BB / temperature
        return torch.logsumexp(logits_BB, dim=1) - logits_BB.diagonal()


def alignment_loss(
    sources_BD: torch.Tensor,
    targets_BD: torch.Tensor,
    *,
    temperature: float,
    direction: Literal["one", "symmetric"] = "one",
    negatives: Literal["gathered", "local"] = "gathered",
) -> torch.Tensor:
    """The batch's loss, a scalar: `sources_BD` English, `targets_BD` their translations. `symmetric` is the mean of both
    directions.

    On several processes the batch is that of all of them, in whatever parts: `gathered` contrasts every source with all
    G targets; with `local` the candidates are those of its own process. Data parallel training averages gradients over
    processes; averaged, these are the gradients that one process has with the whole batch. All processes must call this
    together.

    Raises:
        UserError: a source has no candidate but its own translation, which makes the loss zero whatever the model does.
    """
    if negatives == "gathered":
        width = sources_BD.shape[-1]
        pairs_G2D = gather(torch.cat([sources_BD, targets_BD], dim=-1))
        losses = _losses(pairs_G2D[:, :width], pairs_G2D[:, width:], temperature=temperature, direction=direction)
        return losses.mean()
    losses = _losses(sources_BD, targets_BD, temperature=temperature, direction=direction)
    counts = _counts(sources_BD)
    return losses.sum() * (len(counts) / sum(counts))


def _losses(sources: torch.Tensor, targets: torch.Tensor, *, temperature: float, direction: str) -> torch.Tensor:
    if len(sources) < 2:
        raise UserError(
            "a contrastive loss over a batch of one sentence pair is zero whatever the model does: it needs other "
            "sentences to tell it from. Set midalign.batch to 2 or more, for each process if negatives are local"
        )
    losses = info_nce(sources, targets, temperature=temperature)
    if direction == "symmetric":
        losses = (losses + info_nce(targets, sources, temperature=temperature)) / 2
    return losses


def gather(rows_BD: torch.Tensor) -> torch.Tensor:
    """The rows of all processes [G, D], in order of rank; B may differ. On one process, `rows_BD` itself.

    Differentiable for a loss that every process computes from all G rows, and so alike: each keeps the gradient of its
    own rows, times the number of processes, because the average over processes divides by it.
    """
    counts = _counts(rows_BD)
    if len(counts) == 1:
        return rows_BD
    gathered: torch.Tensor = _Gather.apply(rows_BD, counts)
    return gathered


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows_BD: torch.Tensor, counts: list[int]) -> torch.Tensor:
        begin = sum(counts[: dist.get_rank()])
        ctx.own, ctx.processes = slice(begin, begin + len(rows_BD)), len(counts)
        padded = rows_BD.new_zeros(max(counts), rows_BD.shape[1])
        padded[: len(rows_BD)] = rows_BD
        parts = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(parts, padded)
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor, None]:
        return grads[0][ctx.own] * ctx.processes, None


def _counts(rows_BD: torch.Tensor) -> list[int]:
    """B of each process."""
    if not (dist.is_available() and dist.is_initialized()) or dist.get_world_size() == 1:
        return [len(rows_BD)]
    counts = torch.zeros(dist.get_world_size(), dtype=torch.int64, device=rows_BD.device)
    counts[dist.get_rank()] = len(rows_BD)
    dist.all_reduce(counts)
    return [int(count) for count in counts.tolist()]


def _loss_dtype(values: torch.Tensor) -> torch.dtype:
    return torch.promote_types(values.dtype, torch.float32)
