"""A local translation model (sequence to sequence): M2M100, NLLB, mBART, Marian, T5. It gets the text alone.

Each family names languages in its own way; the tokenizer's vocabulary tells which.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from isogloss.data.rows import ENGLISH
from isogloss.errors import UserError
from isogloss.localize.asked import Arrived, GoOn, Prompt
from isogloss.localize.local_model import batches, ends_of, replies_of, sampling
from isogloss.models.load import ResolvedModel
from isogloss.models.quiet import quiet_transformers
from isogloss.spec.localize import AskerSection

#: Scripts that NLLB calls by another name than CLDR.
_SCRIPTS = {"Kore": "Hang"}


class TranslationModel:
    """A sequence-to-sequence model, loaded on first use."""

    def __init__(self, section: AskerSection, found: ResolvedModel, identity: dict[str, Any], *, setting: str) -> None:
        self.section, self.path, self.setting = section, found.path, setting
        self.name = section.model
        self.prices = (section.input_price, section.output_price)
        self.identity = identity

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        import torch
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        with quiet_transformers():
            tokenizer = AutoTokenizer.from_pretrained(self.path)
            model = AutoModelForSeq2SeqLM.from_pretrained(
                self.path, dtype=getattr(torch, self.section.dtype), use_safetensors=True
            )
        return model.to(self.section.device).eval().requires_grad_(False), tokenizer

    def ask(self, prompts: Sequence[Prompt], *, go_on: GoOn, arrived: Arrived) -> None:
        """Translate each prompt's `source` into its `target`.

        Raises UserError for a prompt that is no translation, or a language that the model does not have.
        """
        if any(not prompt.source for prompt in prompts):
            raise UserError(
                f"{self.setting}.model: '{self.name}' only translates, and cannot be told to do anything else"
            )
        for target in sorted({prompt.target for prompt in prompts}):
            chosen = [index for index, prompt in enumerate(prompts) if prompt.target == target]
            for batch in batches([prompts[index] for index in chosen], self.section.batch):
                taken = [chosen[place] for place in batch if go_on(prompts[chosen[place]])]
                if taken:
                    self._translate(prompts, taken, target, arrived)
                if len(taken) < len(batch):
                    return

    def _translate(self, prompts: Sequence[Prompt], taken: list[int], target: str, arrived: Arrived) -> None:
        import torch

        model, tokenizer = self._loaded
        before, forced = self._languages(tokenizer, target)
        encoded = tokenizer([before + prompts[index].source for index in taken], return_tensors="pt", padding=True)
        with torch.inference_mode():
            ids = model.generate(
                **encoded.to(model.device), max_new_tokens=self.section.max_tokens, **forced, **sampling(self.section)
            )
        read = encoded["attention_mask"].sum(dim=1).tolist()
        replies = replies_of(tokenizer, ids, read, ends=ends_of(model, tokenizer))
        for index, reply in zip(taken, replies, strict=True):
            arrived(index, reply)

    def _languages(self, tokenizer: Any, target: str) -> tuple[str, dict[str, int]]:
        """What stands before the text, and the first token that the model must write."""
        words = tokenizer.get_vocab()
        code = next((one for one in language_tokens(target) if one in words), None)
        if hasattr(tokenizer, "src_lang"):
            if code is None:
                raise UserError(f"{self.setting}.model: '{self.name}' does not translate into '{target}'")
            source = next(one for one in language_tokens(ENGLISH) if one in words)
            tokenizer.src_lang = source.strip("_")
            return "", {"forced_bos_token_id": words[code]}
        if any(word.startswith(">>") for word in words):  # Marian with several targets
            marian = next((one for one in words if one in (f">>{target}<<", f">>{_three(target)}<<")), None)
            if marian is None:
                raise UserError(f"{self.setting}.model: '{self.name}' does not translate into '{target}'")
            return f"{marian} ", {}
        if "t5" in type(tokenizer).__name__.lower():
            from babel import Locale

            return f"translate English to {Locale.parse(ENGLISH).languages[target]}: ", {}
        return "", {}  # a model of one pair of languages


def language_tokens(code: str) -> list[str]:
    """A language's token in the vocabularies of M2M100, mBART-50 and NLLB."""
    from babel.core import get_global

    parts = get_global("likely_subtags").get(code, f"{code}_Latn_XX").split("_")
    three = {"zh": "zho", "ar": "arb"}.get(code, _three(code))
    return [
        f"__{code}__",
        f"{code}_XX",
        f"{code}_{parts[-1]}",
        f"{code}_{code.upper()}",
        f"{three}_{_SCRIPTS.get(parts[1], parts[1])}",
    ]


def _three(code: str) -> str:
    import pycountry

    entry = pycountry.languages.get(alpha_2=code)
    return code if entry is None else str(entry.alpha_3)
