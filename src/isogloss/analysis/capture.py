"""Capture states: one forward a batch for all layers and reads, written to disk as it goes.

Host memory holds one batch's reads, [batch, D] a layer, whatever the number of prompts. Steered conditions start from
the unsteered state below the first layer they change.

Shapes: B batch, T time, D hidden size.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from isogloss.data.rows import Axis, ChoiceItem, ParallelRow
from isogloss.errors import RefusedError, UserError
from isogloss.files import damage, read_json, sealed_folder, write_json
from isogloss.models.forward import Padded, TextModel, length_sorted_batches, pad, text_config, text_model
from isogloss.models.layers import (
    LAYER_CONVENTION,
    block,
    block_output,
    captured,
    check_layer,
    cut_above,
    num_layers,
    replayed,
)
from isogloss.results.names import UNSTEERED
from isogloss.scoring.score import BatchRows, Pass
from isogloss.steering.extract import PromptOf, token_weights
from isogloss.steering.vectors import Token

# --------------------------------------------------------------------------------------------------------------------
# Which items ask the same question in other languages.


@dataclass(frozen=True, slots=True)
class StateRow:
    """What is known of a prompt besides its text. `question` is what it shares with the same question elsewhere; `kind`
    what it shares with questions of the same pattern (capitals, currencies)."""

    id: str
    group: str
    language: str
    axis: Axis | None
    question: str
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text to be read, and its row."""

    text: str
    row: StateRow


def question_of(item: ChoiceItem) -> str:
    """The item's group, less the one segment that is its own region.

    A localized question is asked of each language's region: `…/currency/GR/value` and `…/currency/KR/value` are one
    question with two answers.
    """
    parts = item.group.split("/")
    if item.region in parts and len(parts) > 1:
        parts.remove(item.region)
    return "/".join(parts)


def row_of(item: ChoiceItem) -> StateRow:
    """The row of a choice item."""
    return StateRow(item.id, item.group, item.language, item.axis, question_of(item), item.kind)


def item_prompts(items: Iterable[ChoiceItem], prompt_of: PromptOf) -> list[Prompt]:
    """The prompts that the items are scored with, in their order."""
    return [Prompt(prompt_of(item, item.question), row_of(item)) for item in items]


def question_prompts(items: Iterable[ChoiceItem]) -> list[Prompt]:
    """The bare questions as parallel sentences: rows without an axis."""
    return [
        Prompt(item.question, StateRow(row.id, row.group, row.language, None, row.question))
        for item, row in ((item, row_of(item)) for item in items)
    ]


def sentence_prompts(rows: Iterable[ParallelRow], *, languages: Iterable[str]) -> list[Prompt]:
    """The bare sentences of these languages, row by row."""
    wanted = tuple(languages)
    return [
        Prompt(row.text[language], StateRow(f"{row.id}/{language}", row.id, language, None, row.id))
        for row in rows
        for language in wanted
        if language in row.text
    ]


def matched(rows: Sequence[StateRow], first: str, second: str) -> tuple[np.ndarray, np.ndarray]:
    """Indices into `rows` of items of two languages that ask the same question, sorted by question.

    Several items of a question are matched in the order of their ids, as pairs for steering vectors are; what one language
    has more of is left out.
    """
    by_question: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for index in sorted(range(len(rows)), key=lambda index: rows[index].id):
        row = rows[index]
        if row.language in (first, second):
            by_question[row.question][row.language == second].append(index)
    pairs = [pair for question in sorted(by_question) for pair in zip(*by_question[question], strict=False)]
    one, other = np.array(pairs, dtype=int).reshape(-1, 2).T
    return one, other


# --------------------------------------------------------------------------------------------------------------------
# Hidden states of many prompts at every layer, captured once, kept on disk and read one layer at a time.
#
# A folder holds one float32 array [N, D] (N prompts, D hidden size) a layer and read, in a subfolder a condition, beside
# `states.json`. A read is the last real prompt token's state (`last`) or the mean over all real tokens that are not
# special (`mean`). Layers below the first one that a steered condition changes are the unsteered ones and are not kept
# twice.

HEADER = "states.json"
FORMAT = "isogloss-states-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """The states of one condition. `first_layer` is the lowest layer that differs from the unsteered; None: none does."""

    folder: Path
    condition: str
    rows: tuple[StateRow, ...]
    layers: tuple[int, ...]
    width: int
    reads: tuple[Token, ...]
    first_layer: int | None

    def layer(self, layer: int, read: Token = "last") -> np.ndarray:
        """Float32 [N, D], mapped from the disk, read-only. Raises UserError for a layer or read that was not captured."""
        if layer not in self.layers or read not in self.reads:
            raise UserError(
                f"{self.folder}: no '{read}' states of layer {layer}; captured are {' and '.join(self.reads)} of layers "
                f"{', '.join(map(str, self.layers))}"
            )
        changed = self.first_layer is not None and layer >= self.first_layer
        path = file_of(self.folder, self.condition if changed else UNSTEERED, layer, read)
        return np.load(path, mmap_mode="r", allow_pickle=False)


def file_of(folder: Path, condition: str, layer: int, read: Token) -> Path:
    """Where a condition's states of a layer stand."""
    return folder / condition / f"{read}-{layer:03d}.npy"


