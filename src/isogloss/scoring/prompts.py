"""What the model reads for a choice item, by scoring: `letter` (the paper's) or `cloze`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from isogloss.data.benchmark.wording import announced
from isogloss.data.rows import ChoiceItem

Scoring = Literal["letter", "cloze"]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


class Tokenizer(Protocol):
    """What scoring needs of a Hugging Face tokenizer."""

    def encode(self, text: str, *, add_special_tokens: bool = True) -> list[int]: ...


def letter_prompt(question: str, options: Sequence[str]) -> str:
    """Question, one English line asking for a letter only, lettered options, `Answer:` (the paper's layout)."""
    lettered = "\n".join(f"{letter}. {option}" for letter, option in zip(LETTERS, options, strict=False))
    return f"{question}\nAnswer with the letter of the correct option only.\n{lettered}\nAnswer:"


def cloze_prompt(question: str, language: str) -> str:
    """Question and the word that announces an answer in its language; the options follow, one at a time."""
    return announced(question, language)


def prompt_of(item: ChoiceItem, scoring: Scoring, *, question: str | None = None) -> str:
    """The prompt of `item`; `question` stands in for the item's own (its contextual twin, say)."""
    text = item.question if question is None else question
    return letter_prompt(text, item.options) if scoring == "letter" else cloze_prompt(text, item.language)


def prompts_by(scoring: Scoring) -> Callable[[ChoiceItem, str], str]:
    """item, question → prompt, as :func:`prompt_of`: what pairs and captured states are made with."""
    return lambda item, question: prompt_of(item, scoring, question=question)


def continuations_of(item: ChoiceItem, scoring: Scoring) -> list[str]:
    """What may follow the prompt, per option: its letter, or its text, after a space."""
    if scoring == "letter":
        return [f" {letter}" for letter in LETTERS[: len(item.options)]]
    return [f" {option}" for option in item.options]


def encode_continuation(tokenizer: Tokenizer, prompt: str, prompt_ids: Sequence[int], continuation: str) -> list[int]:
    """Token ids of `continuation` behind `prompt`.

    Taken from the two encoded together when that leaves the prompt's tokens as they are, else encoded alone: all options
    of an item must share one prompt.
    """
    together = tokenizer.encode(prompt + continuation)
    if list(together[: len(prompt_ids)]) == list(prompt_ids) and len(together) > len(prompt_ids):
        return list(together[len(prompt_ids) :])
    return list(tokenizer.encode(continuation, add_special_tokens=False))
