"""Cross-lingual retrieval by layer: is a sentence's translation its nearest neighbour among all translations?

Top-1 by cosine of mean-pooled states, from each language to English and back, over the sentences that both have. A tie
is a miss, so that a model whose states are all alike scores 0 and not 1.

States are compared as they are: that is the published measure, and what a steering vector can change. `centred` is the
same after each language's own mean is taken off. A language's constant offset is exactly what steering adds, so at the
steered layer the centred number cannot move, and the gap between the two says how much of what is missing is offset
rather than structure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from isogloss.analysis.capture import States, matched
from isogloss.data.rows import ENGLISH, Axis
from isogloss.results.analyses import LayerCurve, Panel, Retrieval
from isogloss.results.scores import MACRO
from isogloss.scoring.statistics import curve, estimate, resampled
from isogloss.steering.vectors import Token

_BOUNDS = (0.0, 1.0)
#: Rows of similarities at a time.
_BLOCK = 1024


def retrieval(
    states: States,
    *,
    panel: Panel,
    axis: Axis | None = None,
    layers: Sequence[int] | None = None,
    read: Token = "mean",
    seed: int = 0,
) -> Retrieval:
    """Top-1 by language with bootstrap intervals over sentences. Languages with nothing to retrieve are in `missing`.

    The sentences are the rows of `axis`: bare sentences (None), or the questions of an axis.
    """
    shown = tuple(layers or states.layers)
    own = np.array([index for index, row in enumerate(states.rows) if row.axis == axis], dtype=int)
    rows = [states.rows[index] for index in own]
    present = sorted({row.language for row in rows})
    missing = [] if ENGLISH in present else ["no English sentences to retrieve from"]
    pairs = {}
    for language in present if ENGLISH in present else ():
        if language != ENGLISH:
            one, other = matched(rows, ENGLISH, language)
            if len(one) > 1:
                pairs[language] = own[one], own[other]
            else:
                missing.append(f"{language}: {len(one)} sentence{'' if len(one) == 1 else 's'} in common with English")
    if ENGLISH in present and len(present) == 1:
        missing.append("no language besides English")
    sentences = max((len(one) for one, _ in pairs.values()), default=0)
    missing += [
        f"{language}: {len(one)} of {sentences} sentences"
        for language, (one, _) in pairs.items()
        if len(one) < sentences
    ]
    questions = sorted({states.rows[index].question for one, _ in pairs.values() for index in one})
    number = {question: place for place, question in enumerate(questions)}
    # Mean of both directions by question, language and layer, and how many sentences of a question each language has.
    shape = len(questions), len(pairs), len(shown)
    hits, centred, counts = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for place, layer in enumerate(shown if pairs else ()):
        states_ND = states.layer(layer, read)
        for column, (one, other) in enumerate(pairs.values()):
            asked = [number[states.rows[index].question] for index in one]
            first_ND, second_ND = states_ND[one].astype(float), states_ND[other].astype(float)
            np.add.at(counts[:, column, place], asked, 1.0)
            np.add.at(hits[:, column, place], asked, both_ways(first_ND, second_ND))
            offsets = first_ND.mean(0), second_ND.mean(0)
            np.add.at(centred[:, column, place], asked, both_ways(first_ND - offsets[0], second_ND - offsets[1]))
    sizes = [len(one) for one, _ in pairs.values()]
    return Retrieval(
        panel=panel,
        sentences=sentences,
        chance=1 / sentences if sentences else 0.0,
        by_language=_curves(hits, counts, shown, list(pairs), sizes, seed),
        centred=_curves(centred, counts, shown, list(pairs), sizes, seed),
        missing=tuple(missing),
    )


def both_ways(first_ND: np.ndarray, second_ND: np.ndarray) -> np.ndarray:
    """[N] mean of two hits: row i of each is closer (cosine) to row i of the other than to any other row there."""
    first, second = _directions(first_ND), _directions(second_ND)
    return (_nearest(first, second) + _nearest(second, first)) / 2


def _directions(states_ND: np.ndarray) -> np.ndarray:
    """Unit vectors; a state of zero, which has no direction, stays zero and is as far from every other."""
    norms = np.linalg.norm(states_ND, axis=1, keepdims=True)
    return np.divide(states_ND, norms, out=np.zeros_like(states_ND), where=norms > 0)


def _nearest(queries_ND: np.ndarray, candidates_ND: np.ndarray) -> np.ndarray:
    """[N] float: the own candidate stands strictly above all others."""
    hits = np.zeros(len(queries_ND))
    for begin in range(0, len(queries_ND), _BLOCK):
        similarity = queries_ND[begin : begin + _BLOCK] @ candidates_ND.T
        own = np.arange(len(similarity))
        mine = similarity[own, begin + own].copy()
        similarity[own, begin + own] = -np.inf
        hits[begin : begin + _BLOCK] = mine > similarity.max(axis=1)
    return hits


def _curves(
    hits_QML: np.ndarray,
    counts_QML: np.ndarray,
    layers: Sequence[int],
    languages: Sequence[str],
    sizes: Sequence[int],
    seed: int,
) -> dict[str, LayerCurve]:
    """By language (M), and `macro`; every language and layer in the same resamples of questions (Q)."""
    if not languages:
        return {}
    questions = len(hits_QML)
    shape = hits_QML.shape[1:]
    observed_K = (hits_QML.sum(0) / counts_QML.sum(0)).ravel()
    hits_QK, counts_QK = hits_QML.reshape(questions, -1), counts_QML.reshape(questions, -1)

    def shares(times_BQ: np.ndarray) -> np.ndarray:
        drawn_BK = times_BQ @ counts_QK
        # A language that a resample misses stays where it was observed.
        ratio_BK = np.where(drawn_BK > 0, times_BQ @ hits_QK / np.maximum(drawn_BK, 1.0), observed_K)
        by_BML = ratio_BK.reshape(-1, *shape)
        return np.concatenate([by_BML, by_BML.mean(1, keepdims=True)], axis=1).reshape(len(times_BQ), -1)

    value, low, high = (
        each.reshape(-1, len(layers))
        for each in (shares(np.ones((1, questions))), *resampled(shares, groups=questions, seed=seed))
    )
    found = {}
    for row, (language, n) in enumerate(zip([*languages, MACRO], [*sizes, sum(sizes)], strict=True)):
        groups = int((counts_QML[:, row, 0] > 0).sum()) if row < len(languages) else questions
        found[language] = curve(
            (layer, estimate(*values, n=n, groups=groups, bounds=_BOUNDS))
            for layer, *values in zip(layers, value[row], low[row], high[row], strict=True)
        )
    return found
