"""How far languages share a representation, by layer: kernel alignment and cosines between states of the same questions.

Two numbers beside the pictures, each with its baseline. Debiased linear CKA asks whether questions lie to each other
alike in two languages, whatever the rotation and offset between them. Questions of one kind (capitals, currencies) lie
together in most layers, and that alone is much of it, so that the alignment with questions exchanged within their kinds
stands beside it. The mean cosine of the same question in two languages asks whether they lie in the same place; it is
high in any model with a direction common to all states, so that the cosine of different questions stands beside it.

Questions correspond as `questions.matched` says. Intervals leave out a question in all its languages at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from isogloss.analysis.intervals import curve, estimate, jackknife
from isogloss.analysis.kernels import cka, cka_of_kinds, kernel
from isogloss.analysis.questions import matched
from isogloss.analysis.results import Convergence, LayerCurve, Panel
from isogloss.analysis.states import States
from isogloss.data.rows import ENGLISH, Axis
from isogloss.steering.vectors import Token

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
