"""Small joins that a name decides: Korean particles, Arabic prefixes.

Source: the standard spelling rules. A Korean particle depends on whether the last syllable as read aloud ends in a
consonant, and 으로/로 also on whether that consonant is ㄹ.
"""

from __future__ import annotations

from typing import Literal

Particle = Literal["은/는", "이/가", "을/를", "과/와", "으로/로", "이란/란", "이라는/라는", "이에요/예요"]

_HANGUL_FIRST, _HANGUL_LAST, _FINALS, _RIEUL = 0xAC00, 0xD7A3, 28, 8
#: Digits as read in Sino-Korean (영 일 이 삼 …), letters by their Korean names (… 엘 엠 엔 …).
_DIGIT_FINALS = {"0": "ㅇ", "1": "ㄹ", "3": "ㅁ", "6": "ㄱ", "7": "ㄹ", "8": "ㄹ"}
_LETTER_FINALS = {"l": "ㄹ", "m": "ㅁ", "n": "ㄴ"}
#: A Latin word of its own (not an abbreviation) is read by sound; these endings close the last syllable.
_WORD_FINALS = {**_LETTER_FINALS, "b": "ㅂ", "c": "ㄱ", "k": "ㄱ", "p": "ㅂ", "g": "ㅇ"}


def final_consonant(word: str) -> str:
    """What closes the last syllable of `word` as Korean reads it: `""` (open), `"ㄹ"`, or another consonant.

    Closing brackets, quotation marks, full stops and spaces at the end are looked through. Letters that Korean cannot
    be expected to read aloud (other scripts) count as open.
    """
    spoken = word.rstrip(" )]}>»”’\"'」』》〉.,!?%")
    if not spoken:
        return ""
    last = spoken[-1]
    if _HANGUL_FIRST <= ord(last) <= _HANGUL_LAST:
        final = (ord(last) - _HANGUL_FIRST) % _FINALS
        return "" if final == 0 else "ㄹ" if final == _RIEUL else "ㄱ"
    if last.isdigit():
        return _DIGIT_FINALS.get(last, "")
    spelled_out = last.isupper() or len(spoken) == 1 or not spoken[-2].isalpha()
    return (_LETTER_FINALS if spelled_out else _WORD_FINALS).get(last.lower(), "")


def with_particle(word: str, pair: Particle) -> str:
    """`word` with the right one of a pair written "after a consonant/after a vowel": 한국은, 프랑스는."""
    closed, open_ = pair.split("/")
    final = final_consonant(word)
    if pair == "으로/로" and final == "ㄹ":
        return word + open_
    return word + (closed if final else open_)


def with_li(word: str) -> str:
    """Arabic `word` with the preposition لِ joined on: فرنسا → لفرنسا, اليابان → لليابان, اللغة → للغة."""
    if not word.startswith("ال"):
        return "ل" + word
    return "لل" + word.removeprefix("ال").removeprefix("ل")
