"""A model of this machine that is asked: a causal one, by its chat template where it has one, or a translation model.

Greedy unless a temperature is set. Sampling draws from one generator, so that an answer then depends on what came before
it; the answers are kept all the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from isogloss.data.rows import ENGLISH
from isogloss.errors import UserError
from isogloss.files import read_json
from isogloss.localize.answers import Arrived, Asker, GoOn, Prompt, Reply
from isogloss.models.hub import quiet_transformers
from isogloss.models.load import ResolvedModel, load_model, resolve
from isogloss.spec.localize import NOT_ANSWERS, AskerSection

if TYPE_CHECKING:
    from isogloss.models.load import LoadedModel


def local_asker(section: AskerSection, *, setting: str) -> Asker:
    """An asker for the model that `section.model` names, by its kind. Raises UserError where there is none."""
    found = resolve(section.model)
    if read_json(found.path / "config.json").get("is_encoder_decoder"):
        return TranslationModel(section, found, identity_of(section, found), setting=setting)
    return CausalModel(section, found)


def identity_of(section: AskerSection, found: ResolvedModel) -> dict[str, Any]:
    """What can change an answer: the settings, with the model's digest in place of its name."""
    settings = section.model_dump(mode="json", exclude=set(NOT_ANSWERS) | {"tries", "url"})
    return {**settings, "model": found.digest}


class CausalModel:
    """A causal language model that follows what it is told."""

    def __init__(self, section: AskerSection, found: ResolvedModel) -> None:
        self.section = section
        self.name = section.model
        self.prices = (section.input_price, section.output_price)
        self.identity = identity_of(section, found)

    @cached_property
    def loaded(self) -> LoadedModel:
        """The model, loaded on first use."""
        return load_model(self.section.model, dtype=self.section.dtype, device=self.section.device)

    def ask(self, prompts: Sequence[Prompt], *, go_on: GoOn, arrived: Arrived) -> None:
        """Answer the prompts in batches of similar length."""
        for batch in batches(prompts, self.section.batch):
            taken = [index for index in batch if go_on(prompts[index])]
            if taken:
                replies = self._continue([self._text(prompts[index]) for index in taken])
                for index, reply in zip(taken, replies, strict=True):
                    arrived(index, reply)
            if len(taken) < len(batch):
                return

    def _text(self, prompt: Prompt) -> str:
        """Without a chat template the messages follow each other, and the last line is left open."""
        tokenizer: Any = self.loaded.tokenizer
        if not tokenizer.chat_template:
            return "\n\n".join(text for _, text in prompt.messages) + "\n\n"
        return str(tokenizer.apply_chat_template(_turns(prompt), tokenize=False, add_generation_prompt=True))

    def _continue(self, texts: list[str]) -> list[Reply]:
        import torch

        model: Any = self.loaded.model
        tokenizer: Any = self.loaded.tokenizer
        before, tokenizer.padding_side = tokenizer.padding_side, "left"
        try:
            # The template has written the special tokens already.
            special = not tokenizer.chat_template
            encoded = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=special).to(model.device)
        finally:
            tokenizer.padding_side = before
        with torch.inference_mode():
            ids = model.generate(
                **encoded,
                max_new_tokens=self.section.max_tokens,
                pad_token_id=tokenizer.pad_token_id,
                **sampling(self.section),
            )
        width = encoded["input_ids"].shape[1]
        read = encoded["attention_mask"].sum(dim=1).tolist()
        return replies_of(tokenizer, ids[:, width:], read, ends=ends_of(model, tokenizer))


def _turns(prompt: Prompt) -> list[dict[str, str]]:
    """Roles as every template takes them: what the system says opens the first turn."""
    system = "\n\n".join(text for role, text in prompt.messages if role == "system")
    turns = [{"role": role, "content": text} for role, text in prompt.messages if role != "system"]
    if system and turns:
        turns[0] = {**turns[0], "content": f"{system}\n\n{turns[0]['content']}"}
    return turns


def batches(prompts: Sequence[Prompt], size: int) -> list[list[int]]:
    """Positions in batches of `size`, longest first, so that what does not fit fails at once."""
    order = sorted(range(len(prompts)), key=lambda index: -prompts[index].tokens)
    return [order[start : start + size] for start in range(0, len(order), size)]


def sampling(section: AskerSection) -> dict[str, Any]:
    """The settings of `generate`."""
    return {"do_sample": True, "temperature": section.temperature} if section.temperature else {"do_sample": False}


def ends_of(model: Any, tokenizer: Any) -> frozenset[int]:
    """Ids at which an answer ends of itself, and what follows it in a batch."""
    ends = model.generation_config.eos_token_id
    several = ends if isinstance(ends, list) else [ends]
    return frozenset(one for one in (*several, tokenizer.eos_token_id, tokenizer.pad_token_id) if one is not None)


def replies_of(tokenizer: Any, ids_BT: Any, read: Sequence[int], *, ends: frozenset[int]) -> list[Reply]:
    """The texts of generated ids, how many tokens went in and out, and whether the most allowed were too few."""
    texts = tokenizer.batch_decode(ids_BT, skip_special_tokens=True)
    made = (ids_BT != tokenizer.pad_token_id).sum(dim=1).tolist()
    last = ids_BT[:, -1].tolist()
    return [
        Reply(text=text.strip(), input_tokens=into, output_tokens=out, cut=end not in ends)
        for text, into, out, end in zip(texts, read, made, last, strict=True)
    ]


# --------------------------------------------------------------------------------------------------------------------
# A local translation model (sequence to sequence): M2M100, NLLB, mBART, Marian, T5. It gets the text alone.
#
# Each family names languages in its own way; the tokenizer's vocabulary tells which.

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
