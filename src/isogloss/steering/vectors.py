"""`SteeringVectors`: one direction per language and layer, with all that is needed to use it on the right model only.

Saved as `vectors.safetensors` (one float32 tensor [layers, hidden] a language) beside `vectors.json` (the header), sealed by
a manifest.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from isogloss.errors import RefusedError, UserError, did_you_mean
from isogloss.files import damage, digest_of, read_json, sealed_folder, write_json
from isogloss.models.layers import LAYER_CONVENTION

Kind = Literal["en", "loc"]
Token = Literal["last", "mean"]

TENSORS = "vectors.safetensors"
HEADER = "vectors.json"


class Header(BaseModel):
    """What the tensors are. `norms[language][l-1]` is ‖v‖ at layer l; `residual_norms` the mean norm of the states that the
    vector was taken from, so that γ‖v‖ can be given relative to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["isogloss-vectors-1"] = "isogloss-vectors-1"
    kind: Kind
    model: str
    model_digest: str
    num_layers: int
    hidden_size: int
    layer_convention: str = LAYER_CONVENTION
    token: Token
    scoring: str
    pairs: dict[str, int]
    data_digest: str
    norms: dict[str, tuple[float, ...]]
    residual_norms: dict[str, tuple[float, ...]]


@dataclass(frozen=True, eq=False)
class SteeringVectors:
    """`tensors[language]` is float32 [layers, hidden]; row l−1 belongs to layer l (see :meth:`at`)."""

    header: Header
    tensors: dict[str, torch.Tensor]

    @property
    def languages(self) -> tuple[str, ...]:
        """Languages that have a vector."""
        return tuple(self.tensors)

    @property
    def digest(self) -> str:
        """Content digest over header and values."""
        values = {language: tensor.tolist() for language, tensor in self.tensors.items()}
        return digest_of([self.header.model_dump(mode="json"), values])

    def at(self, language: str, layer: int) -> torch.Tensor:
        """The vector [hidden] of a language at layer 1…L."""
        return self.tensors[language][layer - 1]

    def only(self, languages: Iterable[str]) -> SteeringVectors:
        """The vectors of these languages alone; the same tensors, not copies. Raises UserError for one without a vector."""
        kept = tuple(languages)
        for language in kept:
            if language not in self.tensors:
                raise UserError(
                    f"no {self.header.kind.upper()} vector for language '{language}'"
                    f"{did_you_mean(language, self.tensors)}; there are {', '.join(self.tensors)}"
                )
        per_language = ("pairs", "norms", "residual_norms")
        fewer = {name: {one: getattr(self.header, name)[one] for one in kept} for name in per_language}
        return SteeringVectors(self.header.model_copy(update=fewer), {one: self.tensors[one] for one in kept})

    def check_model(self, digest: str | None, *, num_layers: int, hidden_size: int, where: str = "this model") -> None:
        """Raise RefusedError unless the vectors were taken from the model with this digest and shape.

        `digest` None means unknown (a model the caller made); then only the shape is compared.
        """
        mine = self.header
        if digest is not None and digest != mine.model_digest:
            raise RefusedError(
                f"{mine.kind.upper()} vectors of '{mine.model}' (digest {mine.model_digest}) do not belong on {where} "
                f"(digest {digest}). Extract vectors from that model: isogloss vectors MODEL FILE --kind {mine.kind} --out DIR"
            )
        if (num_layers, hidden_size) != (mine.num_layers, mine.hidden_size):
            raise RefusedError(
                f"{mine.kind.upper()} vectors of '{mine.model}' (digest {mine.model_digest}) have {mine.num_layers} layers of "
                f"width {mine.hidden_size}; {where} (digest {digest or 'unknown'}) has {num_layers} of {hidden_size}."
            )

    def save(self, folder: Path) -> None:
        """Write a sealed folder, whole or not at all."""
        with sealed_folder(folder, kind="steering-vectors", base=self.header.model_digest) as aside:
            save_file({k: v.contiguous() for k, v in self.tensors.items()}, aside / TENSORS)
            write_json(aside / HEADER, self.header.model_dump(mode="json"))

    @classmethod
    def load(cls, folder: Path) -> SteeringVectors:
        """Read a folder that :meth:`save` wrote. Raises UserError for none, RefusedError for a damaged one."""
        if not (folder / HEADER).is_file():
            raise UserError(
                f"{folder}: no steering vectors there ({HEADER} is missing). Make some: isogloss vectors --help"
            )
        if wrong := damage(folder):
            raise RefusedError(f"damaged steering vectors: {wrong}. Extract them again.")
        try:
            header = Header.model_validate(read_json(folder / HEADER))
        except (ValidationError, ValueError) as error:
            raise RefusedError(f"{folder / HEADER}: not a header of steering vectors: {error}") from error
        try:
            tensors = load_file(folder / TENSORS)
        except (OSError, SafetensorError) as error:
            raise RefusedError(f"{folder / TENSORS}: cannot be read: {error}") from error
        if uneven := set(tensors) ^ set(header.pairs):
            raise RefusedError(
                f"{folder}: {TENSORS} and {HEADER} differ in their languages ({', '.join(sorted(uneven))})"
            )
        shape = (header.num_layers, header.hidden_size)
        for language, tensor in tensors.items():
            if tuple(tensor.shape) != shape:
                raise RefusedError(
                    f"{folder / TENSORS}: '{language}' is {tuple(tensor.shape)}, the header says {shape}"
                )
        return cls(header, tensors)
