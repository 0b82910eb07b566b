"""Estimates with 95 % bootstrap intervals: accuracy, English bias, and their paired differences.

Every statistic here is a mean over items, and every interval a percentile bootstrap that resamples **question groups**,
not items (Field & Welsh 2007, "Bootstrapping clustered data"): items of one group rise and fall together. A resample
draws groups with replacement and takes the mean over all the items they bring.

The macro mean gives each non-English language the same weight. Its bootstrap draws a group in all its languages at
once, because the same universal fact asked in six languages is one draw of luck, not six. Languages that share no group
are separate strata, drawn apart, so that a language keeps its number of groups in every resample.

Units: fractions, not percent. The same items and seed always give the same interval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.stats import bootstrap, t

from isogloss.data.rows import ENGLISH
from isogloss.results.analyses import LayerCurve
from isogloss.results.scores import MACRO, Estimate, ItemScore

RESAMPLES = 2_000
CONFIDENCE = 0.95

#: Resamples drawn at once, times groups: small enough for a processor's cache.
_CELLS = 250_000


@dataclass(frozen=True, slots=True)
class _Observation:
    """One item's contribution to a mean."""

    language: str
    group: str
    value: float


def accuracy(items: Iterable[ItemScore], *, seed: int = 0) -> Estimate:
    """Share of items whose gold option was picked, over all `items` alike. ValueError where there are none."""
    return _pooled(_correct(items), seed)


def paired_difference(items: Iterable[ItemScore], baseline: Iterable[ItemScore], *, seed: int = 0) -> Estimate:
    """Accuracy of `items` minus that of `baseline` on the same item ids, groups resampled jointly.

    ValueError, naming them, where the ids are not the same on both sides.
    """
    return _pooled(_correct_differences(items, baseline), seed)


def bias_rate(items: Iterable[ItemScore], *, seed: int = 0) -> Estimate | None:
    """How often an option true of US or Great Britain, but wrong here, was picked; None where no item has one."""
    observations = _english(items)
    return _pooled(observations, seed) if observations else None


def bias_difference(items: Iterable[ItemScore], baseline: Iterable[ItemScore], *, seed: int = 0) -> Estimate | None:
    """English-bias rate of `items` minus that of `baseline`, paired by id; None where no item has an English option."""
    observations = _english_differences(items, baseline)
    return _pooled(observations, seed) if observations else None


def accuracies(items: Iterable[ItemScore], *, seed: int = 0) -> dict[str, Estimate]:
    """:func:`accuracy` by language, sorted, and `macro`: the mean over the non-English languages present (if any)."""
    return _by_language(_correct(items), seed)


def differences(items: Iterable[ItemScore], baseline: Iterable[ItemScore], *, seed: int = 0) -> dict[str, Estimate]:
    """:func:`paired_difference` by language, and `macro`. ValueError where the ids differ."""
    return _by_language(_correct_differences(items, baseline), seed)


def macro_difference(items: Iterable[ItemScore], baseline: Iterable[ItemScore], *, seed: int = 0) -> Estimate:
    """`macro` of :func:`differences` alone. ValueError where the ids differ or no item is in another language."""
    return _macro(_correct_differences(items, baseline), seed)


def macro_probability_difference(items: Iterable[ItemScore], baseline: Iterable[ItemScore]) -> float:
    """Mean paired change of the gold option's probability among the options, each non-English language weighing the same.

    Moves with every item, where accuracy only moves with those whose best option changes, so that it is far less noisy.
    ValueError where the ids differ or no item is in another language.
    """
    return _macro_mean(
        _Observation(item.language, item.group, item.probability - before.probability)
        for item, before in _pairs(items, baseline)
    )


def macro_accuracy_change(items: Iterable[ItemScore], baseline: Iterable[ItemScore]) -> float:
    """The value of :func:`macro_difference` without its interval, which takes a resampling. ValueError as there."""
    return _macro_mean(_correct_differences(items, baseline))


def macro_bias_change(items: Iterable[ItemScore], baseline: Iterable[ItemScore]) -> float | None:
    """The value of :func:`macro_bias_difference` without its interval; None where no item has an English option."""
    observations = _english_differences(items, baseline)
    return _macro_mean(observations) if observations else None


def macro_bias_difference(
    items: Iterable[ItemScore], baseline: Iterable[ItemScore], *, seed: int = 0
) -> Estimate | None:
    """`macro` of :func:`bias_differences` alone; None where no item has an English option."""
    observations = _english_differences(items, baseline)
    return _macro(observations, seed) if observations else None


def bias_rates(items: Iterable[ItemScore], *, seed: int = 0) -> dict[str, Estimate]:
    """:func:`bias_rate` by language, and `macro`. Languages without an English option to pick are absent."""
    return _by_language(_english(items), seed)


def bias_differences(
    items: Iterable[ItemScore], baseline: Iterable[ItemScore], *, seed: int = 0
) -> dict[str, Estimate]:
    """:func:`bias_difference` by language, and `macro`. ValueError where the ids differ."""
    return _by_language(_english_differences(items, baseline), seed)


