"""Which of BLEnD's files hold a country's questions and annotations, and which the multiple-choice questions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from isogloss.data.sets.blend_countries import REGION_OF
from isogloss.data.sets.catalogue import BLEND
from isogloss.data.sets.names import data_files, holding, says
from isogloss.data.sets.places import SetFiles, Wanted
from isogloss.errors import UserError

#: The publisher's files: questions in two languages, the same with people's answers, multiple choice made of those.
Kind = Literal["questions", "annotations", "multiple-choice-questions"]
_WORDS: dict[Kind, tuple[str, ...]] = {
    "questions": ("questions_hf", "short-answer-questions", "questions"),
    "annotations": ("annotations_hf", "annotations"),
    "multiple-choice-questions": ("multiple-choice-questions", "mc_questions_hf", "mc_questions_file", "mc_data"),
}
#: The publisher's codes of splits, where they are not the region's.
_SPLIT_OF = {"Assam": "AS", "West_Java": "JB"}

#: Where a set's questions or choices are: its files, a folder of them, or some by name.
Source = SetFiles | Path | Iterable[Path]


def wanted(kind: Kind, countries: Sequence[str]) -> Wanted:
    """The files of each country, or the one of all countries' multiple-choice questions."""
    if kind == "multiple-choice-questions":
        return {kind: _newest_choices}
    return {country: partial(_of_country, kind=kind, country=country) for country in countries}


def _newest_choices(names: Sequence[str]) -> list[str]:
    """A later version of the file stands beside the first."""
    found = holding(names, words=_WORDS["multiple-choice-questions"])
    versions = [name for name in found if Path(name).stem.startswith("mc_questions_file")]
    return versions[-1:] or found


def _of_country(names: Sequence[str], *, kind: Kind, country: str) -> list[str]:
    """A country's own file, else the files of all countries, whose rows say theirs."""
    others = [word for other, words in _WORDS.items() if other != kind for word in words if word != "questions"]
    of_kind = holding([name for name in names if not any(says(name, word) for word in others)], words=_WORDS[kind])
    own = [name for name in of_kind if country_in(name) == country]
    return own or [name for name in of_kind if country_in(name) is None]


def country_in(name: str) -> str | None:
    """The country that a file's name says (`Spain_data.json`, `annotations/ES/0000.parquet`), in the publisher's spelling."""
    for country in sorted(REGION_OF, key=len, reverse=True):
        if says(name, country):
            return country
    for country, region in REGION_OF.items():
        if _codes(name, _SPLIT_OF.get(country, region)):
            return country
    return None


def _codes(name: str, code: str) -> bool:
    """Whether a code stands in a file's name as a word of its own, in capitals as the publisher writes it."""
    return re.search(rf"(?:^|[/_-]){code}(?:[/._-]|$)", name) is not None


def paths_of(source: Source, *kinds: Kind) -> tuple[list[Path], str]:
    """The files of the first of `kinds` that is there, and the command that fetches them."""
    if isinstance(source, SetFiles):
        return list(source.paths), source.mend
    mend = BLEND.download(revision=BLEND.revision)
    if not isinstance(source, Path):
        return list(source), mend
    if not source.is_dir():
        return [source], mend
    names = data_files(path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file())
    for kind in kinds:
        found = {name for choose in wanted(kind, tuple(REGION_OF)).values() for name in choose(names)}
        if found:
            return [source / name for name in sorted(found)], mend
    raise UserError(f"{source}: holds no file of BLEnD's {' or '.join(kinds)}. Fetch it: {mend}")
