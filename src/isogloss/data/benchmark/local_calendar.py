"""The calendar: public holidays, national days, weeks, time zones and daylight saving.

Sources: the holidays package; CLDR in babel (weeks); tzdata. A date counts as a fixed holiday where a nationwide holiday of
the same name falls on it in at least three of `YEARS`; observed, substituted and estimated days do not count. Movable feasts
are matched by their English names in the source.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from importlib.resources import files
from zoneinfo import ZoneInfo

from isogloss.data.benchmark.fact import locale, package_version, tables, zone_city_names
from isogloss.data.benchmark.local_fact import LocalFact, known_of, locales, several_facts, single_fact, world
from isogloss.data.benchmark.wording import language_file

# --------------------------------------------------------------------------------------------------------------------
# Public holidays: fixed dates, movable feasts by name, national days

#: The years compared. A date that stands in one of them only is a reform, a substitute or an election.
YEARS = (2023, 2024, 2025, 2026)
_ENOUGH_YEARS = 3

_NOT_THE_DAY = re.compile(r"observed|substitut|alternative|temporary|election|estimated|day off", re.IGNORECASE)


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
    return frozenset(key for key, pattern in tables().feasts.items() if any(re.search(pattern, name) for name in names))


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
    return tuple(key for key, pattern in tables().feasts.items() if any(re.search(pattern, name) for name in names))


def national_day(country: str) -> str | None:
    """The first date of the country's national or independence day ("10-01"); None where the source has none."""
    return next((day for day, name in fixed_dates(country).items() if name == world()[country].national_day), None)


def feast_name(key: str, *, language: str) -> str:
    """The feast's name in the language of the question."""
    return language_file(language).feasts[key]


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
    names = {country: {key: feast_name(key, language=language) for key in feasts(country)} for country in world()}
    national = {
        country: day_text(monthday, language=language)
        for country in known_of("national_day")
        if (monthday := national_day(country)) is not None
    }
    national = {country: text for country, text in national.items() if country == region or text not in own}
    return [
        *several("holiday-date", values={country: texts(fixed_dates(country)) for country in world()}, also_right=own),
        *several(
            "holiday-name",
            values=names,
            also_right={feast_name(key, language=language) for key in own_feasts(region)},
        ),
        *single_fact("national-day", region=region, language=language, values=national, source=source),
    ]


# --------------------------------------------------------------------------------------------------------------------
# Weeks and clocks

#: A city that keeps the same time all year and the time there, for the kind time-difference.
REFERENCES = (("Asia/Tokyo", "12:00"), ("Asia/Dubai", "18:00"), ("Europe/Moscow", "15:00"))

_YEAR = 2026
_WINTER = datetime(_YEAR, 1, 15, 12, tzinfo=UTC)


@cache
def zone(name: str) -> ZoneInfo:
    """A zone as the tzdata package has it, whatever the machine's own copy says."""
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as file:
        return ZoneInfo.from_file(file, key=name)


def utc_offset(name: str) -> timedelta:
    """Offset from UTC in January."""
    offset = _WINTER.astimezone(zone(name)).utcoffset()
    assert offset is not None
    return offset


def offset_text(offset: timedelta) -> str:
    """`UTC+5:30`; `UTC+0` for none."""
    minutes = int(offset.total_seconds()) // 60
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'-' if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")


def _rule(day: datetime) -> str:
    """`last-6-3` for the last Sunday of March, `2-6-3` for the second."""
    last = day.day + 7 > monthrange(day.year, day.month)[1]
    return f"{'last' if last else (day.day + 6) // 7}-{day.weekday()}-{day.month}"


def _offset(start: datetime, hours: int, place: ZoneInfo) -> timedelta | None:
    return (start + timedelta(hours=hours)).astimezone(place).utcoffset()


@cache
def clock_changes(name: str) -> dict[str, str]:
    """{"forward": rule, "back": rule} of a zone in one year; both "never" where the clocks stay."""
    place, found = zone(name), {}
    start = datetime(_YEAR, 1, 1, tzinfo=UTC)
    for day in range(364):
        if _offset(start, day * 24, place) == _offset(start, day * 24 + 24, place):
            continue
        hour = next(
            h for h in range(day * 24, day * 24 + 24) if _offset(start, h, place) != _offset(start, h + 1, place)
        )
        after = (start + timedelta(hours=hour + 1)).astimezone(place)
        found["forward" if after.dst() else "back"] = _rule(after)
    return found or {"forward": "never", "back": "never"}


def _weekend(country: str, language: str) -> str:
    from babel import Locale
    from babel.lists import format_list

    week, days = Locale.parse(locales()[country]), locale(language).days["stand-alone"]["wide"]
    numbers = sorted({week.weekend_start, week.weekend_end}, key=lambda day: (day - week.weekend_start) % 7)
    return str(format_list([days[number] for number in numbers], locale=language))


def week_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds weekend and first-weekday."""
    from babel import Locale

    days = locale(language).days["stand-alone"]["wide"]
    first = {country: days[Locale.parse(name).first_week_day] for country, name in locales().items()}
    weekend = {country: _weekend(country, language) for country in world()}
    one = partial(single_fact, region=region, language=language, source=package_version("babel"))
    return [*one("weekend", values=weekend), *one("first-weekday", values=first)]


def clock_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds utc-offset, time-zone-id, time-difference, clocks-forward and clocks-back."""
    one = partial(single_fact, region=region, language=language, source=package_version("tzdata"))
    zones = known_of("capital_zone")
    offsets = {country: utc_offset(name) for country, name in zones.items()}
    facts = [
        *one("utc-offset", values={c: offset_text(offset) for c, offset in offsets.items()}),
        *one("time-zone-id", values=zones),
    ]
    for reference, there in REFERENCES:
        moment = datetime.strptime(there, "%H:%M").replace(tzinfo=UTC) - utc_offset(reference)
        here = {country: f"{moment + offset:%H:%M}" for country, offset in offsets.items()}
        facts += one(
            "time-difference",
            key=reference.replace("/", "-"),
            values={country: text for country, text in here.items() if text != there},
            fill={"city": zone_city_names(reference)[language], "time": there},
        )
    for direction in ("forward", "back"):
        rules = {country: clock_changes(name)[direction] for country, name in zones.items()}
        words = language_file(language).clock_changes
        texts = {country: words[rule] for country, rule in rules.items() if rule in words}
        facts += one(f"clocks-{direction}", values=texts)
    return facts
