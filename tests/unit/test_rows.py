"""The row types: what they accept, and what they say of what they do not."""

import pytest
from pydantic import ValidationError

from isogloss.data.benchmark.wording import languages, regions
from isogloss.data.rows import ChoiceItem, InstructionRow, ParallelRow, known_languages
from small_data import item


def problems(row_type, value):
    with pytest.raises(ValidationError) as caught:
        row_type.model_validate(value)
    return {(".".join(map(str, one["loc"])), one["type"]) for one in caught.value.errors()}


def test_a_row_is_frozen_and_equal_by_content():
    one, other = ChoiceItem.model_validate(item()), ChoiceItem.model_validate(item())
    assert one == other
    with pytest.raises(ValidationError, match="frozen"):
        one.answer = 1


def test_defaults_are_test_split_and_nothing_known():
    row = ChoiceItem.model_validate(item())
    assert (row.split, row.region, row.context_question, row.option_regions) == ("test", None, None, None)


def test_a_label_is_text_or_nothing():
    assert ChoiceItem.model_validate(item()).label is None
    assert ChoiceItem.model_validate(item(label="CS")).label == "CS"
    assert problems(ChoiceItem, item(label=1)) == {("label", "string_type")}
    assert problems(ChoiceItem, item(label=" ")) == {("label", "value_error")}


@pytest.mark.parametrize("count", [2, 26])
def test_two_to_twenty_six_options(count):
    row = ChoiceItem.model_validate(item(options=[str(n) for n in range(count)], answer=count - 1))
    assert len(row.options) == count


@pytest.mark.parametrize(("count", "kind"), [(0, "too_short"), (1, "too_short"), (27, "too_long"), (1000, "too_long")])
def test_other_numbers_of_options_are_refused(count, kind):
    assert problems(ChoiceItem, item(options=[str(n) for n in range(count)])) == {("options", kind)}


def test_options_may_differ_by_case_alone_but_must_differ():
    assert ChoiceItem.model_validate(item(options=["Polish", "polish"])).options == ("Polish", "polish")
    assert problems(ChoiceItem, item(options=["polish", "polish"])) == {("options", "value_error")}


@pytest.mark.parametrize("answer", ["0", True, 1.0, None, [0], float("nan"), -1, 2])
def test_an_answer_is_a_whole_number_among_the_options(answer):
    assert {field for field, _ in problems(ChoiceItem, item(answer=answer))} == {"answer"}


@pytest.mark.parametrize("field", ["id", "group", "question", "context_question", "region"])
@pytest.mark.parametrize("text", ["", " \t\n", "half \ud83d"])
def test_text_is_filled_and_can_be_written(field, text):
    assert problems(ChoiceItem, item(**{field: text})) == {(field, "value_error")}


@pytest.mark.parametrize("code", ["kor", "EN", "en-US", "xx", ""])
def test_a_language_is_an_iso_639_1_code(code):
    assert problems(ChoiceItem, item(language=code)) == {("language", "value_error")}


def test_the_languages_of_the_benchmark_are_known_and_have_regions():
    assert set(languages()) <= known_languages()
    assert len(known_languages()) > 180
    assert regions()["en"] == ("US", "GB")


def test_option_regions_stand_one_an_option():
    row = ChoiceItem.model_validate(item(option_regions=[["ES", "Assam"], None]))
    assert row.option_regions == (("ES", "Assam"), None)
    assert problems(ChoiceItem, item(option_regions=[["ES"]])) == {("option_regions", "value_error")}


def english_options(**changes):
    return ChoiceItem.model_validate(item(options=["a", "b", "c"], **changes)).english_options()


def test_english_options_are_those_of_us_and_britain_besides_the_gold_one():
    regions = [["US", "ES"], ["GB"], ["ES"]]
    assert english_options(option_regions=regions, answer=2) == (0, 1)
    assert english_options(option_regions=regions, answer=0) == (1,)
    assert english_options(option_regions=[["UK"], None, []], answer=2) == (0,)
    assert english_options(option_regions=regions, answer=2, language="en") == ()
    assert english_options() == ()


def test_parallel_rows():
    row = ParallelRow.model_validate({"id": "1", "text": {"en": "one", "ko": "하나"}})
    assert row.text["ko"] == "하나"
    assert problems(ParallelRow, {"id": "1", "text": {}}) == {("text", "too_short")}
    assert problems(ParallelRow, {"id": "1", "text": {"ko": " "}}) == {("text.ko", "value_error")}
    assert problems(ParallelRow, {"id": "1", "text": {"kor": "하나"}}) == {("text.kor.[key]", "value_error")}


def test_instruction_rows_have_the_same_languages_on_both_sides():
    row = {"id": "1", "prompt": {"en": "a", "ko": "b"}, "response": {"en": "c", "ko": "d"}}
    assert InstructionRow.model_validate(row).response["ko"] == "d"
    uneven = {**row, "response": {"en": "c", "es": "d"}}
    with pytest.raises(ValidationError, match="languages differ from prompt's in es, ko"):
        InstructionRow.model_validate(uneven)
