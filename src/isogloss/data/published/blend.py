"""BLEnD: everyday-culture questions of sixteen countries and regions, as its publishers write them.

Question files (`ID, Topic, Source, Question, Translation`), annotation files (answers with counts) and the multiple-choice
questions. Myung et al. 2024; CC BY-SA 4.0.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from isogloss.data.published.catalogue import BLEND, data_files, holding, says
from isogloss.data.published.source import SetFiles, Wanted
from isogloss.data.published.tables import PublishedRow, Whole, checked_rows, rows_of
from isogloss.data.rows import ENGLISH
from isogloss.errors import DataError, UserError, did_you_mean

# --------------------------------------------------------------------------------------------------------------------
# BLEnD's sixteen countries and regions: which language was asked there, and which region of ISO 3166-1 each is.

#: The publisher's spelling of each country or region → ISO 3166-1; a part of a country keeps its country.
REGION_OF: Mapping[str, str] = MappingProxyType(
    {
        "Algeria": "DZ",
        "Assam": "IN",
        "Azerbaijan": "AZ",
        "China": "CN",
        "Ethiopia": "ET",
        "Greece": "GR",
        "Indonesia": "ID",
        "Iran": "IR",
        "Mexico": "MX",
        "North_Korea": "KP",
        "Northern_Nigeria": "NG",
        "South_Korea": "KR",
        "Spain": "ES",
        "UK": "GB",
        "US": "US",
        "West_Java": "ID",
    }
)

#: The language in which each country's questions were asked and answered.
LANGUAGE_OF: Mapping[str, str] = MappingProxyType(
    {
        "Algeria": "ar",
        "Assam": "as",
        "Azerbaijan": "az",
        "China": "zh",
        "Ethiopia": "am",
        "Greece": "el",
        "Indonesia": "id",
        "Iran": "fa",
        "Mexico": "es",
        "North_Korea": "ko",
        "Northern_Nigeria": "ha",
        "South_Korea": "ko",
        "Spain": "es",
        "UK": "en",
        "US": "en",
        "West_Java": "su",
    }
)

#: The country that a language stands for in the paper (section 4).
COUNTRIES: Mapping[str, str] = MappingProxyType(
    {"es": "Spain", "id": "Indonesia", "ko": "South_Korea", "el": "Greece", "zh": "China", "ar": "Algeria"}
)


def countries_of(languages: Sequence[str]) -> tuple[str, ...]:
    """The country that each language stands for; English has none. Raises UserError for a language without one."""
    for language in languages:
        if language not in COUNTRIES and language != ENGLISH:
            raise UserError(
                f"BLEnD: no country is known for '{language}'{did_you_mean(language, COUNTRIES)}; "
                f"there are {', '.join(COUNTRIES)}"
            )
    return tuple(COUNTRIES[language] for language in languages if language in COUNTRIES)


# --------------------------------------------------------------------------------------------------------------------
# Which of BLEnD's files hold a country's questions and annotations, and which the multiple-choice questions.

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


# --------------------------------------------------------------------------------------------------------------------
# The columns of BLEnD's question files, annotation files and multiple-choice questions.


def _letters(value: Any) -> Any:
    """Options and countries by letter are JSON text in the publisher's columns; a number is an option as its digits."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise ValueError(f"is not JSON ({error})") from error
    return {key: _text(one) for key, one in value.items()} if isinstance(value, dict) else value


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _texts(value: Any) -> Any:
    """Answers to "at what age" are now and then numbers."""
    if isinstance(value, list | tuple):
        return [_text(one) for one in value if one is not None]
    return [] if value is None else value


Letters = Annotated[dict[str, str], BeforeValidator(_letters)]
Texts = Annotated[list[str], BeforeValidator(_texts)]


class QuestionRow(PublishedRow):
    """A row of a question file."""

    id: str = Field(validation_alias="ID")
    question: str = Field(validation_alias="Question")
    translation: str | None = Field(None, validation_alias="Translation")
    topic: str | None = Field(None, validation_alias="Topic")
    country: str | None = None


class AnswerRow(PublishedRow):
    """One answer of an annotation."""

    answers: Texts
    en_answers: Texts = Field(default_factory=list)
    count: Whole


class AnnotationRow(PublishedRow):
    """A row of an annotation file."""

    id: str = Field(validation_alias=AliasChoices("ID", "qid"))
    question: str
    en_question: str
    annotations: list[AnswerRow]
    topic: str | None = Field(None, validation_alias=AliasChoices("topic", "Topic"))
    country: str | None = None


class ChoiceRow(PublishedRow):
    """A row of the multiple-choice questions."""

    id: str = Field(validation_alias="MCQID")
    question_id: str = Field(validation_alias="ID")
    country: str
    prompt: str
    choices: Letters
    countries: Letters = Field(validation_alias="choice_countries")
    answer: str = Field(validation_alias="answer_idx")


# --------------------------------------------------------------------------------------------------------------------

#: One answer as annotators gave it: spellings in the local language, in English, and how many gave it.
Answer = tuple[tuple[str, ...], tuple[str, ...], int]


class BlendQuestion(BaseModel):
    """One question of a country: in its language, and in English (equal where the country's language is English)."""

    model_config = ConfigDict(frozen=True)

    id: str
    country: str
    language: str
    question: str
    translation: str
    answers: tuple[Answer, ...] = ()
    topic: str | None = None


class BlendChoice(BaseModel):
    """One multiple-choice question: `choices` letter → English option, `countries` letter → country, `answer` a letter."""

    model_config = ConfigDict(frozen=True)

    id: str
    question_id: str
    country: str
    prompt: str
    choices: dict[str, str]
    countries: dict[str, str]
    answer: str


