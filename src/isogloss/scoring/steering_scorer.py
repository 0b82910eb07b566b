"""`TrialScorer`: the same items under one intervention after another, computing only what each changes.

Made once a study, it keeps what no trial changes: the rows, where questions that begin alike share their places
(`prefix_tree`), batches of one language each, and hidden states below the candidate first layers. A trial

- starts every language from the highest kept state at or below the first layer that it steers there, and from the state
  of the last trial where that had the same lower edits (the same EN, another LOC);
- leaves out the languages it does not steer (their baseline scores stand) and those whose own settings have been scored;
- in the last block computes only the positions that are read, and reads many batches' positions at once;
- takes the faster matrix products (`fast_linear`).

Equal to `score_items` with the same pass up to the rounding of float sums, and identical where nothing is steered.

States are kept in the host's memory up to a budget; with less than all layers fit, those are kept that save most, and a
trial recomputes the layers between. They are not spilled to disk: for a model of 12 B parameters, 1,400 items of 150 tokens
are 1.6 GB a layer, which a disk reads no faster than the accelerator such a model needs recomputes a few layers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any, Literal

import torch

from isogloss.data.rows import ChoiceItem
from isogloss.models.forward import (
    fast_linear,
    length_sorted_batches,
    masks_by_layer_type,
    takes_packed_rows,
    text_config,
    text_model,
)
from isogloss.models.layers import (
    block_output,
    captured,
    check_layer,
    cut_above,
    last_block_at,
    num_layers,
    replayed,
    with_block_output,
)
from isogloss.results.scores import ItemScore, Scores
from isogloss.scoring.prefix_tree import ROW_PLACES, PooledReads, TreeBatch, collate_trees, tree_rows
from isogloss.scoring.score import BASELINE, BatchRows, Pass, ScoreSettings, encoded_rows, item_scores, reads_letters

# --------------------------------------------------------------------------------------------------------------------
# Which layers' hidden states to keep, where not all fit: those that spare trials the most layers.


def layers_to_keep(first_layers: Iterable[int], *, count: int) -> tuple[int, ...]:
    """At most `count` layers, so that trials whose lowest steered layers are `first_layers` recompute the fewest.

    A trial starts at the highest kept layer that is not above its first steered one, else at the embeddings (layer 0).
    A layer named more often weighs more. Exact, by dynamic programming over the sorted layers.
    """
    weight = Counter(first_layers)
    layers = sorted(weight)

    def wasted(start: int, begin: int, end: int) -> int:
        """Layers recomputed in vain by trials that begin at layers[begin:end], from the state of layer `start`."""
        return sum(weight[layer] * (layer - start) for layer in layers[begin:end])

    @cache
    def best(begin: int, left: int) -> tuple[int, tuple[int, ...]]:
        """(waste, layers kept) where layers[begin] is kept and `left` more may be."""
        start = layers[begin]
        found: tuple[int, tuple[int, ...]] = (wasted(start, begin, len(layers)), (start,))
        for later in range(begin + 1, len(layers)) if left else ():
            cost, kept = best(later, left - 1)
            found = min(found, (wasted(start, begin, later) + cost, (start, *kept)))
        return found

    if count < 1 or not layers:
        return ()
    options = [
        (wasted(0, 0, begin) + best(begin, count - 1)[0], best(begin, count - 1)[1]) for begin in range(len(layers))
    ]
    return min(options)[1]


# --------------------------------------------------------------------------------------------------------------------

#: Results of languages under settings tried before: a few kilobytes each.
_KEPT_RESULTS = 4096


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one layer's output for one language. Equal `key`s (strength and vector, say) mean the same change."""

    layer: int
    key: Hashable


@dataclass(frozen=True, slots=True)
class _EditedState:
    """What block `layer` returned in each batch of a language under `edits`, all of them below that layer."""

    edits: tuple[Edit, ...]
    layer: int
    states: tuple[Any, ...]


