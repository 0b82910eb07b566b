"""Counted decisions about the data: what was left out or changed, how often, and where. Never silent."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from isogloss.files import write_json
from isogloss.methods.job import DECISIONS, Job

#: So many rows are named in `decisions.json`.
_NAMED = 20


@dataclass(frozen=True)
class Decision:
    """`count` of `total` things; `what` says which and what became of them, `rows` names the first."""

    what: str
    count: int
    total: int
    rows: tuple[str, ...] = ()

    def __str__(self) -> str:
        named = f" ({', '.join(self.rows[:3])}{', …' if self.count > 3 else ''})" if self.rows else ""
        return f"{self.count} of {self.total} {self.what}{named}"


def decision(what: str, rows: Iterable[str], *, total: int) -> tuple[Decision, ...]:
    """One decision about `rows`, or none where there are no such rows."""
    names = list(rows)
    return (Decision(what, len(names), total, tuple(names[:_NAMED])),) if names else ()


def report_decisions(job: Job, decisions: Iterable[Decision]) -> None:
    """Write them to the job's folder and say each in a line on stderr. Rank 0 alone calls this."""
    found = list(decisions)
    write_json(job.folder / DECISIONS, [asdict(one) for one in found])
    for one in found:
        print(f"data: {one}", file=sys.stderr)
