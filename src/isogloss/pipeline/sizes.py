"""How much a pipeline's data are, before they are there: items, rows and tokens.

Files that are there are counted. Published sets have the sizes that their publishers give; tokens are those of a
vocabulary of a quarter million, the mean over the paper's seven languages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from isogloss.spec import PipelineSpec

Cell = tuple[str, str]
#: Characters a token stands for, over languages and scripts.
_CHARACTERS = 3.0
#: Tokens around a question and its options: the line that asks for a letter, the letters, `Answer:`.
_FRAME = 30


@dataclass(frozen=True, slots=True)
class ChoiceSizes:
    """`items` a language by (split, axis) where nothing bounds them; `tokens` of a question with its options."""

    items: Mapping[Cell, float]
    tokens: float


@dataclass(frozen=True, slots=True)
class RowSizes:
    """Training rows: how many, tokens of a row in one language (prompt and response), and those of them that are read."""

    rows: float
    tokens: float
    read: float


def _cells(axis: str, dev1: float, dev2: float, test: float) -> dict[Cell, float]:
    return {("dev1", axis): dev1, ("dev2", axis): dev2, ("test", axis): test}


#: Of the embedded benchmark.
EMBEDDED = ChoiceSizes(
    MappingProxyType(_cells("transfer", 335, 335, 1000) | _cells("localization", 50, 50, 140)), tokens=45
)
#: By the names that `data.choices` takes. Global-MMLU: 14,042 test questions a language, each in the paper's splits.
_CHOICES = {
    "global-mmlu": ChoiceSizes(_cells("transfer", 100, 100, 13_842), tokens=170),
    "blend": ChoiceSizes(_cells("localization", 100, 100, 19_800), tokens=80),
}
_INSTRUCTIONS = {
    "embedded": RowSizes(1500, tokens=30, read=8),
    "embedded-english": RowSizes(1500, tokens=30, read=8),
    "openassistant": RowSizes(6000, tokens=300, read=240),
}
_PARALLEL = {"embedded": RowSizes(1500, tokens=20, read=0), "flores": RowSizes(2009, tokens=45, read=0)}


def choice_sizes(spec: PipelineSpec) -> ChoiceSizes:
    """Of the items that a pipeline scores, all its sources together."""
    if isinstance(spec.data.choices, str):
        return EMBEDDED
    items: Counter[Cell] = Counter()
    tokens = 0.0
    for source in map(str, spec.data.choices):
        own = _counted(Path(source)) if Path(source).is_file() else _CHOICES.get(source, EMBEDDED)
        items.update(own.items)
        tokens += own.tokens * sum(own.items.values())
    return ChoiceSizes(dict(items), tokens / max(1.0, sum(items.values())))


def _counted(path: Path) -> ChoiceSizes:
    from isogloss.data.read import read_choices

    rows = read_choices([path]).rows
    languages = max(1, len({row.language for row in rows}))
    cells: Counter[Cell] = Counter((row.split, row.axis) for row in rows)
    characters = sum(len(row.question) + sum(map(len, row.options)) for row in rows)
    return ChoiceSizes(
        {cell: count / languages for cell, count in cells.items()},
        tokens=_FRAME + characters / _CHARACTERS / max(1, len(rows)),
    )


def training_sizes(source: Any, *, parallel: bool = False) -> RowSizes:
    """Of `align.instructions`, or of `align.parallel`: a word, or a list of words and files."""
    known = _PARALLEL if parallel else _INSTRUCTIONS
    if isinstance(source, str):
        return known.get(source, known["embedded"])
    parts = [
        _counted_rows(Path(one), parallel=parallel) if Path(one).is_file() else known.get(str(one), known["embedded"])
        for one in source
    ]
    rows = sum(part.rows for part in parts)
    return RowSizes(
        rows,
        tokens=sum(part.rows * part.tokens for part in parts) / max(1.0, rows),
        read=sum(part.rows * part.read for part in parts) / max(1.0, rows),
    )


def _counted_rows(path: Path, *, parallel: bool) -> RowSizes:
    from isogloss.data.read import read_rows
    from isogloss.data.rows import InstructionRow, ParallelRow

    if parallel:
        texts = [text for row in read_rows([path], ParallelRow).rows for text in row.text.values()]
        rows = len(read_rows([path], ParallelRow).rows)
        return RowSizes(rows, tokens=sum(map(len, texts)) / _CHARACTERS / max(1, len(texts)), read=0)
    instructions = read_rows([path], InstructionRow).rows
    asked = [text for row in instructions for text in row.prompt.values()]
    answered = [text for row in instructions for text in row.response.values()]
    read = sum(map(len, answered)) / _CHARACTERS / max(1, len(answered))
    return RowSizes(len(instructions), tokens=read + sum(map(len, asked)) / _CHARACTERS / max(1, len(asked)), read=read)
