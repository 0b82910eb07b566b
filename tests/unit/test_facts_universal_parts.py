"""The parts of the universal half: inflection, giveaways, the choice of distractors, names."""

from __future__ import annotations

from collections import Counter

import pytest

from isogloss.data.facts.distractors import choose_distractors, extreme_credits, without_surplus
from isogloss.data.facts.fact import Answer, Fact, fold, gives_away, package_version
from isogloss.data.facts.grammar import code_forms, country_forms, greek_forms, name_forms
from isogloss.data.facts.names import UN_MEMBERS, country_name, currency_names, zone_city_names
from isogloss.data.facts.place_names import CAPITALS, CITIES
from isogloss.data.facts.places import population, table_names, unlisted

_GENITIVES = {"ο": ("του",), "η": ("της",), "το": ("του",), "οι": ("των",), "τα": ("των",)}


@pytest.mark.parametrize("code", UN_MEMBERS)
def test_greek_genitive_fits_its_nominative(code: str) -> None:
    name = country_name(code, "el")
    forms = greek_forms(code, name)
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
    assert greek_forms(code, country_name(code, "el"))["gen"] == genitive


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


@pytest.mark.parametrize("code", sorted(CITIES))
def test_table_of_cities_is_confirmed_by_geonames(code: str) -> None:
    for row in CITIES[code]:
        names = table_names(row)
        assert len(unlisted(code, names)) <= 1, names["en"]
        assert population(code, names["en"]) >= 100_000


def test_most_names_of_capitals_are_confirmed_by_geonames() -> None:
    own = sum(len(unlisted(code, table_names(row))) for code, row in CAPITALS.items())
    assert own / (6 * len(CAPITALS)) < 0.15


def test_package_version_says_which_cldr() -> None:
    assert package_version("babel").startswith("babel ")
    assert "(CLDR " in package_version("babel")


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
