"""Paper sizes and units of everyday life: temperature, distance, speed, height, weight. Source: CLDR, through ICU.

ICU knows which unit each country prefers for a usage (`weather`, `road`, `person-height`, …) and what the unit is
called in each language. The world holds two or three answers, so most of these facts have few options.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from isogloss.data.facts.fact import package_version
from isogloss.data.facts.localized.local_fact import WORLD, LocalFact, single_fact
from isogloss.data.facts.localized.money import visible

#: Temperatures whose notation is asked for, in degrees Celsius, one fact each.
TEMPERATURES = (31, 12)

#: Height and width in millimetres of the two sheets that CLDR knows, and the languages that translate Letter.
_A4, _LETTER = (297, 210), (279, 216)
_LETTER_NAMES = {"es": "Carta", "ko": "레터"}


class _Quantity(NamedTuple):
    """What is measured: ICU's usage, and an amount of an ordinary size, as the preferred unit depends on the size."""

    usage: str
    amount: float
    unit: str


_WEATHER = "celsius"
_QUANTITIES: dict[str, _Quantity] = {
    "temperature-unit": _Quantity("weather", 20, _WEATHER),
    "road-distance-unit": _Quantity("road", 100, "kilometer"),
    "speed-unit": _Quantity("default", 100, "kilometer-per-hour"),
    "wind-speed-unit": _Quantity("wind", 10, "meter-per-second"),
    "height-unit": _Quantity("person-height", 1.7, "meter"),
    "body-weight-unit": _Quantity("person", 70, "kilogram"),
    "floor-area-unit": _Quantity("floor", 80, "square-meter"),
}

#: Two ways of one system: who is used to the one accepts the other, so neither is a wrong answer to the other.
_METRIC_HEIGHTS = frozenset({"centimeter", "meter-and-centimeter"})
#: Swedish road signs count kilometres, and people speak of a "mil" of ten: no single answer.
_NO_SINGLE_ANSWER = {"road-distance-unit": frozenset({"SE"})}


@cache
def source() -> str:
    """`"pyicu-wheels 2.15.2 (ICU 77.1)"`: ICU's version says which CLDR it carries (77 has CLDR 47)."""
    from icu import ICU_VERSION

    return f"{package_version('pyicu-wheels')} (ICU {ICU_VERSION})"


@cache
def preferred_unit(kind: str, country: str) -> str:
    """The CLDR identifier (`foot-and-inch`) of the unit that a country uses for what `kind` measures."""
    from icu import Locale, MeasureUnit, NumberFormatter

    quantity = _QUANTITIES[kind]
    formatter = NumberFormatter.withLocale(Locale(WORLD[country])).usage(quantity.usage)
    result = formatter.unit(MeasureUnit.forIdentifier(quantity.unit)).formatDoubleToValue(float(quantity.amount))
    return str(result.getOutputUnit().getIdentifier())


@cache
def unit_name(unit: str, locale_name: str) -> str:
    """The unit's full name; of a mixed one such as `foot-and-inch` the names of its parts ("feet and inches").

    Speeds in Korean have their signs ("km/h"): CLDR's names there stand before a number or are not said at all.
    """
    from babel.lists import format_list
    from icu import Locale, MeasureFormat, MeasureUnit, UMeasureFormatWidth

    short = "-per-" in unit and locale_name.startswith("ko")
    names = MeasureFormat(Locale(locale_name), UMeasureFormatWidth.SHORT if short else UMeasureFormatWidth.WIDE)
    parts = [str(names.getUnitDisplayName(MeasureUnit.forIdentifier(part))) for part in unit.split("-and-")]
    return visible(format_list(parts, locale=locale_name))


@cache
def temperature(celsius: float, *, country: str, language: str) -> str:
    """A temperature in the country's unit, rounded to a degree, in the notation of the language (`88 °F`)."""
    from icu import Locale, MeasureUnit, NumberFormatter

    formatter = NumberFormatter.withLocale(Locale(f"{language}_{country}@numbers=latn")).usage("weather")
    return visible(formatter.unit(MeasureUnit.forIdentifier(_WEATHER)).formatDouble(float(celsius)))


@cache
def paper_size(country: str) -> tuple[int, int]:
    """Height and width in millimetres of the country's usual sheet."""
    from icu import LocaleData

    height, width = LocaleData(WORLD[country]).getPaperSize()
    return height, width


def _one(kind: str, values: Mapping[str, str], *, key: str, region: str, language: str) -> list[LocalFact]:
    return single_fact(kind, region=region, language=language, key=key, values=values, source=source())


def paper_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kind paper-size: the sheet's name, and its width and height in millimetres."""
    names = {_A4: "A4", _LETTER: _LETTER_NAMES.get(language, "Letter")}
    sizes = {country: paper_size(country) for country in WORLD}
    named = {country: names[size] for country, size in sizes.items()}
    measured = {country: f"{width} × {height} mm" for country, (height, width) in sizes.items()}
    return [
        *_one("paper-size", named, key="name", region=region, language=language),
        *_one("paper-size", measured, key="millimetres", region=region, language=language),
    ]


def temperature_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kind temperature: how a weather report gives the warmth of a day."""
    return [
        fact
        for celsius in TEMPERATURES
        for fact in _one(
            "temperature",
            {country: temperature(celsius, country=country, language=language) for country in WORLD},
            key=f"celsius-{celsius}",
            region=region,
            language=language,
        )
    ]


def _acceptable(unit: str, own: str) -> bool:
    """Whether `unit`, not being a region's own, would be right there as well."""
    return unit != own and {unit, own} <= _METRIC_HEIGHTS


def unit_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds that end in `-unit`."""
    facts = []
    for kind in _QUANTITIES:
        own = preferred_unit(kind, region)
        units = {country: preferred_unit(kind, country) for country in WORLD}
        values = {
            country: unit_name(unit, WORLD[region])
            for country, unit in units.items()
            if country not in _NO_SINGLE_ANSWER.get(kind, ()) and not _acceptable(unit, own)
        }
        facts += _one(kind, values, key="everyday", region=region, language=language)
    return facts


def measure_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of every kind in this module."""
    return [
        *paper_facts(region, language),
        *temperature_facts(region, language),
        *unit_facts(region, language),
    ]
