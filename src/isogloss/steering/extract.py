"""Steering vectors for every layer in one pass over the pairs: v_l = mean over pairs of h_l(towards) − h_l(away)
(Han et al. 2025, equations of section 5; the contrastive mean difference).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from isogloss.data.rows import ENGLISH, ChoiceItem
from isogloss.errors import UserError
from isogloss.files import digest_of
from isogloss.models.forward import length_sorted_batches, pad, text_model
from isogloss.models.layers import block_output, captured, num_layers
from isogloss.steering.vectors import Header, Kind, SteeringVectors, Token

# --------------------------------------------------------------------------------------------------------------------
# Pairs of prompts whose difference is a steering direction: EN (English − own language) and LOC (country named − not).

#: item, question → prompt; the prompt format of the scoring that the vectors will steer.
PromptOf = Callable[[ChoiceItem, str], str]


@dataclass(frozen=True, slots=True)
class Pair:
    """The direction of `language` is the mean over its pairs of h(towards) − h(away)."""

    language: str
    towards: str
    away: str


def en_pairs(items: Sequence[ChoiceItem], prompt_of: PromptOf) -> list[Pair]:
    """(English, own language) of the same question: x_en and x_xx of the paper, matched by `group` and order of id."""
    by_group: dict[str, dict[str, list[ChoiceItem]]] = defaultdict(lambda: defaultdict(list))
    for item in sorted(items, key=lambda item: item.id):
        by_group[item.group][item.language].append(item)
    pairs = []
    for languages in by_group.values():
        english = languages.get(ENGLISH, [])
        for language, others in languages.items():
            if language != ENGLISH:
                matched = zip(english, others, strict=False)
                pairs += [Pair(language, prompt_of(en, en.question), prompt_of(xx, xx.question)) for en, xx in matched]
    return _checked(pairs, "en", "items that share their `group` with an English item")


def loc_pairs(items: Sequence[ChoiceItem], prompt_of: PromptOf) -> list[Pair]:
    """(country named, country not named) of the same question in the same language."""
    pairs = [
        Pair(item.language, prompt_of(item, item.context_question), prompt_of(item, item.question))
        for item in sorted(items, key=lambda item: item.id)
        if item.context_question is not None
    ]
    return _checked(pairs, "loc", "items with a `context_question`")


def take_pairs(pairs: Sequence[Pair], *, most: int) -> list[Pair]:
    """At most `most` pairs a language, spread evenly over those there are."""
    by_language: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        by_language[pair.language].append(pair)
    taken = []
    for own in by_language.values():
        count = min(most, len(own))
        taken += [own[index * len(own) // count] for index in range(count)]
    return taken


def pairs_digest(pairs: Sequence[Pair]) -> str:
    """Digest of the prompts themselves."""
    return digest_of([[pair.language, pair.towards, pair.away] for pair in pairs])


def _checked(pairs: list[Pair], kind: Kind, needed: str) -> list[Pair]:
    distinct = [pair for pair in dict.fromkeys(pairs) if pair.towards != pair.away]
    if not distinct:
        raise UserError(f"no pairs for {kind.upper()} vectors: they need {needed}, and the data has none")
    return distinct


# --------------------------------------------------------------------------------------------------------------------


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
