"""How far languages share a representation, by layer: kernel alignment and cosines between states of the same questions.

Two numbers beside the pictures, each with its baseline. Debiased linear CKA asks whether questions lie to each other
alike in two languages, whatever the rotation and offset between them. Questions of one kind (capitals, currencies) lie
together in most layers, and that alone is much of it, so that the alignment with questions exchanged within their kinds
stands beside it. The mean cosine of the same question in two languages asks whether they lie in the same place; it is
high in any model with a direction common to all states, so that the cosine of different questions stands beside it.

Questions correspond as `questions.matched` says. Intervals leave out a question in all its languages at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import torch

from isogloss.analysis.capture import Prompt, StateRow, States, capture_states, matched
from isogloss.data.rows import ENGLISH, Axis
from isogloss.errors import RefusedError, UserError
from isogloss.files import damage, read_json, sealed_folder, write_json
from isogloss.models.layers import LAYER_CONVENTION
from isogloss.results.analyses import Convergence, LayerCurve, Panel
from isogloss.results.names import UNSTEERED
from isogloss.scoring.statistics import curve, estimate, jackknife
from isogloss.steering.extract import Pair
from isogloss.steering.vectors import Kind, Token

# --------------------------------------------------------------------------------------------------------------------
# Debiased linear CKA of two sets of states of the same n questions, and its value without each question.
#
#     CKA(K, L) = HSIC₁(K, L) / √(HSIC₁(K, K) · HSIC₁(L, L))            (Kornblith et al. 2019; Nguyen et al. 2021)
#     HSIC₁ = [tr(K̃L̃) + 1ᵀK̃1 · 1ᵀL̃1 / ((n−1)(n−2)) − 2/(n−2) · 1ᵀK̃L̃1] / (n(n−3))          (Song et al. 2012, equation 5)
#
# with K̃ the linear kernel X Xᵀ without its diagonal. The biased form, with the diagonal, is near 1 for any two sets
# of fewer questions than dimensions; this one is near 0 for unrelated ones. It needs four questions.

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


# --------------------------------------------------------------------------------------------------------------------

_BOUNDS = (-1.0, 1.0)
#: What the curves are, and what they need.
_NAMES = {
    "cka": "kernel alignment (it needs four questions whose states vary)",
    "cosine": "cosines (they need states that are not zero)",
    "baseline": "cosines of different questions (they need two)",
}
#: Questions a kind, on average, from which on exchanging them within their kinds says something.
_FEWEST_OF_A_KIND = 2


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two languages and their matched rows, counted within each language and sorted by question.

    `starts` is where questions begin, and `questions` which ones they are; `kinds` are the rows' kinds.
    """

    languages: tuple[str, str]
    rows: tuple[np.ndarray, np.ndarray]
    starts: np.ndarray
    questions: np.ndarray
    kinds: tuple[str | None, ...]

    def __str__(self) -> str:
        return "–".join(self.languages)

    @property
    def exchangeable(self) -> bool:
        """Whether questions can be exchanged within their kinds: all have one, and kinds are not nearly as many as they."""
        return None not in self.kinds and len(self.questions) >= _FEWEST_OF_A_KIND * len(set(self.kinds))


def convergence(
    states: States, *, panel: Panel, axis: Axis, layers: Sequence[int] | None = None, read: Token = "last"
) -> Convergence:
    """Curves over pairs of languages, and each language's with English. What cannot be computed is named in `missing`."""
    shown = tuple(layers or states.layers)
    pairs, rows_of, missing = _pairs(states, axis)
    questions = 1 + max((int(pair.questions.max()) for pair in pairs), default=-1)
    # By pair and layer, of all questions first and then without each: [pairs, layers, 1 + questions].
    found = {name: np.full((len(pairs), len(shown), 1 + questions), np.nan) for name in _NAMES}
    exchangeable = all(pair.exchangeable for pair in pairs)
    if not exchangeable and any(kind is not None for pair in pairs for kind in pair.kinds):
        missing.append("no kernel alignment of kinds alone (it needs kinds that have several questions)")
    of_kinds = np.full((len(pairs), len(shown), 1 + questions), np.nan)
    for place, layer in enumerate(shown if pairs else ()):
        states_ND = states.layer(layer, read)
        own = {language: states_ND[rows].astype(float) for language, rows in rows_of.items()}
        kernels = {language: kernel(values) for language, values in own.items()}
        units = {language: _directions(values) for language, values in own.items()}
        for number, pair in enumerate(pairs):
            (first, second), (one, other) = pair.languages, pair.rows
            both = kernels[first][np.ix_(one, one)], kernels[second][np.ix_(other, other)]
            alignment = cka(*both, starts=pair.starts)
            if exchangeable:
                of_kinds[number, place, 0] = cka_of_kinds(*both, kinds=np.array(pair.kinds))
            same, different = _cosines(units[first][one], units[second][other], starts=pair.starts)
            for name, values in (("cka", alignment), ("cosine", same), ("baseline", different)):
                # Without a question that this pair does not have, it is what it was.
                found[name][number, place] = values[0]
                found[name][number, place, 1 + pair.questions] = values[1:]
    for name, values in found.items():
        undefined_PL = np.isnan(values[:, :, 0])
        nowhere = undefined_PL.all(axis=1)
        for some, where in ((nowhere, "any layer"), (undefined_PL.any(axis=1) & ~nowhere, "some layers")):
            if gone := [str(pair) for pair, is_gone in zip(pairs, some, strict=True) if is_gone]:
                missing.append(f"no {_NAMES[name]} at {where} for {', '.join(gone)}")
    with_english: dict[str, dict[Literal["cka", "cosine"], LayerCurve]] = {}
    for number, pair in enumerate(pairs):
        if pair.languages[0] == ENGLISH:
            with_english[pair.languages[1]] = {
                "cka": _curve(shown, found["cka"], pairs, [number]),
                "cosine": _curve(shown, found["cosine"], pairs, [number]),
            }
    every = range(len(pairs))
    return Convergence(
        panel=panel,
        axis=axis,
        cka=_curve(shown, found["cka"], pairs, every),
        cosine=_curve(shown, found["cosine"], pairs, every),
        baseline_cosine=_curve(shown, found["baseline"], pairs, every),
        baseline_cka=_curve(shown, of_kinds, pairs, every),
        with_english=with_english,
        missing=tuple(missing),
    )


