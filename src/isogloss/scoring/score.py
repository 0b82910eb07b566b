"""Score choice items: one forward a question, logits only where an option is read.

Both scorings are the log-likelihood of a continuation behind a prompt: the option's letter (`letter`, Han et al. 2025) or
its own text (`cloze`). With single-token continuations (letters) only the logits of those tokens are made.

Several *passes* over the same items (unsteered, steered at each layer, …) share their batches: a pass that changes
nothing below layer l starts from the first pass's hidden state at layer l.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

import torch

from isogloss.data.rows import ChoiceItem
from isogloss.errors import UserError
from isogloss.models.forward import (
    Padded,
    TextModel,
    length_sorted_batches,
    masks_by_layer_type,
    pad,
    takes_packed_rows,
    text_config,
    text_model,
)
from isogloss.models.layers import captured, replayed
from isogloss.results.names import BASELINE as BASELINE_NAME
from isogloss.results.scores import ItemScore, Scores
from isogloss.scoring.prompts import Scoring, continuations_of, encode_continuation, prompt_of

# --------------------------------------------------------------------------------------------------------------------
# Several continuations of one prompt in one row: the prompt once, each continuation seeing the prompt and itself.
#
# A row is prompt ‖ c₁ without its last token ‖ c₂ without its last token ‖ …; a 4-D mask keeps the continuations apart and the
# position ids of each go on from the prompt's end. The first token of every continuation is read at the prompt's last
# position.


@dataclass(frozen=True, slots=True)
class Read:
    """Log-probability of token `target` at `place` in the row counts towards `option`."""

    place: int
    target: int
    option: int


@dataclass(frozen=True, slots=True)
class PackedRow:
    """One row: token ids, segment (0 the prompt, k the k-th continuation) and position of each place, and its reads."""

    item: int
    ids: tuple[int, ...]
    segments: tuple[int, ...]
    positions: tuple[int, ...]
    prompt_length: int
    reads: tuple[Read, ...]


def pack(item: int, prompt: Sequence[int], continuations: Sequence[Sequence[int]]) -> PackedRow:
    """All continuations of an item behind one prompt."""
    return _row(item, prompt, dict(enumerate(continuations)))


def separate(item: int, prompt: Sequence[int], continuations: Sequence[Sequence[int]]) -> list[PackedRow]:
    """One row per continuation, for architectures whose attention takes no 4-D mask."""
    return [_row(item, prompt, {option: ids}) for option, ids in enumerate(continuations)]


def _row(item: int, prompt: Sequence[int], continuations: dict[int, Sequence[int]]) -> PackedRow:
    ids, segments, positions = list(prompt), [0] * len(prompt), list(range(len(prompt)))
    reads = []
    for segment, (option, tokens) in enumerate(continuations.items(), start=1):
        reads.append(Read(len(prompt) - 1, tokens[0], option))
        for step, (token, target) in enumerate(pairwise(tokens)):
            reads.append(Read(len(ids), target, option))
            ids.append(token)
            segments.append(segment)
            positions.append(len(prompt) + step)
    return PackedRow(item, tuple(ids), tuple(segments), tuple(positions), len(prompt), tuple(reads))


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """Rows as rectangles: `padded` ids, `positions` [B, T], `allowed` [B, T, T] (query may see key)."""

    rows: tuple[PackedRow, ...]
    padded: Padded
    positions: torch.Tensor
    allowed: torch.Tensor

    @property
    def prompt_ends(self) -> torch.Tensor:
        """Place of the last prompt token of each row, [B]."""
        ends = [row.prompt_length - 1 + begin for row, begin in zip(self.rows, self.padded.offset, strict=True)]
        return torch.tensor(ends)


def collate(rows: Sequence[PackedRow], *, pad_id: int, side: str = "right") -> PackedBatch:
    """Pad rows and lay out who may see whom. Padding sees the row's first places and is seen by nothing real."""
    padded = pad([row.ids for row in rows], pad_id=pad_id, side=side)
    segments = pad([row.segments for row in rows], pad_id=-1, side=side).ids
    positions = pad([row.positions for row in rows], pad_id=0, side=side).ids
    time = padded.ids.shape[1]
    earlier = torch.ones(time, time, dtype=torch.bool).tril()
    own_or_prompt = (segments[:, None, :] == 0) | (segments[:, None, :] == segments[:, :, None])
    allowed = earlier & own_or_prompt & padded.real[:, None, :]
    return PackedBatch(tuple(rows), padded, positions, allowed)


# --------------------------------------------------------------------------------------------------------------------

#: Positions read at once, against all of the vocabulary a slice at a time.
_READ_CHUNK = 256


