"""How numbers, dates and times are written. Source: CLDR's patterns of each country's locale, through babel.

Each instance (a number, a day, a time) is its own fact. Only patterns that mean something else, or nothing, in the
region stand as wrong answers: a date in the region's own order with other separators does not.
"""

from __future__ import annotations

from datetime import date, time
from fractions import Fraction
from functools import cache, partial

from isogloss.data.facts.fact import package_version
from isogloss.data.facts.localized.local_fact import WORLD, LocalFact, single_fact
from isogloss.data.facts.localized.money import visible
from isogloss.data.facts.localized.wording import spoken_times
from isogloss.data.facts.names import locale
from isogloss.data.rows import ENGLISH, REGIONS

FRACTIONS = ("7/2", "1/4", "3/8")
GROUPED = (1234567, 2500000, 9876543, 4081600)
DAYS = (date(2024, 3, 5), date(2023, 11, 8), date(2025, 4, 9), date(2022, 7, 1))
#: Two-digit days, months and years in one: 03/04/05 is three dates, depending on the order.
READINGS = ("03/04/05", "08/09/10", "01/02/04", "06/11/09")

#: Countries whose locale writes dates in another calendar than the Gregorian.
_OTHER_CALENDARS = frozenset({"TH", "SA"})

#: Canada's French half writes times in a way of its own.
_CLOCK_LOCALES = {"CA": "fr_CA"}
#: The separator between hours and minutes that is accepted beside the one of CLDR, so that it is no wrong answer.
_ALSO_ACCEPTED = {"ES": ".", "ID": ":"}


def _number(value: float, country: str) -> str:
    from babel.numbers import format_decimal

    return visible(format_decimal(value, locale=WORLD[country], numbering_system="latn"))


def _grouped(value: int, country: str) -> str | None:
    """None where the groups are separated by a space: the international style is accepted beside the local one."""
    text = _number(value, country)
    return None if " " in text else text


@cache
def _pattern(country: str) -> str:
    from babel.dates import Locale

    return visible(Locale.parse(WORLD[country]).datetime_skeletons["yMd"].pattern)


@cache
def date_order(country: str) -> str:
    """`dmy`, `mdy` or `ymd`."""
    return "".join(letter for letter in dict.fromkeys(_pattern(country).lower()) if letter in "dmy")


def _accepted_orders(region: str, language: str) -> frozenset[str]:
    """Orders that are no wrong answers: the region's, and for a question in English those of both English regions."""
    return frozenset(date_order(own) for own in (REGIONS[language] if language == ENGLISH else (region,)))


def _numeric(day: date, country: str) -> str:
    from babel.dates import format_date

    return visible(format_date(day, format=_pattern(country), locale=WORLD[country]))


def _read(written: str, order: str, locale_name: str) -> str:
    """The day that `written` stands for in an order, in words."""
    from babel.dates import format_date

    parts = dict(zip(order, map(int, written.split("/")), strict=True))
    return str(format_date(date(2000 + parts["y"], parts["m"], parts["d"]), format="long", locale=locale_name))


def _spelled_day(day: date, language: str) -> str:
    """The day in words. In English neither as `5 March` nor as `March 5`: both would show an order."""
    from babel.dates import format_date

    if language != "en":
        return str(format_date(day, format="long", locale=language))
    ending = {1: "st", 2: "nd", 3: "rd"}.get(day.day, "th")
    return f"the {day.day}{ending} day of {locale('en').months['format']['wide'][day.month]} {day.year}"


def number_format_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds decimal-mark and thousands-separator."""
    one = partial(single_fact, region=region, language=language, source=package_version("babel"))
    facts = []
    for fraction in FRACTIONS:
        values = {country: _number(float(Fraction(fraction)), country) for country in WORLD}
        key = fraction.replace("/", "-")
        facts += one("decimal-mark", key=key, values=values, fill={"number": fraction})
    for number in GROUPED:
        grouped = {country: text for country in WORLD if (text := _grouped(number, country)) is not None}
        facts += one("thousands-separator", key=str(number), values=grouped, fill={"number": str(number)})
    return facts


def date_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds date-format and date-reading."""
    one = partial(single_fact, region=region, language=language, source=package_version("babel"))
    countries = [country for country in WORLD if country not in _OTHER_CALENDARS]
    facts = []
    for day in DAYS:
        values = {
            country: _numeric(day, country)
            for country in countries
            if country == region or date_order(country) not in _accepted_orders(region, language)
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
    for written, words in spoken_times(language).items():
        hours, minutes = map(int, written.split(":"))
        values = {
            country: _clock(time(hours, minutes), locale_name, language)
            for country, locale_name in {**WORLD, **_CLOCK_LOCALES}.items()
        }
        also = f"{hours}{_ALSO_ACCEPTED.get(region, ' ')}{minutes}"
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


def format_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds decimal-mark, thousands-separator, date-format, date-reading and clock."""
    return [*number_format_facts(region, language), *date_facts(region, language), *time_facts(region, language)]
