"""Reading JSONL: every problem at once as `file:line: field: reason`, and odd but right files as they are."""

import json
from pathlib import Path

import pytest

from isogloss.data.rows import ChoiceItem, InstructionRow, ParallelRow, read_choices, read_rows, write_rows
from isogloss.errors import DataError, UserError
from small_data import item, write_jsonl


@pytest.fixture
def problems(tmp_path, monkeypatch):
    """The problems of a file with these lines (values or text), as the reader words them."""
    monkeypatch.chdir(tmp_path)

    def found(*lines, row_type=ChoiceItem):
        text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
        (tmp_path / "f.jsonl").write_text(text, encoding="utf-8")
        with pytest.raises(DataError) as caught:
            read_rows([Path("f.jsonl")], row_type)
        return caught.value.problems

    return found


def test_every_problem_of_every_line_at_once(problems):
    assert problems(
        item(answer="0"),
        item(id="b"),
        "{",
        item(id="b", options=["x"], language="kor"),
        {"id": "c"},
    ) == [
        'f.jsonl:1: answer: input should be a valid integer, not "0"',
        "f.jsonl:3: line: not JSON (Expecting property name enclosed in double quotes, column 2)",
        "f.jsonl:4: id: 'b' already stands at f.jsonl:2",
        "f.jsonl:4: language: 'kor' is not an ISO 639-1 language code (did you mean 'or'?)",
        "f.jsonl:4: options: has 1 entries, it should have at least 2",
        "f.jsonl:5: group: is missing",
        "f.jsonl:5: language: is missing",
        "f.jsonl:5: axis: is missing",
        "f.jsonl:5: question: is missing",
        "f.jsonl:5: options: is missing",
        "f.jsonl:5: answer: is missing",
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (item(options=[str(n) for n in range(1000)]), "options: has 1000 entries, it should have at most 26"),
        (item(options="sí"), 'options: input should be a list, not "sí"'),
        (item(options=["sí", 1]), "options.1: input should be a valid string, not 1"),
        (item(options=["no", "no"]), "options: 'no' stands twice"),
        (item(answer=2), "answer: 2 is outside the 2 options (counted from 0)"),
        (item(axis="Transfer"), "axis: \"Transfer\" is not one of 'transfer' or 'localization'"),
        (item(split="train"), "split: \"train\" is not one of 'dev1', 'dev2' or 'test'"),
        (item(language="en-US"), "language: 'en-US' is not an ISO 639-1 language code (did you mean 'en'?)"),
        (item(question=" "), "question: is empty"),
        (item(option_regions=["ES", "US"]), 'option_regions.0: input should be a list, not "ES"'),
        (item(option_regions=[["ES"]]), "option_regions: 1 entries for 2 options"),
        (json.dumps(item())[:-2] + "NaN}", "answer: input should be a valid integer, not NaN"),
        ('{"id": ' + "9" * 5000 + "}", "line: holds a number with thousands of digits"),
        ('{"id": ' + "[" * 100_000 + "]" * 100_000 + "}", "line: nested too deeply"),
        ('"text"', "line: a JSON object is needed, this is a str"),
        ("[]", "line: a JSON object is needed, this is a list"),
        (json.dumps(item(question="\ud83d")), "question: holds half of a surrogate pair, which is no character"),
    ],
)
def test_each_reason_in_plain_words(problems, line, said):
    assert problems(line)[0] == f"f.jsonl:1: {said}"


def test_a_long_value_is_cut(problems):
    (problem,) = problems(item(group=["x" * 1000]))
    assert len(problem) < 130


def test_no_bytes_are_guessed(tmp_path):
    path = tmp_path / "latin.jsonl"
    path.write_bytes(json.dumps(item(), ensure_ascii=False).encode("latin-1"))
    with pytest.raises(DataError, match=r"latin.jsonl:1: line: not UTF-8 \(byte \d+\)"):
        read_choices([path])


def test_the_message_counts_and_cuts_but_keeps_all(tmp_path):
    path = write_jsonl(tmp_path / "f.jsonl", [item(id=str(n), answer=9) for n in range(150)])
    with pytest.raises(DataError) as caught:
        read_choices([path])
    assert len(caught.value.problems) == 150
    assert str(caught.value).endswith("… and 50 more\n150 problems; nothing was read.")
    assert len(str(caught.value).splitlines()) == 102


