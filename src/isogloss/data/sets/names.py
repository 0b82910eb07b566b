"""Which of a set's files hold a language, a country or a split, told by their names: publishers lay them out in many ways.

`es/test-00000-of-00001.parquet`, `test/es.jsonl`, `es_test.csv` and `es.jsonl` (with a column `split`) all hold Spanish test
questions. The same files are looked for on the Hub and in a mirror.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

#: Formats that are read, in the order in which one is preferred where the same rows are there in several.
FORMATS = (".parquet", ".arrow", ".jsonl", ".json", ".csv")
_SPLITS = ("train", "validation", "val", "dev", "devtest", "test")
#: Beside the data in a folder, and no rows.
_BOOKKEEPING = frozenset(
    {"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "manifest.json"}
)


def data_files(names: Iterable[str]) -> list[str]:
    """The names that can hold rows, sorted: none of a hidden folder, no bookkeeping."""
    return sorted(
        name
        for name in names
        if (path := PurePosixPath(name)).suffix in FORMATS
        and path.name not in _BOOKKEEPING
        and not any(part.startswith(".") for part in path.parts)
    )


def says(name: str, word: str) -> bool:
    """Whether a file's name, with its folders, has `word` in it as a word of its own, whatever its case."""
    return re.search(rf"(?:^|[/._-]){re.escape(word)}(?:[/._-]|$)", name, re.IGNORECASE) is not None


def split_in(name: str) -> str | None:
    """The split that a file's name says, None where it says none."""
    found = [split for split in _SPLITS if says(name, split)]
    return found[-1] if found else None


def holding(names: Sequence[str], *, words: Sequence[str] = (), splits: Sequence[str] = ()) -> list[str]:
    """The files of `names` that say one of `words` (the first that any file says) and one of `splits`.

    Files that say no split are taken where none of `splits` is said: their rows have a column for it, or are of one split.
    Of the same rows in several formats the first of FORMATS is taken.
    """
    found = list(names)
    if words:
        found = next((said for word in words if (said := [name for name in found if says(name, word)])), [])
    if splits:
        said = [name for name in found if split_in(name) in splits]
        found = said or [name for name in found if split_in(name) is None]
    best = min((FORMATS.index(PurePosixPath(name).suffix) for name in found), default=0)
    return [name for name in found if PurePosixPath(name).suffix == FORMATS[best]]
