"""The rule-based remover: a question without its country, in seven languages, without a model.

Each language has a module of its own, since what ties a place to a sentence differs: prepositions with articles, particles,
prefixes. A place that stands where a sentence needs one (its subject, say) gives way to the most general word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from isogloss.errors import UserError
from isogloss.localize.places import Place
from isogloss.localize.removers import ar, el, en, es, id_, ko, zh

# --------------------------------------------------------------------------------------------------------------------
# What is left to set right after a place was taken out: spaces, commas, the capital at the beginning.

_SPACE_BEFORE = re.compile(r"\s+(?=[,.;:?!،؛؟，。？！)\]])")
_EMPTY_BRACKETS = re.compile(r"\s*[(（]\s*[)）]")
_LEADING = re.compile(r"^[\s,，、،]+")


def tidy(text: str, language: str) -> str:
    """`text` with single spaces, no space before a closing mark, and a capital where a sentence begins."""
    text = _EMPTY_BRACKETS.sub("", text)
    text = re.sub(r"[ \t\u00a0]{2,}", " ", text)
    text = _SPACE_BEFORE.sub("", text)
    text = re.sub(r"([,，،])\s*(?=[,，،?？؟])", "", text)
    text = re.sub(r"([?؟])(?=\()", r"\1 ", text)
    text = _LEADING.sub("", text).strip()
    return text if language in ("ko", "zh", "ar") else capitalised(text)


def capitalised(text: str) -> str:
    """The first letter as a capital, whatever signs stand before it."""
    for index, letter in enumerate(text):
        if letter.isalpha():
            return text[:index] + letter.upper() + text[index + 1 :]
        if letter.isdigit():
            break
    return text


# --------------------------------------------------------------------------------------------------------------------

_REMOVERS: Mapping[str, Callable[[str, Place], str]] = {
    "en": en.remove,
    "es": es.remove,
    "id": id_.remove,
    "ko": ko.remove,
    "el": el.remove,
    "zh": zh.remove,
    "ar": ar.remove,
}

#: The languages that the rules know.
REMOVABLE = tuple(_REMOVERS)


def remove_place(question: str, place: Place) -> str:
    """`question` without the mention of `place`, and without the words that only tied it to the sentence.

    A question that does not name the place comes back as it is. Raises UserError for a language that no rule knows.
    """
    remove = _REMOVERS.get(place.language)
    if remove is None:
        raise UserError(
            f"the rule-based remover does not know '{place.language}'; it knows {', '.join(REMOVABLE)}. "
            "Let an endpoint or a model do it: localize.first.kind"
        )
    if not place.mentions(question):
        return question
    return tidy(remove(question, place), place.language)
