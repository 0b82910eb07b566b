"""`Scores`: what one model under one condition answered, item by item.

Scores are kept per item so that every later difference is paired.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from isogloss.data.rows import Axis, ChoiceItem
from isogloss.files import digest_of, write_atomic


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemScore:
    """The answer to one item. `option_scores` are log-likelihoods (nats; per token when length-normalised).

    `english` says whether the picked option is one true of US/GB but not the gold; None where no such option exists.
    """

    id: str
    group: str
    language: str
    axis: Axis
    answer: int
    picked: int
    english: bool | None
    option_scores: tuple[float, ...]

    @property
    def correct(self) -> bool:
        """Whether the gold option was picked."""
        return self.picked == self.answer

    @property
    def probability(self) -> float:
        """The gold option's share of the options' probability: a softmax over `option_scores`."""
        highest = max(self.option_scores)
        shares = [math.exp(score - highest) for score in self.option_scores]
        return shares[self.answer] / sum(shares)

    @classmethod
    def of(cls, item: ChoiceItem, option_scores: Iterable[float]) -> ItemScore:
        """Judge `item` by its options' scores: the highest wins, the first of equals."""
        values = tuple(float(score) for score in option_scores)
        picked = max(range(len(values)), key=values.__getitem__)
        english = item.english_options()
        return cls(
            id=item.id,
            group=item.group,
            language=item.language,
            axis=item.axis,
            answer=item.answer,
            picked=picked,
            english=(picked in english) if english else None,
            option_scores=values,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Item scores of one model under one `condition` (`baseline`, `sur`, …)."""

    condition: str
    items: tuple[ItemScore, ...]

    def __iter__(self) -> Iterator[ItemScore]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def digest(self) -> str:
        """Content digest, independent of the order of items."""
        return digest_of([self.condition, sorted(json.dumps(asdict(item)) for item in self.items)])

    def save(self, path: Path) -> None:
        """One JSON object a line; the condition in each."""
        lines = (json.dumps({"condition": self.condition, **asdict(item)}, ensure_ascii=False) for item in self.items)
        write_atomic(path, "".join(line + "\n" for line in lines))

    @classmethod
    def load(cls, path: Path) -> Scores:
        """Read what :meth:`save` wrote."""
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        condition = rows[0]["condition"] if rows else path.stem
        items = []
        for row in rows:
            row.pop("condition")
            items.append(ItemScore(**{**row, "option_scores": tuple(row["option_scores"])}))
        return cls(condition=condition, items=tuple(items))
