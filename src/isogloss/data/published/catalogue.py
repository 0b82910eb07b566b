"""The published data sets that can be named: where they are, at which revision, under which licence and conditions.

A revision is the hash of one commit, so that the same name means the same rows tomorrow. BLEnD's publishers rewrite its
files now and then and no hash is known to hold: `main` is looked up once and then kept (:mod:`isogloss.data.published.source`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from isogloss.errors import UserError, did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedSet:
    """One set. `repo` is its name on the Hugging Face Hub, `also` are names that it had or copies of it.

    `gives` is the project's format that it becomes, `splits` the publisher's, the first of them the one read unless
    another is asked for; `columns` are those that have to be there.
    """

    name: str
    title: str
    repo: str
    also: tuple[str, ...]
    revision: str
    gated: bool
    licence: str
    gives: str
    splits: tuple[str, ...]
    columns: tuple[str, ...]

    @property
    def page(self) -> str:
        """Where a person reads about it and accepts its terms."""
        return f"https://huggingface.co/datasets/{self.repo}"

    def download(self, *, revision: str, into: str | None = "DIR") -> str:
        """The command that fetches it, where there is a connection and, if it is gated, a login.

        `into` is the mirror that it is fetched into, None for the Hugging Face cache.
        """
        place = "" if into is None else f" --local-dir {into}/{self.repo}"
        return f"hf download {self.repo} --repo-type dataset --revision {revision}{place}"


GLOBAL_MMLU = PublishedSet(
    name="global-mmlu",
    title="Global-MMLU",
    repo="CohereLabs/Global-MMLU",
    also=("CohereForAI/Global-MMLU",),
    revision="0e619dbeb34206cd48705a1a0ea7fb21cae09993",
    gated=False,
    licence="Apache-2.0",
    gives="choices",
    splits=("test", "dev"),
    columns=(
        *("sample_id", "subject", "question", "option_a", "option_b", "option_c", "option_d", "answer"),
        "cultural_sensitivity_label",
    ),
)
BLEND = PublishedSet(
    name="blend",
    title="BLEnD",
    repo="nayeon212/BLEnD",
    also=("uilab/BLEnD", "nlee0212/BLEnD"),
    revision="main",
    gated=False,
    licence="CC BY-SA 4.0",
    gives="choices",
    splits=("test",),
    columns=("MCQID", "ID", "country", "prompt", "choices", "choice_countries", "answer_idx"),
)
FLORES = PublishedSet(
    name="flores",
    title="FLORES+",
    repo="openlanguagedata/flores_plus",
    also=("facebook/flores",),
    revision="b3a5298db5721c8a682e7ef00a37fcc9ab522757",
    gated=True,
    licence="CC BY-SA 4.0",
    gives="parallel",
    splits=("dev", "devtest"),
    columns=("id", "text"),
)
OPENASSISTANT = PublishedSet(
    name="openassistant",
    title="OpenAssistant Conversations",
    repo="OpenAssistant/oasst1",
    also=(),
    revision="fdf72ae0827c1cda404aff25b6603abec9e3399b",
    gated=False,
    licence="Apache-2.0",
    gives="instructions",
    splits=("train", "validation"),
    columns=("message_id", "parent_id", "text", "role", "lang", "rank"),
)

#: Every set, by its name.
SETS: dict[str, PublishedSet] = {one.name: one for one in (GLOBAL_MMLU, BLEND, FLORES, OPENASSISTANT)}


def published(name: str) -> PublishedSet:
    """The set of that name. Raises UserError for an unknown one."""
    if name not in SETS:
        raise UserError(f"'{name}' is no known data set{did_you_mean(name, SETS)}; there are {', '.join(SETS)}")
    return SETS[name]


# --------------------------------------------------------------------------------------------------------------------
# Which of a set's files hold a language, a country or a split, told by their names: publishers lay them out in many ways.
#
# `es/test-00000-of-00001.parquet`, `test/es.jsonl`, `es_test.csv` and `es.jsonl` (with a column `split`) all hold Spanish test
# questions. The same files are looked for on the Hub and in a mirror.

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
