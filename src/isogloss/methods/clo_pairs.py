"""Instructions as the pairs that CLO contrasts: English and one other language, four sequences that stay together.

A pair is one row of the data set, so a batch counts pairs and both directions are always in the same micro-batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.utils.rnn import pad_sequence

from isogloss.data.rows import ENGLISH, InstructionRow
from isogloss.errors import UserError
from isogloss.methods.clo_loss import PairSequence
from isogloss.methods.decisions import Decision, decision
from isogloss.methods.encoding import Entry, Tokens, encode

#: Prompt and response of the four sequences: True is the other language, False English.
_LANGUAGES = {
    PairSequence.EN_EN: (False, False),
    PairSequence.EN_XX: (False, True),
    PairSequence.XX_XX: (True, True),
    PairSequence.XX_EN: (True, False),
}


def target_languages(languages: Sequence[str]) -> tuple[str, ...]:
    """The languages to be paired with English.

    Raises:
        UserError: English is not among `languages`, or stands alone.
    """
    if ENGLISH not in languages:
        raise UserError(
            f"CLO contrasts each language with English, and the languages are {', '.join(languages)}; add '{ENGLISH}'"
        )
    targets = tuple(code for code in languages if code != ENGLISH)
    if not targets:
        raise UserError("CLO contrasts each language with English, and English is the only language; add another")
    return targets


def clo_pair(row: InstructionRow, target: str, *, tokenizer: Any, template: str) -> Entry:
    """The four sequences of a row in English and `target`, in the order of `clo_loss.PairSequence`.

    Raises:
        UserError: `target` is English, which would contrast a response with itself.
    """
    if target == ENGLISH:
        raise UserError(
            f"{row.id}: a CLO pair is English and another language; English as the target would be paired with itself"
        )
    sequences = []
    for of in PairSequence:
        asked, answered = (target if other else ENGLISH for other in _LANGUAGES[of])
        sequences.append(
            encode(tokenizer, row.prompt[asked], row.response[answered], language=asked, template=template)
        )
    return Entry(name=f"{row.id} ({target})", row=row.id, language=target, sequences=tuple(sequences))


def clo_pairs(
    rows: Sequence[InstructionRow], targets: Sequence[str], *, tokenizer: Any, template: str
) -> tuple[list[Entry], tuple[Decision, ...]]:
    """Every row paired with English in each of `targets` that it has, and what was decided about the others.

    Left out: rows without English, and languages in which a row only repeats its English text. A pair whose two
    responses are the same (a number, a name) stays: it contrasts nothing, and its SFT term teaches.

    Raises:
        UserError: English is among `targets`.
    """
    entries, copies, same = [], [], []
    without = [row.id for row in rows if ENGLISH not in row.prompt]
    for row in rows:
        for target in targets:
            if ENGLISH not in row.prompt or target not in row.prompt:
                continue
            entry = clo_pair(row, target, tokenizer=tokenizer, template=template)
            alike = row.response[target].strip() == row.response[ENGLISH].strip()
            if alike and row.prompt[target].strip() == row.prompt[ENGLISH].strip():
                copies.append(entry.name)
                continue
            entries.append(entry)
            if alike:
                same.append(entry.name)
    total = len(entries) + len(copies)
    return entries, (
        *decision(f"instruction rows left out: without '{ENGLISH}' there is no pair", without, total=len(rows)),
        *decision("pairs left out: the other language only repeats the English text", copies, total=total),
        *decision("pairs have the same response in both languages: nothing to contrast, SFT alone", same, total=total),
    )


def padded(pairs: Sequence[Entry], *, pad_id: int) -> dict[str, torch.Tensor]:
    """P pairs as 4·P rows padded on the right, the four of a pair side by side: `input_ids`, `attention_mask`,
    `completion_mask`, each [4·P, T]."""
    rows = [tokens for entry in pairs for tokens in entry.sequences]

    def padded_with(value: int, of: list[list[int]]) -> torch.Tensor:
        return pad_sequence([torch.tensor(one) for one in of], batch_first=True, padding_value=value)

    return {
        "input_ids": padded_with(pad_id, [[*tokens.prompt, *tokens.completion] for tokens in rows]),
        "attention_mask": padded_with(0, [[1] * len(tokens) for tokens in rows]),
        "completion_mask": padded_with(0, [_completion(tokens) for tokens in rows]),
    }


def _completion(tokens: Tokens) -> list[int]:
    return [0] * len(tokens.prompt) + [1] * len(tokens.completion)
