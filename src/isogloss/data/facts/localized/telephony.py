"""Telephony: codes, prefixes, emergency numbers and how numbers look. Source: the numbering plans in phonenumbers."""

from __future__ import annotations

from functools import cache

from isogloss.data.facts.fact import package_version
from isogloss.data.facts.localized.local_fact import WORLD, LocalFact, several_facts, single_fact

#: Numbers that work in an emergency although the source does not list them as such (or that only part of the country
#: can call): never offered as wrong answers in these regions.
ALSO_EMERGENCY: dict[str, frozenset[str]] = {
    "ES": frozenset({"016", "061", "062", "080", "085", "088", "091", "092", "900"}),
    "ID": frozenset({"111", "114", "115", "117", "119", "129"}),
    "KR": frozenset({"110", "111", "113", "117", "118", "122", "125", "182"}),
    "GR": frozenset({"108", "109", "197", "1056"}),
    "CN": frozenset({"112", "122", "999", "12395"}),
    "DZ": frozenset({"15", "18", "21", "104", "115", "1021", "1055", "1548"}),
    "US": frozenset({"112", "211", "311", "988"}),
    "GB": frozenset({"101", "105", "111", "119", "911"}),
}

#: Area codes of capitals, as dialled there; each is checked against phonenumbers' geocoder by a test.
AREA_CODES: dict[str, str] = {
    "ES": "91",
    "ID": "021",
    "KR": "02",
    "GR": "21",
    "CN": "010",
    "DZ": "021",
    "US": "202",
    "GB": "020",
    "AR": "011",
    "DE": "030",
    "EG": "02",
    "IN": "011",
    "IT": "06",
    "JP": "03",
    "PL": "22",
    "RU": "495",
    "SE": "08",
    "TH": "02",
    "TR": "312",
    "VN": "024",
}

#: Kinds of numbers by the name of their type in phonenumbers.
NUMBER_TYPES = {"mobile-number": "MOBILE", "landline-number": "FIXED_LINE", "toll-free-number": "TOLL_FREE"}
#: Last digits put into the source's example numbers, for one more fact each; "" leaves the example as it is.
ENDINGS = {"mobile-number": ("", "947"), "landline-number": ("", "386"), "toll-free-number": ("",)}


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


def _could_be_dialled(text: str, region: str) -> bool:
    """Whether somebody in `region` could take `text` for a number of their own."""
    import phonenumbers

    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_valid_number_for_region(number, region)


def _mobile_digits(country: str) -> str | None:
    """How many digits a mobile number has as dialled; None where it varies."""
    from phonenumbers import PhoneMetadata

    metadata = PhoneMetadata.metadata_for_region(country)
    example = example_number(country, "MOBILE", "")
    if metadata is None or example is None or len(metadata.mobile.possible_length) > 1:
        return None
    return str(sum(character.isdigit() for character in example))


def _plan(country: str, field: str) -> str | None:
    """A field of the country's numbering plan, where it is plain digits."""
    from phonenumbers import PhoneMetadata

    value = getattr(PhoneMetadata.metadata_for_region(country), field)
    return value if value is not None and value.isdigit() else None


def _known(values: dict[str, str | None]) -> dict[str, str]:
    return {country: value for country, value in values.items() if value is not None}


def number_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds mobile-number, landline-number and toll-free-number."""
    facts = []
    for kind, number_type in NUMBER_TYPES.items():
        for ending in ENDINGS[kind]:
            values = _known({country: example_number(country, number_type, ending) for country in WORLD})
            values = {
                country: text
                for country, text in values.items()
                if country == region or not _could_be_dialled(text, region)
            }
            facts += single_fact(
                kind,
                region=region,
                language=language,
                key=ending or "example",
                values=values,
                source=package_version("phonenumbers"),
            )
    return facts


def telephony_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of every telephone kind."""
    from phonenumbers import country_code_for_region

    single = {
        "calling-code": {country: f"+{country_code_for_region(country)}" for country in WORLD},
        "international-prefix": _known({country: _plan(country, "international_prefix") for country in WORLD}),
        "trunk-prefix": _known({country: _plan(country, "national_prefix") for country in WORLD}),
        "number-length": _known({country: _mobile_digits(country) for country in WORLD}),
        "area-code": AREA_CODES,
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
        values={country: {number: number for number in emergency_numbers(country)} for country in WORLD},
        also_right=ALSO_EMERGENCY[region],
        source=source,
    )
    return facts + number_facts(region, language)
