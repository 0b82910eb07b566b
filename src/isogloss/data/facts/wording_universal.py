"""How the universal questions are asked: three wordings a kind and language, filled with the fields of `grammar`.

The n-th wording of a kind is the same in meaning in all languages, and a fact has the same n in all of them. They avoid
cases and agreements that depend on a name wherever `grammar` has no field for them.
"""

from __future__ import annotations

from isogloss.data.facts.fact import Fact, Wording
from isogloss.data.facts.wording_codes import CODES
from isogloss.data.facts.wording_places import PLACES

#: kind: {language: three wordings}
WORDING: dict[str, Wording] = {**PLACES, **CODES}


def question(fact: Fact, language: str, *, wording: int) -> str:
    """The fact's question in a language; `wording` is 0, 1 or 2."""
    text = WORDING[fact.kind][language][wording].format(**fact.subject[language])
    return text[0].upper() + text[1:]
