"""Perpendicularity of EN and LOC directions by layer, between two nulls (Han et al. 2025, equation 6, figure 10).

    S = 90 − |angle(v_en, v_loc) − 90|    in degrees: 90 orthogonal, 0 parallel

v_en and v_loc are the mean differences over pairs of a language, those of the steering vectors. High S alone says little:
in thousands of dimensions two random directions stand near 89°. And the mean of few noisy differences is far from
parallel even to the mean of others of its own kind. So both are given beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import beta

from isogloss.analysis.convergence import PairProducts
from isogloss.data.rows import ENGLISH
from isogloss.results.analyses import LayerCurve, Perpendicularity
from isogloss.results.names import KINDS
from isogloss.results.scores import MACRO, Estimate
from isogloss.scoring.statistics import CONFIDENCE, curve, estimate, jackknife
from isogloss.steering.vectors import Kind

SPLITS = 400

_BOUNDS = (0.0, 90.0)
_TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)


def perpendicularity(
    products: PairProducts, *, model: str, label: str, splits: int = SPLITS, seed: int = 0
) -> Perpendicularity:
    """S by language and layer with jackknife intervals over question groups, and its two nulls.

    Languages that lack pairs of a kind, and layers where a mean difference is zero, are absent and named in `missing`.
    The split-half null has half as many pairs a side as the vectors themselves, so it errs towards 90.
    """
    missing = []
    both = []
    for language, kinds in products.kinds.items():
        if language == ENGLISH:  # Nothing lies between English and itself.
            continue
        if lacking := [kind.upper() for kind in KINDS if kind not in kinds]:
            missing.append(f"{language}: no {' and no '.join(lacking)} pairs")
        else:
            both.append(language)
    # A mean over all that a language has of a kind, and over all but one group.
    units = {kind: _groups_of(products, kind, both) for kind in KINDS}
    whole_by: dict[str, np.ndarray] = {}
    left_out_by: dict[str, list[np.ndarray]] = {}
    for language in both:
        en, loc = _Side.of(products, language, "en"), _Side.of(products, language, "loc")
        gram = products.gram[language]
        angle = _angles(gram, en.all_Q(), loc.all_Q())
        # Folded by the sign of the whole sample, so that a sample next to 90° does not bend where it crosses it.
        whole_by[language] = _folded(angle, angle)[0]
        left_out_by[language] = [
            _folded(_angles(gram, en.without(units["en"]), loc.all_Q()), angle),
            _folded(_angles(gram, en.all_Q(), loc.without(units["loc"])), angle),
        ]
    by_language = {}
    for language in both:
        own = [
            left_out_by[language][side][np.isin(units[kind], _groups_of(products, kind, [language]))]
            for side, kind in enumerate(KINDS)
        ]
        by_language[language] = _curve(products.layers, whole_by[language], own, n=len(products.kinds[language]))
        if len(by_language[language].layers) < len(products.layers):
            gone = sorted(set(products.layers) - set(by_language[language].layers))
            missing.append(f"{language}: a mean difference is zero at layer {', '.join(map(str, gone))}")
    if both:
        macro = np.mean([whole_by[language] for language in both], axis=0)
        together = [np.mean([left_out_by[language][side] for language in both], axis=0) for side in (0, 1)]
        pairs = sum(len(products.kinds[language]) for language in both)
        by_language[MACRO] = _curve(products.layers, macro, together, n=pairs)
    halves: dict[Kind, LayerCurve] = {}
    for kind in KINDS:
        halves[kind], unsplit = _split_half(products, kind, splits=splits, seed=seed)
        missing += unsplit
    return Perpendicularity(
        model=model,
        label=label,
        by_language=by_language,
        split_half=halves,
        random=_random(products),
        missing=tuple(missing),
    )


@dataclass(frozen=True, slots=True)
class _Side:
    """The pairs of a kind in a language's Gram matrix: their places and groups, and weights that sum to 1 over them."""

    total: int
    places: np.ndarray
    groups: np.ndarray

    @classmethod
    def of(cls, products: PairProducts, language: str, kind: Kind) -> _Side:
        kinds, groups = np.array(products.kinds[language]), np.array(products.groups[language])
        places = np.flatnonzero(kinds == kind)
        return cls(len(kinds), places, groups[places])

    def weights(self, kept_QP: np.ndarray) -> np.ndarray:
        """[Q, P] even weights over what each row of `kept_QP` keeps of this side; NaN where it keeps nothing."""
        weight = np.zeros((len(kept_QP), self.total))
        with np.errstate(invalid="ignore"):
            weight[:, self.places] = kept_QP / kept_QP.sum(1, keepdims=True)
        return weight

    def all_Q(self) -> np.ndarray:
        return self.weights(np.ones((1, len(self.places))))

    def without(self, groups: Sequence[str]) -> np.ndarray:
        """Weights without each of `groups` in turn."""
        return self.weights((self.groups[None] != np.array(groups)[:, None]).astype(float))


