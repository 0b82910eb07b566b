"""What passes as an edited question, as translated options, as a translation; and what does not, for which reason."""

from __future__ import annotations

import json

import pytest

from isogloss.data.published.blend import BlendChoice, BlendQuestion
from isogloss.localize.asking import Unfit
from isogloss.localize.blend import _question_work
from isogloss.localize.checks import checked_options, checked_question, checked_translation
from isogloss.localize.places import place_of

SPAIN = place_of("ES", "es")
ASKED = "¿Qué cenan los niños pequeños en España los domingos?"


def reason_of(call: object, *args: object, **more: object) -> str:
    with pytest.raises(Unfit) as unfit:
        call(*args, **more)  # type: ignore[operator]
    return unfit.value.reason


@pytest.mark.parametrize(
    ("edited", "reason"),
    [
        ("", "empty"),
        ("¿Qué cenan los niños pequeños?\nEspero que ayude.", "not-one-line"),
        ("¿Qué cenan los niños españoles los domingos?", "place-left"),
        ("¿Qué cenan los niños pequeños en Francia los domingos?", "country-named"),
        ("Los niños pequeños cenan los domingos.", "no-question"),
        ("¿Qué cenan los niños los domingos?", "changed"),
        ("¿Qué toman los niños pequeños los domingos?", "changed"),
        ("¿Qué cenan los niños pequeños aquí los domingos?", "changed"),
        ("¿Los domingos qué cenan los niños pequeños?", "changed"),
        ("What do small children have for dinner on Sundays?", "changed"),
    ],
)
def test_an_edited_question_that_does_not_pass(edited: str, reason: str) -> None:
    assert reason_of(checked_question, ASKED, edited, SPAIN) == reason


@pytest.mark.parametrize(
    "edited",
    [
        "¿Qué cenan los niños pequeños los domingos?",
        '"¿Qué cenan los niños pequeños los domingos?"',
        "  ¿Qué cenan los niños pequeños, los domingos?\n",
    ],
)
def test_an_edited_question_that_passes(edited: str) -> None:
    assert checked_question(ASKED, edited, SPAIN).strip('"') == checked_question(ASKED, edited, SPAIN)


def test_a_language_without_lists_goes_by_what_stands_near() -> None:
    france = place_of("FR", "fr")
    asked = "Que mange-t-on le dimanche matin en France ?"
    assert checked_question(asked, "Que mange-t-on le dimanche matin ?", france)
    assert reason_of(checked_question, asked, "Que mange-t-on le dimanche ?", france) == "changed"


OPTIONS = {"1": "fried chicken", "2": "18:00", "3": "3 eggs", "4": "green tea"}
GOOD = {"1": "pollo frito", "2": "18:00", "3": "3 huevos", "4": "té verde"}


def test_options_that_pass_whatever_stands_around_them() -> None:
    text = json.dumps(GOOD, ensure_ascii=False)
    for answer in (text, f"```json\n{text}\n```", f"Here it is: {text} Enjoy!"):
        assert checked_options(answer, OPTIONS, "es") == GOOD
    korean = {"1": "치킨", "2": "18:00", "3": "달걀 3개", "4": "녹차"}
    assert checked_options(json.dumps(korean), OPTIONS, "ko") == korean


@pytest.mark.parametrize(
    ("answer", "language", "reason"),
    [
        ("I cannot do that.", "es", "no-json"),
        ('{"1": "pollo', "es", "no-json"),
        ("[1, 2]", "es", "no-json"),
        ({**GOOD, "1": ["pollo"]}, "es", "no-json"),
        ({key: GOOD[key] for key in "123"}, "es", "keys"),
        ({**GOOD, "5": "más"}, "es", "keys"),
        ({**GOOD, "4": " "}, "es", "keys"),
        ('{"1": "a", "1": "b", "2": "18:00", "3": "3 c", "4": "d"}', "es", "keys"),
        ({**GOOD, "2": "6 de la tarde"}, "es", "figures"),
        ({**GOOD, "3": "tres huevos"}, "es", "figures"),
        ({**GOOD, "4": "зелёный чай"}, "es", "script"),
        (GOOD, "ko", "script"),
        (OPTIONS | {"2": "18:00"}, "ko", "script"),
        ({**GOOD, "4": "Pollo frito"}, "es", "equal"),
        (
            {**GOOD, "4": "té verde, una bebida que se prepara con hojas de la planta del té sin fermentar"},
            "es",
            "too-long",
        ),
    ],
)
def test_options_that_do_not_pass(answer: object, language: str, reason: str) -> None:
    text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    assert reason_of(checked_options, text, OPTIONS, language) == reason


