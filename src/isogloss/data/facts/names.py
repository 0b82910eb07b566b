"""Names of countries, cities, currencies, languages and continents in the seven languages, from CLDR through babel."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from isogloss.data.rows import LANGUAGES

if TYPE_CHECKING:
    from babel import Locale

Names = dict[str, str]

#: Region codes of the continents: UN M49, as CLDR names them, by geonames' letters.
CONTINENTS = {"AF": "002", "AS": "142", "EU": "150", "NA": "003", "SA": "005", "OC": "009"}

#: The member states of the United Nations, ISO 3166-1 alpha-2. Other territories are left out of the benchmark.
UN_MEMBERS = tuple(
    """
    AD AE AF AG AL AM AO AR AT AU AZ BA BB BD BE BF BG BH BI BJ BN BO BR BS BT BW BY BZ CA CD CF CG CH CI CL CM
    CN CO CR CU CV CY CZ DE DJ DK DM DO DZ EC EE EG ER ES ET FI FJ FM FR GA GB GD GE GH GM GN GQ GR GT GW GY HN
    HR HT HU ID IE IL IN IQ IR IS IT JM JO JP KE KG KH KI KM KN KP KR KW KZ LA LB LC LI LK LR LS LT LU LV LY MA
    MC MD ME MG MH MK ML MM MN MR MT MU MV MW MX MY MZ NA NE NG NI NL NO NP NR NZ OM PA PE PG PH PK PL PT PW PY
    QA RO RS RU RW SA SB SC SD SE SG SI SK SL SM SN SO SR SS ST SV SY SZ TD TG TH TJ TL TM TN TO TR TT TV TZ UA
    UG US UY UZ VC VE VN VU WS YE ZA ZM ZW
    """.split()  # noqa: SIM905 - 193 quoted codes would hide what is missing
)


@cache
def locale(language: str) -> Locale:
    """CLDR data of a language, whatever the locale of the environment."""
    from babel import Locale

    return Locale.parse(language)


@cache
def country_name(code: str, language: str) -> str:
    """The country's name without the second name that CLDR puts in brackets; English `&` and `St.` written out."""
    name = re.sub(r"\s*[（(].*[)）]$", "", locale(language).territories[code])
    if language == "en":
        name = name.replace(" & ", " and ").replace("St. ", "Saint ")
    return name


def country_names(code: str) -> Names:
    """{language: country name}."""
    return {language: country_name(code, language) for language in LANGUAGES}


def continent_names(letters: str) -> Names:
    """{language: continent name} of geonames' two letters."""
    return {language: locale(language).territories[CONTINENTS[letters]] for language in LANGUAGES}


def currency_names(code: str) -> Names:
    """{language: currency name}; English without the capitals of a title ("US dollar")."""
    names = {language: locale(language).currencies[code] for language in LANGUAGES}
    units = {"Dollar", "Franc", "Euro"}
    names["en"] = " ".join(word.lower() if word in units else word for word in names["en"].split())
    return names


def language_names(code: str) -> Names:
    """{language: language name}; in Indonesian with the noun ("bahasa Prancis"), as the bare name is the country's."""
    names = {language: locale(language).languages[code] for language in LANGUAGES}
    return {**names, "id": f"Bahasa {names['id']}"}


def zone_city_names(zone: str) -> Names:
    """{language: exemplar city of a time zone}. CLDR leaves out names that are the zone's own last part."""
    own = zone.rsplit("/", maxsplit=1)[-1].replace("_", " ")
    return {language: locale(language).time_zones.get(zone, {}).get("city") or own for language in LANGUAGES}


@cache
def zones_by_country() -> dict[str, tuple[str, ...]]:
    """{country: its time zones as CLDR names them (older spellings such as Asia/Calcutta included)}, sorted."""
    from babel.core import get_global

    countries, aliases = get_global("zone_territories"), get_global("zone_aliases")
    found: dict[str, list[str]] = {}
    for zone in sorted(locale("ko").time_zones):
        country = countries.get(zone) or countries.get(aliases.get(zone, ""))
        if country:
            found.setdefault(country, []).append(zone)
    return {country: tuple(zones) for country, zones in found.items()}
