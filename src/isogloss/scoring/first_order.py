"""First-order estimate of steering: how fast each item's answer improves as γ leaves 0, for every layer at once.

Adding γ·v to the output h_l at the steered positions changes an option's log-likelihood s_o, at γ = 0, by

    d s_o / dγ = Σ_positions ⟨∂ s_o / ∂ h_l, v⟩,

so one forward and one backward pass a batch give all layers, kinds and vectors. What is followed is the gold option's
margin m = s_gold − log Σ_{o ≠ gold} exp s_o, and its probability among the options p = σ(m): dp/dγ = p (1 − p) dm/dγ, of
which a search's `probability` statistic is the mean.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch

from isogloss.data.rows import ENGLISH, Axis, ChoiceItem
from isogloss.models.forward import TextModel, length_sorted_batches, masks_by_layer_type, text_config, text_model
from isogloss.models.layers import block, block_output, edit_block_output, num_layers
from isogloss.scoring.score import PackedBatch, PackedRow, ScoreSettings, collate, encoded_rows, reads_letters

#: Bytes of one [positions, vocabulary] tensor where the head's gradient is taken.
_LOGIT_BYTES = 64 << 20

#: kind → language → float32 [layers, hidden]; row l−1 belongs to layer l.
Directions = Mapping[str, Mapping[str, torch.Tensor]]


class _Reader(NamedTuple):
    """Who reads what: the place of a row, for an option of an item, and the token whose value is read there."""

    row: int
    place: int
    item: int
    option: int
    target: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """Mean change per unit of γ at γ = 0, over a language's items of an axis, by layer (index l−1).

    `probability` of the gold option (fractions), `margin` in nats, and the number of items they are means of.
    """

    axis: Axis
    kind: str
    language: str
    probability: tuple[float, ...]
    margin: tuple[float, ...]
    items: int


@dataclass(frozen=True, slots=True)
class Slopes:
    """Slopes of every axis, kind and language."""

    slopes: tuple[Slope, ...]

    def macro(self, axis: Axis, kind: str, *, languages: Sequence[str] | None = None) -> tuple[float, ...]:
        """Slope of the gold option's probability by layer, averaged over non-English languages alike, or over `languages`.

        ValueError where there is none.
        """
        own = [
            slope.probability
            for slope in self.slopes
            if (slope.axis, slope.kind) == (axis, kind)
            and (slope.language != ENGLISH if languages is None else slope.language in languages)
        ]
        if not own:
            raise ValueError(f"no slopes of {kind} vectors on {axis}")
        return tuple(sum(values) / len(own) for values in zip(*own, strict=True))


def first_order(
    model: torch.nn.Module,
    tokenizer: Any,
    items: Sequence[ChoiceItem],
    *,
    directions: Directions,
    settings: ScoreSettings,
    positions: Literal["all", "from-prompt-end"] = "all",
    progress: Callable[[int], None] = lambda _done: None,
) -> Slopes:
    """Slopes at every layer, for the items whose language has a vector of some kind.

    The activations of `settings.token_budget` places (padding included) are held for the backward pass, at all layers;
    of the blocks' outputs no gradient is kept. Leaves the model's parameters as they are. `progress(n)`: n more items.
    Raises UserError as :func:`score_items`.
    """
    parts = text_model(model)
    own = [item for item in items if any(item.language in by_language for by_language in directions.values())]
    rows, option_tokens = encoded_rows(parts, tokenizer, own, settings=settings)
    letters = reads_letters(option_tokens, settings=settings)
    per_token = settings.scoring == "cloze" and settings.normalise == "tokens"
    pad_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    by_item: dict[int, list[PackedRow]] = defaultdict(list)
    for row in rows:
        by_item[row.item].append(row)
    # All rows of an item go together, since the margin's slope weighs its options by their probabilities.
    together = list(by_item.values())
    budget = settings.token_budget // max((len(group) for group in together), default=1)
    sums: dict[tuple[Axis, str, str], list[tuple[torch.Tensor, torch.Tensor]]] = defaultdict(list)
    for indices in length_sorted_batches(
        [max(len(row.ids) for row in group) for group in together], token_budget=budget
    ):
        batch = collate([row for index in indices for row in together[index]], pad_id=pad_id, side=settings.padding)
        lengths = {
            (row.item, read.option): len(option_tokens[row.item, read.option]) if per_token else 1
            for row in batch.rows
            for read in row.reads
        }
        slopes, probabilities = _batch_slopes(
            parts, batch, own, lengths, directions, letters=letters, positions=positions
        )
        for kind, slopes_BL in slopes.items():
            by_row = list(zip(batch.rows, slopes_BL, strict=True))
            for item in dict.fromkeys(row.item for row in batch.rows):
                if own[item].language in directions[kind]:
                    margin_L = torch.stack([slope for row, slope in by_row if row.item == item]).sum(0)
                    share = probabilities[item]
                    key = (own[item].axis, kind, own[item].language)
                    sums[key].append((share * (1 - share) * margin_L, margin_L))
        progress(len(indices))
    return Slopes(
        tuple(
            Slope(
                axis=axis,
                kind=kind,
                language=language,
                probability=tuple(torch.stack([one for one, _ in found]).mean(0).tolist()),
                margin=tuple(torch.stack([one for _, one in found]).mean(0).tolist()),
                items=len(found),
            )
            for (axis, kind, language), found in sorted(sums.items(), key=lambda entry: entry[0])
        )
    )


def _batch_slopes(
    parts: TextModel,
    batch: PackedBatch,
    items: Sequence[ChoiceItem],
    lengths: Mapping[tuple[int, int], int],
    directions: Directions,
    *,
    letters: bool,
    positions: Literal["all", "from-prompt-end"],
) -> tuple[dict[str, torch.Tensor], dict[int, float]]:
    """By kind the margin's slope [B, L] that each row brings (an item's is the sum over its rows), and each item's gold
    probability."""
    device, layers = parts.device, num_layers(parts.model)
    ids, places = batch.padded.ids.to(device), batch.positions.to(device)
    packed = any(max(row.segments) > 1 for row in batch.rows)
    mask: Any = batch.padded.real.long().to(device)
    if packed:
        mask = masks_by_layer_type(parts.model, batch.allowed.to(device), places)
    steered_BT = batch.padded.real
    if positions == "from-prompt-end":
        steered_BT = steered_BT & (torch.arange(ids.shape[1]) >= batch.prompt_ends[:, None])
    languages = [items[row.item].language for row in batch.rows]
    slopes = {kind: torch.zeros(len(languages), layers, dtype=torch.float64) for kind in directions}

    vectors_BLD = {kind: _by_row(own, languages) for kind, own in directions.items()}

    def watch(layer: int) -> Callable[..., None]:
        def follow(grad_BTD: torch.Tensor) -> None:
            total_BD = torch.einsum("bt,btd->bd", steered_BT.to(device).float(), grad_BTD.float()).cpu()
            for kind, vectors in vectors_BLD.items():
                slopes[kind][:, layer - 1] = (total_BD * vectors[:, layer - 1]).sum(-1).double()

        def hook(_module: torch.nn.Module, _inputs: Any, output: Any) -> None:
            block_output(output).register_hook(follow)

        return hook

    with torch.enable_grad(), ExitStack() as stack:
        # The parameters need no gradient, so the graph begins at the first block's output.
        begin = edit_block_output(lambda hidden: hidden.detach().requires_grad_(True))
        stack.callback(block(parts.model, 1).register_forward_hook(begin).remove)
        for layer in range(1, layers + 1):
            stack.callback(block(parts.model, layer).register_forward_hook(watch(layer)).remove)
        hidden_BTD = parts.hidden(ids, attention_mask=mask, positions_BT=places)
    readers = [
        _Reader(index, start + read.place, row.item, read.option, read.target)
        for index, (row, start) in enumerate(zip(batch.rows, batch.padded.offset, strict=True))
        for read in row.reads
    ]
    unique = {key: number for number, key in enumerate(dict.fromkeys((one.row, one.place) for one in readers))}
    at_R = torch.tensor([unique[one.row, one.place] for one in readers], device=device)
    targets_R = torch.tensor([one.target for one in readers], device=device)
    rows_N, places_N = torch.tensor(list(unique), device=device).T
    read_ND = hidden_BTD.detach()[rows_N, places_N]
    values_R = _read(parts, read_ND, at_R, targets_R, letters=letters)
    weights, probabilities = _margin_weights(readers, values_R.tolist(), items, lengths)
    grad_ND = _gradient(parts, read_ND, at_R, targets_R, torch.tensor(weights, device=device), letters=letters)
    grad_BTD = torch.zeros_like(hidden_BTD)
    grad_BTD[rows_N, places_N] = grad_ND.to(grad_BTD.dtype)
    hidden_BTD.backward(grad_BTD)
    return slopes, probabilities


def _by_row(own: Mapping[str, torch.Tensor], languages: Sequence[str]) -> torch.Tensor:
    """Each row's vectors [B, L, D]; zeros for a language without."""
    none = torch.zeros_like(next(iter(own.values())))
    return torch.stack([own.get(language, none) for language in languages]).float().cpu()


