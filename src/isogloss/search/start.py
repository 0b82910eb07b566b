"""Where to begin a search: the layers that the first-order estimate likes best, at a strength it can be trusted for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isogloss.data.rows import AXES, Axis
from isogloss.results.names import OWN_AXIS, VectorKind
from isogloss.scoring.first_order import Slopes

#: Radius of the trust region: γ‖v‖ as a share of the residual norm. What the estimate predicts grows with the step, its error
#: with the step's square. With the embedded model, on dev2, EN's order of the layers is that of real steering for a
#: hundredth of the norm (Spearman 0.94) and hardly so for a twentieth (0.55); a fortieth lies between. It is one radius for
#: both kinds, as LOC loses only size by a smaller step, which the search makes up for.
TRUSTED = 1 / 40


@dataclass(frozen=True, slots=True, kw_only=True)
class StartingPoint:
    """EN and LOC together, and what the estimate predicts: the change of the gold option's probability on both axes.

    A kind that is predicted to gain nothing anywhere has γ 0 and layer None.
    """

    en_layer: int | None
    en_gamma: float
    loc_layer: int | None
    loc_gamma: float
    transfer: float
    localization: float


def trusted_steps(
    norms: Mapping[str, Sequence[float]],
    residual_norms: Mapping[str, Sequence[float]],
    *,
    share: float = TRUSTED,
    highest: float | None = None,
) -> tuple[float, ...]:
    """γ by layer (index l−1) at which γ‖v‖ is `share` of the residual norm, averaged over languages; at most `highest`.

    `norms` and `residual_norms` are by language and layer, as vectors' headers give them.
    """
    ratios = [
        [norm / residual for norm, residual in zip(norms[one], residual_norms[one], strict=True)] for one in norms
    ]
    means = [sum(values) / len(values) for values in zip(*ratios, strict=True)]
    steps = [share / mean if mean > 0 else 0.0 for mean in means]
    return tuple(step if highest is None else min(step, highest) for step in steps)


def starting_points(
    slopes: Slopes,
    *,
    layers: Mapping[str, Sequence[int]],
    steps: Mapping[str, Sequence[float]],
    count: int = 4,
    languages: Sequence[str] | None = None,
) -> tuple[StartingPoint, ...]:
    """`count` points (fewer where there are no more), the most promising first.

    `layers` are the candidates of each kind (`en`, `loc`) and `steps` its γ by layer. The n-th point pairs the layers with
    the n-th highest predicted gain of each kind on its own axis, so that points differ in both layers: the estimate is
    exact at γ = 0 and its order of the first few is not to be relied on at the steps taken. The effect on the other axis
    is predicted but does not rank, being what a search is for. `languages` restricts what the gains are averaged over.
    """
    gains = {
        kind: {
            axis: slopes.macro(axis, kind, languages=languages) for axis in AXES
        }
        for kind in OWN_AXIS
    }  # fmt: skip

    def gain(kind: VectorKind, axis: Axis, layer: int | None) -> float:
        return 0.0 if layer is None else gains[kind][axis][layer - 1] * steps[kind][layer - 1]

    def best(kind: VectorKind) -> list[int | None]:
        own = OWN_AXIS[kind]
        promising = [layer for layer in sorted(set(layers[kind])) if gain(kind, own, layer) > 0]
        return [*sorted(promising, key=lambda layer: -gain(kind, own, layer))[:count]] or [None]

    ranked_en, ranked_loc = best("en"), best("loc")
    pairs = [
        (ranked_en[min(place, len(ranked_en) - 1)], ranked_loc[min(place, len(ranked_loc) - 1)])
        for place in range(min(count, max(len(ranked_en), len(ranked_loc))))
    ]
    return tuple(
        StartingPoint(
            en_layer=en,
            en_gamma=0.0 if en is None else steps["en"][en - 1],
            loc_layer=loc,
            loc_gamma=0.0 if loc is None else steps["loc"][loc - 1],
            transfer=gain("en", "transfer", en) + gain("loc", "transfer", loc),
            localization=gain("en", "localization", en) + gain("loc", "localization", loc),
        )
        for en, loc in pairs
    )
