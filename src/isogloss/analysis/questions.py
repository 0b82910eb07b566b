"""Which items ask the same question in other languages."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from isogloss.data.rows import Axis, ChoiceItem, ParallelRow
from isogloss.steering.pairs import PromptOf


@dataclass(frozen=True, slots=True)
class StateRow:
    """What is known of a prompt besides its text. `question` is what it shares with the same question elsewhere; `kind`
    what it shares with questions of the same pattern (capitals, currencies)."""

    id: str
    group: str
    language: str
    axis: Axis | None
    question: str
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text to be read, and its row."""

    text: str
    row: StateRow


def question_of(item: ChoiceItem) -> str:
    """The item's group, less the one segment that is its own region.

    A localized question is asked of each language's region: `…/currency/GR/value` and `…/currency/KR/value` are one
    question with two answers.
    """
    parts = item.group.split("/")
    if item.region in parts and len(parts) > 1:
        parts.remove(item.region)
    return "/".join(parts)


def row_of(item: ChoiceItem) -> StateRow:
    """The row of a choice item."""
    return StateRow(item.id, item.group, item.language, item.axis, question_of(item), item.kind)


def item_prompts(items: Iterable[ChoiceItem], prompt_of: PromptOf) -> list[Prompt]:
    """The prompts that the items are scored with, in their order."""
    return [Prompt(prompt_of(item, item.question), row_of(item)) for item in items]


def question_prompts(items: Iterable[ChoiceItem]) -> list[Prompt]:
    """The bare questions as parallel sentences: rows without an axis."""
    return [
        Prompt(item.question, StateRow(row.id, row.group, row.language, None, row.question))
        for item, row in ((item, row_of(item)) for item in items)
    ]


def sentence_prompts(rows: Iterable[ParallelRow], *, languages: Iterable[str]) -> list[Prompt]:
    """The bare sentences of these languages, row by row."""
    wanted = tuple(languages)
    return [
        Prompt(row.text[language], StateRow(f"{row.id}/{language}", row.id, language, None, row.id))
        for row in rows
        for language in wanted
        if language in row.text
    ]


def matched(rows: Sequence[StateRow], first: str, second: str) -> tuple[np.ndarray, np.ndarray]:
    """Indices into `rows` of items of two languages that ask the same question, sorted by question.

    Several items of a question are matched in the order of their ids, as pairs for steering vectors are; what one language
    has more of is left out.
    """
    by_question: dict[str, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for index in sorted(range(len(rows)), key=lambda index: rows[index].id):
        row = rows[index]
        if row.language in (first, second):
            by_question[row.question][row.language == second].append(index)
    pairs = [pair for question in sorted(by_question) for pair in zip(*by_question[question], strict=False)]
    one, other = np.array(pairs, dtype=int).reshape(-1, 2).T
    return one, other
