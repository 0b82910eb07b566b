"""How values are written: prices, numbers, dates, times, paper sizes and units of everyday life.

Sources: CLDR's patterns of each country's locale, through babel; ISO 4217 through pycountry; CLDR's preferred units, through
ICU. Each instance (an amount, a number, a day, a time) is its own fact.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from fractions import Fraction
from functools import cache, partial
from typing import NamedTuple

from isogloss.data.benchmark.fact import locale, package_version
from isogloss.data.benchmark.local_fact import LocalFact, locales, single_fact, world
from isogloss.data.benchmark.wording import language_file, regions

#: Spaces that do not break become plain, direction marks go, and the wide yen sign is the usual one.
_VISIBLE = str.maketrans({"\u00a0": " ", "\u202f": " ", "￥": "¥", "\u200e": None, "\u200f": None, "\u061c": None})


def visible(text: str) -> str:
    """`text` with plain spaces and without the invisible direction marks of CLDR's patterns."""
    return text.translate(_VISIBLE)


# --------------------------------------------------------------------------------------------------------------------
# Money: the currency's name, sign and codes, and how a price looks

#: Amounts whose prices are asked for, one fact each.
PRICES = (12500, 38900)


@cache
def currency_of(country: str) -> str:
    """ISO 4217 code of the country's current currency."""
    from babel.numbers import get_territory_currencies

    return str(get_territory_currencies(country)[0])


@cache
def currency_unit(currency: str, *, language: str) -> str:
    """The currency's everyday name, without the country that CLDR's full name holds ("won surcoreano" → "won").

    Chinese keeps the whole name: 元 alone would be most currencies' name.
    """
    words, place = locale(language).currencies[currency].split(), language_file(language).formats.currency_unit
    return "".join(words) if place == "whole" else words[0 if place == "first" else -1]


@cache
def symbol_of(country: str) -> str:
    """The currency's sign as written in the country itself."""
    from babel.numbers import get_currency_symbol

    return visible(get_currency_symbol(currency_of(country), locale=locales()[country]))


def price(amount: int, country: str) -> str:
    """`amount` in the country's currency, as written there, with Western digits."""
    from babel.numbers import format_currency

    return visible(
        format_currency(
            amount, currency_of(country), locale=locales()[country], numbering_system="latn", group_separator=True
        )
    )


def _usable(sign: str, code: str, language: str) -> bool:
    """Not a sign that is only the code again, nor one in Arabic letters outside Arabic."""
    return sign != code and (
        language_file(language).script == "Arab" or not any("\u0600" <= letter <= "\u06ff" for letter in sign)
    )


