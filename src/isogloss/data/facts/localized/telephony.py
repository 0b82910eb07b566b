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
    "GR": "210",
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
NUMBER_TYPES = {"mobile-number": "MOBILE", "toll-free-number": "TOLL_FREE"}
#: Last digits put into the source's example numbers, for one more fact each; "" leaves the example as it is.
ENDINGS = {"mobile-number": ("", "947"), "toll-free-number": ("",)}

#: Landline numbers of capitals, as dialled in the country without separators: the source's examples of landlines are
#: often from ranges that few people have. phonenumbers checks and writes them.
LANDLINES: dict[str, tuple[str, str]] = {
    "ES": ("912345678", "917654321"),
    "ID": ("02123456789", "02176543210"),
    "KR": ("0223456789", "0276543210"),
    "GR": ("2101234567", "2107654321"),
    "CN": ("01062345678", "01087654321"),
    "DZ": ("021634567", "021765432"),
    "US": ("2022345678", "2027654321"),
    "GB": ("02079460123", "02078765432"),
    "BR": ("6123456789", "6132654321"),
    "DE": ("0302345678", "0307654321"),
    "EG": ("0223456789", "0227654321"),
    "FR": ("0142345678", "0147654321"),
    "IN": ("01123456789", "01127654321"),
    "JP": ("0323456789", "0357654321"),
    "MX": ("5523456789", "5557654321"),
    "NL": ("0202345678", "0207654321"),
    "PL": ("222345678", "227654321"),
    "RU": ("84952345678", "84997654321"),
    "SE": ("082345678", "087654321"),
    "TH": ("022345678", "027654321"),
    "TR": ("03122345678", "03127654321"),
    "VN": ("02423456789", "02437654321"),
}


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
    """One of the country's `LANDLINES` as written there; None where there is none."""
    import phonenumbers

    if country not in LANDLINES:
        return None
    number = phonenumbers.parse(LANDLINES[country][index], country)
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
        (kind, ending or "example"): {country: example_number(country, number_type, ending) for country in WORLD}
        for kind, number_type in NUMBER_TYPES.items()
        for ending in ENDINGS[kind]
    }
    for index in range(2):
        written["landline-number", str(index)] = {country: landline(country, index) for country in WORLD}
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
