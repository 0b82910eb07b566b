"""Capture states: one forward a batch for all layers and reads, written to disk as it goes.

Host memory holds one batch's reads, [batch, D] a layer, whatever the number of prompts. Steered conditions start from
the unsteered state below the first layer they change.

Shapes: B batch, T time, D hidden size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from isogloss.analysis.questions import Prompt
from isogloss.analysis.states import UNSTEERED, States, file_of, load_states, write_header
from isogloss.errors import UserError
from isogloss.evaluate.score import BatchRows, Pass
from isogloss.files import sealed_folder
from isogloss.models.batching import Padded, length_sorted_batches, pad
from isogloss.models.blocks import block, block_output, check_layer, num_layers
from isogloss.models.forward import TextModel, text_config, text_model
from isogloss.models.replay import captured, cut_above, replayed
from isogloss.steering.extract import token_weights
from isogloss.steering.vectors import Token

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