def money_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds currency, currency-symbol, currency-code, currency-number and price."""
    import pycountry

    babel, iso = package_version("babel"), package_version("pycountry")
    codes = {country: currency_of(country) for country in world()}
    names = {country: currency_unit(code, language=language) for country, code in codes.items()}
    by_code = {entry.alpha_3: entry.numeric for entry in pycountry.currencies}
    numbers = {country: by_code[code] for country, code in codes.items()}
    signs = {country: symbol_of(country) for country in world()}
    signs = {country: sign for country, sign in signs.items() if _usable(sign, codes[country], language)}
    one = partial(single_fact, region=region, language=language)
    facts = [
        *one("currency", values=names, source=babel),
        *one("currency-symbol", values=signs, source=babel),
        *one("currency-code", values=codes, source=babel),
        *one("currency-number", values=numbers, source=f"{iso}, {babel}"),
    ]
    for amount in PRICES:
        prices = {country: price(amount, country) for country in signs}
        own = prices[region]
        # "¥12,500" is a price in yen, but could be one in yuan, too.
        prices = {country: text for country, text in prices.items() if text == own or text not in own}
        facts += one("price", key=str(amount), values=prices, source=babel)
    return facts


# --------------------------------------------------------------------------------------------------------------------
# Numbers, dates and times. Only patterns that mean something else, or nothing, in the region stand as wrong answers: a date in
# the region's own order with other separators does not.

FRACTIONS = ("7/2", "1/4", "3/8")
GROUPED = (1234567, 2500000, 9876543, 4081600)
DAYS = (date(2024, 3, 5), date(2023, 11, 8), date(2025, 4, 9), date(2022, 7, 1))
#: Two-digit days, months and years in one: 03/04/05 is three dates, depending on the order.
READINGS = ("03/04/05", "08/09/10", "01/02/04", "06/11/09")


def _number(value: float, country: str) -> str:
    from babel.numbers import format_decimal

    return visible(format_decimal(value, locale=locales()[country], numbering_system="latn"))


def _grouped(value: int, country: str) -> str | None:
    """None where the groups are separated by a space: the international style is accepted beside the local one."""
    text = _number(value, country)
    return None if " " in text else text


@cache
def _pattern(country: str) -> str:
    from babel.dates import Locale

    return visible(Locale.parse(locales()[country]).datetime_skeletons["yMd"].pattern)


@cache
def date_order(country: str) -> str:
    """`dmy`, `mdy` or `ymd`."""
    return "".join(letter for letter in dict.fromkeys(_pattern(country).lower()) if letter in "dmy")


def _accepted_orders(language: str) -> frozenset[str]:
    """Orders that are no wrong answers: those of the language's regions."""
    return frozenset(date_order(own) for own in regions()[language])


def _numeric(day: date, country: str) -> str:
    from babel.dates import format_date

    return visible(format_date(day, format=_pattern(country), locale=locales()[country]))


def _read(written: str, order: str, locale_name: str) -> str:
    """The day that `written` stands for in an order, in words."""
    from babel.dates import format_date

    parts = dict(zip(order, map(int, written.split("/")), strict=True))
    return str(format_date(date(2000 + parts["y"], parts["m"], parts["d"]), format="long", locale=locale_name))


def _spelled_day(day: date, language: str) -> str:
    """The day in words, by its language's file. In English neither as `5 March` nor as `March 5`: both show an order."""
    from babel.dates import format_date

    words = language_file(language).formats.day
    if words is None:
        return str(format_date(day, format="long", locale=language))
    ordinal = words.ordinals.get(day.day, words.other.format(day=day.day))
    month = locale(language).months["format"]["wide"][day.month]
    return words.text.format(ordinal=ordinal, day=day.day, month=month, year=day.year)


def number_format_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds decimal-mark and thousands-separator."""
    one = partial(single_fact, region=region, language=language, source=package_version("babel"))
    facts = []
    for fraction in FRACTIONS:
        values = {country: _number(float(Fraction(fraction)), country) for country in world()}
        key = fraction.replace("/", "-")
        facts += one("decimal-mark", key=key, values=values, fill={"number": fraction})
    for number in GROUPED:
        grouped = {country: text for country in world() if (text := _grouped(number, country)) is not None}
        facts += one("thousands-separator", key=str(number), values=grouped, fill={"number": str(number)})
    return facts


def date_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds date-format and date-reading."""
    one = partial(single_fact, region=region, language=language, source=package_version("babel"))
    countries = [code for code, country in world().items() if not country.other_calendar]
    facts = []
    for day in DAYS:
        values = {
            country: _numeric(day, country)
            for country in countries
            if country == region or date_order(country) not in _accepted_orders(language)
        }
        fill = {"date": _spelled_day(day, language)}
        facts += one("date-format", key=day.isoformat(), values=values, fill=fill)
    for written in READINGS:
        values = {country: _read(written, date_order(country), language) for country in countries}
        key = written.replace("/", "-")
        facts += one("date-reading", key=key, values=values, fill={"date": written})
    return facts


def _clock(moment: time, locale_name: str, language: str) -> str:
    """A time in the short pattern of a locale, with the day period in the language of the question."""
    from babel.dates import Locale, format_time

    pattern = visible(Locale.parse(locale_name).time_formats["short"].pattern)
    return visible(format_time(moment, format=pattern, locale=language))