def test_options_left_in_english_are_no_translation() -> None:
    options = {"1": "soup", "2": "bread", "3": "cheese", "4": "honey"}
    assert reason_of(checked_options, json.dumps(options), options, "es") == "untranslated"


ENGLISH = (
    "To list the files of a folder, run `ls -l` in it. The 2 most useful options are explained at "
    "https://example.org/ls?x=1 by their authors."
)
SPANISH = (
    "Para listar los archivos de una carpeta, ejecuta `ls -l` en ella. Las 2 opciones más útiles están explicadas en "
    "https://example.org/ls?x=1 por sus autores."
)


def translated(answer: str, language: str = "es") -> str:
    return checked_translation(ENGLISH, answer, language, shortest=0.4, longest=2.5)


def test_a_translation_that_passes() -> None:
    assert translated(f"\n{SPANISH}\n") == SPANISH


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (" \n", "empty"),
        (SPANISH.replace("`ls -l`", "`ls -la`"), "code"),
        (SPANISH.replace("?x=1", ""), "address"),
        (SPANISH.replace("Las 2 opciones", "Las opciones"), "numbers"),
        ("Usa `ls -l` 2 https://example.org/ls?x=1", "length"),
        (SPANISH + " Espero que esto sirva de mucha ayuda a todo el mundo que lo lea con atención." * 6, "length"),
        (ENGLISH, "language"),
        (SPANISH.replace("Para listar los archivos de una carpeta", "Pour lister les fichiers d'un dossier").replace(
            "Las 2 opciones más útiles están explicadas en", "Les 2 options les plus utiles sont expliquées à"), "language"),
    ],
)  # fmt: skip
def test_a_translation_that_does_not_pass(answer: str, reason: str) -> None:
    assert reason_of(translated, answer) == reason


def test_a_translation_into_another_script_is_shorter_and_no_worse() -> None:
    english = "What should I eat in the morning before a long walk in the mountains with my old friends?"
    assert checked_translation(
        english, "和老朋友们在山里长途徒步之前，早上应该吃什么？", "zh", shortest=0.4, longest=2.5
    )
    assert reason_of(checked_translation, english, english, "zh", shortest=0.1, longest=9.0) == "language"


@pytest.mark.parametrize(
    ("language", "region", "asked", "edited", "reason"),
    [
        ("ko", "KR", "손님이 좋아하는 한국음식은 무엇인가요?", "손님이 좋아하는 무엇인가요?", "changed"),
        ("ko", "KR", "한국인들이 즐기는 놀이는 무엇인가요?", "즐기는 놀이는 무엇인가요?", "changed"),
        ("el", "GR", "Ποια νησιά έχει ο ελλαδικός χώρος;", "Ποια νησιά έχει ο ελλαδικός χώρος;", "place-left"),
        ("es", "ES", "¿Qué cenan los españoles?", "¿Qué cenan los Españoles?", "place-left"),
        ("ar", "DZ", "ما هي أشهر الأكلات في الجزائر؟", "ما هي أشهر الأكلات الجزائرية؟", "place-left"),
        ("zh", "CN", "在中国，哪里的华人最多？", "哪里的华人最多？", "place-left"),
        ("zh", "CN", "中美关系是什么样的？", "中美关系是什么样的？", "place-left"),
        ("id", "ID", "Apa lagu yang disukai di Indonesia?", "Apa lagu yang disukai di Nusantara?", "place-left"),
        ("de", "DE", "Wer isst 12 Eier in Deutschland?", "Wer isst Eier?", "changed"),
        ("am", "ET", "በኢትዮጵያ ምን ይበላል?", "በኢትዮጵያ ምን ይበላል?", "place-left"),
        ("az", "AZ", "Hansı azərbaycanlıların kitabı?", "Hansı azərbaycanlıların kitabı?", "place-left"),
    ],
)
def test_what_is_joined_to_the_place_stays_and_no_adjective_of_it_does(
    language: str, region: str, asked: str, edited: str, reason: str
) -> None:
    assert reason_of(checked_question, asked, edited, place_of(region, language)) == reason


