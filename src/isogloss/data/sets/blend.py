"""BLEnD: everyday-culture questions of sixteen countries and regions, as its publishers write them.

Question files (`ID, Topic, Source, Question, Translation`), annotation files (answers with counts) and the multiple-choice
questions. Myung et al. 2024; CC BY-SA 4.0.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from isogloss.data.rows import ENGLISH
from isogloss.data.sets.blend_countries import COUNTRIES, LANGUAGE_OF, REGION_OF, countries_of
from isogloss.data.sets.blend_files import Source, country_in, paths_of
from isogloss.data.sets.blend_rows import AnnotationRow, ChoiceRow, QuestionRow
from isogloss.data.sets.columns import checked_rows
from isogloss.data.sets.tables import rows_of
from isogloss.errors import DataError, did_you_mean

__all__ = [
    "COUNTRIES",
    "LANGUAGE_OF",
    "REGION_OF",
    "BlendChoice",
    "BlendQuestion",
    "countries_of",
    "read_blend_choices",
    "read_blend_questions",
]

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