def write_header(
    folder: Path,
    *,
    rows: Sequence[StateRow],
    layers: Sequence[int],
    width: int,
    reads: Sequence[Token],
    first_layers: Mapping[str, int | None],
) -> None:
    """Write `states.json`; `first_layers` names the conditions."""
    header = {
        "format": FORMAT,
        "layer_convention": LAYER_CONVENTION,
        "layers": list(layers),
        "width": width,
        "reads": list(reads),
        "first_layers": dict(first_layers),
        "rows": [asdict(row) for row in rows],
    }
    write_json(folder / HEADER, header)


def load_states(folder: Path) -> dict[str, States]:
    """{condition: states} of a folder that `capture_states` wrote, the unsteered first.

    Raises UserError where there are none and RefusedError for a damaged folder (files missing or of another size).
    """
    if not (folder / HEADER).is_file():
        raise UserError(f"{folder}: no captured states there ({HEADER} is missing)")
    if wrong := damage(folder, checksums=False):
        raise RefusedError(f"damaged states: {wrong}. Capture them again.")
    header: dict[str, Any] = read_json(folder / HEADER)
    if header.get("format") != FORMAT:
        raise RefusedError(f"{folder / HEADER}: format {header.get('format')!r}, this version reads {FORMAT!r}")
    rows = tuple(StateRow(**row) for row in header["rows"])
    return {
        condition: States(
            folder=folder,
            condition=condition,
            rows=rows,
            layers=tuple(header["layers"]),
            width=header["width"],
            reads=tuple(header["reads"]),
            first_layer=first_layer,
        )
        for condition, first_layer in header["first_layers"].items()
    }


# --------------------------------------------------------------------------------------------------------------------

#: By read, [layers, B, D].
_Found = dict[Token, torch.Tensor]


@torch.inference_mode()
def capture_states(
    model: torch.nn.Module,
    tokenizer: Any,
    prompts: Sequence[Prompt],
    *,
    folder: Path,
    passes: Sequence[Pass] = (),
    reads: Sequence[Token] = ("last", "mean"),
    layers: Sequence[int] | None = None,
    token_budget: int = 2048,
    progress: Callable[[int], None] = lambda _done: None,
) -> dict[str, States]:
    """States of every prompt, unsteered (condition `none`) and under each of `passes`, in a sealed `folder`, whole or absent.

    `layers` are all unless given. `progress(n)` is called with the number of prompts read since the last call. Raises
    UserError, naming the prompt, where one has no tokens, is too long for the model, or has a state that is not finite.
    """
    names = [UNSTEERED, *(one.name for one in passes)]
    if len(set(names)) < len(names):
        raise ValueError(f"conditions must differ in name, and '{UNSTEERED}' is the unsteered one: {names}")
    parts = text_model(model)
    wanted = tuple(sorted(set(layers or range(1, num_layers(model) + 1))))
    for layer in wanted:
        check_layer(layer, num_layers(model))
    ids = _encoded(parts, tokenizer, prompts)
    width = text_config(model).hidden_size
    first_layers = {UNSTEERED: None, **{one.name: one.first_layer for one in passes}}
    with sealed_folder(folder, kind="states") as aside:
        for name, first in first_layers.items():
            for layer in wanted if name == UNSTEERED else _changed(wanted, first):
                for read in reads:
                    _create(file_of(aside, name, layer, read), (len(prompts), width))
        rows = [prompt.row for prompt in prompts]
        write_header(aside, rows=rows, layers=wanted, width=width, reads=reads, first_layers=first_layers)
        pad_id = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else 0
        special = set(tokenizer.all_special_ids)
        for indices in length_sorted_batches([len(row) for row in ids], token_budget=token_budget):
            own = [ids[index] for index in indices]
            batch = pad(own, pad_id=pad_id)
            ends = torch.tensor([len(row) - 1 for row in own])
            known = BatchRows(tuple(prompts[index].row.language for index in indices), batch.real, ends)
            even = token_weights(batch.real, own, special, "mean") if "mean" in reads else None
            here = [prompts[index] for index in indices]
            for name, own_layers, found in _conditions(parts, batch, known, even, passes, wanted):
                for read in reads:
                    values_LBD = found[read].cpu().numpy()
                    for layer, values_BD in zip(own_layers, values_LBD, strict=True):
                        _check_finite(values_BD, here, layer, name)
                        _write(file_of(aside, name, layer, read), indices, values_BD)
            progress(len(indices))
    return load_states(folder)


