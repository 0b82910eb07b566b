"""Whether an edited question is the original without its place, and nothing else: checked word by word."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from isogloss.localize.asking import Unfit
from isogloss.localize.places import Place, countries_in
from isogloss.localize.words import QUESTION_MARKS, STEADS, TIES

#: Words between a place and a small word that may go with it.
_NEAR = 3
_BY_CHARACTER = frozenset({"zh", "ja", "th"})
#: Particles and prepositions are part of the word that names the place.
_JOINED = frozenset({"ko", "ar"})
_MARKS = re.compile(r"[\W_]+")
_FENCE = re.compile(r"\A```[a-z]*\n|\n?```\Z")
_SPLIT = re.compile(r"[^\w'’-]+")


def checked_question(original: str, edited: str, place: Place) -> str:
    """`edited`, without quotation marks around it, where it passes.

    Raises Unfit: `empty`, `not-one-line`, `place-left`, `country-named`, `no-question`, `changed`.
    """
    edited = _bare(edited, original)
    if not edited:
        raise Unfit("empty", "there is no question in the answer")
    if len(edited) > 2 * len(original) + 100:
        raise Unfit(
            "changed", f"it has {len(edited)} characters in place of {len(original)}, and the place alone was to go"
        )
    if "\n" in edited:
        raise Unfit("not-one-line", "it has several lines, where the question alone is wanted")
    if left := place.mentions(edited):
        raise Unfit("place-left", f"it still names the place: {', '.join(dict.fromkeys(left))}")
    if named := countries_in(edited, place.language) - countries_in(original, place.language):
        raise Unfit("country-named", f"it names a country that the original did not: {', '.join(sorted(named))}")
    if _asks(original) and not _asks(edited):
        raise Unfit("no-question", "it is no question any more: the question mark is gone")
    if changed := changes(original, edited, place):
        raise Unfit("changed", f"more was changed than the place: {'; '.join(changed[:3])}")
    return edited


def _asks(text: str) -> bool:
    return any(mark in text for mark in QUESTION_MARKS)


def _bare(edited: str, original: str) -> str:
    """Without the quotation marks or the code fence that a model puts around its answer."""
    edited = _FENCE.sub("", edited.strip()).strip()
    pairs = ('""', "''", "“”", "«»", "「」", "``")
    if len(edited) > 2 and edited[0] + edited[-1] in pairs and not original.startswith(edited[0]):
        edited = edited[1:-1].strip()
    return edited


def changes(original: str, edited: str, place: Place) -> list[str]:
    """What is different besides the place, in words; nothing where the place alone went."""
    before, after = _words(original, place), _words(edited, place)
    small = [word.casefold() for word in before]
    matcher = difflib.SequenceMatcher(None, small, [word.casefold() for word in after], autojunk=False)
    named = [index for index, word in enumerate(before) if _names(word, place)]
    found = []
    for kind, start, end, first, last in matcher.get_opcodes():
        # Two words written as one, or the other way round, are no other words.
        if kind == "equal" or "".join(before[start:end]) == "".join(after[first:last]):
            continue
        near = any(start - _NEAR <= index < end + _NEAR for index in named)
        gone = [
            word
            for index, word in enumerate(before[start:end], start)
            if not (near and _may_go(index, before, after[first:last], place))
        ]
        come = [word for word in after[first:last] if not (near and _may_come(word, before[start:end], place))]
        if gone or come:
            joint = "" if place.language in _BY_CHARACTER else " "
            found.append(f"'{joint.join(before[start:end])}' became '{joint.join(after[first:last])}'")
    return found


def _words(text: str, place: Place) -> list[str]:
    """Words (or characters), and a mention of the place as one of them, in their order; marks are left out."""
    if place.language in _JOINED:
        return [
            word for word in _SPLIT.split(place.mention.sub(lambda found: found[0].replace(" ", "_"), text)) if word
        ]
    parts: list[str] = []
    position = 0
    for found in place.mention.finditer(text):
        parts += [*_between(text[position : found.start()], place.language), found[0]]
        position = found.end()
    return [*parts, *_between(text[position:], place.language)]


def _between(text: str, language: str) -> list[str]:
    if language in _BY_CHARACTER:
        return [*_MARKS.sub("", text)]
    return [word for word in _SPLIT.split(text) if word.strip("_'’-")]


def _names(word: str, place: Place) -> bool:
    return place.mention.search(word.replace("_", " ")) is not None


def _may_go(index: int, words: Sequence[str], come: Sequence[str], place: Place) -> bool:
    """The place itself, a small word, or one that is said again right after it ("the Korean age (counted age)")."""
    word = words[index]
    if _names(word, place):
        return _place_alone(word, come, place)
    return _ties(word, place.language) or (
        index > 0 and _names(words[index - 1], place) and word in words[index + 1 : index + 1 + _NEAR]
    )


def _place_alone(word: str, come: Sequence[str], place: Place) -> bool:
    """Whether a word that names the place says nothing besides, or what it says ("Korean-food") is still there."""
    if place.language not in _JOINED:
        return True
    rest = place.mention.sub(" ", word.replace("_", " ")).split()
    general = STEADS.get(place.language, frozenset())
    return any(one.casefold() in general for one in come) or all(
        len(one) < 2 or _ties(one, place.language) or any(one in other for other in come) for one in rest
    )


def _ties(word: str, language: str) -> bool:
    known = TIES.get(language)
    word = word.casefold().strip("'’")
    if known is None:
        return len(word) <= 4 and not any(letter.isdigit() for letter in word)
    return word in known


def _may_come(word: str, gone: Sequence[str], place: Place) -> bool:
    """A general word, or what is left of a word that the place was joined to."""
    small = word.casefold()
    general = STEADS.get(place.language, frozenset())
    if small in general or (place.language == "ar" and small[:1] in "وبلف" and small[1:] in general):
        return True
    rest = [place.mention.sub("", one.replace("_", " ")).strip().casefold() for one in gone if _names(one, place)]
    if any(one and (small == one or small in one.split()) for one in rest):
        return True
    # "Greece-wide" in one word became the same word of "nation".
    return place.language == "el" and small.startswith("εθνικ") and any("πανελλ" in one.casefold() for one in gone)