@pytest.mark.parametrize(
    ("row", "row_type", "looks"),
    [
        ({"id": "1", "text": {"en": "a"}}, ChoiceItem, "parallel"),
        ({"id": "1", "prompt": {"en": "a"}, "response": {"en": "a"}}, ChoiceItem, "instructions"),
        (item(), ParallelRow, "choices"),
        (item(), InstructionRow, "choices"),
    ],
)
def test_a_file_of_another_format_is_recognised(tmp_path, row, row_type, looks):
    path = write_jsonl(tmp_path / "f.jsonl", [row])
    with pytest.raises(DataError, match=f"nothing was read. .*f.jsonl looks like a {looks} file") as caught:
        read_rows([path], row_type)
    assert all(problem.startswith(f"{path}:1: ") for problem in caught.value.problems)


def test_ids_are_unique_over_all_files(tmp_path):
    one = write_jsonl(tmp_path / "one.jsonl", [item(id="a"), item(id="b")])
    two = write_jsonl(tmp_path / "two.jsonl", [item(id="c"), item(id="b")])
    with pytest.raises(DataError) as caught:
        read_choices([one, two])
    assert caught.value.problems == [f"{two}:2: id: 'b' already stands at {one}:2"]


def test_problems_of_all_files_come_together(tmp_path):
    paths = [write_jsonl(tmp_path / f"{n}.jsonl", [item(id=str(n), answer=7)]) for n in range(3)]
    with pytest.raises(DataError) as caught:
        read_choices(paths)
    assert [problem.split(":")[0] for problem in caught.value.problems] == [str(path) for path in paths]


@pytest.mark.parametrize("content", [b"", b"\n \r\n\t\n", b"\xef\xbb\xbf"])
def test_a_file_without_rows_is_refused(tmp_path, content):
    path = tmp_path / "f.jsonl"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"f.jsonl: holds no rows"):
        read_choices([path])


def test_missing_files_folders_and_nothing_are_named(tmp_path):
    with pytest.raises(UserError, match=r"none.jsonl: no such file"):
        read_choices([tmp_path / "none.jsonl"])
    with pytest.raises(UserError, match=r"Is a directory\); a JSONL file is needed"):
        read_choices([tmp_path])
    with pytest.raises(UserError, match="no data files were given"):
        read_choices([])


def test_byte_order_mark_windows_line_ends_and_blank_lines_are_fine(tmp_path):
    lines = [json.dumps(item(id=name, question="¿Qué\u2028es?"), ensure_ascii=False) for name in "ab"]
    path = tmp_path / "f.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n\r\n".join(lines).encode() + b"\r\n")
    table = read_choices([path])
    assert [row.id for row in table.rows] == ["a", "b"]
    assert table.rows[0].question == "¿Qué\u2028es?"


def test_unknown_fields_are_counted_and_named(tmp_path):
    path = write_jsonl(tmp_path / "f.jsonl", [item(id="a", anwser=1), item(id="b", anwser=1, note="x")])
    assert read_choices([path]).notices == (
        "field 'anwser' of 2 rows is not part of the format and was left out (did you mean 'answer'?)",
        "field 'note' of 1 rows is not part of the format and was left out",
    )


@pytest.mark.parametrize(
    ("row_type", "row"),
    [
        (ChoiceItem, item(question="질문 ?", option_regions=[["ES"], None], region="ES", split="dev1", kind="k")),
        (ParallelRow, {"id": "1", "text": {"ar": "نعم", "zh": "是"}}),
        (InstructionRow, {"id": "1", "prompt": {"el": "ναι"}, "response": {"el": "όχι"}}),
    ],
)
def test_what_is_written_is_read_again(tmp_path, row_type, row):
    rows = (row_type.model_validate(row),)
    path = tmp_path / "f.jsonl"
    write_rows(path, rows)
    table = read_rows([path], row_type)
    assert (table.rows, table.notices) == (rows, ())
    assert list(table.files) == [str(path)]
    assert "\\u" not in path.read_text(encoding="utf-8")