def _margin_weights(
    readers: Sequence[_Reader],
    values: Sequence[float],
    items: Sequence[ChoiceItem],
    lengths: Mapping[tuple[int, int], int],
) -> tuple[list[float], dict[int, float]]:
    """By how much each read value moves its item's margin, and each item's gold probability.

    The gold option's score counts once, each other one's by its share among those others, with a minus.
    """
    scores: dict[int, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    for one, value in zip(readers, values, strict=True):
        scores[one.item][one.option] += value / lengths[one.item, one.option]
    weight: dict[tuple[int, int], float] = {}
    probabilities = {}
    for item, by_option in scores.items():
        gold = items[item].answer
        others = [option for option in by_option if option != gold]
        shares = torch.tensor([by_option[option] for option in others], dtype=torch.float64)
        margin = by_option[gold] - shares.logsumexp(0)
        probabilities[item] = float(margin.sigmoid())
        weight[item, gold] = 1.0
        for option, share in zip(others, shares.softmax(0).tolist(), strict=True):
            weight[item, option] = -share
    return [weight[one.item, one.option] / lengths[one.item, one.option] for one in readers], probabilities


def _values(
    parts: TextModel, hidden_ND: torch.Tensor, at_R: torch.Tensor, targets_R: torch.Tensor, *, letters: bool
) -> torch.Tensor:
    """[R]: log-probability over the vocabulary of each target; its bare logit for letters, whose margin is the same."""
    if not letters:
        return parts.log_probabilities(hidden_ND, at_R, targets_R)
    wanted, column_R = targets_R.unique(return_inverse=True)
    return parts.logits_of(hidden_ND, wanted.tolist())[at_R, column_R]


def _chunks(parts: TextModel, count: int) -> list[tuple[int, int]]:
    """Positions [begin, end) at a time, so that their logits over the vocabulary stay small."""
    most = max(1, _LOGIT_BYTES // (4 * text_config(parts.model).vocab_size))
    return [(begin, min(begin + most, count)) for begin in range(0, count, most)]


def _read(
    parts: TextModel, hidden_ND: torch.Tensor, at_R: torch.Tensor, targets_R: torch.Tensor, *, letters: bool
) -> torch.Tensor:
    """:func:`_values` without a graph, a few positions at a time."""
    values_R = torch.zeros(len(at_R), device=hidden_ND.device)
    with torch.no_grad():
        for begin, end in _chunks(parts, len(hidden_ND)):
            here = (at_R >= begin) & (at_R < end)
            values_R[here] = _values(parts, hidden_ND[begin:end], at_R[here] - begin, targets_R[here], letters=letters)
    return values_R


def _gradient(
    parts: TextModel,
    hidden_ND: torch.Tensor,
    at_R: torch.Tensor,
    targets_R: torch.Tensor,
    weights_R: torch.Tensor,
    *,
    letters: bool,
) -> torch.Tensor:
    """[N, D]: gradient of the weighted sum of the values read, by the state they are read from."""
    gradient_ND = torch.zeros_like(hidden_ND)
    for begin, end in _chunks(parts, len(hidden_ND)):
        here = (at_R >= begin) & (at_R < end)
        states = hidden_ND[begin:end].detach().requires_grad_(True)
        with torch.enable_grad():
            values = _values(parts, states, at_R[here] - begin, targets_R[here], letters=letters)
            (gradient_ND[begin:end],) = torch.autograd.grad((values * weights_R[here]).sum(), states)
    return gradient_ND
