"""What is left to set right after a place was taken out: spaces, commas, the capital at the beginning."""

from __future__ import annotations

import re

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
