"""BLEnD's question files, annotation files and multiple-choice questions in the publisher's columns."""

import json

import pytest

from isogloss.data.published.blend import read_blend_choices, read_blend_questions
from isogloss.data.published.load import load_set, open_blend
from isogloss.errors import DataError, UserError
from published_rows import annotation, blend_choice, write_table


def question(name="Ab-en-01", **changes):
    row = {
        "ID": name,
        "Topic": "Food",
        "Source": "English (US)",
        "Question": "¿Qué se bebe en España?",
        "Translation": "What do people drink in your country?",
    }
    return {**row, **changes}


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "parquet"])
@pytest.mark.parametrize("swapped", [False, True])
def test_question_files_whichever_column_is_english(tmp_path, ending, swapped):
    rows = [question(), question("Ab-en-02", Question="¿Y en verano?", Translation="What is it in summer?")]
    if swapped:
        rows = [{**row, "Question": row["Translation"], "Translation": row["Question"]} for row in rows]
    (one, two) = read_blend_questions(write_table(tmp_path / f"Spain_questions.{ending}", rows))
    assert (one.id, one.country, one.language) == ("Ab-en-01", "Spain", "es")
    assert (one.question, one.translation) == ("¿Qué se bebe en España?", "What do people drink in Spain?")
    assert two.translation == "What is it in summer?"


def test_an_english_speaking_country_asks_in_english(tmp_path):
    rows = [{"ID": "Ab-en-01", "Question": "What do people drink in your country?"}]
    (one,) = read_blend_questions(write_table(tmp_path / "US_questions.csv", rows))
    assert one.question == one.translation == "What do people drink in the US?"


@pytest.mark.parametrize("name", ["South_Korea_data.json", "annotations/KR/0000.parquet", "South_Korea.jsonl"])
def test_annotations_keep_both_languages_and_their_counts(tmp_path, name):
    row = annotation(
        question="무엇을 마시나요?", annotations=[{"answers": ["물"], "en_answers": ["water"], "count": 3}]
    )
    (one,) = read_blend_questions(write_table(tmp_path / name, [row]))
    assert (one.country, one.language, one.translation) == ("South_Korea", "ko", "What do people drink in South Korea?")
    assert one.answers == ((("물",), ("water",), 3),)


def test_annotations_by_id_as_they_once_were(tmp_path):
    path = tmp_path / "Spain_data.json"
    row = annotation()
    path.write_text(json.dumps({row.pop("ID"): row}), encoding="utf-8")
    (one,) = read_blend_questions(path)
    assert (one.id, one.answers) == ("Ab-en-01", ((("agua", "el agua"), ("water",), 3),))


def test_a_folder_is_read_by_its_annotations(tmp_path):
    write_table(tmp_path / "data" / "annotations" / "Spain_data.json", [annotation()])
    write_table(tmp_path / "data" / "questions" / "Spain_questions.csv", [question()])
    (one,) = read_blend_questions(tmp_path)
    assert one.answers
    with pytest.raises(UserError, match="holds no file of BLEnD's multiple-choice-questions"):
        read_blend_choices(tmp_path)


def test_choices_without_the_publisher_s_instruction(tmp_path):
    (one,) = read_blend_choices(write_table(tmp_path / "multiple-choice-questions.jsonl", [blend_choice()]))
    assert one.prompt == "What do people drink in Spain?"
    assert (one.choices, one.answer) == ({"A": "milk", "B": "water", "C": "sand"}, "B")
    assert one.countries == {"A": "UK", "B": "Spain", "C": "dummy"}


def test_every_wrong_row_at_once(tmp_path):
    rows = [
        blend_choice("1", choices="{"),
        blend_choice("2", answer_idx="D"),
        blend_choice("3", country="Spein"),
        blend_choice("4", choice_countries='{"A": "UK"}'),
        blend_choice("5"),
        blend_choice("5"),
    ]
    path = write_table(tmp_path / "multiple-choice-questions.jsonl", rows)
    with pytest.raises(DataError) as caught:
        read_blend_choices(path)
    told = [problem.removeprefix(f"{path}:") for problem in caught.value.problems]
    assert told[0].startswith("1: choices: is not JSON")
    assert told[1] == "2: answer_idx: 'D' is not one of the letters A, B, C"
    assert told[2].startswith("3: country: 'Spein' is none of the set's (did you mean 'Spain'?)")
    assert told[3] == "4: choice_countries: has the letters A, choices has A, B, C"
    assert told[4] == "6: MCQID: '5' stands twice"
    assert len(told) == 5


def test_a_question_s_country_has_to_be_said(tmp_path):
    path = write_table(tmp_path / "questions.jsonl", [annotation(), annotation("2", country="Spain", question=" ")])
    with pytest.raises(DataError) as caught:
        read_blend_questions(path)
    assert caught.value.problems == [
        f"{path}:1: country: neither a column nor the file's name says it (Spain_data.json)",
        f"{path}:2: question: is empty",
    ]


def test_by_name_the_choices_are_as_published(tmp_path):
    folder = tmp_path / "nayeon212" / "BLEnD" / "data"
    rows = [
        blend_choice("s"),
        blend_choice("k", country="South_Korea", ID="Ab-en-02"),
        blend_choice("twice", choices='{"A": "milk", "B": "water", "C": "milk"}'),
    ]
    write_table(folder / "mc_questions_hf" / "mc_questions_file_v1.1.json", rows)
    loaded = load_set("blend", ["es"], mirror=tmp_path)
    (item,) = loaded.rows
    assert (item.language, item.region, item.group, item.axis) == ("en", "ES", "Ab-en-01", "localization")
    assert item.option_regions == (("GB",), ("ES",), None)
    assert [line.partition(" (the first")[0] for line in loaded.notices] == [
        "1 row left out: two options that are equal",
    ]
    with pytest.raises(UserError, match="no country is known for 'fr'"):
        load_set("blend", ["fr"], mirror=tmp_path)


def test_the_files_of_some_countries(tmp_path):
    folder = tmp_path / "uilab" / "BLEnD" / "data" / "annotations_hf"
    for country in ("Spain", "Mexico", "China"):
        write_table(folder / f"{country}_data.json", [annotation()])
    files = open_blend("annotations", ["Spain", "China"], mirror=tmp_path)
    assert [question.country for question in read_blend_questions(files)] == ["Spain", "China"]
    with pytest.raises(UserError, match="no file for Greece"):
        open_blend("annotations", ["Greece"], mirror=tmp_path)


def test_numbers_are_options_and_counts(tmp_path):
    (choice,) = read_blend_choices(
        write_table(tmp_path / "mc.jsonl", [blend_choice(choices='{"A": 3, "B": 4.5, "C": "6"}')])
    )
    assert choice.choices == {"A": "3", "B": "4.5", "C": "6"}
    answers = [{"answers": ["tres", 3], "en_answers": None, "count": 2.0}]
    (one,) = read_blend_questions(write_table(tmp_path / "Spain_data.jsonl", [annotation(annotations=answers)]))
    assert one.answers == ((("tres", "3"), (), 2),)


def test_a_country_without_a_question_is_named(tmp_path):
    write_table(tmp_path / "nayeon212" / "BLEnD" / "mc_questions_file.json", [blend_choice()])
    with pytest.raises(UserError, match="no question about South_Korea that can be scored"):
        load_set("blend", ["es", "ko"], mirror=tmp_path)
