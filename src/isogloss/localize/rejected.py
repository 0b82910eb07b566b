"""What was left out, with its reason; and a few results for a person to read."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from isogloss.localize.asking import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """One thing that was left out: `what` it was (question, option, item, prompt, response), and why."""

    id: str
    language: str
    what: str
    reason: str
    message: str
    asked: str = ""
    original: str = ""
    answer: str = ""


def of_outcome(outcome: Outcome, *, id: str, language: str, what: str, original: str) -> Rejection:
    """The last attempt of what no asker did."""
    last = outcome.attempts[-1]
    return Rejection(
        id=id,
        language=language,
        what=what,
        reason=last.reason,
        message=last.message,
        asked=last.asker,
        original=original,
        answer=last.answer,
    )


def lines(rejections: Iterable[Rejection]) -> str:
    """One JSON object a line."""
    return "".join(json.dumps(asdict(one), ensure_ascii=False) + "\n" for one in rejections)


def by_reason(rejections: Iterable[Rejection]) -> dict[tuple[str, str, str], int]:
    """{(language, what, reason): how many}, sorted."""
    return dict(sorted(Counter((one.language, one.what, one.reason) for one in rejections).items()))


def drawn(names: Iterable[str], *, seed: int, number: int) -> list[str]:
    """`number` of `names` by a draw that does not depend on their order."""
    return sorted(set(names), key=lambda name: hashlib.sha256(f"{seed}/{name}".encode()).hexdigest())[:number]


def samples_page(title: str, explained: str, samples: Mapping[str, Sequence[Mapping[str, str]]]) -> str:
    """Markdown for a person: by language, what went in beside what came out."""
    parts = [f"# {title}\n\n{explained}\n"]
    for language, rows in samples.items():
        parts.append(f"\n## {language}\n")
        if not rows:
            parts.append("\nNothing came through.\n")
        for number, row in enumerate(rows, start=1):
            fields = "\n".join(f"   - {name}: {_one_line(text)}" for name, text in row.items())
            parts.append(f"\n{number}.\n{fields}\n")
    return "".join(parts)


def _one_line(text: str) -> str:
    joined = " ⏎ ".join(line.strip() for line in text.splitlines() if line.strip())
    return joined.replace("<", "&lt;") if len(joined) <= 600 else f"{joined[:597].replace('<', '&lt;')}…"
