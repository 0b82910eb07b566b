"""The localized items: enough of them, right ones, and none that gives its answer away."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from importlib.metadata import version

import pytest

from isogloss.data.benchmark.fact import locale
from isogloss.data.benchmark.local_benchmark import local_facts, localized_items
from isogloss.data.benchmark.local_fact import LocalFact, local_exclusions
from isogloss.data.benchmark.wording import regions
from isogloss.data.rows import ENGLISH_REGIONS, ChoiceItem

LANGUAGE_OF = {region: language for language, own in regions().items() for region in own}
ALL_REGIONS = tuple(LANGUAGE_OF)

#: Names a region goes by in its language, beside CLDR's.
VARIANTS = {
    "US": ("United States", "U.S.", "America", "American"),
    "GB": ("United Kingdom", "U.K.", "Britain", "British", "England", "English"),
    "ES": ("España", "español", "española"),
    "ID": ("Indonesia",),
    "KR": ("한국", "대한민국", "남한"),
    "GR": ("Ελλάδα", "Ελλάδας", "ελληνικ", "Ελληνικ"),
    "CN": ("中国", "中华"),
    "DZ": ("الجزائر", "للجزائر", "جزائري"),
}

#: How each language speaks of the country without naming it; nothing at all is another way.
UNNAMED = {
    "en": {"", "our country", "here", "in our country", "our", "our "},
    "es": {"", "nuestro país", "aquí"},
    "id": {"", "negara kita", "di sini"},
    "ko": {"", "우리나라", "우리나라와", "우리나라는"},
    "el": {"", "η χώρα μας", "τη χώρα μας", "της χώρας μας", "στη χώρα μας", "εδώ"},
    "zh": {"", "我国"},
    "ar": {"", "بلادنا", "لبلادنا", "في بلادنا", "هنا"},
}


@pytest.fixture(scope="module")
def items() -> list[ChoiceItem]:
    return localized_items(seed=0)


@pytest.fixture(scope="module")
def facts() -> dict[str, LocalFact]:
    return {fact.group: fact for region in ALL_REGIONS for fact in local_facts(region, language=LANGUAGE_OF[region])}


def _shared_start(first: str, second: str) -> int:
    return next(
        (i for i, pair in enumerate(zip(first, second, strict=False)) if len(set(pair)) > 1),
        min(len(first), len(second)),
    )


def golds(items: list[ChoiceItem], kind: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for item in items:
        if item.kind == kind and item.region:
            found[item.region].add(item.options[item.answer])
    return found


@pytest.mark.parametrize("region", ALL_REGIONS)
def test_each_region_has_many_kinds_facts_and_items(items: list[ChoiceItem], region: str) -> None:
    own = [item for item in items if item.region == region]
    assert {item.language for item in own} == {LANGUAGE_OF[region]}
    assert len({item.kind for item in own}) >= 25
    assert len({item.group for item in own}) >= 60
    assert len(own) >= 120


def test_names_of_items_follow_their_facts(items: list[ChoiceItem]) -> None:
    assert len({item.id for item in items}) == len(items)
    for item in items:
        axis, kind, region, key = item.group.split("/")
        assert (axis, kind, region) == ("localization", item.kind, item.region)
        assert key
        assert re.fullmatch(re.escape(f"{item.group}/{item.language}/") + r"\d", item.id)
        assert item.axis == "localization"


def test_paraphrases_share_their_options(items: list[ChoiceItem]) -> None:
    by_group: dict[str, list[ChoiceItem]] = defaultdict(list)
    for item in items:
        by_group[item.group].append(item)
    for group, members in by_group.items():
        assert len({member.question for member in members}) >= 3, group
        assert len({frozenset(member.options) for member in members}) == 1, group
        assert len({member.options[member.answer] for member in members}) == 1, group


def test_questions_differ_between_facts_of_a_kind_or_their_answers_do(items: list[ChoiceItem]) -> None:
    seen = {(item.language, item.region, item.question, item.options[item.answer]) for item in items}
    assert len(seen) == len(items)


def test_no_country_in_the_question_and_the_region_in_its_twin(items: list[ChoiceItem]) -> None:
    for item in items:
        assert item.region is not None
        assert item.context_question is not None
        names = {locale(item.language).territories[item.region], *VARIANTS[item.region]}
        assert not [name for name in names if re.search(rf"\b{re.escape(name)}", item.question)], item.question
        assert any(name in item.context_question for name in names), item.context_question


def test_the_gold_does_not_name_the_country(items: list[ChoiceItem]) -> None:
    for item in items:
        names = {locale(item.language).territories[item.region or ""], "한국"}
        assert not [name for name in names if name in item.options[item.answer]], item.id


def test_twins_differ_in_naming_the_country_alone(items: list[ChoiceItem]) -> None:
    for item in items:
        question, context = item.question, item.context_question or ""
        start = _shared_start(question, context)
        end = _shared_start(question[start:][::-1], context[start:][::-1])
        replaced = question[start : len(question) - end]
        phrases = UNNAMED[item.language]
        assert any(replaced.strip(" ,，").lower() in phrase for phrase in phrases), (question, context)
        assert len(context) - len(question) <= len(" in the United Kingdom"), (question, context)


def test_the_gold_is_right_in_the_region_and_no_other_option_is(items: list[ChoiceItem]) -> None:
    for item in items:
        assert item.option_regions is not None
        for index, right in enumerate(item.option_regions):
            assert right
            assert (item.region in right) == (index == item.answer), item.id


def test_english_questions_offer_neither_english_region_s_answer_as_wrong(items: list[ChoiceItem]) -> None:
    for item in items:
        if item.language == "en":
            wrong = [set(regions or ()) for i, regions in enumerate(item.option_regions or ()) if i != item.answer]
            assert not [regions for regions in wrong if regions & {"US", "GB"}], item.id


def test_an_english_option_stands_wherever_it_differs(items: list[ChoiceItem], facts: dict[str, LocalFact]) -> None:
    offered = 0
    for item in items:
        if item.language == "en":
            continue
        known = [regions for regions in facts[item.group].distractors().values() if regions & ENGLISH_REGIONS]
        assert bool(item.english_options()) == bool(known), item.id
        offered += bool(known)
    assert offered > 0.85 * sum(item.language != "en" for item in items)


def test_four_options_unless_the_world_has_fewer(items: list[ChoiceItem], facts: dict[str, LocalFact]) -> None:
    for item in items:
        assert len(item.options) == min(4, len(facts[item.group].distractors()) + 1), item.id


@pytest.mark.parametrize("region", ALL_REGIONS)
def test_the_gold_takes_every_position_equally_often(items: list[ChoiceItem], region: str) -> None:
    places: dict[int, Counter[int]] = defaultdict(Counter)
    for item in items:
        if item.region == region:
            places[len(item.options)][item.answer] += 1
    for count, counter in places.items():
        assert max(counter.values()) - min(counter[place] for place in range(count)) <= 1


def _score(items: list[ChoiceItem], value: Callable[[str], float]) -> float:
    """Accuracy of always picking the option of the highest value, ties split evenly, above chance."""
    total = 0.0
    for item in items:
        values = [value(option) for option in item.options]
        top = max(values)
        total += (values[item.answer] == top) / values.count(top) - 1 / len(values)
    return total / len(items)


@pytest.mark.parametrize("region", ALL_REGIONS)
def test_length_and_frequency_do_not_tell_the_answer(items: list[ChoiceItem], region: str) -> None:
    own = [item for item in items if item.region == region]
    uses = Counter(option for item in items if item.language == LANGUAGE_OF[region] for option in item.options)
    assert abs(_score(own, len)) < 0.04
    assert abs(_score(own, lambda option: -len(option))) < 0.04
    assert -0.06 < _score(own, lambda option: uses[option]) < 0.04


def test_the_same_whatever_the_environment(items: list[ChoiceItem]) -> None:
    program = (
        "from isogloss.data.benchmark.local_benchmark import localized_items\n"
        "from isogloss.files import digest_of\n"
        "print(digest_of([item.model_dump(mode='json') for item in localized_items(seed=0)]))"
    )
    digests = set()
    for settings in (
        {"PYTHONHASHSEED": "1", "LC_ALL": "C", "TZ": "UTC"},
        {"PYTHONHASHSEED": "2", "LANG": "ar_DZ.UTF-8", "LC_ALL": "ar_DZ.UTF-8", "TZ": "Asia/Tokyo"},
    ):
        run = subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, **settings}, capture_output=True, text=True, check=True
        )
        digests.add(run.stdout.strip())
    assert len(digests) == 1
    assert digests != {""}


def test_the_seed_decides_the_order_of_options(items: list[ChoiceItem]) -> None:
    other = localized_items(seed=1)
    assert {item.id for item in other} == {item.id for item in items}
    assert [item.options for item in other] != [item.options for item in items]


def test_sources_are_installed_versions(items: list[ChoiceItem]) -> None:
    for item in items:
        assert item.source
        for part in item.source.split(", "):
            name, number = part.split(" ")[:2]
            assert version(name) == number


def test_texts_hold_no_invisible_marks_nor_other_digits(items: list[ChoiceItem]) -> None:
    for item in items:
        for text in (item.question, item.context_question or "", *item.options):
            assert not re.search(r"[\u00a0\u200b-\u200f\u202a-\u202f\u2066-\u2069\u061c]", text), text
            assert all(character in "0123456789" for character in text if character.isdecimal()), text
            assert text == text.strip()
            assert "  " not in text
            assert "{" not in text


def test_nothing_excluded_is_asked(items: list[ChoiceItem]) -> None:
    groups = {item.group.removeprefix("localization/") for item in items}
    for entry in local_exclusions():
        kind, *rest = entry.split("/")
        pattern = "/".join([kind, *("[^/]+" if part == "*" else re.escape(part) for part in rest)])
        assert not [group for group in groups if re.fullmatch(pattern + r"(/.*)?", group)], entry


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (
            "emergency",
            {
                "ES": {"112"},
                "ID": {"110", "112", "113", "118", "119"},
                "KR": {"112", "119"},
                "GR": {"100", "112", "166", "199"},
                "CN": {"110", "119", "120"},
                "DZ": {"14", "17"},
                "US": {"911"},
                "GB": {"112", "999"},
            },
        ),
        (
            "calling-code",
            {
                "ES": {"+34"},
                "ID": {"+62"},
                "KR": {"+82"},
                "GR": {"+30"},
                "CN": {"+86"},
                "DZ": {"+213"},
                "US": {"+1"},
                "GB": {"+44"},
            },
        ),
        (
            "currency",
            {
                "ES": {"euro"},
                "ID": {"Rupiah"},
                "KR": {"원"},
                "GR": {"Ευρώ"},
                "CN": {"人民币"},
                "DZ": {"دينار"},
                "US": {"Dollar"},
                "GB": {"Pound"},
            },
        ),
        (
            "weekend",
            {
                "ES": {"sábado y domingo"},
                "ID": {"Sabtu dan Minggu"},
                "KR": {"토요일 및 일요일"},
                "GR": {"Σάββατο και Κυριακή"},
                "CN": {"星期六和星期日"},
                "DZ": {"الجمعة والسبت"},
                "US": {"Saturday and Sunday"},
                "GB": {"Saturday and Sunday"},
            },
        ),
        (
            "first-weekday",
            {
                "ES": {"lunes"},
                "ID": {"Minggu"},
                "KR": {"일요일"},
                "GR": {"Δευτέρα"},
                "CN": {"星期一"},
                "DZ": {"السبت"},
                "US": {"Sunday"},
                "GB": {"Monday"},
            },
        ),
        (
            "national-day",
            {
                "ES": {"12 de octubre"},
                "ID": {"17 Agustus"},
                "GR": {"25 Μαρτίου"},
                "CN": {"10月1日"},
                "DZ": {"5 يوليو"},
                "US": {"July 4"},
            },
        ),
        (
            "utc-offset",
            {
                "ES": {"UTC+1"},
                "KR": {"UTC+9"},
                "GR": {"UTC+2"},
                "CN": {"UTC+8"},
                "DZ": {"UTC+1"},
                "US": {"UTC-5"},
                "GB": {"UTC+0"},
            },
        ),
        ("trunk-prefix", {"ID": {"0"}, "KR": {"0"}, "CN": {"0"}, "DZ": {"0"}, "US": {"1"}, "GB": {"0"}}),
        ("paper-size", {region: {"A4", "210 × 297 mm"} for region in ("ES", "ID", "KR", "GR", "CN", "DZ")}),
        (
            "temperature-unit",
            {
                "ES": {"grados Celsius"},
                "ID": {"derajat Celsius"},
                "KR": {"섭씨"},
                "GR": {"βαθμοί Κελσίου"},
                "CN": {"摄氏度"},
                "DZ": {"درجة مئوية"},
            },
        ),
        (
            "temperature",
            {
                "ES": {"31 °C", "12 °C"},
                **{region: {"31°C", "12°C"} for region in ("ID", "KR", "GR", "CN")},
                "DZ": {"31°م", "12°م"},
            },
        ),
        (
            "road-distance-unit",
            {
                "ES": {"kilómetros"},
                "ID": {"kilometer"},
                "KR": {"킬로미터"},
                "GR": {"χιλιόμετρα"},
                "CN": {"公里"},
                "DZ": {"كيلومتر"},
                "US": {"miles"},
                "GB": {"miles"},
            },
        ),
        (
            "wind-speed-unit",
            {
                "ES": {"kilómetros por hora"},
                "ID": {"kilometer per jam"},
                "KR": {"m/s"},
                "CN": {"米/秒"},
                "DZ": {"كيلومتر في الساعة"},
                "US": {"miles per hour"},
                "GB": {"miles per hour"},
            },
        ),
        (
            "height-unit",
            {
                "ES": {"metros y centímetros"},
                "ID": {"meter dan sentimeter"},
                "KR": {"센티미터"},
                "GR": {"εκατοστά"},
                "CN": {"厘米"},
                "DZ": {"متر وسنتيمتر"},
                "US": {"feet and inches"},
                "GB": {"feet and inches"},
            },
        ),
        (
            "body-weight-unit",
            {
                "ES": {"kilogramos"},
                "ID": {"kilogram"},
                "KR": {"킬로그램"},
                "GR": {"χιλιόγραμμα"},
                "CN": {"千克"},
                "DZ": {"كيلوغرام"},
                "US": {"pounds"},
                "GB": {"stone and pounds"},
            },
        ),
        (
            "currency-code",
            {
                "ES": {"EUR"},
                "ID": {"IDR"},
                "KR": {"KRW"},
                "GR": {"EUR"},
                "CN": {"CNY"},
                "DZ": {"DZD"},
                "US": {"USD"},
                "GB": {"GBP"},
            },
        ),
    ],
)
def test_known_answers(items: list[ChoiceItem], kind: str, expected: dict[str, set[str]]) -> None:
    assert golds(items, kind) == expected


def test_fixed_holidays_are_those_of_the_region(facts: dict[str, LocalFact]) -> None:
    days: dict[str, set[str]] = defaultdict(set)
    for fact in facts.values():
        if fact.kind == "holiday-date":
            days[fact.region].add(fact.key)
    assert days == {
        "ES": {"01-06", "05-01", "08-15", "10-12", "11-01", "12-06", "12-08", "12-25"},
        "ID": {"05-01", "06-01", "08-17", "12-25"},
        "KR": {"03-01", "05-05", "06-06", "08-15", "10-03", "10-09", "12-25"},
        "GR": {"01-06", "03-25", "05-01", "08-15", "10-28", "12-25", "12-26"},
        "CN": {"05-01", "10-01", "10-02", "10-03"},
        "DZ": {"01-12", "05-01", "07-05", "11-01"},
        "US": {"06-19", "07-04", "11-11", "12-25"},
        "GB": {"12-25", "12-26"},
    }