class TrialScorer:
    """See the module's head; made by its constructor, used by :meth:`score`. Not for several threads at once."""

    def __init__(
        self,
        model: torch.nn.Module,
        tokenizer: Any,
        items: Sequence[ChoiceItem],
        *,
        settings: ScoreSettings,
        first_layers: Iterable[int],
        positions: Literal["all", "from-prompt-end"],
        memory_bytes: int,
        baseline: Scores | None = None,
        progress: Callable[[int], None] = lambda _done: None,
    ) -> None:
        """Encode the items and keep hidden states.

        `first_layers` are the lowest steered layers that trials may have, one that is likelier more often. `positions`
        says which the passes change: with "from-prompt-end" items share no prompts. `memory_bytes` bounds the kept
        states. `baseline` spares computing the unsteered scores; ValueError where it lacks an item. `progress(n)`: n more
        items' states are kept. Raises UserError as :func:`score_items` and for a layer that the model does not have.
        """
        self.model, self.tokenizer, self.items, self.settings = model, tokenizer, tuple(items), settings
        self._parts = text_model(model)
        self._given_baseline = baseline
        rows, self._option_tokens = encoded_rows(self._parts, tokenizer, items, settings=settings)
        self._letters = reads_letters(self._option_tokens, settings=settings)
        share = positions == "all" and settings.packing != "separate" and takes_packed_rows(model)
        pad_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
        self._places: dict[str, tuple[int, ...]] = {}
        self._batches: dict[str, tuple[TreeBatch, ...]] = {}
        most_places = min(ROW_PLACES, settings.token_budget)
        for language in sorted({item.language for item in items}):
            self._places[language] = tuple(place for place, item in enumerate(items) if item.language == language)
            own = [row for row in rows if items[row.item].language == language]
            trees = tree_rows(own, share=share, most_places=most_places)
            grouped = length_sorted_batches([len(tree.ids) for tree in trees], token_budget=settings.token_budget)
            self._batches[language] = tuple(collate_trees([trees[i] for i in one], pad_id=pad_id) for one in grouped)
        if baseline is not None:
            self._baseline_items(baseline)
        candidates = sorted(first_layers)
        for layer in candidates:
            check_layer(layer, num_layers(model))
        affordable = int(memory_bytes // max(1, self.bytes_per_layer))
        # One share is for the state of the last trial above its lower edits.
        self._keeps_edited = affordable >= 3
        self.kept_layers = layers_to_keep(candidates, count=affordable - self._keeps_edited)
        self._kept: dict[str, tuple[dict[int, Any], ...]] = {}
        self._edited: dict[str, _EditedState] = {}
        self._results: dict[tuple[str, tuple[Edit, ...]], tuple[ItemScore, ...]] = {}
        self._keep_states(progress)

    @property
    def bytes_per_layer(self) -> int:
        """Size of the hidden states of all items at one layer."""
        width, each = text_config(self.model).hidden_size, next(self.model.parameters()).element_size()
        return sum(batch.ids.numel() for own in self._batches.values() for batch in own) * width * each

    @property
    def computed_places(self) -> int:
        """Token places of all items, padding included, of which a trial computes each steered layer."""
        return sum(batch.ids.numel() for own in self._batches.values() for batch in own)

    @cached_property
    def baseline(self) -> Scores:
        """The unsteered scores: those given, else computed on first use, from the highest kept state on."""
        if self._given_baseline is not None:
            return Scores(condition=BASELINE.name, items=self._baseline_items(self._given_baseline))
        return self._unsteered()

    @torch.inference_mode()
    def score(
        self,
        one: Pass,
        *,
        edits: Mapping[str, Sequence[Edit]] | None = None,
        progress: Callable[[int], None] = lambda _done: None,
    ) -> Scores:
        """The scores of every item under `one`, in the items' order.

        `edits` say what the pass does to each language, layer by layer; it changes nothing for those that are not in it,
        and does to two trials' items of a language the same where the edits are equal. Without them every language is
        scored from `one.first_layer` on. `progress(n)`: n more items are done, after each batch.
        """
        if one.first_layer is None:
            progress(len(self.items))
            return replace(self.baseline, condition=one.name)
        found: list[ItemScore | None] = [None] * len(self.items)
        for language, places in self._places.items():
            if edits is None:
                own = self._language(one, language, one.first_layer, (), progress)
            elif not (ordered := tuple(sorted(edits.get(language, ()), key=lambda edit: edit.layer))):
                own = tuple(self.baseline.items[place] for place in places)
                progress(len(places))
            elif (known := self._results.get((language, ordered))) is not None:
                own = known
                progress(len(places))
            else:
                own = self._language(one, language, ordered[0].layer, ordered, progress)
                if len(self._results) >= _KEPT_RESULTS:
                    del self._results[next(iter(self._results))]
                self._results[language, ordered] = own
            for place, score in zip(places, own, strict=True):
                found[place] = score
        return Scores(condition=one.name, items=tuple(score for score in found if score is not None))

    @torch.inference_mode()
    def _unsteered(self) -> Scores:
        found: dict[int, ItemScore] = {}
        for language, places in self._places.items():
            own = self._language(BASELINE, language, num_layers(self.model), (), lambda _done: None)
            found.update(zip(places, own, strict=True))
        return Scores(condition=BASELINE.name, items=tuple(found[place] for place in range(len(self.items))))

    def _baseline_items(self, baseline: Scores) -> tuple[ItemScore, ...]:
        by_id = {score.id: score for score in baseline}
        if lacking := [item.id for item in self.items if item.id not in by_id]:
            raise ValueError(f"the baseline scores lack {len(lacking)} of the items, {lacking[0]} among them")
        return tuple(by_id[item.id] for item in self.items)

    @torch.inference_mode()
    def _keep_states(self, progress: Callable[[int], None]) -> None:
        """One unsteered forward up to the highest kept layer."""
        for language, batches in self._batches.items():
            kept = []
            left = _rows_of_items(batches)
            for batch in batches:
                outputs: dict[int, Any] = {}
                if self.kept_layers:
                    with cut_above(self.model, self.kept_layers[-1]), captured(self.model, self.kept_layers) as outputs:
                        self._hidden(batch)
                kept.append({layer: _moved(output, "cpu") for layer, output in outputs.items()})
                progress(_finished(batch, left))
            self._kept[language] = tuple(kept)

    def _hidden(self, batch: TreeBatch) -> torch.Tensor:
        """[B, T, D] after the final norm."""
        device = self._parts.device
        positions = batch.positions.to(device)
        if batch.allowed is None:
            mask: Any = batch.real.long().to(device)
        else:
            mask = masks_by_layer_type(self.model, batch.allowed.to(device), positions)
        with fast_linear():
            return self._parts.hidden(batch.ids.to(device), attention_mask=mask, positions_BT=positions)

    def _language(
        self,
        one: Pass,
        language: str,
        first_layer: int,
        edits: tuple[Edit, ...],
        progress: Callable[[int], None],
    ) -> tuple[ItemScore, ...]:
        """Compute the items of a language under a pass whose lowest edit there is at `first_layer`."""
        device, batches = self._parts.device, self._batches[language]
        last = edits[-1].layer if edits else 0
        lower = tuple(edit for edit in edits if edit.layer < last)
        before = self._edited.get(language)
        resumes = before is not None and bool(lower) and before.edits == lower and before.layer <= last
        keeps = self._keeps_edited and bool(lower) and not resumes
        edited = []
        reads = PooledReads(self._parts, letters=self._letters)
        left = _rows_of_items(batches)
        for number, batch in enumerate(batches):
            if before and resumes:
                start, state = before.layer, before.states[number]
            else:
                states = self._kept[language][number]
                start = max((layer for layer in states if layer <= first_layer), default=0)
                state = states.get(start)
            rows_N, places_N = batch.rows_N.to(device), batch.places_N.to(device)
            with ExitStack() as stack:
                stack.enter_context(last_block_at(self.model, rows_N, places_N))
                stack.enter_context(replayed(self.model, start, _moved(state, device) if start else None))
                # Entered before the steering, so that it sees the last edit's layer before that edit.
                outputs = stack.enter_context(captured(self.model, [last] if keeps else []))
                stack.enter_context(
                    one.context(BatchRows((language,) * len(batch.rows), batch.real, batch.prompt_ends))
                )
                hidden_BTD = self._hidden(batch)
            if keeps:
                edited.append(_moved(outputs[last], "cpu"))
            reads.add(hidden_BTD[rows_N, places_N], batch.readers)
            progress(_finished(batch, left))
        reads.finish()
        if keeps:
            self._edited[language] = _EditedState(lower, last, tuple(edited))
        places = self._places[language]
        items = [self.items[place] for place in places]
        values = [
            [reads.sums[place, option] for option in range(len(item.options))]
            for place, item in zip(places, items, strict=True)
        ]
        tokens = {
            (index, option): self._option_tokens[place, option]
            for index, place in enumerate(places)
            for option in range(len(values[index]))
        }
        return item_scores(items, values, tokens, settings=self.settings)


def _moved(output: Any, device: torch.device | str) -> Any:
    """What a block returned, with its hidden state on `device`."""
    return with_block_output(output, block_output(output).to(device))


def _rows_of_items(batches: Sequence[TreeBatch]) -> Counter[int]:
    return Counter(item for batch in batches for row in batch.rows for item in row.items)


def _finished(batch: TreeBatch, left: Counter[int]) -> int:
    """How many items have no rows left after `batch`; counts them down in `left`."""
    left.subtract(item for row in batch.rows for item in row.items)
    return sum(left[item] == 0 for item in {item for row in batch.rows for item in row.items})
