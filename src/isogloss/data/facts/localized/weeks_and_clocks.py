"""Weeks and clocks: weekend, first weekday, UTC offset, zone, daylight saving. Source: CLDR (babel) and tzdata."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from importlib.resources import files
from zoneinfo import ZoneInfo

from isogloss.data.facts.fact import package_version
from isogloss.data.facts.localized.local_fact import WORLD, LocalFact, single_fact
from isogloss.data.facts.localized.wording import clock_change, clock_rules
from isogloss.data.facts.names import locale, zone_city_names

#: Time zone of each country's capital, in the tz database.
CAPITAL_ZONES: dict[str, str] = {
    "ES": "Europe/Madrid",
    "ID": "Asia/Jakarta",
    "KR": "Asia/Seoul",
    "GR": "Europe/Athens",
    "CN": "Asia/Shanghai",
    "DZ": "Africa/Algiers",
    "US": "America/New_York",
    "GB": "Europe/London",
    "AR": "America/Argentina/Buenos_Aires",
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "DE": "Europe/Berlin",
    "EG": "Africa/Cairo",
    "FI": "Europe/Helsinki",
    "FR": "Europe/Paris",
    "IN": "Asia/Kolkata",
    "IT": "Europe/Rome",
    "JP": "Asia/Tokyo",
    "MX": "America/Mexico_City",
    "NZ": "Pacific/Auckland",
    "PK": "Asia/Karachi",
    "PT": "Europe/Lisbon",
    "RU": "Europe/Moscow",
    "SA": "Asia/Riyadh",
    "TH": "Asia/Bangkok",
    "TR": "Europe/Istanbul",
    "VN": "Asia/Ho_Chi_Minh",
}
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

    week, days = Locale.parse(WORLD[country]), locale(language).days["stand-alone"]["wide"]
    numbers = sorted({week.weekend_start, week.weekend_end}, key=lambda day: (day - week.weekend_start) % 7)
    return str(format_list([days[number] for number in numbers], locale=language))


def week_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds weekend and first-weekday."""
    from babel import Locale

    days = locale(language).days["stand-alone"]["wide"]
    first = {country: days[Locale.parse(name).first_week_day] for country, name in WORLD.items()}
    weekend = {country: _weekend(country, language) for country in WORLD}
    one = partial(single_fact, region=region, language=language, source=package_version("babel"))
    return [*one("weekend", values=weekend), *one("first-weekday", values=first)]


def clock_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds utc-offset, time-zone-id, time-difference, clocks-forward and clocks-back."""
    one = partial(single_fact, region=region, language=language, source=package_version("tzdata"))
    offsets = {country: utc_offset(name) for country, name in CAPITAL_ZONES.items()}
    facts = [
        *one("utc-offset", values={c: offset_text(offset) for c, offset in offsets.items()}),
        *one("time-zone-id", values=CAPITAL_ZONES),
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
        rules = {country: clock_changes(name)[direction] for country, name in CAPITAL_ZONES.items()}
        texts = {c: clock_change(rule, language=language) for c, rule in rules.items() if rule in clock_rules()}
        facts += one(f"clocks-{direction}", values=texts)
    return facts
