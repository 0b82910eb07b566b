"""Which universal facts are evaluated, which are trained on, and which are neither.

Whole countries are set apart: what a model is trained on never touches a country that it is asked about. So no sister
question (the capital of a country, the country of a capital), no neighbour and no option of an evaluated item is known
from training. The draw depends on nothing but the country's code: training data stays apart from the benchmark
whatever seeds they are made with.
"""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Literal

from isogloss.data.facts.fact import Fact
from isogloss.data.facts.universal_codes import speakers_by_country
from isogloss.data.facts.universal_places import members
from isogloss.data.rows import ENGLISH, REGIONS

#: `english`: about the US, Great Britain or the English language alone; training data of its own, never evaluated.
Role = Literal["evaluated", "training", "english"]

#: One country in three is for training. Of the first numbers, this one leaves enough facts of every kind on both sides.
_DRAW = 16
_SHARE = 3
HOME_COUNTRIES = frozenset(region for regions in REGIONS.values() for region in regions)
ENGLISH_COUNTRIES = frozenset(REGIONS[ENGLISH])


@cache
def training_countries() -> frozenset[str]:
    """About a third of the countries, drawn by a hash of their codes; never one that a language stands for."""
    return frozenset(code for code in members() if code not in HOME_COUNTRIES and _draw(code) % _SHARE == 0)


def _draw(code: str) -> int:
    return int(hashlib.sha256(f"{_DRAW}/{code}".encode()).hexdigest(), 16)


@cache
def countries_of_language(code: str) -> frozenset[str]:
    """The regions that a language of the benchmark stands for; for others the country of most of its speakers."""
    if code in REGIONS:
        return frozenset(REGIONS[code])
    speakers = speakers_by_country()[code]
    return frozenset({max(speakers, key=lambda country: (speakers[country], country))})


def countries_of(fact: Fact) -> frozenset[str]:
    """The countries that a fact is about.

    Both sides of a border; the country of a city or a code; for a language's code the language's. A continent, a
    currency or an official language as an answer is shared by many countries and belongs to none.
    """
    if fact.kind in ("language-code", "language-of-code"):
        return countries_of_language(fact.key)
    if fact.kind == "borders":
        return frozenset({fact.key, fact.answer.key})
    if fact.kind == "country-of-city":
        return frozenset({fact.answer.key})
    return frozenset({fact.key})


def role_of(fact: Fact) -> Role | None:
    """What a fact is for; None for one between two groups of countries (a border), which would tie them together."""
    countries = countries_of(fact)
    if countries <= training_countries():
        return "training"
    if countries <= ENGLISH_COUNTRIES:
        return "english"
    return None if countries & (training_countries() | ENGLISH_COUNTRIES) else "evaluated"