def _correct(items: Iterable[ItemScore]) -> list[_Observation]:
    return [_Observation(item.language, item.group, float(item.correct)) for item in items]


def _english(items: Iterable[ItemScore]) -> list[_Observation]:
    return [_Observation(i.language, i.group, float(i.english)) for i in items if i.english is not None]


def _correct_differences(items: Iterable[ItemScore], baseline: Iterable[ItemScore]) -> list[_Observation]:
    return [
        _Observation(item.language, item.group, float(item.correct) - float(before.correct))
        for item, before in _pairs(items, baseline)
    ]


def _english_differences(items: Iterable[ItemScore], baseline: Iterable[ItemScore]) -> list[_Observation]:
    return [
        _Observation(item.language, item.group, float(item.english) - float(before.english))
        for item, before in _pairs(items, baseline)
        if item.english is not None and before.english is not None
    ]


def _pairs(items: Iterable[ItemScore], baseline: Iterable[ItemScore]) -> list[tuple[ItemScore, ItemScore]]:
    """Each item with the baseline's answer to it, in the order of `items`."""
    after, before = _by_id(items, "scores"), _by_id(baseline, "baseline")
    problems = [
        f"{len(ids)} only in the {side}: {_names(ids)}"
        for side, ids in (("scores", after.keys() - before.keys()), ("baseline", before.keys() - after.keys()))
        if ids
    ]
    if problems:
        raise ValueError(f"scores and baseline must answer the same items; {'; '.join(problems)}")
    return [(item, before[name]) for name, item in after.items()]


def _by_id(items: Iterable[ItemScore], side: str) -> dict[str, ItemScore]:
    found: dict[str, ItemScore] = {}
    twice = set()
    for item in items:
        if item.id in found:
            twice.add(item.id)
        found[item.id] = item
    if twice:
        raise ValueError(f"item ids stand twice in the {side}: {_names(twice)}")
    return found


def _names(ids: Iterable[str], *, shown: int = 5) -> str:
    ordered = sorted(ids)
    return ", ".join(ordered[:shown]) + (", …" if len(ordered) > shown else "")


def _pooled(observations: list[_Observation], seed: int) -> Estimate:
    """The mean over all observations, whatever their language."""
    if not observations:
        raise ValueError("no items to estimate from")
    return _estimate([_Observation("", each.group, each.value) for each in observations], seed)


def _by_language(observations: list[_Observation], seed: int) -> dict[str, Estimate]:
    languages = sorted({each.language for each in observations})
    found = {name: _estimate([each for each in observations if each.language == name], seed) for name in languages}
    if others := [each for each in observations if each.language != ENGLISH]:
        found[MACRO] = _estimate(others, seed)
    return found


def _macro(observations: list[_Observation], seed: int) -> Estimate:
    others = [each for each in observations if each.language != ENGLISH]
    if not others:
        raise ValueError("no items besides English to estimate from")
    return _estimate(others, seed)


def _macro_mean(observations: Iterable[_Observation]) -> float:
    """Mean over the non-English languages of the mean within each."""
    by_language: dict[str, list[float]] = {}
    for each in observations:
        if each.language != ENGLISH:
            by_language.setdefault(each.language, []).append(each.value)
    if not by_language:
        raise ValueError("no items besides English to estimate from")
    return float(np.mean([np.mean(values) for values in by_language.values()]))


def _estimate(observations: list[_Observation], seed: int) -> Estimate:
    """Mean over languages of the mean within each (one language: its mean), and its interval."""
    languages = _positions(each.language for each in observations)
    groups = _positions(each.group for each in observations)
    column = np.array([languages[each.language] for each in observations])
    row = np.array([groups[each.group] for each in observations])
    shape = (len(groups), len(languages))
    sums, counts = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, (row, column), [each.value for each in observations])
    np.add.at(counts, (row, column), 1.0)
    low, high = _interval(sums, counts, seed)
    return Estimate(
        value=float((sums.sum(0) / counts.sum(0)).mean()), low=low, high=high, n=len(observations), groups=len(groups)
    )


