"""Small bundles of one LOC component, for the tests of what is written, gated, registered and fetched. Scores are made up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from isogloss.methods.model import load_trainable, save_trained
from isogloss.registry.bundle import Bundle, write_bundle
from isogloss.registry.contents import Base, BundleScores, BundleSpec, Git, Lineage, Measured
from isogloss.results.scores import Estimate
from isogloss.steering.intervention import Intervention, single
from isogloss.steering.vectors import Header, SteeringVectors
from tiny_models import HIDDEN_SIZE, NUM_LAYERS
from training_jobs import make_job

LANGUAGES = ("es", "ko", "el")
BASE_DIGEST = "b" * 64


def make_vectors(
    kind: str = "loc",
    *,
    digest: str = BASE_DIGEST,
    seed: int = 0,
    languages: tuple[str, ...] = LANGUAGES,
    residual_norm: float = 1.0,
) -> SteeringVectors:
    """Random vectors of length about 6 for the model with this digest."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {one: torch.randn(NUM_LAYERS, HIDDEN_SIZE, generator=generator) for one in languages}
    header: dict[str, Any] = {
        "kind": kind,
        "model": "tiny",
        "model_digest": digest,
        "num_layers": NUM_LAYERS,
        "hidden_size": HIDDEN_SIZE,
        "token": "last",
        "scoring": "cloze",
        "pairs": dict.fromkeys(languages, 7),
        "data_digest": "d" * 64,
        "norms": {one: tuple(tensor.norm(dim=-1).tolist()) for one, tensor in tensors.items()},
        "residual_norms": dict.fromkeys(languages, (residual_norm,) * NUM_LAYERS),
    }
    return SteeringVectors(Header(**header), tensors)


def estimate(value: float, *, n: int = 120, half: float = 0.02) -> Estimate:
    return Estimate(value=value, low=value - half, high=value + half, n=n, groups=n // 2)


def make_scores(*, transfer: float = 0.01, localization: float = 0.06) -> BundleScores:
    def everywhere(value: float) -> dict[str, Estimate]:
        return {one: estimate(value) for one in (*LANGUAGES, "macro")}

    return BundleScores(
        axes={"transfer": everywhere(0.6 + transfer), "localization": everywhere(0.4 + localization)},
        delta={"transfer": everywhere(transfer), "localization": everywhere(localization)},
        bias=everywhere(0.3),
        bias_delta=everywhere(-0.1),
        baseline=Measured(axes={"transfer": everywhere(0.6), "localization": everywhere(0.4)}, bias=everywhere(0.4)),
    )


def make_spec(**changes: Any) -> BundleSpec:
    digest = changes.pop("digest", BASE_DIGEST)
    base = Base(
        ref=changes.pop("ref", "tiny"),
        digest=digest,
        num_layers=NUM_LAYERS,
        hidden_size=HIDDEN_SIZE,
        architecture="LlamaForCausalLM",
    )
    lineage = {
        "pipeline": "tiny",
        "spec_digest": "5" * 64,
        "benchmark_digest": "e" * 64,
        "code_version": "0.1.0",
        "git": Git(commit="c" * 40, dirty=False),
        **changes.pop("lineage", {}),
    }
    facts: dict[str, Any] = {
        "name": "tiny-loc",
        "base": base,
        "languages": LANGUAGES,
        "regions": {"es": "ES", "ko": "KR", "el": "GR"},
        "scoring": {"method": "cloze", "normalise": "tokens"},
        "lineage": Lineage(**lineage),
    }
    return BundleSpec(**{**facts, **changes})


def make_bundle(
    folder: Path,
    *,
    digest: str = BASE_DIGEST,
    gamma: float = 1.0,
    intervention: Intervention | None = None,
    **changes: Any,
) -> Bundle:
    model_folder, card = changes.pop("model_folder", None), changes.pop("card", "# A tiny one\n")
    chosen = intervention or single(make_vectors(digest=digest), layer=3, gamma=gamma)
    return write_bundle(
        folder,
        spec=make_spec(digest=digest, **changes),
        intervention=chosen,
        scores=make_scores(),
        card=lambda _bundle: card,
        model_folder=model_folder,
    )


def trained_folder(place: Path, *, parameters: str, moved: float = 0.0) -> Path:
    """What a training writes, `lora` or `full`, on the tiny llama; its weights moved at random by about `moved`."""
    job = make_job(place / "training", family="llama", parameters=parameters)
    model, tokenizer = load_trainable(job)
    generator = torch.Generator().manual_seed(3)
    for parameter in model.parameters():
        if moved and parameter.requires_grad:
            parameter.data += moved * torch.randn(parameter.shape, generator=generator)
    save_trained(model, tokenizer, place / "trained", job=job, step=1)
    return place / "trained"
