"""OpenAssistant: first-turn English pairs, each prompt with the reply that people ranked best (Köpf et al. 2023).

The publisher's rows are messages of trees (`message_id`, `parent_id`, …). Kept are English prompts that begin a finished
tree, with the English reply of the lowest rank that reviewers let stand; a reply that was never ranked comes after those that
were. Threads already joined (`tree`, `messages`, `rank`) are read as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from isogloss.data.published.catalogue import holding
from isogloss.data.published.source import SetFiles, Wanted
from isogloss.data.published.tables import (
    LeftOut,
    Loaded,
    PublishedRow,
    TruthOrNone,
    WholeOrNone,
    checked_rows,
    require_good,
    rows_of,
)
from isogloss.data.rows import ENGLISH, InstructionRow
from isogloss.errors import UserError

_FINISHED = "ready_for_export"
_UNRANKED = 10**9


class MessageRow(PublishedRow):
    """A message of a tree; `parent_id` is none for the prompt that begins it."""

    message_id: str
    parent_id: str | None
    text: str
    role: Literal["prompter", "assistant"]
    lang: str
    rank: WholeOrNone
    review_result: TruthOrNone = None
    deleted: TruthOrNone = None
    tree_state: str | None = None
    split: str | None = None


class Turn(PublishedRow):
    """One message of a joined thread."""

    role: Literal["prompter", "assistant"]
    text: str


class ThreadRow(PublishedRow):
    """A thread from its first prompt to a reply; `rank` is that of the last message."""

    uid: str
    tree: str
    messages: Annotated[list[Turn], Field(min_length=2)]
    rank: WholeOrNone = None
    lang: str = ENGLISH
    split: str | None = None


@dataclass(frozen=True, slots=True, order=True)
class _Reply:
    """Sorted as people ranked them; the identifier decides between equals, so that a rerun chooses the same."""

    rank: int
    id: str
    text: str


@dataclass(slots=True)
class _Found:
    """What has been read so far. Replies may stand before their prompts, so both are kept."""

    prompts: dict[str, str] = field(default_factory=dict)
    replies: dict[str, list[_Reply]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    left_out: LeftOut = field(default_factory=LeftOut)


def wanted(*, split: str = "train") -> Wanted:
    """The messages of a split."""
    return {split: lambda names: holding(names, splits=(split,))}


def read_openassistant(files: SetFiles, *, split: str = "train") -> Loaded[InstructionRow]:
    """English prompts with their best replies, in the publisher's order.

    Raises DataError with every bad row, UserError where there is no pair.
    """
    found = _Found()
    for path in files.paths:
        read = _read_threads if _joined(path, files.mend) else _read_messages
        read(path, split, files.mend, found)
    require_good(found.problems, files)
    rows = []
    for tree, prompt in found.prompts.items():
        if best := min(found.replies.get(tree, []), default=None):
            rows.append(InstructionRow(id=f"oasst-{tree}", prompt={ENGLISH: prompt}, response={ENGLISH: best.text}))
        else:
            found.left_out.add("a first prompt without an English reply that reviewers let stand", tree)
    if not rows:
        why = "; ".join(found.left_out.notices()) or "no row of it is there"
        raise UserError(f"{files.folder}: no English prompt of {split} with its reply: {why}")
    return Loaded(rows=tuple(rows), files=files, notices=found.left_out.notices())


def _joined(path: Path, mend: str) -> bool:
    first: Iterable[tuple[str, dict[str, object]]] = rows_of(path, [], mend=mend)
    return any("messages" in columns for _, columns in [next(iter(first), ("", {}))])


def _read_messages(path: Path, split: str, mend: str, found: _Found) -> None:
    """Of whole trees, the texts of first turns in English alone."""
    for where, _, row in checked_rows([path], MessageRow, found.problems, mend=mend):
        first = not row.parent_id
        if row.split not in (None, split):
            continue
        if row.lang != ENGLISH:
            found.left_out.add("not in English", where)
        elif row.deleted or row.review_result is False or (row.tree_state or _FINISHED) != _FINISHED:
            found.left_out.add("deleted, turned down by reviewers, or of an unfinished tree", where)
        elif not row.text.strip() and (first or row.role == "assistant"):
            found.problems.append(f"{where}: text: is empty")
        elif first and row.role == "prompter":
            if row.message_id in found.prompts:
                found.problems.append(f"{where}: message_id: '{row.message_id}' stands twice")
            found.prompts[row.message_id] = row.text
        elif row.parent_id and row.role == "assistant":
            rank = _UNRANKED if row.rank is None else row.rank
            found.replies.setdefault(row.parent_id, []).append(_Reply(rank, row.message_id, row.text))
        elif first:
            found.problems.append(f"{where}: role: a tree begins with a prompter's message, this is an assistant's")


def _read_threads(path: Path, split: str, mend: str, found: _Found) -> None:
    """A thread of two messages ranks its reply; the first reply of a longer one is unranked here."""
    for where, _, row in checked_rows([path], ThreadRow, found.problems, mend=mend):
        asked, answered = row.messages[0], row.messages[1]
        if row.split not in (None, split):
            continue
        if row.lang != ENGLISH:
            found.left_out.add("not in English", where)
        elif (asked.role, answered.role) != ("prompter", "assistant"):
            found.problems.append(
                f"{where}: messages: a thread begins with a prompter's message and an assistant's reply"
            )
        elif not asked.text.strip() or not answered.text.strip():
            found.problems.append(f"{where}: messages: the text of the first turn is empty")
        else:
            found.prompts.setdefault(row.tree, asked.text)
            ranked = len(row.messages) == 2 and row.rank is not None
            rank = row.rank if ranked and row.rank is not None else _UNRANKED
            found.replies.setdefault(row.tree, []).append(_Reply(rank, row.uid, answered.text))
