"""Rows of one file, in every format: text as it was written, and never all of a file at once."""

import json

import pytest

from isogloss.data.published import tables
from isogloss.data.published.tables import rows_of
from isogloss.errors import UserError
from published_rows import write_table

ROWS = [{"a": "NA", "b": "2020-01-01"}, {"a": "null", "b": 'ein "Wort",\nzwei'}, {"a": "007", "b": "é 한 العربية"}]


def read(path):
    problems = []
    rows = [row for _, row in rows_of(path, problems, mend="again")]
    assert problems == []
    return rows


@pytest.mark.parametrize("ending", ["parquet", "csv", "json", "jsonl"])
def test_text_stays_as_it_is_written(tmp_path, ending):
    assert read(write_table(tmp_path / f"a.{ending}", ROWS)) == ROWS


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl"])
def test_a_byte_order_mark_is_no_letter(tmp_path, ending):
    path = write_table(tmp_path / f"a.{ending}", ROWS)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read(path) == ROWS


@pytest.mark.parametrize("kind", ["stream", "file"])
def test_arrow_as_it_is_saved(tmp_path, kind):
    import pyarrow

    table = pyarrow.Table.from_pylist(ROWS)
    path = tmp_path / "a.arrow"
    new = {"stream": pyarrow.ipc.new_stream, "file": pyarrow.ipc.new_file}[kind]
    with new(str(path), table.schema) as writer:
        writer.write_table(table)
    assert read(path) == ROWS


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 50, 10_000])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_json_list_is_decoded_piece_by_piece(tmp_path, monkeypatch, chunk, indent):
    monkeypatch.setattr(tables, "_CHUNK", chunk)
    path = tmp_path / "a.json"
    path.write_text(json.dumps(ROWS, ensure_ascii=False, indent=indent) + "\n", encoding="utf-8")
    assert read(path) == ROWS
    for cut in (5, len(path.read_text()) // 2, len(path.read_text()) - 3):
        path.with_name("cut.json").write_text(path.read_text()[:cut])
        with pytest.raises(UserError, match=r"is not JSON .*again"):
            read(path.with_name("cut.json"))


def test_objects_by_name_and_lines_under_the_same_ending(tmp_path):
    named = tmp_path / "named.json"
    for indent in (None, 1):
        named.write_text(json.dumps({"x": {"a": 1}, "y": {"a": 2}}, indent=indent))
        assert read(named) == [{"ID": "x", "a": 1}, {"ID": "y", "a": 2}]
    lines = tmp_path / "lines.json"
    lines.write_text('{"a": 1}\n\n{"a": 2}\n')
    assert read(lines) == [{"a": 1}, {"a": 2}]
    one = tmp_path / "one.json"
    one.write_text('{"a": 1}')
    assert read(one) == [{"a": 1}]
