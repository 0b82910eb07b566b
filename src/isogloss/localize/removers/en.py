"""English: prepositional phrases, possessives, adjectives and people."""

from __future__ import annotations

import re

from isogloss.localize.places import Place

_TIES = "in all of|all over|outside of|inside of|native to|in|from|of|within|across|throughout|around|inside|for|by|among|to|at"
#: Words after which the country cannot simply be left out.
_NEEDED = (
    r"outside(?: of)?|compared to|other than|besides|apart from|than|(?:travel|travels|come|comes|move|go|going) to|visit|"
    r"(?:original|originally|originating|originated|coming|comes) from"
)
#: What follows a country that is the subject, or stands alone.
_VERBS = (
    "is|was|has|had|does|did|can|will|and|or|in|at|for|to|on|with|by|when|"
    "known|famous|most|celebrates?|considers?|produces?|exports?|hosts?"
)


def remove(question: str, place: Place) -> str:
    """See :func:`isogloss.localize.removers.remove_place`."""
    name = rf"(?:[Tt]he )?(?:{place.names})"
    text = re.sub(rf"^In {name}\s*,?\s*", "", question)
    text = re.sub(rf"\b({_NEEDED}) {name}(?!\w|')", r"\1 the country", text)
    # "the US's diet": the article stays for what follows.
    text = re.sub(rf"(?<!\w){name}['’]s? (?!$)", lambda found: "The " if found.start() == 0 else "the ", text)
    text = re.sub(
        rf",?(?: (?:living|based|made|born|located))? (?:{_TIES}) {name}(?![\w'’])(,)?",
        lambda found: found[1] or "",
        text,
    )
    if place.adjectives:
        text = _without_adjectives(text, place.adjectives)
    # A name before a noun is an adjective ("the US government"); one that stands alone is the country.
    noun = rf"(?=(?!(?:{_VERBS})\b)[a-z])"
    text = re.sub(
        rf"(?<!does )(?<!did )(?<!can )(?<!is )(?<!has )(?<!\w)([Tt]he )?(?:{place.names}) {noun}", r"\1", text
    )
    text = re.sub(rf"(?<!\w){name}(?![\w'’])", "the country", text)
    return re.sub(r"\bthe the\b", "the", text)


def _without_adjectives(text: str, adjectives: str) -> str:
    plural = rf"(?:{adjectives})(?<=s)"
    text = re.sub(rf"(?<!\w)(?:[Tt]he )?{plural}(?!\w)(?! [a-z]+(?:s|people)\b(?<! is))", "people", text)
    text = re.sub(rf"\b[Aa]n? (?:{adjectives}) (?=([a-z]))", _article, text)
    text = re.sub(rf"(?<!\w)(?:{adjectives})(?: nationals| citizens)(?!\w)", "people", text)
    text = re.sub(rf"(?<!\w)(?:{adjectives}) (?=[\w(])", "", text)
    return re.sub(rf"(?<!\w)(?:the )?(?:{adjectives})(?!\w)", "people", text)


def _article(found: re.Match[str]) -> str:
    word = "an" if found[1] in "aeiou" else "a"
    return f"{word.capitalize() if found[0][0] == 'A' else word} "
