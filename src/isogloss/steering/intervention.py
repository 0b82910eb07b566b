"""`Intervention`: which vectors are added where and how strongly. EN and LOC are one component, SUR is one of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from isogloss.errors import UserError
from isogloss.files import digest_of
from isogloss.models.layers import LAYER_CONVENTION, check_layer
from isogloss.steering.vectors import SteeringVectors


@dataclass(frozen=True, eq=False, kw_only=True)
class Component:
    """Add γ · v of each row's language to the output of layer `layer` (1…L)."""

    vectors: SteeringVectors
    layer: int
    gamma: float

    def __post_init__(self) -> None:
        check_layer(self.layer, self.vectors.header.num_layers)
        if self.gamma != self.gamma or abs(self.gamma) == float("inf"):
            raise UserError(f"gamma must be a finite number, not {self.gamma}")

    def relative_norm(self) -> float:
        """γ‖v‖ over the mean residual norm of its layer, averaged over languages."""
        header = self.vectors.header
        ratios = [
            header.norms[one][self.layer - 1] / header.residual_norms[one][self.layer - 1] for one in header.norms
        ]
        return abs(self.gamma) * sum(ratios) / len(ratios)


@dataclass(frozen=True, eq=False)
class Intervention:
    """Components applied together, each at its layer."""

    components: tuple[Component, ...]

    @property
    def first_layer(self) -> int | None:
        """The lowest layer that is changed; None when nothing is (no component, or every γ is 0)."""
        return min((one.layer for one in self.components if one.gamma != 0), default=None)

    @property
    def languages(self) -> frozenset[str]:
        """Languages that at least one component has a vector for."""
        return frozenset(language for one in self.components for language in one.vectors.languages)

    def describe(self) -> dict[str, object]:
        """The JSON form (`intervention.json`): kinds, layers, strengths, the vectors' digests and the layer convention."""
        return {
            "layer_convention": LAYER_CONVENTION,
            "components": [
                {
                    "kind": one.vectors.header.kind,
                    "layer": one.layer,
                    "gamma": one.gamma,
                    "languages": list(one.vectors.languages),
                    "relative_norm": one.relative_norm(),
                    "vectors": one.vectors.digest,
                    "model_digest": one.vectors.header.model_digest,
                }
                for one in self.components
            ],
        }

    @property
    def digest(self) -> str:
        """Content digest."""
        return digest_of(self.describe())


def single(vectors: SteeringVectors, *, layer: int, gamma: float) -> Intervention:
    """EN or LOC steering, by the kind of `vectors`."""
    return Intervention((Component(vectors=vectors, layer=layer, gamma=gamma),))


def surgical(en: Intervention, loc: Intervention) -> Intervention:
    """SUR: EN in its layer and LOC in its layer at once (Han et al. 2025, section 6)."""
    return Intervention((*en.components, *loc.components))


def random_control(vectors: SteeringVectors, *, seed: int) -> SteeringVectors:
    """Vectors of random direction with, per language and layer, the norm of the real ones."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for language, tensor in sorted(vectors.tensors.items()):
        noise = torch.randn(tensor.shape, generator=generator)
        tensors[language] = noise / noise.norm(dim=-1, keepdim=True) * tensor.norm(dim=-1, keepdim=True)
    return SteeringVectors(vectors.header, tensors)


def exchanged(
    vectors: SteeringVectors, order: Sequence[str] | None = None
) -> tuple[SteeringVectors, Mapping[str, str]]:
    """Every language gets the vector of the next one in `order` (default: sorted), at its own norm, and who got whose.

    Raises UserError with fewer than two languages.
    """
    languages = list(order or sorted(vectors.tensors))
    if len(languages) < 2:
        raise UserError("another language's vector needs vectors of at least two languages")
    source = dict(zip(languages, [*languages[1:], languages[0]], strict=True))
    tensors = {}
    for language, other in source.items():
        foreign, own = vectors.tensors[other], vectors.tensors[language]
        scale = own.norm(dim=-1, keepdim=True) / foreign.norm(dim=-1, keepdim=True).clamp_min(1e-12)
        tensors[language] = foreign * scale
    return SteeringVectors(vectors.header, tensors), source
