"""Which layers' hidden states to keep, where not all fit: those that spare trials the most layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache


def layers_to_keep(first_layers: Iterable[int], *, count: int) -> tuple[int, ...]:
    """At most `count` layers, so that trials whose lowest steered layers are `first_layers` recompute the fewest.

    A trial starts at the highest kept layer that is not above its first steered one, else at the embeddings (layer 0).
    A layer named more often weighs more. Exact, by dynamic programming over the sorted layers.
    """
    weight = Counter(first_layers)
    layers = sorted(weight)

    def wasted(start: int, begin: int, end: int) -> int:
        """Layers recomputed in vain by trials that begin at layers[begin:end], from the state of layer `start`."""
        return sum(weight[layer] * (layer - start) for layer in layers[begin:end])

    @cache
    def best(begin: int, left: int) -> tuple[int, tuple[int, ...]]:
        """(waste, layers kept) where layers[begin] is kept and `left` more may be."""
        start = layers[begin]
        found: tuple[int, tuple[int, ...]] = (wasted(start, begin, len(layers)), (start,))
        for later in range(begin + 1, len(layers)) if left else ():
            cost, kept = best(later, left - 1)
            found = min(found, (wasted(start, begin, later) + cost, (start, *kept)))
        return found

    if count < 1 or not layers:
        return ()
    options = [
        (wasted(0, 0, begin) + best(begin, count - 1)[0], best(begin, count - 1)[1]) for begin in range(len(layers))
    ]
    return min(options)[1]
