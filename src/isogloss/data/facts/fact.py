"""What a universal fact is before it becomes seven questions: a subject, a right answer, and what is also right."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version

#: {language: three ways of asking, with fields of `grammar` in braces}
Wording = dict[str, tuple[str, str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An option. `text` is {language: what is shown}; `regions` the ISO 3166-1 codes for which it is right, if known.

    `near` is what it should share with the options beside it (a continent, a first letter); only a preference.
    """

    key: str
    text: Mapping[str, str]
    regions: tuple[str, ...] | None = None
    near: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact with one truth. `subject` is {language: {field: text}}, what the wording is filled with.

    `also_right` are keys of answers that must not stand as distractors. Facts of one `topic` share a group.
    """

    kind: str
    key: str
    topic: str
    subject: Mapping[str, Mapping[str, str]]
    answer: Answer
    source: str
    also_right: frozenset[str] = field(default_factory=frozenset)


@cache
def package_version(name: str) -> str:
    """`"babel 2.18.0 (CLDR 47)"`: an installed package with its version, as it is kept in `ChoiceItem.source`."""
    text = f"{name} {version(name)}"
    if name == "babel":
        from babel.core import get_global

        text += f" (CLDR {get_global('cldr')['version']})"
    return text


@cache
def fold(text: str) -> str:
    """Letters and digits only, without case and accents, for comparing spellings."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    # Composed again, so that a Korean syllable is one character.
    return unicodedata.normalize("NFC", "".join(character for character in decomposed if character.isalnum()))


def gives_away(name: str, answer: str, language: str, *, syllables: int = 2) -> bool:
    """Whether `answer` can be read off `name`: one holds the other, or they start alike.

    Alike are four letters, or `syllables` syllables or characters in Korean and Chinese.
    """
    if language == "ar":
        name, answer = name.removeprefix("ال"), answer.removeprefix("ال")
    first, second = fold(name), fold(answer)
    start = min(syllables if language in ("ko", "zh") else 4, len(first), len(second))
    return first in second or second in first or first[:start] == second[:start]
