"""Bundles on tiny models as promotion makes them, for the tests of what people do with one. Scores are made up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fake_results import estimate
from isogloss.models.load import resolve
from isogloss.registry.bundle import Bundle, write_bundle
from isogloss.registry.card import card
from isogloss.registry.contents import Base, BundleScores, BundleSpec, Git, Lineage, Measured
from isogloss.steering.intervention import Component, Intervention
from isogloss.steering.vectors import SteeringVectors
from tiny_bundles import make_vectors
from tiny_models import HIDDEN_SIZE, NUM_LAYERS

LANGUAGES = ("en", "es", "ko", "el")
STEERED = ("es", "ko")


def random_vectors(kind: str, digest: str, *, seed: int = 0, languages: tuple[str, ...] = STEERED) -> SteeringVectors:
    """Vectors of length about 6, where states have 10, for the model with this digest."""
    return make_vectors(kind, digest=digest, seed=seed, languages=languages, residual_norm=10.0)


def surgery(digest: str, *, en_layer: int = 2, loc_layer: int = 3) -> Intervention:
    """EN for both languages, LOC for each with its own strength: three components."""
    en, loc = random_vectors("en", digest, seed=1), random_vectors("loc", digest, seed=2)
    return Intervention(
        (
            Component(vectors=en, layer=en_layer, gamma=0.7),
            Component(vectors=loc.only(["es"]), layer=loc_layer, gamma=1.3),
            Component(vectors=loc.only(["ko"]), layer=loc_layer, gamma=2.0),
        )
    )


def made_up_scores() -> BundleScores:
    """Localization gained, except in Greek, where it was clearly lost; transfer lower within the interval."""

    def everywhere(value: float, half: float = 0.03, **others: float) -> dict[str, Any]:
        return {one: estimate(others.get(one, value), half) for one in (*LANGUAGES, "macro")}

    return BundleScores(
        axes={"transfer": everywhere(0.6), "localization": everywhere(0.45)},
        delta={"transfer": everywhere(-0.01), "localization": everywhere(0.08, el=-0.09)},
        bias=everywhere(0.3),
        bias_delta=everywhere(-0.1),
        baseline=Measured(axes={"transfer": everywhere(0.61), "localization": everywhere(0.37)}),
    )


def promote_tiny(folder: Path, model: Path, *, intervention: Intervention | None = None, **changes: Any) -> Bundle:
    """A bundle in `folder` on the tiny `model`, with `model_folder` where something was trained on it."""
    found = resolve(str(model))
    model_folder = changes.pop("model_folder", None)
    facts: dict[str, Any] = {
        "name": "tiny-sur",
        "base": Base(
            ref=str(model), digest=found.digest, num_layers=NUM_LAYERS, hidden_size=HIDDEN_SIZE,
            architecture="LlamaForCausalLM",
        ),
        "languages": LANGUAGES,
        "regions": {"en": "US, GB", "es": "ES", "ko": "KR", "el": "GR"},
        "scoring": {"method": "cloze", "normalise": "tokens"},
        "lineage": Lineage(
            pipeline="small", spec_digest="5" * 64, benchmark_digest="e" * 64, code_version="0.1.0",
            git=Git(commit="c" * 40, dirty=False), run_id="r1",
        ),
    }  # fmt: skip
    return write_bundle(
        folder,
        spec=BundleSpec(**{**facts, **changes}),
        intervention=surgery(found.digest) if intervention is None else intervention,
        scores=made_up_scores(),
        card=card,
        model_folder=model_folder,
    )
