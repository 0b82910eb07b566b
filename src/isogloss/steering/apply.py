"""Apply an intervention to any Hugging Face causal LM, as a context manager that leaves no trace behind.

Every row of a batch gets the vector of its own language, at every non-pad position of the block's output: of the prompt
and, under a KV cache, of each generated token. γ = 0 registers nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import torch
from torch import nn

from isogloss.errors import UserError, did_you_mean
from isogloss.models.forward import text_config
from isogloss.models.layers import block, edit_block_output, num_layers, text_decoder
from isogloss.steering.intervention import Component, Intervention

Positions = Literal["all", "from-prompt-end"]


@contextmanager
def steer(
    model: nn.Module,
    intervention: Intervention,
    *,
    languages: str | Sequence[str],
    positions: Positions = "all",
    missing: Literal["error", "unsteered"] = "error",
    real: torch.Tensor | None = None,
    prompt_ends: torch.Tensor | None = None,
    model_digest: str | None = None,
) -> Iterator[nn.Module]:
    """Steer every forward and generation inside the context.

    `languages` is one per row of the batch, or one for all rows; with beams or several returned sequences each row's
    language follows its copies. `missing` says what happens to a language without a vector. `positions`
    "from-prompt-end" leaves the prompt before its last token as it is. `real` [B, T] and `prompt_ends` [B] are needed
    only where the model is given no 2-D attention mask.

    Raises RefusedError for vectors of another model (by `model_digest`, else the digest the model was loaded under, else
    by shape) and UserError for an unknown language or a batch of another size.
    """
    digest = model_digest or getattr(model, "isogloss_digest", None)
    hidden_size = text_config(model).hidden_size
    for one in intervention.components:
        one.vectors.check_model(digest, num_layers=num_layers(model), hidden_size=hidden_size)
    names = (languages,) if isinstance(languages, str) else tuple(languages)
    if missing == "error":
        for name in names:
            if name not in intervention.languages:
                known = ", ".join(sorted(intervention.languages))
                raise UserError(
                    f"no steering vector for language '{name}'{did_you_mean(name, intervention.languages)}; there are {known}"
                )
    active = [one for one in intervention.components if one.gamma != 0]
    rows = _Rows(real=real, prompt_ends=prompt_ends, positions=positions)
    with ExitStack() as stack:
        for module in _path_to_decoder(model) if active else ():
            stack.callback(module.register_forward_pre_hook(rows.enter, with_kwargs=True).remove)
            stack.callback(module.register_forward_hook(rows.leave, always_call=True).remove)
        for one in active:
            edit = _Addition(one, names, rows)
            stack.callback(block(model, one.layer).register_forward_hook(edit_block_output(edit)).remove)
        yield model


def _path_to_decoder(model: nn.Module) -> list[nn.Module]:
    """The model, its text decoder and the modules between them: a mask may be 2-D at one and prepared at the next."""
    decoder = text_decoder(model)
    name = next(name for name, module in model.named_modules() if module is decoder)
    parts = name.split(".") if name else []
    return [model.get_submodule(".".join(parts[:depth])) for depth in range(len(parts) + 1)]


class _Rows:
    """Which places of the current forward are steered, from its attention mask or from what the caller gave."""

    def __init__(self, *, real: torch.Tensor | None, prompt_ends: torch.Tensor | None, positions: Positions) -> None:
        self.given, self.prompt_ends, self.positions = real, prompt_ends, positions
        self.mask: torch.Tensor | None = None
        self.depth = 0

    def enter(self, module: nn.Module, args: Any, kwargs: dict[str, Any]) -> None:
        self.depth += 1
        mask = kwargs.get("attention_mask")
        if mask is None and len(args) > 1:
            mask = inspect.signature(module.forward).bind_partial(*args).arguments.get("attention_mask")
        if isinstance(mask, torch.Tensor) and mask.ndim == 2:
            self.mask = mask

    def leave(self, _module: nn.Module, _args: Any, _output: Any) -> None:
        self.depth -= 1
        if self.depth == 0:
            self.mask = None

    def steered(self, hidden_BTD: torch.Tensor) -> torch.Tensor | None:
        """[B, T, 1] bool, or None for everywhere."""
        batch, time, _ = hidden_BTD.shape
        place = torch.arange(time, device=hidden_BTD.device)
        if self.given is not None and tuple(self.given.shape) == (batch, time):
            real = self.given.to(hidden_BTD.device)
        elif self.mask is not None and self.mask.shape[0] == batch:
            real = self.mask[:, -time:].to(hidden_BTD.device).bool()
        else:
            real = torch.ones(batch, time, dtype=torch.bool, device=hidden_BTD.device)
        if self.positions == "from-prompt-end" and time > 1:
            if self.prompt_ends is not None:
                end = self.prompt_ends.to(hidden_BTD.device)
            else:
                end = (real * (place + 1)).argmax(dim=-1)
            real = real & (place >= end[:, None])
        return None if bool(real.all()) else real[..., None]


class _Addition:
    """hidden → hidden + γ·v of each row's language, where steered."""

    def __init__(self, component: Component, languages: tuple[str, ...], rows: _Rows) -> None:
        self.rows = rows
        self.languages = languages
        vectors = component.vectors
        zero = torch.zeros(vectors.header.hidden_size)
        self.has_vector = torch.tensor([name in vectors.tensors for name in languages])
        self.shift_BD = component.gamma * torch.stack(
            [vectors.at(name, component.layer) if name in vectors.tensors else zero for name in languages]
        )

    def __call__(self, hidden_BTD: torch.Tensor) -> torch.Tensor:
        batch, count = hidden_BTD.shape[0], len(self.languages)
        if batch % count:
            raise UserError(f"{count} languages given for a batch of {batch} rows; give one per row, or one for all")
        shift = self.shift_BD.to(device=hidden_BTD.device, dtype=hidden_BTD.dtype)
        shift = shift.repeat_interleave(batch // count, dim=0)[:, None]
        chosen = self.rows.steered(hidden_BTD)
        if not bool(self.has_vector.all()):
            own = self.has_vector.to(hidden_BTD.device).repeat_interleave(batch // count)[:, None, None]
            chosen = own if chosen is None else own & chosen
        steered = hidden_BTD + shift
        return steered if chosen is None else torch.where(chosen, steered, hidden_BTD)
