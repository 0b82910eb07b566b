"""Spanish: preposition and article with the name; the adjective after its noun; the people as a noun."""

from __future__ import annotations

import re

from isogloss.localize.places import Place

_TIES = r"a lo largo de|dentro de|alrededor de|en|de|desde|por|para|entre|hacia|con"
_ALL = r"(?:tod[oa] )?(?:el territorio de |(?:la|el) )?(?:resto de )?"
#: After these the country is needed.
_NEEDED = r"fuera de|además de|aparte de|salvo|excepto|visitar|visitan|conocer|representa a|llegar a|viajar a|viajan a|vienen a"
#: What people are called by an article: {article before the demonym: what both become}.
_PEOPLE = {
    "los": "las personas",
    "las": "las mujeres",
    "un": "una persona",
    "una": "una persona",
}


def remove(question: str, place: Place) -> str:
    """See :func:`isogloss.localize.removers.remove_place`."""
    names, people = place.names, place.adjectives
    text = re.sub(rf"^(¿?)En (?:{names})\s*,?\s*", r"\1", question)
    text = re.sub(rf"\b({_NEEDED}) (?:{names})(?!\w)", r"\1 el país", text)
    text = re.sub(rf",? (?:{_TIES}) {_ALL}(?:{names})(?!\w)(,)?", lambda found: found[1] or "", text)
    if people:
        text = re.sub(rf"\b([Dd])el (?:{people}) (medio|promedio)\b", r"\1e la persona promedio", text)
        text = re.sub(rf"\b[Ee]l (?:{people}) (medio|promedio)\b", "la persona promedio", text)
        # Straight after its article, and not before a noun, the word is the people itself.
        text = re.sub(rf"\b([Ll]os|[Ll]as|[Uu]na?) (?:{people})(?!\w)", _people, text)
        text = re.sub(rf"\b(entre|a|por|para|de|los) (?:{people})(?=[\s,.?])(?<=es|os|as)", r"\1 personas", text)
        text = re.sub(rf" (?:{people})(?!\w)", "", text)
    text = re.sub(rf"(?<!\w)a (?:{names})(?!\w)", "al país", text)
    text = re.sub(rf"\b(\w+[ai]da) (?:{names})(?!\w)", r"\1 la nación", text)  # feminine, as the name is
    text = re.sub(rf"(?<!\w)(?:{names})(?!\w)", "el país", text)
    return re.sub(r"\bde el país", "del país", text)


def _people(found: re.Match[str]) -> str:
    words = _PEOPLE[found[1].lower()]
    return words.capitalize() if found[1][0].isupper() else words