def _pairs(states: States, axis: Axis) -> tuple[list[_Pair], dict[str, np.ndarray], list[str]]:
    """Pairs of languages that share questions, English first; each language's rows of the states; what is missing."""
    languages = sorted({row.language for row in states.rows if row.axis == axis}, key=lambda one: (one != ENGLISH, one))
    rows_of = {
        language: np.array([i for i, row in enumerate(states.rows) if (row.axis, row.language) == (axis, language)])
        for language in languages
    }
    number = {question: place for place, question in enumerate(sorted({row.question for row in states.rows}))}
    asked = np.array([number[row.question] for row in states.rows])
    pairs, missing = [], []
    if len(languages) < 2:
        missing.append(f"items in {languages[0]} alone: nothing to compare" if languages else "no items")
    for first, second in combinations(languages, 2):
        both = np.concatenate([rows_of[first], rows_of[second]])
        one, other = (both[side] for side in matched([states.rows[index] for index in both], first, second))
        if not len(one):
            missing.append(f"{first}–{second}: no question in both")
            continue
        starts = np.flatnonzero(np.diff(asked[one], prepend=-1))
        # Rows of a language are in rising order, so that a row's place among them can be looked up.
        places = np.searchsorted(rows_of[first], one), np.searchsorted(rows_of[second], other)
        kinds = tuple(states.rows[index].kind for index in one)
        pairs.append(_Pair((first, second), places, starts, asked[one][starts], kinds))
    return pairs, rows_of, missing


def _directions(states_ND: np.ndarray) -> np.ndarray:
    """Unit vectors; NaN for a state of zero."""
    with np.errstate(invalid="ignore"):
        return states_ND / np.linalg.norm(states_ND, axis=1, keepdims=True)


