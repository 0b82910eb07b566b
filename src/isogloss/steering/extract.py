"""Steering vectors for every layer in one pass over the pairs: v_l = mean over pairs of h_l(towards) − h_l(away)
(Han et al. 2025, equations of section 5; the contrastive mean difference).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from isogloss.errors import UserError
from isogloss.models.forward import length_sorted_batches, pad, text_model
from isogloss.models.layers import block_output, captured, num_layers
from isogloss.steering.pairs import Pair, pairs_digest
from isogloss.steering.vectors import Header, Kind, SteeringVectors, Token


@torch.inference_mode()
def prompt_states(
    model: torch.nn.Module,
    tokenizer: Any,
    prompts: Sequence[str],
    *,
    token: Token = "last",
    token_budget: int = 2048,
    progress: Callable[[int], None] = lambda _done: None,
) -> torch.Tensor:
    """Float32 states [prompts, layers, hidden]: the last real token's, or the mean over all but special tokens."""
    parts = text_model(model)
    layers = range(1, num_layers(model) + 1)
    rows = [list(tokenizer.encode(prompt)) for prompt in prompts]
    if empty := [index for index, row in enumerate(rows) if not row]:
        raise UserError(f"prompt {empty[0]} has no tokens")
    special = set(tokenizer.all_special_ids)
    pad_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    result: torch.Tensor | None = None
    for indices in length_sorted_batches([len(row) for row in rows], token_budget=token_budget):
        batch = pad([rows[index] for index in indices], pad_id=pad_id)
        device = parts.device
        positions = torch.arange(batch.ids.shape[1], device=device).expand(batch.ids.shape)
        with captured(model, layers) as outputs:
            parts.hidden(batch.ids.to(device), attention_mask=batch.real.long().to(device), positions_BT=positions)
        weight = token_weights(batch.real, [rows[index] for index in indices], special, token)
        states = torch.stack(
            [
                torch.einsum("bt,btd->bd", weight.to(hidden.device), hidden.float()).cpu()
                for hidden in (block_output(outputs[layer]) for layer in layers)
            ],
            dim=1,
        )
        if result is None:
            result = torch.empty(len(rows), *states.shape[1:])
        result[indices] = states
        progress(len(indices))
    assert result is not None
    return result


def token_weights(real: torch.Tensor, rows: Sequence[Sequence[int]], special: set[int], token: Token) -> torch.Tensor:
    """[batch, time] weights that sum to 1 a row: one on the last real place, or even over non-special places."""
    weight = torch.zeros(real.shape)
    for index, row in enumerate(rows):
        places = [len(row) - 1]
        if token == "mean":
            places = [place for place, token_id in enumerate(row) if token_id not in special] or places
        weight[index, places] = 1 / len(places)
    return weight


def extract_vectors(
    model: torch.nn.Module,
    tokenizer: Any,
    pairs: Sequence[Pair],
    *,
    kind: Kind,
    model_name: str,
    model_digest: str,
    scoring: str,
    token: Token = "last",
    token_budget: int = 2048,
    progress: Callable[[int], None] = lambda _done: None,
) -> SteeringVectors:
    """Vectors of every language in `pairs`, at every layer. Each distinct prompt is read once."""
    prompts = list(dict.fromkeys(text for pair in pairs for text in (pair.towards, pair.away)))
    place = {text: index for index, text in enumerate(prompts)}
    states_PLD = prompt_states(model, tokenizer, prompts, token=token, token_budget=token_budget, progress=progress)
    tensors, norms, residual = {}, {}, {}
    for language in sorted({pair.language for pair in pairs}):
        own = [pair for pair in pairs if pair.language == language]
        away = states_PLD[[place[pair.away] for pair in own]]
        difference = (states_PLD[[place[pair.towards] for pair in own]] - away).mean(dim=0)
        tensors[language] = difference
        norms[language] = tuple(difference.norm(dim=-1).tolist())
        residual[language] = tuple(away.norm(dim=-1).mean(dim=0).tolist())
    layers, hidden_size = next(iter(tensors.values())).shape
    header = Header(
        kind=kind,
        model=model_name,
        model_digest=model_digest,
        num_layers=layers,
        hidden_size=hidden_size,
        token=token,
        scoring=scoring,
        pairs={language: sum(pair.language == language for pair in pairs) for language in tensors},
        data_digest=pairs_digest(pairs),
        norms=norms,
        residual_norms=residual,
    )
    return SteeringVectors(header, tensors)
