"""Greek: preposition, article and name together; adjectives before their noun; the people by case; the article's final ν."""

from __future__ import annotations

import re

from isogloss.localize.places import Place

_NAME = r"Ελλάδας?(?!\w)|Ελλαδος(?!\w)"
_ALL = r"(?:ολόκληρη |όλη |όλης |ολόκληρης )?"
_TIES = (
    rf"σε {_ALL}την|στην|σε|από {_ALL}την|από|για την|μέσα στην|εντός της|εντός|ανά την|"
    rf"{_ALL}την|{_ALL}της"
)
_NEEDED = r"εκτός από την|εκτός|έξω από την|εκτός της|πλην της"
#: {article: what the word for Greeks becomes after it}. Without an article the form decides.
_PEOPLE = {
    "οι": "άνθρωποι",
    "τους": "ανθρώπους",
    "στους": "ανθρώπους",
    "των": "ανθρώπων",
    "ο": "άνθρωπος",
    "τον": "άνθρωπο",
}
#: What women of the country become, by the ending.
_WOMEN = {"ες": "γυναίκες", "ων": "γυναικών", "ας": "γυναίκας", "α": "γυναίκα"}
#: Endings of a noun in the plural that a demonym stands before ("οι Έλληνες φοιτητές").
_NOUN = re.compile(r"\s+\w+(?:τές|τές|τριες|ητες|ώτες|νδρες|ναίκες|ναικες|θρωποι|δες|νείς|νέοι|ικοί)\b")
#: Endings of "national" that stand for those of the word for "of all Greece".
_NATIONAL = {
    "ος": "ός", "α": "ή", "ο": "ό", "οι": "οί", "ες": "ές", "ων": "ών", "ους": "ούς", "ου": "ού", "ας": "ής", "ά": "ά",
    "ικός": "ός", "ική": "ή", "ικό": "ό", "ικοί": "οί", "ικές": "ές", "ικά": "ά", "ικών": "ών", "ικού": "ού", "ικής": "ής",
    "ικούς": "ούς",
}  # fmt: skip


def remove(question: str, place: Place) -> str:
    """See :func:`isogloss.localize.removers.remove_place`."""
    text = re.sub(rf"^Σ(?:την|ε {_ALL}την) (?:{_NAME})\s*,?\s*", "", question)
    text = re.sub(rf"\b({_NEEDED}) (?:{_NAME})", lambda found: f"{found[1]} χώρα{_genitive(found[1])}", text)
    text = re.sub(rf",?(?:\s|(?<=[ά-ώα-ω]))(?:{_TIES}) (?:{_NAME})(,)?", lambda found: found[1] or "", text)
    text = re.sub(r"\b[Ππ]ανελλ(?:ήνι|αδ)(\w+)", lambda found: "εθνικ" + _NATIONAL.get(found[1], found[1]), text)
    text = re.sub(r"\b([Οο]ι|[Σσ]?[Ττ]ους|[Ττ]ων|[Οο]|[Ττ]ον) (?:Έλλην\w*|Ελλήν\w*)(?=(.*))", _people, text)
    text = re.sub(r"\bΕλληνίδ(ες|ων|ας|α)\b", lambda found: _WOMEN[found[1]], text)
    # "Food of Greek origin": without the adjective "local" keeps the sense.
    text = re.sub(r"\b[Εε]λληνικής (?=προέλευσης|καταγωγής)", "τοπικής ", text)
    text = re.sub(r"(\b[ΣσΤτ]\w*ν )?\b[Εε]λληνικ\w+ (\w)?", _adjective, text)
    text = re.sub(r"\b(?:Έλλην\w*|Ελλήν\w*)", _bare_people, text)
    text = re.sub(r"\bΗ (?:Ελλάδα)(?!\w)", "Η χώρα", text)
    text = re.sub(r"\b(την|η) Ελλάδα(?!\w)", r"\1 χώρα", text)
    return re.sub(rf"(?:{_NAME})", "η χώρα", text).replace("την χώρα", "τη χώρα")


def _genitive(tie: str) -> str:
    return "ς" if tie.endswith("της") else ""


def _people(found: re.Match[str]) -> str:
    article = found[1]
    if _NOUN.match(found[2]):
        return article
    return f"{article} {_PEOPLE[article.lower()]}"


def _bare_people(found: re.Match[str]) -> str:
    if found[0].endswith("ας"):
        return "άνθρωπος"
    return "ανθρώπων" if found[0].endswith("ων") else "άνθρωποι"


def _adjective(found: re.Match[str]) -> str:
    """The article before a feminine adjective loses its final ν before most consonants."""
    article, letter = found[1] or "", found[2] or ""
    keeps = letter.lower() in "αεηιουωάέήίόύώκπτξψ" or not letter
    if article.lower() in ("την ", "στην ") and not keeps:
        article = article[:-2] + " "
    return article + letter
