"""What is left out of the localized facts, and why. The data card prints it."""

from __future__ import annotations

#: "kind/region/key", "kind/region" or "kind": the reason.
EXCLUDED: dict[str, str] = {
    "emergency-service": "phonenumbers lists emergency numbers without saying whether police, fire or ambulance answer",
    "emergency/ES/085": "listed, but regional and superseded by 112",
    "emergency/ES/088": "listed, but regional and superseded by 112",
    "emergency/DZ/112": "works from mobile phones; the national numbers are 14 and 17",
    "emergency/US/112": "some networks redirect it; the number is 911",
    "capital/ID": "moving from Jakarta to Nusantara",
    "capital/DZ": "in Arabic city and country have one name: naming the country would answer the question",
    "largest-city/DZ": "in Arabic the city and the country have one name",
    "area-code/ID": "moving from Jakarta to Nusantara",
    "time-zone-id/ID": "moving from Jakarta (UTC+7) to Nusantara (UTC+8)",
    "utc-offset/ID": "moving from Jakarta (UTC+7) to Nusantara (UTC+8)",
    "time-difference/ID": "moving from Jakarta (UTC+7) to Nusantara (UTC+8)",
    "area-code/DZ": "two codes: 021 and 023",
    "international-prefix/ID": "depends on the operator (001, 007, 008 and others)",
    "international-prefix/KR": "depends on the operator (001, 002, 00700 and others)",
    "number-length/ID": "mobile numbers have from ten to thirteen digits",
    "holiday-date/*/01-01": "the same in every region",
    "national-day/KR": "several (1 March, 15 August, 3 October), each known by a name of its own",
    "national-day/GB": "none",
    "clock/KR": "both the 12-hour and the 24-hour clock are in everyday use",
    "clock/GR": "both the 12-hour and the 24-hour clock are in everyday use",
    "clock/CN": "both the 12-hour and the 24-hour clock are in everyday use",
    "clock/DZ": "CLDR has the 12-hour clock; timetables use 24 hours",
    "clock/GB": "both the 12-hour and the 24-hour clock are in everyday use",
    "official-language/DZ/fr": "CLDR calls French official in Algeria; by the constitution Arabic and Tamazight are",
    "official-language/US/en": "de facto only until 2025",
    "official-language/ID/id": "its name holds the country's: naming the country would answer the question",
    "official-language/KR/ko": "its name holds the country's: naming the country would answer the question",
    "neighbour/ES/GI": "a British territory, not a country",
    "neighbour/DZ/EH": "disputed territory",
    "neighbour/US/CU": "only through the leased base of Guantánamo",
    "paper-size/US": "in English its only other answer is that of the other English region",
    "paper-size/GB": "in English its only other answer is that of the other English region",
    "temperature/US": "in English its only other answer is that of the other English region",
    "temperature/GB": "in English its only other answer is that of the other English region",
    "temperature-unit/US": "in English its only other answer is that of the other English region",
    "temperature-unit/GB": "in English its only other answer is that of the other English region",
    "wind-speed-unit/GR": "CLDR has kilometres per hour; forecasts give the Beaufort scale",
    "floor-area-unit/GB": "both square feet and square metres are in everyday use",
    "fuel-unit": "CLDR has litres per kilometre where people count kilometres per litre",
    "postcode/KR/six-digit": "codes had six digits until 2015; the source has the five-digit ones",
}


def excluded(kind: str, region: str, key: str) -> bool:
    """Whether a fact, its region or its kind stands in the table."""
    names = (kind, f"{kind}/{region}", f"{kind}/{region}/{key}", f"{kind}/*/{key}")
    return any(name in EXCLUDED for name in names)
