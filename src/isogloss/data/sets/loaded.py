"""What reading a set gives: rows in the project's format, and what a person should know of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from isogloss.data.rows import Row
from isogloss.data.sets.places import SetFiles
from isogloss.errors import DataError

RowType = TypeVar("RowType", bound=Row)


@dataclass(frozen=True, kw_only=True)
class Loaded(Generic[RowType]):
    """`rows` of the set in `files`; `notices` count what was left out, and why."""

    rows: tuple[RowType, ...]
    files: SetFiles
    notices: tuple[str, ...] = ()


@dataclass
class LeftOut:
    """Counts rows that are whole and that the project's format has no place for, by the reason."""

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, reason: str, where: str) -> None:
        """One more, at `file:row`."""
        self.counts[reason] += 1
        self.first.setdefault(reason, where)

    def notices(self) -> tuple[str, ...]:
        """A line for each reason."""
        return tuple(
            f"{count} row{'s' if count > 1 else ''} left out: {reason} (the first: {self.first[reason]})"
            for reason, count in self.counts.items()
        )


def require_good(problems: Iterable[str], files: SetFiles) -> None:
    """Raise DataError where there is any problem, with the command that fetches the files again."""
    if listed := list(problems):
        raise DataError(listed, hint=f"As published, the rows are whole; to fetch them again: {files.mend}")
