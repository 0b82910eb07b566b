"""The rule-based remover: made-up questions in each language, as a native speaker would write them without the country."""

from __future__ import annotations

import pytest

from isogloss.errors import UserError
from isogloss.localize.checks import checked_question
from isogloss.localize.places import place_of
from isogloss.localize.removers.common import REMOVABLE, remove_place

#: (language, region, question, the same without its place)
CASES = [
    ("en", "US", "How do Americans celebrate Thanksgiving?", "How do people celebrate Thanksgiving?"),
    ("en", "US", "What is an American tradition?", "What is a tradition?"),
    ("en", "US", "What holiday does the US celebrate in July?", "What holiday does the country celebrate in July?"),
    ("en", "US", "In the US, who pays?", "Who pays?"),
    ("en", "US", "What is the US's favourite drink?", "What is the favourite drink?"),
    ("en", "US", "Who won the American football game in the U.S.?", "Who won the American football game?"),
    ("en", "US", "What do US students eat?", "What do students eat?"),
    ("en", "US", "Which city outside the US do people visit?", "Which city outside the country do people visit?"),
    ("en", "US", "Do they tell us what is eaten in the USA?", "Do they tell us what is eaten?"),
    ("en", "KR", "What do people living in South Korea wear?", "What do people wear?"),
    ("en", "ES", "What do Spaniards drink with dinner?", "What do people drink with dinner?"),
    ("es", "ES", "¿Qué comen los españoles en Navidad?", "¿Qué comen las personas en Navidad?"),
    ("es", "ES", "En España, ¿qué se canta?", "¿Qué se canta?"),
    ("es", "ES", "¿Qué plato español es el más famoso?", "¿Qué plato es el más famoso?"),
    ("es", "ES", "¿Qué exporta España a otros países?", "¿Qué exporta el país a otros países?"),
    ("es", "ES", "¿Por qué es conocida España?", "¿Por qué es conocida la nación?"),
    ("es", "ES", "¿Qué país fuera de España visitan más?", "¿Qué país fuera del país visitan más?"),
    ("es", "MX", "¿Qué beben los mexicanos en México?", "¿Qué beben las personas?"),
    ("id", "ID", "Di Indonesia, siapa yang membayar?", "Siapa yang membayar?"),
    ("id", "ID", "Apa minuman masyarakat Indonesia?", "Apa minuman masyarakat?"),
    ("id", "ID", "Apa yang Indonesia rayakan di bulan Agustus?", "Apa yang negara ini rayakan di bulan Agustus?"),
    ("id", "ID", "Apa bahasa daerah selain bahasa Indonesia?", "Apa bahasa daerah selain bahasa nasional?"),
    ("id", "ID", "Siapa pahlawan di seluruh Indonesia?", "Siapa pahlawan?"),
    ("ko", "KR", "한국인들은 아침에 무엇을 먹나요?", "사람들은 아침에 무엇을 먹나요?"),
    ("ko", "KR", "한국에서는 언제 퇴근하나요?", "언제 퇴근하나요?"),
    ("ko", "KR", "대한민국 학생들의 취미는 무엇인가요?", "학생들의 취미는 무엇인가요?"),
    ("ko", "KR", "한국과 가장 가까운 나라는 어디인가요?", "자국과 가장 가까운 나라는 어디인가요?"),
    ("ko", "KR", "겨울에 대한민국의 아이들은 무엇을 하나요?", "겨울에 아이들은 무엇을 하나요?"),
    ("el", "GR", "Τι τρώνε οι Έλληνες το Πάσχα;", "Τι τρώνε οι άνθρωποι το Πάσχα;"),
    ("el", "GR", "Τι αγοράζουν οι Ελληνίδες;", "Τι αγοράζουν οι γυναίκες;"),
    ("el", "GR", "Τι τρώνε οι Έλληνες φοιτητές;", "Τι τρώνε οι φοιτητές;"),
    ("el", "GR", "Ποιο ελληνικό φαγητό είναι διάσημο;", "Ποιο φαγητό είναι διάσημο;"),
    ("el", "GR", "Στην ελληνική διατροφή τι υπάρχει;", "Στη διατροφή τι υπάρχει;"),
    ("el", "GR", "Στην Ελλάδα, ποιος πληρώνει;", "Ποιος πληρώνει;"),
    ("el", "GR", "Τι εξάγει η Ελλάδα;", "Τι εξάγει η χώρα;"),
    ("el", "GR", "Ποια είναι η πρωτεύουσα της Ελλάδας;", "Ποια είναι η πρωτεύουσα;"),
    ("el", "GR", "Ποιες είναι οι πανελλήνιες εξετάσεις;", "Ποιες είναι οι εθνικές εξετάσεις;"),
    ("zh", "CN", "在中国，谁付钱？", "谁付钱？"),
    ("zh", "CN", "中国人早餐吃什么？", "人们早餐吃什么？"),
    ("zh", "CN", "在中国的商店里，卖什么？", "在商店里，卖什么？"),
    ("zh", "CN", "中国最高的山是什么？", "最高的山是什么？"),
    ("zh", "CN", "哪个节日在中国最重要？", "哪个节日最重要？"),
    ("zh", "CN", "在中国农村，人们吃什么？", "在农村，人们吃什么？"),
    ("zh", "CN", "对中国人来说，什么最重要？", "什么最重要？"),
    ("ar", "DZ", "ماذا يأكل الجزائريون في رمضان؟", "ماذا يأكل الناس في رمضان؟"),
    ("ar", "DZ", "في الجزائر، من يدفع؟", "من يدفع؟"),
    ("ar", "DZ", "ما هي العاصمة الجزائرية؟", "ما هي العاصمة؟"),
    ("ar", "DZ", "بماذا تشتهر الجزائر؟", "بماذا تشتهر الدولة؟"),
    ("ar", "DZ", "ما هو أهم شيء بالنسبة للجزائريين؟", "ما هو أهم شيء بالنسبة للناس؟"),
    ("ar", "DZ", "ما هو أشهر طبق جزائري؟", "ما هو أشهر طبق؟"),
]


@pytest.mark.parametrize(("language", "region", "question", "without"), CASES)
def test_the_place_goes_and_nothing_else(language: str, region: str, question: str, without: str) -> None:
    place = place_of(region, language)
    edited = remove_place(question, place)
    assert edited == without
    assert not place.mentions(edited)
    assert checked_question(question, edited, place) == edited


def test_a_question_without_a_place_stays_as_it_is() -> None:
    question = "  ¿Qué se come , los domingos ?"
    assert remove_place(question, place_of("ES", "es")) == question


def test_every_language_of_the_paper_is_known_and_others_are_said() -> None:
    assert set(REMOVABLE) == {"en", "es", "id", "ko", "el", "zh", "ar"}
    with pytest.raises(UserError, match=r"does not know 'fr'.*localize.first.kind"):
        remove_place("Que mange-t-on en France ?", place_of("FR", "fr"))


def test_places_are_known_by_cldr_in_any_language() -> None:
    assert place_of("FR", "fr").mentions("Que mange-t-on en France ?") == ["France"]
    assert place_of("FI", "fi").mentions("Mitä Suomessa syödään?") == []  # a stem that changes is not known
    assert place_of("DE", "sv").mentions("Vad är Tysklands huvudstad?") == ["Tysklands"]
    with pytest.raises(UserError, match="no ISO 3166-1 code"):
        place_of("XX", "en")