def read_blend_questions(source: Source) -> tuple[BlendQuestion, ...]:
    """Questions of all countries in `source`: question or annotation files, or a folder of them (annotations where both).

    English texts name the country where the publisher's say "your country", as its multiple-choice questions do.
    Raises DataError with every bad row.
    """
    problems: list[str] = []
    questions: dict[tuple[str, str], BlendQuestion] = {}
    paths, mend = paths_of(source, "annotations", "questions")
    for path in paths:
        for where, question in _questions(path, problems, mend=mend):
            if (key := (question.country, question.id)) in questions:
                problems.append(f"{where}: ID: '{question.id}' of {question.country} stands twice")
            questions.setdefault(key, question)
    if problems:
        raise DataError(problems, hint=f"To fetch the files again: {mend}")
    return tuple(questions.values())


def read_blend_choices(source: Source, *, countries: Collection[str] | None = None) -> tuple[BlendChoice, ...]:
    """Multiple-choice questions; `prompt` is the question alone, without the publisher's instruction and options behind it.

    With `countries`, those about them alone are kept: all together are some three hundred thousand. Raises DataError with
    every bad row.
    """
    problems: list[str] = []
    choices: list[BlendChoice] = []
    seen: set[str] = set()
    paths, mend = paths_of(source, "multiple-choice-questions")
    for where, _, row in checked_rows(paths, ChoiceRow, problems, mend=mend):
        if reason := _wrong(row, seen):
            problems.append(f"{where}: {reason}")
        seen.add(row.id)
        if countries is None or row.country in countries:
            prompt = re.split(r"\s*Without any explanation, choose only one", row.prompt, maxsplit=1)[0]
            choices.append(BlendChoice(**{**row.model_dump(), "prompt": prompt}))
    if problems:
        raise DataError(problems, hint=f"To fetch the files again: {mend}")
    return tuple(choices)


def _wrong(row: ChoiceRow, before: Collection[str]) -> str | None:
    if row.id in before:
        return f"MCQID: '{row.id}' stands twice"
    if row.country not in REGION_OF:
        return _unknown_country(row.country)
    if not row.prompt.strip():
        return "prompt: is empty"
    if len(row.choices) < 2 or not all(text.strip() for text in row.choices.values()):
        return "choices: at least two options with a text are needed"
    if set(row.countries) != set(row.choices):
        return f"choice_countries: has the letters {', '.join(row.countries)}, choices has {', '.join(row.choices)}"
    if row.answer not in row.choices:
        return f"answer_idx: '{row.answer}' is not one of the letters {', '.join(row.choices)}"
    return None


def _unknown_country(country: str) -> str:
    return f"country: '{country}' is none of the set's{did_you_mean(country, REGION_OF)}; it has {', '.join(REGION_OF)}"


def _questions(path: Path, problems: list[str], *, mend: str) -> Iterable[tuple[str, BlendQuestion]]:
    """Annotation and question files are told apart by their columns."""
    first = next(iter(rows_of(path, [], mend=mend)), None)
    if first is not None and "Question" in first[1]:
        yield from _of_question_file(path, problems, mend=mend)
        return
    for where, _, row in checked_rows([path], AnnotationRow, problems, mend=mend):
        answers = tuple((tuple(one.answers), tuple(one.en_answers), one.count) for one in row.annotations)
        if question := _question(where, path, row, row.question, row.en_question, problems):
            yield where, question.model_copy(update={"answers": answers})


def _of_question_file(path: Path, problems: list[str], *, mend: str) -> Iterable[tuple[str, BlendQuestion]]:
    """The local language stands under `Question` and English under `Translation`, or the other way round.

    Which it is holds for a whole file, and is told by the small words of English.
    """
    rows = [(where, row) for where, _, row in checked_rows([path], QuestionRow, problems, mend=mend)]
    swapped = sum(_english(row.question) - _english(row.translation or "") for _, row in rows) > 0
    for where, row in rows:
        country = row.country or country_in(path.as_posix())
        if row.translation is None and LANGUAGE_OF.get(country or "") != ENGLISH:
            problems.append(f"{where}: Translation: is missing")
            continue
        question, translation = row.question, row.translation or row.question
        if swapped:
            question, translation = translation, question
        if made := _question(where, path, row, question, translation, problems):
            yield where, made


def _english(text: str) -> int:
    return len(re.findall(r"\b(?:what|the|is|in|do|does|how|which|at|of|people|your|when|where)\b", text.lower()))


def _question(
    where: str, path: Path, row: QuestionRow | AnnotationRow, question: str, translation: str, problems: list[str]
) -> BlendQuestion | None:
    country = row.country or country_in(path.as_posix())
    if country is None:
        problems.append(f"{where}: country: neither a column nor the file's name says it (Spain_data.json)")
        return None
    if country not in REGION_OF:
        problems.append(f"{where}: {_unknown_country(country)}")
        return None
    language = LANGUAGE_OF[country]
    translation = _named(translation, country)
    question = translation if language == ENGLISH else question
    for column, text in (("question", question), ("translation", translation)):
        if not text.strip():
            problems.append(f"{where}: {column}: is empty")
            return None
    return BlendQuestion(
        id=row.id, country=country, language=language, question=question, translation=translation, topic=row.topic
    )


def _named(text: str, country: str) -> str:
    name = f"the {country}" if LANGUAGE_OF[country] == ENGLISH else country.replace("_", " ")
    return text.replace("your country", name)
