"""The columns of BLEnD's question files, annotation files and multiple-choice questions."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field

from isogloss.data.sets.columns import PublishedRow


def _letters(value: Any) -> Any:
    """Options and countries by letter are JSON text in the publisher's columns."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f"is not JSON ({error})") from error


def _texts(value: Any) -> Any:
    """Answers to "at what age" are now and then numbers."""
    if isinstance(value, list | tuple):
        return [str(one) if isinstance(one, int | float) else one for one in value if one is not None]
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
    count: int


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
