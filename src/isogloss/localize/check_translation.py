"""Whether a translated text can be the translation of another: length, language, and what has to be copied."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from isogloss.data.detect import detect_languages, detectable
from isogloss.localize.asking import Unfit
from isogloss.localize.check_options import SCRIPTS
from isogloss.localize.words import QUESTION_MARKS

_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.S)
_ADDRESS = re.compile(r"https?://[^\s)>\]\"'،，。]+")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
#: Characters that say what one of English does, by script: a Chinese translation is shorter, and no worse for it.
_DENSITY: Mapping[str, float] = {"zh": 0.33, "ja": 0.45, "ko": 0.5, "ar": 0.85, "he": 0.8, "fa": 0.9}
#: Shorter ones cannot be told by language, nor measured by length.
SHORT = 24
#: So many words are no name that stays as it is.
SENTENCE = 3
#: What a question has in some language: a mark, or the particle that ends it in its place.
_ASKING = (*QUESTION_MARKS, "か", "吗", "呢", "ไหม", "หรือ", "อะไร")
#: Share of the numbers that must be there: a language may write small ones as words.
NUMBERS_KEPT = 0.8


def checked_translation(original: str, answer: str, language: str, *, shortest: float, longest: float) -> str:
    """The answer as a text where it passes; `shortest` and `longest` bound its length relative to the original's.

    Raises Unfit: `empty`, `code`, `address`, `numbers`, `length`, `no-question`, `language`.
    """
    text = answer.strip()
    if not text:
        raise Unfit("empty", "there is no text in the answer")
    _check_copied(original, text)
    prose, translated = _prose(original), _prose(text)
    ratio = len(translated) / max(len(prose), SHORT) / _DENSITY.get(language, 1.0)
    # A few words may become fewer, but no answer to them.
    if not (shortest if len(prose) > SHORT else 0.0) <= ratio <= longest:
        raise Unfit("length", f"it has {ratio:.2f} times the length that a translation would; part is missing or added")
    if len(prose) <= SHORT and prose.endswith("?") and not any(mark in translated for mark in _ASKING):
        raise Unfit("no-question", "the original is a question, and this is none")
    _check_language(prose, translated, language)
    return text


def _check_copied(original: str, text: str) -> None:
    for block, count in Counter(_CODE.findall(original)).items():
        if text.count(block) < count:
            raise Unfit("code", f"the code {_start(block)} is not there as it was")
    for address in _ADDRESS.findall(original):
        if address.rstrip(".,;:") not in text:
            raise Unfit("address", f"the address {address} is not there as it was")
    figures = Counter(_NUMBER.findall(_prose(original)))
    there = Counter(_NUMBER.findall(_prose(text)))
    kept, total = sum((figures & there).values()), sum(figures.values())
    if total and kept < NUMBERS_KEPT * total:
        lost = ", ".join(sorted((figures - there).elements())[:5])
        raise Unfit("numbers", f"numbers of the original are not there as they were: {lost}")


def _prose(text: str) -> str:
    return _ADDRESS.sub(" ", _CODE.sub(" ", text)).strip()


def _check_language(prose: str, translated: str, language: str) -> None:
    letters = [letter for letter in translated if letter.isalpha()]
    if own := SCRIPTS.get(language):
        inside = sum(re.match(own, letter) is not None for letter in letters)
        if letters and inside < 0.4 * len(letters) and len(prose) > SHORT:
            raise Unfit("language", f"most of its letters are not those of '{language}'")
    if len(prose) <= SHORT and translated.casefold() == prose.casefold() and len(prose.split()) >= SENTENCE:
        raise Unfit("language", "it is the original, not translated")
    if len(translated) <= SHORT or language not in detectable():
        return
    found = detect_languages([translated[:2000]], served=[language])[0]
    if found is not None and found != language:
        raise Unfit("language", f"it is written in '{found}', not in '{language}'")


def _start(block: str) -> str:
    line = " ".join(block.split())
    return line if len(line) <= 50 else f"{line[:47]}…"
