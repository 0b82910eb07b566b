"""Global-MMLU: MMLU's questions in 42 languages, labelled as culturally sensitive or agnostic (Singh et al. 2024).

One configuration a language; `sample_id` names a question in all of them, so it is the group. Human and machine translation
makes two options equal now and then, or leaves one empty: such an item cannot be scored and is left out, with its count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Literal

from pydantic import ValidationError

from isogloss.data.published.catalogue import GLOBAL_MMLU, holding, split_in
from isogloss.data.published.source import SetFiles, Wanted
from isogloss.data.published.tables import LeftOut, Loaded, PublishedRow, checked_rows, require_good
from isogloss.data.rows import ChoiceItem, known_languages
from isogloss.errors import UserError, did_you_mean

#: The publisher's configurations.
CONFIGS = (
    *(
        "am",
        "ar",
        "bn",
        "cs",
        "de",
        "el",
        "en",
        "es",
        "fa",
        "fil",
        "fr",
        "ha",
        "he",
        "hi",
        "id",
        "ig",
        "it",
        "ja",
        "ko",
    ),
    *("ky", "lt", "mg", "ms", "ne", "nl", "ny", "pl", "pt", "ro", "ru", "si", "sn", "so", "sr", "sv", "sw", "te", "tr"),
    *("uk", "vi", "yo", "zh"),
)
_CONFIG_OF = {"tl": "fil"}
#: Splits of MMLU that are not its few-shot questions.
_MEASURED = ("test", "validation", "val")
_DEV = "dev"


class GlobalMmluRow(PublishedRow):
    """The publisher's columns."""

    sample_id: str
    subject: str
    question: str
    option_a: str
    option_b: str
    option_c: str
    option_d: str
    answer: Literal["A", "B", "C", "D"]
    cultural_sensitivity_label: Literal["CS", "CA", "-", ""] | None
    split: str | None = None


def wanted(languages: Sequence[str]) -> Wanted:
    """Test and dev questions of each language. Raises UserError for a language that the set does not have."""
    for language in languages:
        if _CONFIG_OF.get(language, language) not in CONFIGS:
            there = [code for code in CONFIGS if code in known_languages()] + list(_CONFIG_OF)
            raise UserError(
                f"Global-MMLU has no '{language}'{did_you_mean(language, there)}; there are {', '.join(there)}"
            )
    return {
        language: partial(holding, words=(_CONFIG_OF.get(language, language),), splits=(_DEV, *_MEASURED))
        for language in languages
    }


def read_global_mmlu(files: SetFiles) -> Loaded[ChoiceItem]:
    """Items of all languages. The publisher's dev split is `dev1`, the rest `test`, until splits are drawn.

    Raises DataError with every bad row, UserError where a language has nothing of a split that others have.
    """
    problems: list[str] = []
    left_out = LeftOut()
    items: list[ChoiceItem] = []
    splits: dict[str, dict[str, str]] = {}
    for language, paths in files.parts.items():
        seen: dict[str, GlobalMmluRow] = {}
        split_of = splits.setdefault(language, {})
        for where, path, row in checked_rows(paths, GlobalMmluRow, problems, mend=files.mend):
            before = seen.setdefault(row.sample_id, row)
            if before is not row:
                if before != row:
                    problems.append(f"{where}: sample_id: '{row.sample_id}' stands twice, with different contents")
                else:
                    left_out.add(f"{language}: the same question stands twice", where)
                continue
            split = row.split or split_in(path.relative_to(files.folder).as_posix()) or "test"
            if split != _DEV and split not in _MEASURED:
                problems.append(f"{where}: split: '{split}' is not one of {_DEV}, {', '.join(_MEASURED)}")
                continue
            split_of[row.sample_id] = _DEV if split == _DEV else "test"
            if (item := _item(row, language, dev=split == _DEV)) is None:
                left_out.add(f"{language}: an empty text, or two options that are equal", where)
            else:
                items.append(item)
    require_good(problems, files)
    return Loaded(rows=tuple(items), files=files, notices=(*left_out.notices(), *_uneven(splits, files)))


def _uneven(splits: Mapping[str, Mapping[str, str]], files: SetFiles) -> Iterator[str]:
    """Which languages lack questions that others have: as published, all have the same. `splits` by language and question."""
    everyone = {question: split for one in splits.values() for question, split in one.items()}
    for language, own in splits.items():
        lacking = [question for question in everyone if question not in own]
        for split in {everyone[question] for question in lacking} - set(own.values()):
            raise UserError(
                f"{files.folder}: no question of {split} is in {language}, and other languages have them. "
                f"To fetch the files again: {files.mend}"
            )
        if lacking:
            yield (
                f"{language}: {len(lacking)} of {len(everyone)} questions are not there that other languages have "
                f"(the first: {lacking[0]})"
            )


def _item(row: GlobalMmluRow, language: str, *, dev: bool) -> ChoiceItem | None:
    label = row.cultural_sensitivity_label
    try:
        return ChoiceItem(
            id=f"global-mmlu-{language}-{row.sample_id}",
            group=row.sample_id,
            language=language,
            axis="transfer",
            question=row.question,
            options=(row.option_a, row.option_b, row.option_c, row.option_d),
            answer="ABCD".index(row.answer),
            split="dev1" if dev else "test",
            kind=row.subject,
            source=GLOBAL_MMLU.repo,
            label=label if label in ("CS", "CA") else None,
        )
    except ValidationError:
        return None