def _encoded(parts: TextModel, tokenizer: Any, prompts: Sequence[Prompt]) -> list[list[int]]:
    if not prompts:
        raise UserError("no prompts to capture states of")
    limit = getattr(text_config(parts.model), "max_position_embeddings", None)
    ids = [list(tokenizer.encode(prompt.text)) for prompt in prompts]
    for prompt, row in zip(prompts, ids, strict=True):
        if not row:
            raise UserError(f"prompt {prompt.row.id} has no tokens")
        if limit is not None and len(row) > limit:
            raise UserError(f"prompt {prompt.row.id}: {len(row)} tokens, the model reads at most {limit}")
    return ids


def _changed(layers: Sequence[int], first_layer: int | None) -> tuple[int, ...]:
    return tuple(layer for layer in layers if first_layer is not None and layer >= first_layer)


def _conditions(
    parts: TextModel,
    batch: Padded,
    known: BatchRows,
    even_BT: torch.Tensor | None,
    passes: Sequence[Pass],
    layers: tuple[int, ...],
) -> Iterator[tuple[str, tuple[int, ...], _Found]]:
    """The reads of a batch, unsteered and then under each pass, with the layers they are of: those that it changes."""
    ids, mask = batch.ids.to(parts.device), batch.real.long().to(parts.device)
    positions = torch.arange(ids.shape[1], device=parts.device).expand(ids.shape)
    last = layers[-1]

    def forward() -> None:
        with cut_above(parts.model, last):
            parts.hidden(ids, attention_mask=mask, positions_BT=positions)

    steered = {one.name: _changed(layers, one.first_layer) for one in passes}
    lent = {one.first_layer - 1 for one in passes if steered[one.name] and one.first_layer and one.first_layer > 1}
    with captured(parts.model, lent) as outputs, _read_in_passing(parts.model, layers, known, even_BT) as found:
        forward()
    yield UNSTEERED, layers, found
    for one in passes:
        if not steered[one.name] or one.first_layer is None:
            continue
        below = one.first_layer - 1
        with ExitStack() as stack:
            stack.enter_context(replayed(parts.model, below, outputs.get(below)))
            stack.enter_context(one.context(known))
            found = stack.enter_context(_read_in_passing(parts.model, steered[one.name], known, even_BT))
            forward()
        yield one.name, steered[one.name], found


@contextmanager
def _read_in_passing(
    model: torch.nn.Module, layers: Sequence[int], known: BatchRows, even_BT: torch.Tensor | None
) -> Iterator[_Found]:
    """Both reads of each layer as its block returns, so that no [B, T, D] outlives its block. Enter it after steering.

    They go into one tensor a read: small ones of their own would lie between the large temporary ones and keep the
    allocator from giving those back, which on a processor costs several times what they hold.
    """
    found: _Found = {}
    with ExitStack() as stack:
        for place, layer in enumerate(layers):

            def read(_module: Any, _inputs: Any, output: Any, place: int = place) -> None:
                hidden_BTD = block_output(output)
                device, (batch, _, width) = hidden_BTD.device, hidden_BTD.shape
                if not found:
                    names: tuple[Token, ...] = ("last",) if even_BT is None else ("last", "mean")
                    found.update(
                        {
                            name: torch.empty(len(layers), batch, width, dtype=torch.float32, device=device)
                            for name in names
                        }
                    )
                rows = torch.arange(batch, device=device)
                found["last"][place] = hidden_BTD[rows, known.prompt_ends.to(device)]
                if even_BT is not None:
                    found["mean"][place] = torch.einsum("bt,btd->bd", even_BT.to(device), hidden_BTD.float())

            stack.callback(block(model, layer).register_forward_hook(read).remove)
        yield found


def _check_finite(values_BD: np.ndarray, prompts: Sequence[Prompt], layer: int, condition: str) -> None:
    bad = ~np.isfinite(values_BD).all(axis=1)
    if bad.any():
        name = prompts[int(bad.argmax())].row.id
        under = "" if condition == UNSTEERED else f" under '{condition}'"
        raise UserError(
            f"prompt {name}: its hidden state at layer {layer}{under} is not finite. Weights may be damaged, a steering "
            "strength too large, or the number format too narrow (use bfloat16 or float32, not float16)."
        )


def _create(path: Path, shape: tuple[int, int]) -> None:
    """A .npy file of this shape, all zeros."""
    path.parent.mkdir(exist_ok=True)
    with path.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + 4 * shape[0] * shape[1])


def _write(path: Path, indices: Sequence[int], values_BD: np.ndarray) -> None:
    """Put rows in their places. Plain writes: a full disk is an error here, where through a memory map it would kill."""
    row_bytes = 4 * values_BD.shape[1]
    with path.open("r+b") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        begin = file.tell()
        for index, row in zip(indices, values_BD.astype("<f4"), strict=True):
            file.seek(begin + index * row_bytes)
            file.write(row.tobytes())