@dataclass(frozen=True, slots=True)
class BatchRows:
    """What a steering context needs to know of a batch: each row's language, which places are real [B, T], and the place
    of each row's last prompt token [B]."""

    languages: tuple[str, ...]
    real: torch.Tensor
    prompt_ends: torch.Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """One condition: its name, the context that changes the model for a batch, and the first layer it changes.

    `first_layer` None means that nothing is changed.
    """

    name: str
    context: Callable[[BatchRows], AbstractContextManager[Any]] = field(default=lambda _rows: nullcontext())
    first_layer: int | None = None


BASELINE = Pass(name=BASELINE_NAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreSettings:
    """How to score. `normalise` divides a cloze log-likelihood by its number of tokens. The rest cannot change a score
    beyond rounding: `packing` (several options a row), `token_budget` (padded tokens a batch), `padding` side."""

    scoring: Scoring = "cloze"
    normalise: Literal["tokens", "none"] = "tokens"
    packing: Literal["auto", "packed", "separate"] = "auto"
    token_budget: int = 2048
    padding: Literal["right", "left"] = "right"


@torch.inference_mode()
def score_items(
    model: torch.nn.Module,
    tokenizer: Any,
    items: Sequence[ChoiceItem],
    *,
    settings: ScoreSettings = ScoreSettings(),
    passes: Sequence[Pass] = (BASELINE,),
    questions: Sequence[str] | None = None,
    progress: Callable[[int], None] = lambda _done: None,
) -> dict[str, Scores]:
    """Score every item under every pass; `{pass name: Scores}`, items in the order given.

    `questions` stand in for the items' own (their contextual twins, say). `progress(n)` is called with the number of
    items finished since the last call. Raises UserError for a prompt longer than the model's context, naming the item.
    """
    parts = text_model(model)
    rows, option_tokens = encoded_rows(parts, tokenizer, items, settings=settings, questions=questions)
    table: dict[str, list[list[float]]] = {one.name: [[0.0] * len(item.options) for item in items] for one in passes}
    rows_left = [0] * len(items)
    for row in rows:
        rows_left[row.item] += 1
    pad_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
    read = _read_tokens if reads_letters(option_tokens, settings=settings) else _read_vocabulary
    for indices in length_sorted_batches([len(row.ids) for row in rows], token_budget=settings.token_budget):
        batch = collate([rows[index] for index in indices], pad_id=pad_id, side=settings.padding)
        known = BatchRows(tuple(items[row.item].language for row in batch.rows), batch.padded.real, batch.prompt_ends)
        for name, values in _run_passes(parts, batch, known, passes, read).items():
            for row, by_option in zip(batch.rows, values, strict=True):
                for option, value in by_option.items():
                    table[name][row.item][option] = value
        finished = 0
        for row in batch.rows:
            rows_left[row.item] -= 1
            finished += rows_left[row.item] == 0
        progress(finished)
    return {
        name: Scores(condition=name, items=item_scores(items, values, option_tokens, settings=settings))
        for name, values in table.items()
    }


def item_scores(
    items: Sequence[ChoiceItem],
    log_likelihoods: Sequence[Sequence[float]],
    option_tokens: Mapping[tuple[int, int], Sequence[int]],
    *,
    settings: ScoreSettings,
) -> tuple[ItemScore, ...]:
    """Judge items by their options' log-likelihoods (nats), divided by their number of tokens where `settings` say so.

    `option_tokens` are by (place in `items`, option), as :func:`encoded_rows` gives them.
    """
    per_token = settings.scoring == "cloze" and settings.normalise == "tokens"
    return tuple(
        ItemScore.of(
            item,
            [
                value / (len(option_tokens[index, option]) if per_token else 1)
                for option, value in enumerate(log_likelihoods[index])
            ],
        )
        for index, item in enumerate(items)
    )


def encoded_rows(
    parts: TextModel,
    tokenizer: Any,
    items: Sequence[ChoiceItem],
    *,
    settings: ScoreSettings,
    questions: Sequence[str] | None = None,
) -> tuple[list[PackedRow], dict[tuple[int, int], list[int]]]:
    """Packed or separate rows of all items, and the tokens of each (item, option). Raises as :func:`score_items`."""
    can_pack = takes_packed_rows(parts.model)
    if settings.packing == "packed" and not can_pack:
        raise UserError(f"{type(parts.model).__name__} cannot share one prompt between options: use packing: separate")
    limit = getattr(text_config(parts.model), "max_position_embeddings", None)
    share_prompt = can_pack and settings.packing != "separate"
    rows: list[PackedRow] = []
    tokens: dict[tuple[int, int], list[int]] = {}
    for index, item in enumerate(items):
        prompt = prompt_of(item, settings.scoring, question=None if questions is None else questions[index])
        prompt_ids = list(tokenizer.encode(prompt))
        continuations = [
            encode_continuation(tokenizer, prompt, prompt_ids, text)
            for text in continuations_of(item, settings.scoring)
        ]
        length = len(prompt_ids) + max(len(ids) for ids in continuations)
        if limit is not None and length > limit:
            raise UserError(f"item {item.id}: {length} tokens, the model reads at most {limit}. Shorten or remove it.")
        for option, ids in enumerate(continuations):
            tokens[index, option] = ids
        # Letters add no token to the prompt, so there is nothing to keep apart.
        if share_prompt or all(len(ids) == 1 for ids in continuations):
            rows.append(pack(index, prompt_ids, continuations))
        else:
            rows.extend(separate(index, prompt_ids, continuations))
    return rows, tokens


def reads_letters(option_tokens: Mapping[tuple[int, int], Sequence[int]], *, settings: ScoreSettings) -> bool:
    """Whether every option is one token, whose share among the options' tokens is all that is asked for."""
    return settings.scoring == "letter" and all(len(ids) == 1 for ids in option_tokens.values())


def _run_passes(
    parts: TextModel,
    batch: PackedBatch,
    known: BatchRows,
    passes: Sequence[Pass],
    read: Callable[[TextModel, torch.Tensor, PackedBatch], list[dict[int, float]]],
) -> dict[str, list[dict[int, float]]]:
    """Option sums of every pass, per row. The unchanged model runs first and lends its lower layers to the others."""
    device = parts.device
    ids, positions = batch.padded.ids.to(device), batch.positions.to(device)
    packed = any(max(row.segments) > 1 for row in batch.rows)
    allowed = batch.allowed.to(device)
    mask = masks_by_layer_type(parts.model, allowed, positions) if packed else batch.padded.real.long().to(device)
    lent = {one.first_layer - 1 for one in passes if one.first_layer is not None and one.first_layer > 1}
    results = {}
    outputs: dict[int, Any] = {}
    needs_base = [one for one in passes if one.first_layer is None]
    if needs_base or len(passes) > 1:
        with captured(parts.model, lent) as states:
            hidden = parts.hidden(ids, attention_mask=mask, positions_BT=positions)
        outputs = dict(states)
        for one in needs_base:
            results[one.name] = read(parts, hidden, batch)
    for one in passes:
        if one.first_layer is None:
            continue
        below = one.first_layer - 1 if outputs else 0
        with ExitStack() as stack:
            stack.enter_context(replayed(parts.model, below, outputs.get(below)))
            stack.enter_context(one.context(known))
            hidden = parts.hidden(ids, attention_mask=mask, positions_BT=positions)
        results[one.name] = read(parts, hidden, batch)
    return results


def _places(batch: PackedBatch) -> tuple[list[tuple[int, int]], list[list[tuple[int, int, int]]]]:
    """Unique (row, place) read, and for each the (row, option, target) that read it."""
    readers: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    for index, (row, begin) in enumerate(zip(batch.rows, batch.padded.offset, strict=True)):
        for one in row.reads:
            readers.setdefault((index, begin + one.place), []).append((index, one.option, one.target))
    return list(readers), list(readers.values())


def _read_vocabulary(parts: TextModel, hidden_BTD: torch.Tensor, batch: PackedBatch) -> list[dict[int, float]]:
    """Per row, option → sum of the log-probabilities of its tokens; a chunk of positions at a time."""
    places, readers = _places(batch)
    rows, columns = torch.tensor(places, device=hidden_BTD.device).T
    hidden_ND = hidden_BTD[rows, columns]
    sums: list[dict[int, float]] = [{} for _ in batch.rows]
    for begin in range(0, len(places), _READ_CHUNK):
        here = readers[begin : begin + _READ_CHUNK]
        place = torch.tensor([n for n, group in enumerate(here) for _ in group], device=hidden_ND.device)
        target = torch.tensor([token for group in here for _, _, token in group], device=hidden_ND.device)
        values = parts.log_probabilities(hidden_ND[begin : begin + _READ_CHUNK], place, target).tolist()
        for (row, option, _), value in zip((one for group in here for one in group), values, strict=True):
            sums[row][option] = sums[row].get(option, 0.0) + value
    return sums


def _read_tokens(parts: TextModel, hidden_BTD: torch.Tensor, batch: PackedBatch) -> list[dict[int, float]]:
    """Per row, option → log-probability of its one token among the options' tokens."""
    index = torch.arange(len(batch.rows), device=hidden_BTD.device)
    ends = batch.prompt_ends.to(hidden_BTD.device)
    wanted = sorted({one.target for row in batch.rows for one in row.reads})
    column = {token: place for place, token in enumerate(wanted)}
    logits = parts.logits_of(hidden_BTD[index, ends], wanted)
    result = []
    for row, values in zip(batch.rows, logits, strict=True):
        own = values[[column[one.target] for one in row.reads]]
        result.append(dict(zip((one.option for one in row.reads), own.log_softmax(-1).tolist(), strict=True)))
    return result