@pytest.mark.parametrize(
    ("language", "region", "asked", "edited"),
    [
        ("ko", "KR", "한국음식 중 어느 것이 맵나요?", "음식 중 어느 것이 맵나요?"),
        ("ko", "KR", "한국인들이 즐기는 놀이는 무엇인가요?", "사람들이 즐기는 놀이는 무엇인가요?"),
        ("ko", "KR", "한국에서만의 풍습은 무엇인가요?", "풍습은 무엇인가요?"),
        ("ar", "DZ", "ما هي المدارس الجزائرية الكبيرة؟", "```\nما هي المدارس الكبيرة؟\n```"),
        ("zh", "CN", "中国高中英语课有多长？", "高中英语课有多长？"),
        ("am", "ET", "በኢትዮጵያ ምን ይበላል?", "ምን ይበላል?"),
    ],
)
def test_the_place_alone_goes_from_a_word_that_it_is_joined_to(
    language: str, region: str, asked: str, edited: str
) -> None:
    assert checked_question(asked, edited, place_of(region, language))


@pytest.mark.parametrize(
    ("asked", "reasons"), [("Milli yemək nədir?", ["place-unknown"]), ("Azərbaycan yeməyi nədir?", [])]
)
def test_a_country_that_is_named_in_english_alone_is_not_taken_for_gone(asked: str, reasons: list[str]) -> None:
    choices = {"A": "plov", "B": "pie"}
    question = BlendQuestion(
        id="q", country="Azerbaijan", language="az", question=asked, translation="What is Azerbaijani food?"
    )
    choice = BlendChoice(
        id="c", question_id="q", country="Azerbaijan", prompt="?", choices=choices, countries={}, answer="A"
    )
    _, tasks, missing = _question_work({("Azerbaijan", "q"): question}, {"az": [choice]}, {"az": "Azerbaijan"})
    assert ([one.reason for one in missing], len(tasks)) == (reasons, 1 - len(reasons))


def test_an_answer_of_any_length_is_measured_before_it_is_read() -> None:
    assert reason_of(checked_question, ASKED, "de " * 1_000_000 + "?", SPAIN) == "changed"


@pytest.mark.parametrize(
    ("original", "answer", "language", "reason"),
    [
        (
            "What is rain?",
            "La lluvia es agua que cae de las nubes, y hay muchas clases de ella en el mundo.",
            "es",
            "length",
        ),
        ("What is rain?", "Lo siento, no puedo.", "es", "no-question"),
        ("What is rain?", "What is rain?", "ko", "language"),
        (
            "`x = 1`",
            "`x = 1` asigna el valor uno a la variable que se llama equis, y nada más que eso hace.",
            "es",
            "length",
        ),
    ],
)
def test_a_short_text_is_neither_answered_nor_left_as_it_is(
    original: str, answer: str, language: str, reason: str
) -> None:
    assert reason_of(checked_translation, original, answer, language, shortest=0.4, longest=2.5) == reason


@pytest.mark.parametrize(
    ("original", "answer", "language"),
    [
        ("Hello", "안녕하세요", "ko"),
        ("OK", "OK", "ko"),
        ("What is rain?", "雨とは何ですか", "ja"),
        ("Ada Lovelace", "Ada Lovelace", "es"),
    ],
)
def test_a_few_words_translated_pass(original: str, answer: str, language: str) -> None:
    assert checked_translation(original, answer, language, shortest=0.4, longest=2.5) == answer