def time_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kind clock."""
    facts = []
    for written, words in language_file(language).times.items():
        hours, minutes = map(int, written.split(":"))
        values = {
            code: _clock(time(hours, minutes), country.clock_locale or country.locale, language)
            for code, country in world().items()
        }
        also = f"{hours}{world()[region].clock_separator}{minutes}"
        values = {country: text for country, text in values.items() if country == region or text != also}
        facts += single_fact(
            "clock",
            region=region,
            language=language,
            key=written.replace(":", ""),
            values=values,
            source=package_version("babel"),
            fill={"time": words},
        )
    return facts


# --------------------------------------------------------------------------------------------------------------------
# Paper sizes and units. ICU knows which unit each country prefers for a usage (`weather`, `road`, `person-height`, …) and what
# the unit is called in each language. The world holds two or three answers, so most of these facts have few options.

#: Temperatures whose notation is asked for, in degrees Celsius, one fact each.
TEMPERATURES = (31, 12)

#: Height and width in millimetres of the two sheets that CLDR knows.
_A4, _LETTER = (297, 210), (279, 216)


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


@cache
def icu_version() -> str:
    """`"pyicu-wheels 2.15.2 (ICU 77.1)"`: ICU's version says which CLDR it carries (77 has CLDR 47)."""
    from icu import ICU_VERSION

    return f"{package_version('pyicu-wheels')} (ICU {ICU_VERSION})"


@cache
def preferred_unit(kind: str, country: str) -> str:
    """The CLDR identifier (`foot-and-inch`) of the unit that a country uses for what `kind` measures."""
    from icu import Locale, MeasureUnit, NumberFormatter

    quantity = _QUANTITIES[kind]
    formatter = NumberFormatter.withLocale(Locale(locales()[country])).usage(quantity.usage)
    result = formatter.unit(MeasureUnit.forIdentifier(quantity.unit)).formatDoubleToValue(float(quantity.amount))
    return str(result.getOutputUnit().getIdentifier())


@cache
def unit_name(unit: str, *, language: str, country: str) -> str:
    """The unit's full name; of a mixed one such as `foot-and-inch` the names of its parts ("feet and inches").

    Where a file says `short_speeds`, speeds have their signs ("km/h"): CLDR's names there stand before a number or are not
    said at all.
    """
    from babel.lists import format_list
    from icu import Locale, MeasureFormat, MeasureUnit, UMeasureFormatWidth

    locale_name = f"{language}_{country}"
    short = "-per-" in unit and language_file(language).formats.short_speeds
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

    height, width = LocaleData(locales()[country]).getPaperSize()
    return height, width


def _one(kind: str, values: Mapping[str, str], *, key: str, region: str, language: str) -> list[LocalFact]:
    return single_fact(kind, region=region, language=language, key=key, values=values, source=icu_version())


def paper_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kind paper-size: the sheet's name, and its width and height in millimetres."""
    names = {_A4: "A4", _LETTER: language_file(language).formats.letter_paper}
    sizes = {country: paper_size(country) for country in world()}
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
            {country: temperature(celsius, country=country, language=language) for country in world()},
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
        units = {country: preferred_unit(kind, country) for country in world()}
        values = {
            country: unit_name(unit, language=language, country=region)
            for country, unit in units.items()
            if kind not in world()[country].several_units and not _acceptable(unit, own)
        }
        facts += _one(kind, values, key="everyday", region=region, language=language)
    return facts


def format_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds decimal-mark, thousands-separator, date-format, date-reading and clock."""
    return [*number_format_facts(region, language), *date_facts(region, language), *time_facts(region, language)]


def measure_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of every kind in this module."""
    return [
        *paper_facts(region, language),
        *temperature_facts(region, language),
        *unit_facts(region, language),
    ]