def _cosines(first_ND: np.ndarray, second_ND: np.ndarray, *, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean cosine of matched rows, and of rows of different questions; both [1 + questions]: all, then without each."""
    sizes = np.diff([*starts, len(first_ND)])
    same = np.add.reduceat((first_ND * second_ND).sum(1), starts)
    first_QD, second_QD = np.add.reduceat(first_ND, starts), np.add.reduceat(second_ND, starts)
    inside = (first_QD * second_QD).sum(1)
    first, second = first_QD.sum(0), second_QD.sum(0)
    rest = np.concatenate([[first @ second], ((first - first_QD) * (second - second_QD)).sum(1)])
    within = np.concatenate([[inside.sum()], inside.sum() - inside])
    n = np.concatenate([[sizes.sum()], sizes.sum() - sizes]).astype(float)
    squares = np.concatenate([[(sizes**2).sum()], (sizes**2).sum() - sizes**2])
    with np.errstate(invalid="ignore", divide="ignore"):
        matched_mean = np.concatenate([[same.sum()], same.sum() - same]) / n
        return matched_mean, (rest - within) / np.where(n**2 > squares, n**2 - squares, np.nan)


def _curve(layers: Sequence[int], values_PLQ: np.ndarray, pairs: Sequence[_Pair], chosen: Sequence[int]) -> LayerCurve:
    """Mean over the chosen pairs of languages, with jackknife intervals over the questions that any of them has.

    A pair without a value at any layer has no part in it; a layer where another pair has none is absent, so that all
    layers are means over the same pairs.
    """
    chosen = [number for number in chosen if not np.isnan(values_PLQ[number, :, 0]).all()]
    if not chosen:
        return LayerCurve(layers=(), values=())
    asked = np.unique(np.concatenate([pairs[number].questions for number in chosen]))
    mean_LQ = values_PLQ[chosen].mean(axis=0)
    half_L = jackknife([mean_LQ[:, 1 + asked].T])
    n = sum(len(pairs[number].rows[0]) for number in chosen)
    return curve(
        (layer, estimate(value, value - half, value + half, n=n, groups=len(asked), bounds=_BOUNDS))
        for layer, value, half in zip(layers, mean_LQ[:, 0], half_L, strict=True)
    )


# --------------------------------------------------------------------------------------------------------------------
# Inner products of EN and LOC pair differences: all that angles between their means need.
#
# From the Gram matrix of the differences of a language at a layer follow the mean vectors' angle, that of any halves and
# of any subset, exactly, without keeping the differences themselves.

HEADER = "products.json"
FORMAT = "isogloss-products-1"


@dataclass(frozen=True, eq=False, kw_only=True)
class PairProducts:
    """`gram[language]` is float64 [L, P, P]: inner products of the P differences at each of `layers`, EN first, then LOC.

    `kinds[language]` and `groups[language]` say each difference's kind and question group; `width` is the hidden size.
    """

    width: int
    layers: tuple[int, ...]
    kinds: dict[str, tuple[Kind, ...]]
    groups: dict[str, tuple[str, ...]]
    gram: dict[str, np.ndarray]

    def save(self, folder: Path) -> None:
        """Write a sealed folder, whole or not at all."""
        with sealed_folder(folder, kind="pair-products") as aside:
            for language, gram in self.gram.items():
                np.save(aside / f"{language}.npy", gram, allow_pickle=False)
            header = {
                "format": FORMAT,
                "layer_convention": LAYER_CONVENTION,
                "width": self.width,
                "layers": self.layers,
                "kinds": self.kinds,
                "groups": self.groups,
            }
            write_json(aside / HEADER, header)

    @classmethod
    def load(cls, folder: Path) -> PairProducts:
        """Read what :meth:`save` wrote. Raises UserError for none, RefusedError for a damaged folder."""
        if not (folder / HEADER).is_file():
            raise UserError(f"{folder}: no products of pairs there ({HEADER} is missing)")
        if wrong := damage(folder):
            raise RefusedError(f"damaged products of pairs: {wrong}. Compute them again.")
        header = read_json(folder / HEADER)
        return cls(
            width=header["width"],
            layers=tuple(header["layers"]),
            kinds={language: tuple(kinds) for language, kinds in header["kinds"].items()},
            groups={language: tuple(groups) for language, groups in header["groups"].items()},
            gram={language: np.load(folder / f"{language}.npy", allow_pickle=False) for language in header["kinds"]},
        )


def pair_products(
    model: torch.nn.Module,
    tokenizer: Any,
    en_pairs: Sequence[Pair],
    loc_pairs: Sequence[Pair],
    *,
    groups: Mapping[str, str] | None = None,
    token: Token = "last",
    token_budget: int = 2048,
    scratch: Path | None = None,
    progress: Callable[[int], None] = lambda _done: None,
) -> PairProducts:
    """Read each distinct prompt once, and take products a layer and language at a time.

    `groups` gives a pair's question group by its `away` prompt; a pair without one stands for itself, and EN pairs of
    several languages with the same English prompt are one group. States pass through a temporary folder in `scratch`
    (default: the system's), of prompts × layers × hidden size × 4 bytes.
    """
    kinds: tuple[tuple[Kind, Sequence[Pair]], ...] = (("en", en_pairs), ("loc", loc_pairs))
    both = [(kind, pair) for kind, pairs in kinds for pair in pairs]
    texts = list(dict.fromkeys(text for _, pair in both for text in (pair.towards, pair.away)))
    place = {text: index for index, text in enumerate(texts)}
    languages = sorted({pair.language for _, pair in both})
    own = {language: [(kind, pair) for kind, pair in both if pair.language == language] for language in languages}
    # Of a pair's prompt no more is known than its text, which an error then quotes.
    prompts = [Prompt(text, StateRow(repr(text[:80]), text, "", None, text)) for text in texts]
    with TemporaryDirectory(prefix="isogloss-pairs-", dir=scratch) as temporary:
        states = capture_states(
            model,
            tokenizer,
            prompts,
            folder=Path(temporary) / "states",
            reads=[token],
            token_budget=token_budget,
            progress=progress,
        )[UNSTEERED]
        gram = {language: np.empty((len(states.layers), len(pairs), len(pairs))) for language, pairs in own.items()}
        for index, layer in enumerate(states.layers):
            states_ND = states.layer(layer, token)
            for language, pairs in own.items():
                towards = states_ND[[place[pair.towards] for _, pair in pairs]].astype(float)
                difference_PD = towards - states_ND[[place[pair.away] for _, pair in pairs]]
                gram[language][index] = difference_PD @ difference_PD.T
    return PairProducts(
        width=states.width,
        layers=states.layers,
        kinds={language: tuple(kind for kind, _ in pairs) for language, pairs in own.items()},
        groups={
            language: tuple((groups or {}).get(pair.away, _group(kind, pair)) for kind, pair in pairs)
            for language, pairs in own.items()
        },
        gram=gram,
    )


def _group(kind: Kind, pair: Pair) -> str:
    return pair.towards if kind == "en" else pair.away
