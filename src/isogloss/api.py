"""The Python interface: `isogloss.load(ref)` and `isogloss.steer(model, intervention, languages=…)`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch

from isogloss.data.rows import ChoiceItem
from isogloss.errors import UserError
from isogloss.evaluate.score import ScoreSettings, score_items
from isogloss.evaluate.scores import Scores
from isogloss.models.load import DType, LoadedModel, load_model
from isogloss.stages.scoring import steered_pass
from isogloss.steering.apply import steer as _steer
from isogloss.steering.extract import prompt_states
from isogloss.steering.intervention import Intervention
from isogloss.steering.vectors import Token

#: Context manager on any Hugging Face causal LM; see :func:`isogloss.steering.apply.steer`.
steer = _steer


@dataclass(frozen=True)
class Model:
    """A loaded model with what people do with it. `loaded.model` and `loaded.tokenizer` are the Hugging Face objects."""

    loaded: LoadedModel

    def generate(
        self,
        prompts: str | Sequence[str],
        *,
        intervention: Intervention | None = None,
        languages: str | Sequence[str] | None = None,
        max_new_tokens: int = 64,
        **settings: Any,
    ) -> list[str]:
        """Continue each prompt; returns only what was added. Greedy unless `settings` (of `generate`) say otherwise.

        With an `intervention`, `languages` gives the language of each prompt, or one for all.
        """
        texts = [prompts] if isinstance(prompts, str) else list(prompts)
        if intervention is not None and languages is None:
            raise UserError("steered generation needs `languages`: one for each prompt, or one for all")
        model: Any = self.loaded.model
        tokenizer: Any = self.loaded.tokenizer
        before, tokenizer.padding_side = tokenizer.padding_side, "left"
        try:
            encoded = tokenizer(texts, return_tensors="pt", padding=True).to(model.device)
        finally:
            tokenizer.padding_side = before
        options = {"do_sample": False, "pad_token_id": tokenizer.pad_token_id, **settings}
        context = nullcontext() if intervention is None else self.steered(intervention, languages or ())
        with torch.inference_mode(), context:
            ids = model.generate(**encoded, max_new_tokens=max_new_tokens, **options)
        return tokenizer.batch_decode(ids[:, encoded["input_ids"].shape[1] :], skip_special_tokens=True)

    def score(
        self,
        items: Sequence[ChoiceItem],
        *,
        intervention: Intervention | None = None,
        settings: ScoreSettings = ScoreSettings(),
    ) -> Scores:
        """Score choice items; rows of a language without a vector stay unsteered."""
        one = steered_pass(self.loaded, "scores", intervention or Intervention(()))
        return score_items(self.loaded.model, self.loaded.tokenizer, items, settings=settings, passes=[one])["scores"]

    def hidden_states(self, prompts: str | Sequence[str], *, token: Token = "last") -> torch.Tensor:
        """Float32 [prompts, layers, hidden]: the last token's state, or the mean over non-special tokens, at each layer.

        Row l−1 of the second axis is layer l.
        """
        texts = [prompts] if isinstance(prompts, str) else list(prompts)
        return prompt_states(self.loaded.model, self.loaded.tokenizer, texts, token=token)

    def steered(self, intervention: Intervention, languages: str | Sequence[str]) -> Any:
        """`isogloss.steer` on this model, with its digest checked against the vectors'."""
        return _steer(self.loaded.model, intervention, languages=languages, model_digest=self.loaded.digest)


def load(ref: str, *, dtype: DType = "float32", device: str = "cpu") -> Model:
    """Load `embedded`, a local directory, or `org/name[@revision]`. Raises UserError for anything that cannot be."""
    return Model(load_model(ref, dtype=dtype, device=device))
