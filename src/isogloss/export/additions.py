"""What an intervention adds, worked out: for one language, one float32 vector a layer with γ multiplied in."""

from __future__ import annotations

import torch

from isogloss.errors import RefusedError
from isogloss.steering.apply import Positions
from isogloss.steering.intervention import Intervention


def additions(intervention: Intervention, language: str) -> dict[int, torch.Tensor]:
    """{layer: Σ γ·v [hidden]} of a language over the components that have a vector for it, γ = 0 left out."""
    found: dict[int, torch.Tensor] = {}
    for one in intervention.components:
        if one.gamma != 0 and language in one.vectors.tensors:
            addition = one.gamma * one.vectors.at(language, one.layer)
            found[one.layer] = found[one.layer] + addition if one.layer in found else addition
    return dict(sorted(found.items()))


def steered_languages(intervention: Intervention) -> tuple[str, ...]:
    """The languages that anything is added for, sorted."""
    return tuple(sorted(one for one in intervention.languages if additions(intervention, one)))


def check_everywhere(positions: Positions, *, form: str) -> None:
    """Raise RefusedError unless all positions are steered: what is added once for all cannot tell them apart."""
    if positions != "all":
        raise RefusedError(
            f"{form}: the model is steered at the positions '{positions}', and this form adds a vector at every position; "
            "export it as hf and load it with isogloss"
        )
