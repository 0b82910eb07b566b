"""Parallel rows as sentence pairs: English with each other language of a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from isogloss.data.rows import ENGLISH, ParallelRow
from isogloss.errors import UserError
from isogloss.methods.decisions import Decision, decision
from isogloss.methods.encoding import Entry, Tokens


def pair_entries(rows: Sequence[ParallelRow], tokenizer: Any) -> tuple[list[Entry], tuple[Decision, ...]]:
    """An entry a row and language: the English sentence and its translation, as two sequences without a prompt.

    They open as the tokenizer opens a text (with BOS, in most families) and do not end with EOS.

    Raises:
        UserError: no row has English and another language.
    """
    pairs, alone = [], []
    for row in rows:
        others = [language for language in row.text if language != ENGLISH]
        if ENGLISH not in row.text or not others:
            alone.append(row.id)
            continue
        english = _sentence(tokenizer, row.text[ENGLISH])
        pairs += [
            Entry(f"{row.id} (en–{language})", row.id, language, (english, _sentence(tokenizer, row.text[language])))
            for language in others
        ]
    if not pairs:
        raise UserError(
            "the parallel files hold no sentence in English and another language of the training; alignment pairs "
            "English with each other language, so `languages` and the rows need both"
        )
    made = decision("parallel rows left out: not in English and another language", alone, total=len(rows))
    return pairs, made


def _sentence(tokenizer: Any, text: str) -> Tokens:
    ids = tuple(tokenizer.encode(text))
    ended = len(ids) > 1 and ids[-1] == tokenizer.eos_token_id  # Some tokenizers close every text.
    return Tokens((), ids[:-1] if ended else ids)
