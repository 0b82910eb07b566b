"""Bundles on tiny models as promotion makes them, for the tests of what people do with one. Scores are made up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from fake_results import estimate
from isogloss.methods.model import load_trainable, save_trained
from isogloss.models.load import resolve
from isogloss.registry.bundle import Bundle, write_bundle
from isogloss.registry.card import card
from isogloss.registry.contents import Base, BundleScores, BundleSpec, Git, Lineage, Measured
from isogloss.steering.intervention import Component, Intervention
from isogloss.steering.vectors import Header, SteeringVectors
from tiny_models import HIDDEN_SIZE, NUM_LAYERS
from training_jobs import make_job

LANGUAGES = ("en", "es", "ko", "el")
STEERED = ("es", "ko")


def random_vectors(kind: str, digest: str, *, seed: int = 0, languages: tuple[str, ...] = STEERED) -> SteeringVectors:
    """Vectors of length about 6 for the model with this digest."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {one: torch.randn(NUM_LAYERS, HIDDEN_SIZE, generator=generator) for one in languages}
    header: dict[str, Any] = {
        "kind": kind, "model": "tiny", "model_digest": digest, "num_layers": NUM_LAYERS, "hidden_size": HIDDEN_SIZE,
        "token": "last", "scoring": "cloze", "pairs": dict.fromkeys(languages, 7), "data_digest": "d" * 64,
        "norms": {one: tuple(tensor.norm(dim=-1).tolist()) for one, tensor in tensors.items()},
        "residual_norms": dict.fromkeys(languages, (10.0,) * NUM_LAYERS),
    }  # fmt: skip
    return SteeringVectors(Header(**header), tensors)


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


def trained_folder(place: Path, *, parameters: str) -> Path:
    """What a training writes, `lora` or `full`, on the tiny llama; its weights were moved at random."""
    job = make_job(place / "training", family="llama", parameters=parameters)
    model, tokenizer = load_trainable(job)
    generator = torch.Generator().manual_seed(3)
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.2 * torch.randn(parameter.shape, generator=generator)
    save_trained(model, tokenizer, place / "trained", job=job, step=1)
    return place / "trained"