def _interval(sums_GL: np.ndarray, counts_GL: np.ndarray, seed: int) -> tuple[float | None, float | None]:
    """95 % percentile interval of the mean of per-language ratios; (None, None) where a language has a single group.

    `sums_GL` and `counts_GL` hold the values' sum and number for each group (G) and language (L).
    """
    if (np.count_nonzero(counts_GL, axis=0) < 2).any():
        return None, None
    observed_L = sums_GL.sum(0) / counts_GL.sum(0)
    # Groups with equal rows are interchangeable: counting how often each kind of row is drawn is all that matters.
    kinds_K2L, kind_G = np.unique(np.hstack([sums_GL, counts_GL]), axis=0, return_inverse=True)
    kinds = len(kinds_K2L)

    def macro(*drawn: np.ndarray, axis: int) -> np.ndarray:
        """The statistic for each resample; `drawn`: by stratum, the kinds of groups drawn [resamples, groups]."""
        kind_BG = np.concatenate(drawn, axis=axis)
        resamples = len(kind_BG)
        flat = (kind_BG + kinds * np.arange(resamples)[:, None]).ravel()
        times_BK = np.bincount(flat, minlength=resamples * kinds).reshape(resamples, kinds)
        sums_BL, counts_BL = np.hsplit(times_BK @ kinds_K2L, 2)
        # A language with very few groups may be missed by a resample: it then stays where it was observed.
        ratios_BL = np.where(counts_BL > 0, sums_BL / np.maximum(counts_BL, 1.0), observed_L)
        return ratios_BL.mean(1)

    interval = bootstrap(
        [kind_G[stratum] for stratum in _strata(counts_GL > 0)],
        macro,
        n_resamples=RESAMPLES,
        batch=max(1, _CELLS // len(kind_G)),
        vectorized=True,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(interval.low), float(interval.high)


def _strata(present_GL: np.ndarray) -> list[np.ndarray]:
    """Group indices split so that languages linked by shared groups (directly or through others) stay together."""
    parent = list(range(present_GL.shape[1]))

    def root(language: int) -> int:
        while parent[language] != language:
            language = parent[language]
        return language

    present = [np.flatnonzero(languages).tolist() for languages in present_GL]
    for languages in present:
        for one, other in pairwise(languages):
            parent[root(one)] = root(other)
    stratum = np.array([root(languages[0]) for languages in present])
    return [np.flatnonzero(stratum == each) for each in np.unique(stratum)]


def _positions(names: Iterable[str]) -> Mapping[str, int]:
    """Each distinct name's position in sorted order, so that an interval does not depend on the order of items."""
    return {name: position for position, name in enumerate(sorted(set(names)))}


# --------------------------------------------------------------------------------------------------------------------
# 95 % intervals over question groups, for many statistics at once.
#
# Means (retrieval) take the percentile bootstrap of `evaluate.statistics`, all layers in one resampling. Statistics that
# are not means (angles between mean vectors, kernel alignment, cosines of different questions) take the **delete-a-group
# jackknife** (Efron & Stein 1981) instead: a bootstrap draws the same question twice, and a question is perfectly similar
# to its own copy. Such copies enter every sum over pairs of different questions, so that bootstrap values stand on one
# side of the estimate; leaving a question out adds no copies.

#: Resampled groups at once.
_INTERVAL_CELLS = 500_000


def jackknife(left_out: Sequence[np.ndarray]) -> np.ndarray:
    """Half-widths of the intervals, Student's t times the jackknife's standard error.

    Each array of `left_out`, [groups, …], is one independent sample: the statistics without each of its groups. NaN where
    a sample has fewer than two groups or a statistic is undefined without one of them.
    """
    variance = np.zeros(left_out[0].shape[1:])
    freedom = 0
    for values in left_out:
        groups = len(values)
        if groups < 2:
            return np.full(variance.shape, np.nan)
        variance = variance + (groups - 1) / groups * ((values - values.mean(0)) ** 2).sum(0)
        freedom += groups - 1
    return t.ppf((1 + CONFIDENCE) / 2, freedom) * np.sqrt(variance)


def resampled(
    statistic: Callable[[np.ndarray], np.ndarray], *, groups: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Low and high of the percentile bootstrap over groups, [K] each; NaN for fewer than two groups.

    `statistic` takes how often each group was drawn, [resamples, groups], and gives [resamples, K].
    """
    if groups < 2:
        shape = statistic(np.ones((1, max(groups, 1)))).shape[1:]
        return np.full(shape, np.nan), np.full(shape, np.nan)

    def of_drawn(drawn_BG: np.ndarray, axis: int) -> np.ndarray:
        drawn_BG = np.atleast_2d(drawn_BG)
        flat = drawn_BG + groups * np.arange(len(drawn_BG))[:, None]
        times = np.bincount(flat.ravel(), minlength=flat.size).reshape(-1, groups)
        return statistic(times.astype(float)).T

    interval = bootstrap(
        [np.arange(groups)],
        of_drawn,
        n_resamples=RESAMPLES,
        batch=max(1, _INTERVAL_CELLS // groups),
        vectorized=True,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return interval.low, interval.high


def estimate(
    value: float, low: float, high: float, *, n: int, groups: int, bounds: tuple[float, float]
) -> Estimate | None:
    """An estimate within `bounds`; without an interval where that is not a number, and None where the value is not."""
    if not np.isfinite(value):
        return None
    if not (np.isfinite(low) and np.isfinite(high)):
        return Estimate(value=float(value), low=None, high=None, n=n, groups=groups)
    lowest, highest = bounds
    return Estimate(value=float(value), low=float(max(low, lowest)), high=float(min(high, highest)), n=n, groups=groups)


def curve(points: Iterable[tuple[int, Estimate | None]]) -> LayerCurve:
    """The layers that have an estimate."""
    known = [(layer, value) for layer, value in points if value is not None]
    return LayerCurve(layers=tuple(layer for layer, _ in known), values=tuple(value for _, value in known))