def _groups_of(products: PairProducts, kind: Kind, languages: Sequence[str]) -> list[str]:
    return sorted(
        {
            group
            for language in languages
            for group, own in zip(products.groups[language], products.kinds[language], strict=True)
            if own == kind
        }
    )


def _angles(gram_LPP: np.ndarray, first_QP: np.ndarray, second_QP: np.ndarray) -> np.ndarray:
    """Degrees [Q, L] between the means with these weights; one row of weights stands for all. NaN where a mean is zero."""
    angles = []
    with np.errstate(invalid="ignore", divide="ignore"):
        for gram_PP in gram_LPP:
            towards = first_QP @ gram_PP
            inner = (towards * second_QP).sum(1)
            lengths = np.sqrt((towards * first_QP).sum(1)) * np.sqrt(((second_QP @ gram_PP) * second_QP).sum(1))
            angles.append(np.degrees(np.arccos(np.clip(inner / lengths, -1, 1))))
    return np.stack(angles, axis=1)


def _folded(angle: np.ndarray, sign: np.ndarray) -> np.ndarray:
    """S where `sign` is the angle itself; elsewhere on the side of 90° where `sign` stands, which may pass 90."""
    return np.where(sign <= 90, angle, 180 - angle)


def _curve(layers: Sequence[int], value_L: np.ndarray, left_out: list[np.ndarray], *, n: int) -> LayerCurve:
    half_L = jackknife(left_out)
    groups = sum(len(values) for values in left_out)
    return curve(
        (layer, estimate(value, value - half, value + half, n=n, groups=groups, bounds=_BOUNDS))
        for layer, value, half in zip(layers, value_L, half_L, strict=True)
    )


def _split_half(products: PairProducts, kind: Kind, *, splits: int, seed: int) -> tuple[LayerCurve, list[str]]:
    """Macro S between means of random halves of a kind's groups: the mean over splits and their central 95 %."""
    languages = [one for one, kinds in products.kinds.items() if kind in kinds and one != ENGLISH]
    units = _groups_of(products, kind, languages)
    rng = np.random.default_rng([seed, kind == "loc"])
    # A split puts all groups in a random order, the same in every language; each takes the first half of its own.
    order_SG = rng.permuted(np.tile(np.arange(len(units)), (splits, 1)), axis=1)
    position = {unit: index for index, unit in enumerate(units)}
    found, missing = [], []
    pairs = 0
    for language in languages:
        side = _Side.of(products, language, kind)
        own = np.array([position[group] for group in side.groups])
        groups = np.unique(own)
        if len(groups) < 2:
            missing.append(f"{language}: one group of {kind.upper()} pairs cannot be split in halves")
            continue
        rank_SG = order_SG[:, groups].argsort(axis=1).argsort(axis=1)
        first_SG = rank_SG < len(groups) // 2
        first_SP = first_SG[:, np.searchsorted(groups, own)].astype(float)
        angle = _angles(products.gram[language], side.weights(first_SP), side.weights(1 - first_SP))
        found.append(90 - np.abs(angle - 90))
        pairs += len(own)
    if not found:
        return LayerCurve(layers=(), values=()), missing
    macro_SL = np.mean(found, axis=0)
    low_L, high_L = np.quantile(macro_SL, _TAILS, axis=0)
    return curve(
        (layer, estimate(value, low, high, n=pairs, groups=len(units), bounds=_BOUNDS))
        for layer, value, low, high in zip(products.layers, macro_SL.mean(0), low_L, high_L, strict=True)
    ), missing


def _random(products: PairProducts) -> LayerCurve:
    """S between two independent random directions: cos² of their angle is Beta(1/2, (D − 1)/2) distributed."""
    cosine_squared = beta(0.5, (products.width - 1) / 2)

    def degrees(square: float) -> float:
        return float(np.degrees(np.arccos(np.sqrt(square))))

    high, low = (degrees(cosine_squared.ppf(tail)) for tail in _TAILS)
    one = Estimate(value=cosine_squared.expect(degrees), low=low, high=high, n=0, groups=0)
    return LayerCurve(layers=products.layers, values=(one,) * len(products.layers))
