"""Public holidays: fixed dates, movable feasts by name, and national days. Source: the holidays package.

A date counts as fixed where a nationwide holiday of the same name falls on it in at least three of `YEARS`; observed,
substituted and estimated days do not count. Movable feasts are matched by their English names in the source.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache, partial

from isogloss.data.facts.fact import package_version
from isogloss.data.facts.localized.holiday_names import FEASTS
from isogloss.data.facts.localized.local_fact import WORLD, LocalFact, several_facts, single_fact
from isogloss.data.rows import LANGUAGES

#: The years compared. A date that stands in one of them only is a reform, a substitute or an election.
YEARS = (2023, 2024, 2025, 2026)
_ENOUGH_YEARS = 3

_NOT_THE_DAY = re.compile(r"observed|substitut|alternative|temporary|election|estimated|day off", re.IGNORECASE)

#: English name, in the source, of what each country keeps as its national or independence day.
NATIONAL_DAYS: dict[str, str] = {
    "ES": "National Day",
    "ID": "Independence Day",
    "GR": "Independence Day",
    "CN": "National Day",
    "DZ": "Independence Day",
    "US": "Independence Day",
    "AU": "Australia Day",
    "BR": "Independence Day",
    "CA": "Canada Day",
    "FR": "National Day",
    "IN": "Independence Day",
    "IT": "Republic Day",
    "MA": "Independence Day",
    "MX": "Independence Day",
    "MY": "National Day",
    "NO": "Constitution Day",
    "PL": "National Independence Day",
    "RU": "Russia Day",
    "SE": "National Day",
    "SG": "National Day",
    "TN": "Independence Day",
    "TR": "Republic Day",
    "VN": "National Day",
}


@cache
def _calendar(country: str, subdivision: str | None = None) -> dict[date, str]:
    """{day: English name} of the public holidays in `YEARS`."""
    from holidays import country_holidays

    return dict(country_holidays(country, subdiv=subdivision, years=YEARS, language="en_US"))


@cache
def fixed_dates(country: str, subdivision: str | None = None) -> dict[str, str]:
    """{"10-12": "National Day"}: the dates that are a holiday every year, with the holiday's English name."""
    years: dict[tuple[str, str], int] = {}
    for day, names in _calendar(country, subdivision).items():
        for name in names.split("; "):
            if not _NOT_THE_DAY.search(name):
                years[f"{day:%m-%d}", name] = years.get((f"{day:%m-%d}", name), 0) + 1
    return {monthday: name for (monthday, name), count in sorted(years.items()) if count >= _ENOUGH_YEARS}


@cache
def _subdivisions(country: str) -> tuple[str | None, ...]:
    from holidays import list_supported_countries

    return (None, *list_supported_countries()[country])


@cache
def own_days(region: str) -> frozenset[str]:
    """Month and day of everything that is a holiday in `region`, in any of `YEARS` and in any part of the country."""
    nationwide = {f"{day:%m-%d}" for day in _calendar(region)}
    regional = {monthday for part in _subdivisions(region) for monthday in fixed_dates(region, part)}
    return frozenset(nationwide | regional)


@cache
def own_feasts(region: str) -> frozenset[str]:
    """Keys of the feasts that are a holiday in any part of `region`."""
    names = {name for part in _subdivisions(region) for name in _calendar(region, part).values()}
    return frozenset(key for key, (pattern, _) in FEASTS.items() if any(re.search(pattern, name) for name in names))


@cache
def feasts(country: str) -> tuple[str, ...]:
    """Keys of the movable feasts that are nationwide holidays in the country, without those on a fixed date."""
    fixed = set(fixed_dates(country).values())
    names = {
        part
        for name in _calendar(country).values()
        for part in name.removesuffix(" (estimated)").split("; ")
        if part not in fixed
    }
    return tuple(key for key, (pattern, _) in FEASTS.items() if any(re.search(pattern, name) for name in names))


def national_day(country: str) -> str | None:
    """The first date of the country's national or independence day ("10-01"); None where the source has none."""
    return next((day for day, name in fixed_dates(country).items() if name == NATIONAL_DAYS.get(country)), None)


def feast_name(key: str, *, language: str) -> str:
    """The feast's name in the language of the question."""
    return dict(zip(LANGUAGES, FEASTS[key][1].split("|"), strict=True))[language]


def day_text(monthday: str, *, language: str) -> str:
    """ "10-12" → "12 de octubre", by CLDR's pattern."""
    from babel.dates import format_skeleton

    month, day = map(int, monthday.split("-"))
    return str(format_skeleton("MMMMd", date(2024, month, day), locale=language))


def holiday_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds holiday-date, holiday-name and national-day."""
    source = package_version("holidays")
    several = partial(several_facts, region=region, language=language, source=source)

    def texts(monthdays: dict[str, str]) -> dict[str, str]:
        return {monthday: day_text(monthday, language=language) for monthday in monthdays}

    own = {day_text(monthday, language=language) for monthday in own_days(region)}
    names = {country: {key: feast_name(key, language=language) for key in feasts(country)} for country in WORLD}
    national = {
        country: day_text(monthday, language=language)
        for country in NATIONAL_DAYS
        if (monthday := national_day(country)) is not None
    }
    national = {country: text for country, text in national.items() if country == region or text not in own}
    return [
        *several("holiday-date", values={country: texts(fixed_dates(country)) for country in WORLD}, also_right=own),
        *several(
            "holiday-name",
            values=names,
            also_right={feast_name(key, language=language) for key in own_feasts(region)},
        ),
        *single_fact("national-day", region=region, language=language, values=national, source=source),
    ]
