"""Debiased linear CKA of two sets of states of the same n questions, and its value without each question.

    CKA(K, L) = HSIC₁(K, L) / √(HSIC₁(K, K) · HSIC₁(L, L))            (Kornblith et al. 2019; Nguyen et al. 2021)
    HSIC₁ = [tr(K̃L̃) + 1ᵀK̃1 · 1ᵀL̃1 / ((n−1)(n−2)) − 2/(n−2) · 1ᵀK̃L̃1] / (n(n−3))          (Song et al. 2012, equation 5)

with K̃ the linear kernel X Xᵀ without its diagonal. The biased form, with the diagonal, is near 1 for any two sets
of fewer questions than dimensions; this one is near 0 for unrelated ones. It needs four questions.
"""

from __future__ import annotations

import numpy as np

_FEWEST = 4


def kernel(states_ND: np.ndarray) -> np.ndarray:
    """X Xᵀ in float64 without its diagonal. The states are centred first: HSIC₁ does not change by it, rounding does.

    Zeros where states do not vary: what rounding leaves of them would have an alignment of its own.
    """
    if not len(states_ND) or not np.ptp(states_ND, axis=0).any():
        return np.zeros((len(states_ND), len(states_ND)))
    centred = states_ND.astype(float) - states_ND.mean(axis=0, dtype=float)
    gram = centred @ centred.T
    np.fill_diagonal(gram, 0.0)
    return gram


def cka(first: np.ndarray, second: np.ndarray, *, starts: np.ndarray) -> np.ndarray:
    """[1 + questions]: CKA of two kernels [n, n] whose rows are sorted by question, then that without each question.

    `starts` are the rows where questions begin. NaN where it is undefined: fewer than four rows, or states that do not
    vary (HSIC₁ of a set with itself not above zero).
    """
    between = _hsic(first, second, starts)
    own = _hsic(first, first, starts), _hsic(second, second, starts)
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.where((own[0] > 0) & (own[1] > 0), own[0] * own[1], np.nan)
        return between / np.sqrt(scale)


def cka_of_kinds(first: np.ndarray, second: np.ndarray, *, kinds: np.ndarray) -> float:
    """CKA of two kernels [n, n] where the questions of one are exchanged within their kinds: the mean over all exchanges.

    What questions have in common with others of their kind, and nothing else, still corresponds then. `kinds` [n]
    names them. HSIC₁ is linear in each kernel, so that the mean is that of a kernel averaged by pairs of kinds.
    """
    member_NK = (kinds[:, None] == np.unique(kinds)).astype(float)
    sizes = member_NK.sum(0)
    # Off the diagonal: a pair of questions stays one of two different questions.
    pairs = np.outer(sizes, sizes) - np.diag(sizes)
    mean = (member_NK.T @ second @ member_NK) / np.maximum(pairs, 1.0)
    averaged = member_NK @ mean @ member_NK.T
    np.fill_diagonal(averaged, 0.0)
    whole = np.zeros(1, dtype=int)
    own = _hsic(first, first, whole)[0] * _hsic(second, second, whole)[0]
    return float(_hsic(first, averaged, whole)[0] / np.sqrt(own)) if own > 0 else np.nan


def _hsic(first: np.ndarray, second: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """[1 + questions]: HSIC₁ of all rows, then without each question; NaN for fewer than four rows.

    Leaving out rows g takes their rows and columns out of each of the three sums, which needs no new kernels.
    """
    total = len(first)
    if total == 0:
        return np.full(1, np.nan)
    sizes = np.diff([*starts, total])
    product = first * second
    trace = _without(product, starts)
    sums = _without(first, starts) * _without(second, starts)
    # Row sums of each kernel over the rows that stay, [n, 1 + questions].
    rest = [
        np.hstack([rows := one.sum(1, keepdims=True), rows - np.add.reduceat(one, starts, axis=1)])
        for one in (first, second)
    ]
    cross_NQ = rest[0] * rest[1]
    cross = cross_NQ.sum(0)
    cross[1:] -= np.add.reduceat(cross_NQ[:, 1:], starts, axis=0).diagonal()
    n = np.concatenate([[total], total - sizes]).astype(float)
    n[n < _FEWEST] = np.nan
    return (trace + sums / ((n - 1) * (n - 2)) - 2 / (n - 2) * cross) / (n * (n - 3))


def _without(matrix: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """[1 + questions]: the sum of a symmetric matrix, then that without each question's rows and columns."""
    columns = np.add.reduceat(matrix, starts, axis=1)
    inside = np.add.reduceat(columns, starts, axis=0).diagonal()
    return np.concatenate([[matrix.sum()], matrix.sum() - 2 * columns.sum(0) + inside])
