"""The languages' files: their format, what they are filled with, and a new language that touches no Python.

Then inflection, names, giveaways, and the choice of distractors.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from isogloss.data.benchmark.distractors import choose_distractors, extreme_credits, without_surplus
from isogloss.data.benchmark.fact import (
    UN_MEMBERS,
    Answer,
    Fact,
    country_name,
    currency_names,
    fold,
    gives_away,
    package_version,
    tables,
    zone_city_names,
)
from isogloss.data.benchmark.grammar import (
    code_forms,
    country_forms,
    final_consonant,
    name_forms,
    question,
    with_particle,
)
from isogloss.data.benchmark.local_benchmark import local_facts, wordings
from isogloss.data.benchmark.universal import all_facts
from isogloss.data.benchmark.wording import (
    FOLDER,
    UNIVERSAL,
    LanguageFile,
    announced,
    language_file,
    languages,
    read_section,
    regions,
)
from isogloss.errors import DataError
from isogloss.spec.pipeline import DataSection


@pytest.mark.parametrize("language", languages())
def test_a_file_follows_the_format_and_has_every_name_and_kind(language: str) -> None:
    own = language_file(language)
    kinds = {fact.kind for region in regions()[language] for fact in local_facts(region, language=language)}
    assert set(own.local) == kinds
    assert set(own.clock_changes) == set(language_file("en").clock_changes)
    assert set(own.feasts) == set(tables().feasts)
    for templates in (*own.local.values(), *(kind.questions for kind in own.universal.values())):
        assert len(set(templates)) == len(templates)


#: Indonesian calls the week and its Sunday by one word.
TOLD = {("id", "first-weekday")}


def _holds(text: str, answer: str, language: str) -> bool:
    """Whether the answer can be read in the question, as a word where the language has spaces."""
    if language_file(language).syllabic:
        return answer in text
    return re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", text) is not None


@pytest.mark.parametrize("language", languages())
def test_every_question_can_be_filled_and_does_not_hold_its_answer(language: str) -> None:
    for fact in all_facts():
        for number in range(3):
            text = question(fact, language, wording=number)
            assert not re.search("[{}]|  ", text), text
            if UNIVERSAL[fact.kind].answer != "code":
                assert not _holds(text, fact.answer.text[language], language), text
    for fact in (fact for region in regions()[language] for fact in local_facts(region, language=language)):
        for wording in wordings(fact.kind, language=language, region=fact.region, fill=fact.fill):
            for text in wording:
                assert not re.search("[{}]|  ", text), text
                assert not _holds(text, fact.gold, language) or (language, fact.kind) in TOLD, (text, fact.gold)


def _changed(tmp_path: Path, change: Any) -> list[str]:
    """What is said of English after a change to its file."""
    data = yaml.safe_load((FOLDER / "en.yaml").read_text(encoding="utf-8"))
    change(data)
    path = tmp_path / "en.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    with pytest.raises(DataError) as error:
        read_section(path, LanguageFile, what="language")
    assert all(problem.startswith(f"{path}: ") for problem in error.value.problems)
    return [problem.removeprefix(f"{path}: ") for problem in error.value.problems]


@pytest.mark.parametrize(
    ("change", "key", "reason"),
    [
        (lambda data: data.pop("script"), "script", "missing"),
        (lambda data: data.update(sript="Latn"), "sript", "no field"),
        (lambda data: data["regions"].update({False: {}}), "regions.", "false"),
        (lambda data: data["regions"].update(usa={}), "regions.usa", "3166"),
        (lambda data: data["regions"]["US"].update(postcodes=["1"]), "regions.US.postcodes", "two"),
        (lambda data: data["universal"].pop("borders"), "universal.borders", "missing"),
        (lambda data: data["universal"]["borders"]["questions"].pop(), "universal.borders.questions", "missing"),
        (lambda data: data["universal"]["borders"].update(statement="{teh}"), "universal.borders.statement", "'the'"),
        (lambda data: data["local"].update(capitol=["{in}"] * 3), "local.capitol", "'capital'"),
        (lambda data: data["local"]["capital"].append("What?"), "local.capital.4", "one slot"),
        (lambda data: data["local"]["date-format"].append("When{in}?"), "local.date-format.4", "'{date}'"),
        (lambda data: data["spelling"]["countries"].update({"(": ""}), "spelling.countries", "regular expression"),
        (lambda data: data["times"].update({"7:30": "half past seven"}), "times", "7:30"),
    ],
)
def test_a_bad_file_is_refused_with_file_key_and_reason(tmp_path: Path, change: Any, key: str, reason: str) -> None:
    problems = _changed(tmp_path, change)
    assert any(problem.startswith(key) and reason in problem for problem in problems), problems


#: Builds the benchmark of the languages in a folder, and says what was made.
_BUILD = """
import json, sys
from collections import Counter
from pathlib import Path
from isogloss.data.benchmark import wording
wording.FOLDER = Path(sys.argv[1])
from isogloss.data.benchmark.benchmark import build_benchmark, data_card
from isogloss.data.benchmark.training import training_parallel
items = build_benchmark(seed=0)
assert "Portugal" in data_card(items)
print(json.dumps({
    "languages": wording.languages(),
    "counts": Counter(f"{item.language} {item.axis} {item.region}" for item in items),
    "capital": next(item.question for item in items if item.id == "transfer/capital-of/DE/pt"),
    "twin": next(item.context_question for item in items if item.id == "localization/currency/PT/value/pt/1"),
    "parallel": sorted(training_parallel(seed=0)[0].text),
}))
"""


@pytest.fixture
def portuguese(tmp_path: Path) -> Path:
    """English, and a made-up Portuguese: Spanish with another region and another article."""
    folder = tmp_path / "wording"
    folder.mkdir()
    (folder / "en.yaml").write_bytes((FOLDER / "en.yaml").read_bytes())
    text = (FOLDER / "es.yaml").read_text(encoding="utf-8").replace("España", "Portugal")
    data = yaml.safe_load(text) | {
        "order": 8,
        "regions": {"PT": {"cities": ["Porto"], "capital_zone": "Europe/Lisbon"}},
    }
    data["cities"]["PT"] |= {"Porto": "Porto"}
    data["grammar"]["countries"]["feminine"] = data["grammar"]["countries"].pop("none") | {"match": "a$"}
    data["grammar"]["countries"]["feminine"]["forms"]["de"] = "da {name}"
    (folder / "pt.yaml").write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return folder


def test_a_new_file_is_a_new_language_of_both_axes(portuguese: Path) -> None:
    command = [sys.executable, "-c", _BUILD, str(portuguese)]
    made = json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=300).stdout)
    assert made["languages"] == ["en", "pt"]
    assert made["counts"]["pt transfer None"] == made["counts"]["en transfer None"] > 5000 / 7
    assert made["counts"]["pt localization PT"] >= 60
    assert "da Alemanha" in made["capital"]
    assert "Portugal" in made["twin"]
    assert made["parallel"] == ["en", "pt"]


def test_a_language_without_a_name_that_the_tables_need_is_refused(portuguese: Path) -> None:
    path = portuguese / "pt.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("ashura:", "asura:"), encoding="utf-8")
    command = [sys.executable, "-c", _BUILD, str(portuguese)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert f"{path}: feasts.ashura: is missing" in ended.stderr


def test_a_pipeline_has_the_languages_of_the_files_by_default() -> None:
    assert DataSection().languages == languages() == ("en", "es", "id", "ko", "el", "zh", "ar")


def test_an_answer_is_announced_in_the_language_or_by_an_arrow() -> None:
    assert announced("¿Qué?", "es") == "¿Qué?\nRespuesta:"
    assert announced("Vad?", "sv") == "Vad?\n→"


# --------------------------------------------------------------------------------------------------------------------
# Inflection, names, giveaways


_GENITIVES = {"ο": ("του",), "η": ("της",), "το": ("του",), "οι": ("των",), "τα": ("των",)}


@pytest.mark.parametrize("code", UN_MEMBERS)
def test_greek_genitive_fits_its_nominative(code: str) -> None:
    name = country_name(code, "el")
    forms = country_forms(code, name, "el")
    article, nominative = forms["nom"].split(" ", 1)
    genitive_article, genitive = forms["gen"].split(" ", 1)
    assert nominative == name
    assert genitive_article in _GENITIVES[article]
    stems = [fold(word)[:3] for word in name.split()]
    assert [fold(word)[:3] for word in genitive.split() if word != "των"] == stems
    assert (forms["lies"] == "βρίσκονται") == (article in ("οι", "τα"))


@pytest.mark.parametrize(
    ("code", "genitive"),
    [
        ("GR", "της Ελλάδας"),
        ("CL", "της Χιλής"),
        ("JP", "της Ιαπωνίας"),
        ("IR", "του Ιράν"),
        ("EG", "της Αιγύπτου"),
        ("US", "των Ηνωμένων Πολιτειών"),
        ("PE", "του Περού"),
    ],
)
def test_greek_genitives(code: str, genitive: str) -> None:
    assert country_forms(code, country_name(code, "el"), "el")["gen"] == genitive


def test_spanish_contracts_with_the_article_only() -> None:
    assert country_forms("GB", "Reino Unido", "es")["de"] == "del Reino Unido"
    assert country_forms("SV", "El Salvador", "es")["de"] == "de El Salvador"
    assert country_forms("NL", "Países Bajos", "es")["a"] == "a los Países Bajos"
    assert country_forms("NL", "Países Bajos", "es")["lies"] == "están"
    assert country_forms("FR", "Francia", "es")["de"] == "de Francia"


def test_names_and_codes_have_the_fields_of_their_language() -> None:
    assert name_forms("서울", "ko")["object"] == "서울을"
    assert name_forms("الهند", "ar")["li"] == "للهند"
    assert name_forms("Bahasa Korea", "id")["lower"] == "bahasa Korea"
    assert code_forms("+33", "ar")["name"] == "\u200e+33"
    assert code_forms("fr", "ar")["name"] == "fr"


@pytest.mark.parametrize(
    ("word", "pair", "joined"),
    [
        ("한국", "은/는", "한국은"),
        ("프랑스", "은/는", "프랑스는"),
        ("서울", "이/가", "서울이"),
        ("도쿄", "을/를", "도쿄를"),
        ("몽골", "과/와", "몽골과"),
        ("서울", "으로/로", "서울로"),
        ("부산", "으로/로", "부산으로"),
        ("도쿄", "으로/로", "도쿄로"),
        ("+82", "은/는", "+82는"),
        ("+81", "은/는", "+81은"),
        ("+81", "으로/로", "+81로"),
        ("+30", "이/가", "+30이"),
        ("+33", "을/를", "+33을"),
        ("+46", "을/를", "+46을"),
        (".kr", "은/는", ".kr는"),
        ("USD", "은/는", "USD는"),
        ("KRW", "이/가", "KRW가"),
        ("BRL", "은/는", "BRL은"),
        ("BRL", "으로/로", "BRL로"),
        ("Berlin", "은/는", "Berlin은"),
        ("Oslo", "은/는", "Oslo는"),
        ("콩고(킨샤사)", "은/는", "콩고(킨샤사)는"),
        ("‘서울’", "이/가", "‘서울’이"),
    ],
)
def test_particle_follows_the_last_sound(word: str, pair: str, joined: str) -> None:
    assert with_particle(word, pair) == joined


def test_nothing_to_read_counts_as_open() -> None:
    assert final_consonant("") == ""
    assert final_consonant("()") == ""


@pytest.mark.parametrize(
    ("word", "joined"), [("فرنسا", "لفرنسا"), ("اليابان", "لليابان"), ("ألمانيا", "لألمانيا"), ("اللغة", "للغة")]
)
def test_arabic_preposition_meets_the_article(word: str, joined: str) -> None:
    assert name_forms(word, "ar")["li"] == joined


@pytest.mark.parametrize(
    ("name", "answer", "language", "told"),
    [
        ("Guatemala", "Guatemala City", "en", True),
        ("Túnez", "Túnez", "es", True),
        ("الجزائر", "الجزائر", "ar", True),
        ("France", "Paris", "en", False),
        ("Francia", "francés", "es", True),
        ("브라질", "브라질리아", "ko", True),
        ("영국", "영어", "ko", False),
        ("India", "New Delhi", "en", False),
    ],
)
def test_giveaways(name: str, answer: str, language: str, told: bool) -> None:
    assert gives_away(name, answer, language) == told


def test_one_shared_syllable_can_be_a_giveaway() -> None:
    assert gives_away("영국", "영어", "ko", syllables=1)


def test_names_drop_brackets_and_abbreviations() -> None:
    assert country_name("MM", "en") == "Myanmar"
    assert country_name("MM", "zh") == "缅甸"
    assert country_name("BA", "en") == "Bosnia and Herzegovina"
    assert country_name("LC", "en") == "Saint Lucia"
    assert currency_names("USD")["en"] == "US dollar"
    assert zone_city_names("Europe/Athens")["el"] == "Αθήνα"


def test_package_version_says_which_cldr() -> None:
    assert package_version("babel").startswith("babel ")
    assert "(CLDR " in package_version("babel")


# --------------------------------------------------------------------------------------------------------------------
# Distractors


def _fact(key: str, answer: str, *, near: str = "", also: frozenset[str] = frozenset()) -> Fact:
    text = {"en": answer, "ko": answer[::-1]}
    return Fact(
        kind="kind",
        key=key,
        topic=key,
        subject={},
        answer=Answer(key=answer, text=text, near=near),
        source="",
        also_right=also,
    )


def test_distractors_are_permutations_of_the_answers() -> None:
    facts = [_fact(f"{n:02}", "x" * (3 + n % 7) + str(n), near=str(n % 4)) for n in range(40)]
    wrong = choose_distractors(facts, seed=0)
    assert set(wrong) == {fact.key for fact in facts}
    assert Counter(answer.key for three in wrong.values() for answer in three) == Counter(
        {fact.answer.key: 3 for fact in facts}
    )
    assert sum(answer.near == fact.answer.near for fact in facts for answer in wrong[fact.key]) > 100
    assert wrong == choose_distractors(facts, seed=0)


def test_nothing_right_stands_as_a_distractor() -> None:
    also = frozenset({"answer1", "answer2", "answer3"})
    facts = [_fact(f"{n:02}", f"answer{n}", also=also if n < 6 else frozenset()) for n in range(30)]
    for key, three in choose_distractors(facts, seed=0).items():
        keys = {answer.key for answer in three}
        assert len(keys | {f"answer{int(key)}"}) == 4
        assert int(key) >= 6 or not keys & also


def test_impossible_distractors_are_refused() -> None:
    facts = [_fact(str(n), "same" if n < 9 else f"other{n}") for n in range(12)]
    with pytest.raises(AssertionError, match="no valid distractors"):
        choose_distractors(facts, seed=0)


def test_surplus_of_one_answer_is_dropped() -> None:
    facts = [_fact(f"{n:02}", "same" if n < 20 else f"other{n}") for n in range(40)]
    kept = without_surplus(facts, seed=0)
    counts = Counter(fact.answer.key for fact in kept)
    assert counts["same"] == 5
    assert len(kept) == 25
    assert kept == sorted(kept, key=lambda fact: fact.key)


def test_extremes_share_ties() -> None:
    assert extreme_credits([5, 3, 3, 5]) == (0.5, 0.0)
    assert extreme_credits([2, 2, 2, 2]) == (0.25, 0.25)
