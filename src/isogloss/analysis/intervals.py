"""95 % intervals over question groups, for many statistics at once.

Means (retrieval) take the percentile bootstrap of `evaluate.statistics`, all layers in one resampling. Statistics that
are not means (angles between mean vectors, kernel alignment, cosines of different questions) take the **delete-a-group
jackknife** (Efron & Stein 1981) instead: a bootstrap draws the same question twice, and a question is perfectly similar
to its own copy. Such copies enter every sum over pairs of different questions, so that bootstrap values stand on one
side of the estimate; leaving a question out adds no copies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from scipy.stats import bootstrap, t

from isogloss.analysis.results import Estimate, LayerCurve
from isogloss.evaluate.statistics import CONFIDENCE, RESAMPLES

#: Resampled groups at once.
_CELLS = 500_000


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
        batch=max(1, _CELLS // groups),
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
