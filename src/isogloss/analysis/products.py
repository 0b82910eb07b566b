"""Inner products of EN and LOC pair differences: all that angles between their means need.

From the Gram matrix of the differences of a language at a layer follow the mean vectors' angle, that of any halves and
of any subset, exactly, without keeping the differences themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from isogloss.analysis.capture import capture_states
from isogloss.analysis.questions import Prompt, StateRow
from isogloss.errors import RefusedError, UserError
from isogloss.files import damage, read_json, sealed_folder, write_json
from isogloss.models.blocks import LAYER_CONVENTION
from isogloss.steering.pairs import Pair
from isogloss.steering.vectors import Kind, Token

HEADER = "products.json"
FORMAT = "isogloss-products-1"


@dataclass(frozen=True, eq=False, kw_only=True)
class PairProducts:
    """`gram[language]` is float64 [L, P, P]: inner products of the P differences at each of `layers`, EN first, then LOC.

    `kinds[language]` and `groups[language]` say each difference's kind and question group; `width` is the hidden size.
    """

    width: int
    layers: tuple[int, ...]
    kinds: dict[str, tuple[Kind, ...]]
    groups: dict[str, tuple[str, ...]]
    gram: dict[str, np.ndarray]

    def save(self, folder: Path) -> None:
        """Write a sealed folder, whole or not at all."""
        with sealed_folder(folder, kind="pair-products") as aside:
            for language, gram in self.gram.items():
                np.save(aside / f"{language}.npy", gram, allow_pickle=False)
            header = {
                "format": FORMAT,
                "layer_convention": LAYER_CONVENTION,
                "width": self.width,
                "layers": self.layers,
                "kinds": self.kinds,
                "groups": self.groups,
            }
            write_json(aside / HEADER, header)

    @classmethod
    def load(cls, folder: Path) -> PairProducts:
        """Read what :meth:`save` wrote. Raises UserError for none, RefusedError for a damaged folder."""
        if not (folder / HEADER).is_file():
            raise UserError(f"{folder}: no products of pairs there ({HEADER} is missing)")
        if wrong := damage(folder):
            raise RefusedError(f"damaged products of pairs: {wrong}. Compute them again.")
        header = read_json(folder / HEADER)
        return cls(
            width=header["width"],
            layers=tuple(header["layers"]),
            kinds={language: tuple(kinds) for language, kinds in header["kinds"].items()},
            groups={language: tuple(groups) for language, groups in header["groups"].items()},
            gram={language: np.load(folder / f"{language}.npy", allow_pickle=False) for language in header["kinds"]},
        )


def pair_products(
    model: torch.nn.Module,
    tokenizer: Any,
    en_pairs: Sequence[Pair],
    loc_pairs: Sequence[Pair],
    *,
    groups: Mapping[str, str] | None = None,
    token: Token = "last",
    token_budget: int = 2048,
    scratch: Path | None = None,
    progress: Callable[[int], None] = lambda _done: None,
) -> PairProducts:
    """Read each distinct prompt once, and take products a layer and language at a time.

    `groups` gives a pair's question group by its `away` prompt; a pair without one stands for itself, and EN pairs of
    several languages with the same English prompt are one group. States pass through a temporary folder in `scratch`
    (default: the system's), of prompts × layers × hidden size × 4 bytes.
    """
    kinds: tuple[tuple[Kind, Sequence[Pair]], ...] = (("en", en_pairs), ("loc", loc_pairs))
    both = [(kind, pair) for kind, pairs in kinds for pair in pairs]
    texts = list(dict.fromkeys(text for _, pair in both for text in (pair.towards, pair.away)))
    place = {text: index for index, text in enumerate(texts)}
    languages = sorted({pair.language for _, pair in both})
    own = {language: [(kind, pair) for kind, pair in both if pair.language == language] for language in languages}
    # Of a pair's prompt no more is known than its text, which an error then quotes.
    prompts = [Prompt(text, StateRow(repr(text[:80]), text, "", None, text)) for text in texts]
    with TemporaryDirectory(prefix="isogloss-pairs-", dir=scratch) as temporary:
        states = capture_states(
            model,
            tokenizer,
            prompts,
            folder=Path(temporary) / "states",
            reads=[token],
            token_budget=token_budget,
            progress=progress,
        )["none"]
        gram = {language: np.empty((len(states.layers), len(pairs), len(pairs))) for language, pairs in own.items()}
        for index, layer in enumerate(states.layers):
            states_ND = states.layer(layer, token)
            for language, pairs in own.items():
                towards = states_ND[[place[pair.towards] for _, pair in pairs]].astype(float)
                difference_PD = towards - states_ND[[place[pair.away] for _, pair in pairs]]
                gram[language][index] = difference_PD @ difference_PD.T
    return PairProducts(
        width=states.width,
        layers=states.layers,
        kinds={language: tuple(kind for kind, _ in pairs) for language, pairs in own.items()},
        groups={
            language: tuple((groups or {}).get(pair.away, _group(kind, pair)) for kind, pair in pairs)
            for language, pairs in own.items()
        },
        gram=gram,
    )


def _group(kind: Kind, pair: Pair) -> str:
    return pair.towards if kind == "en" else pair.away
