"""Read log-probabilities at positions of many batches at once, so that the head's weights are fetched less often."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from isogloss.models.fast_linear import fast_linear
from isogloss.models.forward import TextModel

#: Positions read at once: a slice of the head's weights is then used often enough to be worth fetching.
_CHUNK = 1024

#: (item, option, target token) of one who reads a position.
Reader = tuple[int, int, int]


class PooledReads:
    """Collects hidden states [N, D] and their readers; `sums[item, option]` is complete after :meth:`finish`.

    With `letters` an option's value is its one token's log-probability among the item's options, else the sum of its
    tokens' log-probabilities over the vocabulary (nats).
    """

    def __init__(self, parts: TextModel, *, letters: bool) -> None:
        self._parts, self._letters = parts, letters
        self._states: list[torch.Tensor] = []
        self._readers: list[Sequence[Reader]] = []
        self.sums: dict[tuple[int, int], float] = {}

    def add(self, hidden_ND: torch.Tensor, readers: Sequence[Sequence[Reader]]) -> None:
        """Positions to read, and for each who reads it."""
        self._states.append(hidden_ND)
        self._readers.extend(readers)
        if len(self._readers) >= _CHUNK:
            self.finish()

    def finish(self) -> None:
        """Read what is waiting."""
        if not self._readers:
            return
        hidden_ND, readers = torch.cat(self._states), self._readers
        self._states, self._readers = [], []
        with fast_linear():
            for begin in range(0, len(readers), _CHUNK):
                read = self._read_letters if self._letters else self._read_vocabulary
                read(hidden_ND[begin : begin + _CHUNK], readers[begin : begin + _CHUNK])

    def _read_vocabulary(self, hidden_ND: torch.Tensor, readers: Sequence[Sequence[Reader]]) -> None:
        flat = [(place, one) for place, group in enumerate(readers) for one in group]
        places = torch.tensor([place for place, _ in flat], device=hidden_ND.device)
        targets = torch.tensor([target for _, (_, _, target) in flat], device=hidden_ND.device)
        values = self._parts.log_probabilities(hidden_ND, places, targets).tolist()
        for (_, (item, option, _)), value in zip(flat, values, strict=True):
            self.sums[item, option] = self.sums.get((item, option), 0.0) + value

    def _read_letters(self, hidden_ND: torch.Tensor, readers: Sequence[Sequence[Reader]]) -> None:
        wanted = sorted({target for group in readers for _, _, target in group})
        column = {token: place for place, token in enumerate(wanted)}
        for values, group in zip(self._parts.logits_of(hidden_ND, wanted), readers, strict=True):
            for item in dict.fromkeys(item for item, _, _ in group):
                own = [(option, target) for reader, option, target in group if reader == item]
                shares = values[[column[target] for _, target in own]].log_softmax(-1).tolist()
                self.sums.update({(item, option): share for (option, _), share in zip(own, shares, strict=True)})
