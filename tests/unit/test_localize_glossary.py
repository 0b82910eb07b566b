"""Options without a model: what people answered in both languages, and CLDR's names where names are asked for."""

from __future__ import annotations

import pytest

from isogloss.data.published.blend import BlendQuestion
from isogloss.localize.options import Glossary, common_words, glossary_of

Answer = tuple[tuple[str, ...], tuple[str, ...], int]


def words_of(language: str, /, country: str = "Spain", **questions: list[Answer]) -> Glossary:
    asked = [
        BlendQuestion(
            id=name, country="Spain", language=language, question="¿?", translation="?", answers=tuple(answers)
        )
        for name, answers in questions.items()
    ]
    return glossary_of(asked, country, language)


def test_the_most_frequent_word_of_the_same_question_comes_first() -> None:
    words = words_of(
        "es",
        q1=[(("sopa", "caldo"), ("soup",), 2), (("pan",), ("bread",), 1)],
        q2=[(("crema",), ("Soup",), 5), ((), ("nothing",), 9)],
    )
    assert words.of_question("q1", ["Soup", "bread"]) == {"Soup": "sopa", "bread": "pan"}
    assert words.of_question("q3", ["soup", "bread", "nothing"]) == {"soup": "crema", "bread": "pan"}
    assert words_of("es", country="Mexico", q=[(("pan",), ("bread",), 1)]).own == {}


def test_from_other_questions_comes_no_word_that_is_a_guess() -> None:
    """Of several spellings nobody knows which is whose, unless another question gives the same."""
    subjects = [(("lengua", "castellano"), ("language", "castilian", "spanish"), 4)]
    words = words_of("es", q1=subjects, q2=[(("jamón", "serrano"), ("ham",), 1)], q3=[(("jamón",), ("ham", "meat"), 1)])
    assert words.of_question("q1", ["spanish"]) == {"spanish": "lengua"}
    assert words.of_question("other", ["spanish", "meat"]) == {}
    assert words.of_question("other", ["ham"]) == {"ham": "jamón"}


@pytest.mark.parametrize(
    ("language", "local", "english", "word"),
    [
        ("ar", ("كسكس,الكسكسي، كسكسي",), ("couscous",), "كسكس"),
        ("es", ("El Chiringuito\nChiringuito",), ("couscous",), "El Chiringuito"),
        ("es", ("Un, dos, tres...",), ("One, two, three",), "Un, dos, tres..."),
        ("es", ("funcionario/a",), ("civil servant/official",), "funcionario/a"),
        ("el", ("blue", "μπλε"), ("blue",), "μπλε"),
        ("ko", ("LG",), ("lg",), "LG"),
    ],
)
def test_a_field_with_several_spellings_gives_one(
    language: str, local: tuple[str, ...], english: tuple[str, ...], word: str
) -> None:
    asked = english[0]
    assert words_of(language, q=[(local, english, 1)]).of_question("q", [asked]) == {asked: word}


def test_among_countries_a_word_is_a_country() -> None:
    words = words_of("es", q1=[(("pavo",), ("turkey",), 3)], q2=[(("francia",), ("france",), 3)])
    assert words.of_question("q1", ["turkey", "bread", "soup"]) == {"turkey": "pavo"}
    # As CLDR writes it also where people answered with it: the right option would stand out.
    among = words.of_question("q2", ["turkey", "france", "america", "u.k.", "vietnam", "people's republic of china"])
    assert among == {
        "turkey": "Turquía",
        "france": "Francia",
        "america": "Estados Unidos",
        "u.k.": "Reino Unido",
        "vietnam": "Vietnam",
        "people's republic of china": "China",
    }


def test_a_name_alone_among_other_things_is_none() -> None:
    """A march on a holiday is no month, and Ghana a chocolate."""
    words = words_of("es", q=[(("desfile",), ("parade",), 1)])
    assert words.of_question("q", ["march", "parade", "fireworks", "flags"]) == {"parade": "desfile"}
    assert words.of_question("q", ["ghana"]) == {}
    assert words.of_question("q", ["ghana", "march", *"abcdefg"]) == {}


def test_countries_months_and_days_come_from_cldr() -> None:
    assert common_words("es")["december"] == "diciembre"
    assert common_words("ko")["monday"] == "월요일"
    assert common_words("ar")["egypt"] == "مصر"
    assert common_words("id")["turkey"] == "Turki"
