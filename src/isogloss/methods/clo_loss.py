"""The CLO objective, a function of sequence log-probabilities alone (the paper, section 3).

    L      = λ · SFT + (1 − λ) · L_CL
    L_CL   = −E[log σ(z_en)] − E[log σ(z_xx)]
    z_en   = β · [log π/π_ref (y_en | x_en) − log π/π_ref (y_xx | x_en)]
    z_xx   = β · [log π/π_ref (y_xx | x_xx) − log π/π_ref (y_en | x_xx)]
    SFT    = −log π(y_xx | x_xx), averaged over the tokens of the y_xx

x_xx and y_xx are the translations of an English prompt x_en and its response y_en into another language. L_CL makes a
prompt prefer the response in its own language; SFT reads non-English prompts alone. E runs over the pairs of a whole
optimizer step. Shapes: P pairs; 4 sequences of a pair, in the order of :class:`PairSequence`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Literal, NamedTuple

import torch
from torch.nn.functional import logsigmoid


class PairSequence(IntEnum):
    """The four sequences of a pair: language of the prompt, then of the response."""

    EN_EN = 0
    EN_XX = 1
    XX_XX = 2
    XX_EN = 3


class CloLoss(NamedTuple):
    """`loss` = λ·`sft` + (1−λ)·(`contrast_en` + `contrast_xx`), scalars; `preferred` is the share of z above zero."""

    loss: torch.Tensor
    sft: torch.Tensor
    contrast_en: torch.Tensor
    contrast_xx: torch.Tensor
    preferred: torch.Tensor


def sequence_log_probs(values_N: torch.Tensor, rows_N: torch.Tensor, *, rows: int) -> torch.Tensor:
    """Sum the log-probabilities of tokens over each of `rows` sequences: [rows]."""
    # Not index_add, whose order of summation varies on a GPU: a resumed training has to repeat itself.
    own_RN = rows_N == torch.arange(rows, device=rows_N.device)[:, None]
    return torch.where(own_RN, values_N, 0.0).sum(dim=1)


def margins(policy_P4: torch.Tensor, reference_P4: torch.Tensor, *, beta: float) -> tuple[torch.Tensor, torch.Tensor]:
    """(z_en [P], z_xx [P]) from log π and log π_ref of the four sequences of each pair."""
    ratio_P4 = policy_P4 - reference_P4
    z_en_P = beta * (ratio_P4[:, PairSequence.EN_EN] - ratio_P4[:, PairSequence.EN_XX])
    z_xx_P = beta * (ratio_P4[:, PairSequence.XX_XX] - ratio_P4[:, PairSequence.XX_EN])
    return z_en_P, z_xx_P


def clo_loss(
    policy_P4: torch.Tensor,
    reference_P4: torch.Tensor,
    *,
    sft_weight: float,
    beta: float,
    reduction: Literal["sum", "mean"],
    pairs: torch.Tensor | float,
    target_tokens: torch.Tensor | float,
) -> CloLoss:
    """What P pairs add to the loss of an optimizer step that holds `pairs` pairs and `target_tokens` tokens of y_xx|x_xx.

    Summed over the parts of the step, however it is cut, the results are the loss of the whole and its parts.
    `reduction: mean` averages the two expectations of L_CL instead of adding them, which halves it.
    """
    half = 0.5 if reduction == "mean" else 1.0
    z_en_P, z_xx_P = margins(policy_P4, reference_P4, beta=beta)
    contrast_en = -half * logsigmoid(z_en_P).sum() / pairs
    contrast_xx = -half * logsigmoid(z_xx_P).sum() / pairs
    sft = -policy_P4[:, PairSequence.XX_XX].sum() / target_tokens
    return CloLoss(
        loss=sft_weight * sft + (1 - sft_weight) * (contrast_en + contrast_xx),
        sft=sft,
        contrast_en=contrast_en,
        contrast_xx=contrast_xx,
        preferred=((z_en_P > 0).sum() + (z_xx_P > 0).sum()) / (2 * pairs),
    )
