"""Arabic: the preposition, joined or not, with the name; the adjective after its noun; the people become الناس."""

from __future__ import annotations

import re

from isogloss.localize.places import Place

_TIES = r"بالنسبة إلى|في|من|داخل|عبر|لدى|ضمن|عند|بين|حول|إلى|على مستوى|في كل|في جميع أنحاء|في أنحاء|في مختلف مناطق"
#: Feminine as the country is, so that verbs agree.
_COUNTRY = "الدولة"
# The last ending is no word, but is found in print.
_ADJECTIVE = r"جزائري(?:ون|ين|ات|تين|ان|ةا|ة)?"
#: A letter that goes on, or a vowel sign.
_LETTER = r"[\u0621-\u0652]"


def remove(question: str, place: Place) -> str:
    """See :func:`isogloss.localize.removers.remove_place`."""
    name = rf"{place.names}(?: العاصمة)?"
    # Some write no space after the name.
    text = re.sub(rf"((?:ال|لل){place.names.removeprefix('ال')})(?=(?:في|من) )", r"\1 ", question)
    end = rf"(?!{_LETTER})"
    text = re.sub(rf"^(?:في|ب)\s*{name}{end}\s*[،,]?\s*", "", text)
    text = re.sub(rf"\(\s*(?:ما )?(?:عدا|باستثناء|غير)\s+{name}{end}\s*\)", "", text)
    text = re.sub(rf"(خارج|عدا|باستثناء|غير|سوى) {name}{end}", rf"\1 {_COUNTRY}", text)
    text = re.sub(rf"(?<!{_LETTER})(?:{_TIES}) {name}{end}", "", text)
    text = re.sub(rf"(?<!{_LETTER})(?:ب|ل){name}{end}", "", text)
    text = re.sub(rf"(?<!{_LETTER})(?:بالنسبة )?لل{place.names.removeprefix('ال')}{end}", "", text)
    text = re.sub(rf"(?<!{_LETTER})لل{_ADJECTIVE}(?<=ين){end}", "للناس", text)
    text = re.sub(rf"(?<!{_LETTER})ب?ال{_ADJECTIVE}{end}", _adjective_or_people, text)
    text = re.sub(rf"(?<!{_LETTER}){_ADJECTIVE}{end}", "", text)
    return re.sub(rf"{name}{end}", _COUNTRY, text)


def _adjective_or_people(found: re.Match[str]) -> str:
    """After a noun with an article, an adjective; after a verb or a preposition, the people."""
    if not found[0].endswith(("ون", "ين")):
        return ""
    before = found.string[: found.start()].split()
    last = before[-1] if before else ""
    return "" if last.startswith(("ال", "لل", "بال", "وال")) else "الناس"
