"""The columns of BLEnD's question files, annotation files and multiple-choice questions."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field

from isogloss.data.sets.columns import PublishedRow, Whole


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
