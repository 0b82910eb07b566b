"""Prompts and responses as tokens, within the length limit, in an order that mixes languages."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from isogloss.data.announce import announced
from isogloss.errors import DataError, UserError
from isogloss.methods.decisions import Decision, decision
from isogloss.methods.job import Job


@dataclass(frozen=True)
class Tokens:
    """A prompt and the response to it as token ids; `completion` ends with EOS unless it was cut."""

    prompt: tuple[int, ...]
    completion: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prompt) + len(self.completion)


@dataclass(frozen=True)
class Entry:
    """What stands or falls together: one sequence for MIST, the four of a pair for CLO.

    `name` says to a person which it is (`train/capital-of/FJ/1 (ko)`); `row` is the id alone; `language` what it teaches.
    """

    name: str
    row: str
    language: str
    sequences: tuple[Tokens, ...]


def encode(tokenizer: Any, prompt: str, response: str, *, language: str, template: str) -> Tokens:
    """Join prompt and response by `template` (spec/align.py); `language` is the prompt's.

    The prompt's tokens are those it has alone, so that training reads what scoring and generation read; the response's
    are taken from the two encoded together where that leaves the prompt's as they are. EOS ends the response.
    """
    if template == "chat":
        opening = _chat(tokenizer, prompt)
        before = tokenizer.encode(opening, add_special_tokens=False)
        together = tokenizer.encode(opening + response, add_special_tokens=False)
        alone = response
    else:
        opening = f"{prompt}\n" if template == "plain" else announced(prompt, language)
        alone = response if template == "plain" else f" {response}"
        before = _encode_open(tokenizer, opening)
        together = _encode_open(tokenizer, opening + alone)
    if together[: len(before)] == before and len(together) > len(before):
        completion = together[len(before) :]
    else:
        completion = tokenizer.encode(alone, add_special_tokens=False)
    return Tokens(tuple(before), (*completion, tokenizer.eos_token_id))


def _encode_open(tokenizer: Any, text: str) -> list[int]:
    """Ids with the tokenizer's opening tokens; a closing one, which some tokenizers add, is taken off."""
    ids = list(tokenizer.encode(text))
    return ids[:-1] if len(ids) > 1 and ids[-1] == tokenizer.eos_token_id else ids


def _chat(tokenizer: Any, prompt: str) -> str:
    messages = [{"role": "user", "content": prompt}]
    text: str = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    return text


def check_tokenizer(tokenizer: Any, job: Job) -> None:
    """Raise UserError where the tokenizer lacks what the job needs of it: an EOS token, a chat template."""
    if tokenizer.eos_token_id is None:
        raise UserError(f"model '{job.model_name}': its tokenizer has no eos token, so responses cannot be ended")
    if job.train.template == "chat" and not getattr(tokenizer, "chat_template", None):
        raise UserError(
            f"model '{job.model_name}': its tokenizer has no chat template, which train.template 'chat' asks for; "
            "use plain or cloze, or an instruction-tuned model"
        )


def within_length(entries: Sequence[Entry], job: Job) -> tuple[list[Entry], tuple[Decision, ...]]:
    """Entries no longer than `train.max_length` tokens, by `train.too_long`: dropped, cut, or refused.

    Cutting shortens responses at the end (they lose their EOS); an entry whose prompt alone fills the limit is dropped.

    Raises:
        DataError: `too_long` is `refuse` and some are; each is named.
        UserError: none are left.
    """
    limit = job.train.max_length
    long = [entry for entry in entries if max(map(len, entry.sequences)) > limit]
    if long and job.train.too_long == "refuse":
        files = ", ".join(str(path) for path in job.instructions)
        raise DataError(
            [f"{files}: {entry.name}: {max(map(len, entry.sequences))} tokens" for entry in long],
            hint=f"train.max_length is {limit} and train.too_long is refuse; raise the one, or set the other to drop or cut.",
        )
    cut: list[Entry] = []
    if job.train.too_long == "cut":
        cut = [entry for entry in long if max(len(one.prompt) for one in entry.sequences) < limit]
    shortened = {
        id(entry): replace(
            entry,
            sequences=tuple(
                replace(one, completion=one.completion[: limit - len(one.prompt)]) for one in entry.sequences
            ),
        )
        for entry in cut
    }
    gone = {id(entry) for entry in long} - set(shortened)
    left = [shortened.get(id(entry), entry) for entry in entries if id(entry) not in gone]
    total = len(entries)
    made = (
        *decision(f"responses cut to max_length {limit}", (entry.name for entry in cut), total=total),
        *decision(
            f"left out: longer than max_length {limit}",
            (entry.name for entry in long if id(entry) in gone),
            total=total,
        ),
    )
    if not left:
        shortest = min((max(map(len, entry.sequences)) for entry in entries), default=0)
        raise UserError(
            f"no training row is within train.max_length {limit} tokens; the shortest has {shortest}. Raise it"
            if entries
            else "the instruction files give no training row in the job's languages"
        )
    return left, made


def steps_of(job: Job, count: int) -> int:
    """Optimizer steps: `train.steps`, or what covers `train.epochs` of `count` entries, rounded up.

    Every step has a full batch: where an epoch ends in the middle of one, the next epoch's order fills it.
    """
    return job.train.steps or max(1, math.ceil(job.train.epochs * count / job.train.batch - 1e-9))


def batch_order(entries: Sequence[Entry], *, total: int, seed: int) -> list[int]:
    """Indices of `total` entries: epoch after epoch, each in another seeded order.

    Rows are dealt to as many classes as there are languages, and neighbours come from different classes in different
    languages: where every row has all L languages, any L entries in a row hold each language once, and an instruction
    comes back in another language only after all others have been seen.
    """
    languages = sorted({entry.language for entry in entries})
    by_row: dict[str, dict[str, int]] = {}
    for index, entry in enumerate(entries):
        assert entry.language not in by_row.setdefault(entry.row, {}), entry.name
        by_row[entry.row][entry.language] = index
    order: list[int] = []
    epoch = 0
    while len(order) < total:
        draw = random.Random(f"{seed}/{epoch}")
        order += _epoch(list(by_row.values()), languages, draw)
        epoch += 1
    return order[:total]


def _epoch(rows: list[dict[str, int]], languages: list[str], draw: random.Random) -> list[int]:
    draw.shuffle(rows)
    tongues = draw.sample(languages, len(languages))
    classes = [rows[first :: len(tongues)] for first in range(len(tongues))]
    order = []
    for turn in range(len(tongues)):
        for members in classes:
            draw.shuffle(members)
        for place in range(len(classes[0])):
            for which, members in enumerate(classes):
                index = members[place].get(tongues[(which + turn) % len(tongues)]) if place < len(members) else None
                if index is not None:
                    order.append(index)
    return order
