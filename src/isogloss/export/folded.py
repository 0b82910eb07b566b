"""`folded`: a plain checkpoint a language, its vector folded into a bias, equal to the steered model without any hook.

Adding γ·v to a block's output, h + MLP(norm(h)) + γ·v, is the same as adding it to the bias of the MLP's last projection,
where nothing comes between that projection and the residual stream. Llama and its kin have such a bias when `mlp_bias` is
set in their config; where it is not, it is switched on with zeros everywhere else. Gemma 3 (a norm after the MLP), Qwen
and Mistral (no bias) have no such place. What was folded is compared with the steered model before anything is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from isogloss.errors import RefusedError
from isogloss.export.huggingface import CARD, additions, check_everywhere, copy_papers, new_folder
from isogloss.models.hub import quiet_transformers
from isogloss.models.layers import block, decoder_blocks
from isogloss.models.load import LoadedModel
from isogloss.steering.apply import Positions, steer
from isogloss.steering.intervention import Intervention

_PAPERS = (CARD, "plane.png", "intervention.json", "scores.json")
_PROJECTIONS = ("gate_proj", "up_proj", "down_proj")
#: Modules that stand between the MLP and the residual stream.
_NORMS_AFTER = ("post_feedforward_layernorm", "post_mlp_layernorm", "post_mlp_norm", "post_ffn_norm")
#: Largest difference of log-probabilities between steered and folded, in float32 (bfloat16 rounds to 8 bits).
TOLERANCE = {"float32": 1e-5, "bfloat16": 0.1}
_PROBE_TOKENS = 24


def export_folded(
    bundle: Path,
    dest: Path,
    *,
    loaded: LoadedModel,
    intervention: Intervention,
    positions: Positions,
    languages: Sequence[str],
) -> None:
    """Write `dest/LANGUAGE/` with weights, config and tokenizer for each language. `loaded` is changed and of no more use.

    Raises:
        RefusedError: the architecture has no bias in the right place, not every position is steered, or the folded model
            does not answer as the steered one does.
        UserError: `dest` exists.
    """
    check_everywhere(positions, form="folded")
    check_foldable(loaded.model)
    probe = _probe(loaded)
    wanted = {language: _steered_log_probabilities(loaded, intervention, language, probe) for language in languages}
    before = add_biases(loaded.model)
    with new_folder(dest, form="folded") as aside, quiet_transformers():
        for language in languages:
            set_biases(loaded.model, before, additions(intervention, language))
            _check_equal(loaded, probe, wanted[language], language)
            loaded.model.save_pretrained(aside / language)
            loaded.tokenizer.save_pretrained(aside / language)
        copy_papers(bundle, aside, _PAPERS, note=_note(languages))


def check_foldable(model: nn.Module) -> None:
    """Raise RefusedError, with the reason, unless each block ends in an MLP whose last projection has or may have a bias."""
    name = type(model).__name__
    instead = "export it as hf or gguf"
    for one in decoder_blocks(model):
        down = getattr(getattr(one, "mlp", None), "down_proj", None)
        if not isinstance(down, nn.Linear):
            raise RefusedError(f"folded: {name} has no single last projection in its MLP; {instead}")
        if after := next((norm for norm in _NORMS_AFTER if hasattr(one, norm)), None):
            raise RefusedError(
                f"folded: {name} normalises what its MLP gives ({after}), so that no bias equals a vector added to the "
                f"block's output; {instead}"
            )
        if down.bias is None and not hasattr(_text_config(model), "mlp_bias"):
            raise RefusedError(
                f"folded: the MLP of {name} has no bias, and its config has no switch for one; {instead}"
            )


def add_biases(model: nn.Module) -> list[torch.Tensor]:
    """Switch the MLPs' biases on with zeros where there are none; returns each block's last bias [hidden] as it was."""
    config = _text_config(model)
    if getattr(config, "mlp_bias", True) is False:
        config.mlp_bias = True
        for one in decoder_blocks(model):
            for name in _PROJECTIONS:
                linear: Any = getattr(one.mlp, name)
                zeros = linear.weight.new_zeros(linear.out_features)
                linear.bias = nn.Parameter(zeros, requires_grad=False)
    return [_down(one).bias.detach().clone() for one in decoder_blocks(model)]


def set_biases(model: nn.Module, before: Sequence[torch.Tensor], added: dict[int, torch.Tensor]) -> None:
    """Each block's last bias as it was, plus what is added in its layer."""
    for one, bias in zip(decoder_blocks(model), before, strict=True):
        _down(one).bias.data = bias.clone()
    for layer, addition in added.items():
        bias = _down(block(model, layer)).bias
        bias.data = (bias.data.float() + addition.to(bias.device)).to(bias.dtype)


def _down(one: Any) -> Any:
    return one.mlp.down_proj


def _text_config(model: Any) -> Any:
    return model.config.get_text_config()


def _probe(loaded: LoadedModel) -> torch.Tensor:
    """Token ids [1, T] to compare models on."""
    vocabulary = _text_config(loaded.model).vocab_size
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(vocabulary, (1, _PROBE_TOKENS), generator=generator)
    return ids.to(loaded.model.device)


@torch.inference_mode()
def _log_probabilities(loaded: LoadedModel, probe: torch.Tensor) -> torch.Tensor:
    model: Any = loaded.model
    logits = model(input_ids=probe, attention_mask=torch.ones_like(probe)).logits
    return logits[0].float().log_softmax(-1)


def _steered_log_probabilities(
    loaded: LoadedModel, intervention: Intervention, language: str, probe: torch.Tensor
) -> torch.Tensor:
    with steer(loaded.model, intervention, languages=language, model_digest=loaded.digest):
        return _log_probabilities(loaded, probe)


def _check_equal(loaded: LoadedModel, probe: torch.Tensor, wanted: torch.Tensor, language: str) -> None:
    apart = float((_log_probabilities(loaded, probe) - wanted).abs().max())
    if not apart <= TOLERANCE[loaded.dtype] * max(1.0, float(wanted.abs().max())):
        raise RefusedError(
            f"folded: {type(loaded.model).__name__} with the {language} vector in its biases differs from the steered model "
            f"(by {apart:.2g} in log-probability); export it as hf or gguf"
        )


def _note(languages: Sequence[str]) -> str:
    folders = ", ".join(f"`{language}/`" for language in languages)
    return (
        f"## Folded checkpoints\n\n{folders}: one plain model for each language, the vector of that language in the biases "
        "of its MLPs. Each loads with `AutoModelForCausalLM.from_pretrained(FOLDER)` and needs nothing else."
    )
