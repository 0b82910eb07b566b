"""Files of published sets that a download, a disk or another tool spoiled: told by file and row, nothing is read."""

import json

import pytest

from isogloss.data.published.load import load_global_mmlu
from isogloss.errors import DataError, UserError
from published_rows import COMMIT, global_mmlu_row, write_global_mmlu, write_table

COMMAND = "hf download CohereLabs/Global-MMLU --repo-type dataset --revision"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "CohereLabs" / "Global-MMLU"


def refused(tmp_path):
    with pytest.raises(UserError) as caught:
        load_global_mmlu(["en"], mirror=tmp_path)
    assert COMMAND in str(caught.value)
    return caught.value


def rows(count=20):
    return [global_mmlu_row(number) for number in range(count)]


@pytest.mark.parametrize("ending", ["parquet", "csv", "json", "jsonl"])
def test_a_file_cut_off_half_way_is_no_half_of_a_set(tmp_path, folder, ending):
    path = write_table(folder / "en" / f"test.{ending}", rows())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2 + 3])
    error = refused(tmp_path)
    assert str(path) in str(error)
    if ending in ("parquet", "json"):
        assert "as a download that broke off leaves it" in str(error)
    else:
        (problem,) = error.problems
        assert "broke off" in problem or "fields, the header has" in problem


@pytest.mark.parametrize("ending", ["parquet", "csv", "json", "jsonl"])
@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty, as a download that broke off leaves it"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "is a Git LFS pointer and not the data",
        ),
    ],
)
def test_what_stands_for_a_file_that_was_not_fetched(tmp_path, folder, ending, content, said):
    path = folder / "en" / f"test.{ending}"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert f"{path}: {said}" in str(refused(tmp_path))


def test_text_that_is_not_utf_8(tmp_path, folder):
    path = write_table(folder / "en" / "test.csv", rows())
    path.write_bytes(path.read_bytes() + b"\xe9")
    assert f"{path}: is not UTF-8 (" in str(refused(tmp_path))


def test_lines_that_are_no_rows_are_told_with_their_numbers(tmp_path, folder):
    path = write_table(folder / "en" / "test.jsonl", rows(3))
    path.write_text(path.read_text() + '[1]\n{"sample_id": }\n' + json.dumps(global_mmlu_row(9)) + "\n")
    error = refused(tmp_path)
    assert isinstance(error, DataError)
    assert error.problems == [
        f"{path}:4: line: a JSON object is needed, this is a list",
        f"{path}:5: line: not JSON (Expecting value)",
    ]


def test_a_row_of_csv_with_a_field_too_few(tmp_path, folder):
    path = write_table(folder / "en" / "test.csv", rows(3))
    path.write_text(path.read_text() + "only,three,fields\n")
    (problem,) = refused(tmp_path).problems
    assert problem == f"{path}:4: row: has 3 fields, the header has 12"


def test_a_download_that_broke_off_is_named(tmp_path, folder):
    part = folder / ".cache/huggingface/download/en/test-00000-of-00001.parquet.abc.incomplete"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"PAR1")
    said = str(refused(tmp_path))
    assert "no file for en in " in said
    assert "where a download broke off" in said


def test_a_file_changed_after_its_download_is_refused(tmp_path):
    folder = write_global_mmlu(tmp_path, languages=("en",))
    for split in ("test", "dev"):
        note = folder / ".cache/huggingface/download/en" / f"{split}-00000-of-00001.parquet.metadata"
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(f"{COMMIT}\n{'0' * 64}\n1.0\n")
    with pytest.raises(
        UserError, match=r"dev-00000-of-00001.parquet: is not what was downloaded \(its sha256 differs\)"
    ):
        load_global_mmlu(["en"], mirror=tmp_path, revision=COMMIT)


def noted(folder, *, listing):
    """As `hf download --local-dir` leaves a folder: a note of each file that is there, and the listing of the commit."""
    kept = folder / ".cache/huggingface"
    for path in [*folder.glob("*/*.parquet")]:
        note = kept / "download" / path.relative_to(folder).parent / f"{path.name}.metadata"
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(f"{COMMIT}\n{'0' * 40}\n1.0\n")
    (kept / "trees").mkdir()
    files = {name: {"size": size, "blob_id": "0" * 40} for name, size in listing.items()}
    (kept / "trees" / f"{COMMIT}.json").write_text(json.dumps({"format_version": 1, "files": files}))


@pytest.mark.parametrize("harm", ["missing", "cut off"])
def test_a_mirror_whose_download_broke_off_is_refused(tmp_path, harm):
    folder = write_global_mmlu(tmp_path, languages=("en", "es"))
    listing = {path.relative_to(folder).as_posix(): path.stat().st_size for path in folder.glob("*/*.parquet")}
    lost = folder / "es/test-00000-of-00001.parquet"
    lost.unlink() if harm == "missing" else lost.write_bytes(lost.read_bytes()[:-9])
    noted(folder, listing=listing)
    with pytest.raises(UserError, match=rf"es/test-00000-of-00001.parquet is missing or cut off.*{COMMAND} {COMMIT}"):
        load_global_mmlu(["en", "es"], mirror=tmp_path, revision=COMMIT)
    assert len(load_global_mmlu(["en"], mirror=tmp_path, revision=COMMIT).rows) == 16, "what is whole is read"


def test_one_part_of_two_is_no_set(tmp_path, folder):
    write_table(folder / "en" / "test-00001-of-00002.parquet", rows(3))
    assert "en/test-00000-of-00002 is missing in " in str(refused(tmp_path))


@pytest.mark.parametrize(("name", "content"), [("test.csv", None), ("test.json", "[]"), ("test.jsonl", "\n\n")])
def test_a_file_without_a_row(tmp_path, folder, name, content):
    path = write_table(folder / "en" / name, rows(1))
    path.write_text(path.read_text().splitlines()[0] + "\n" if content is None else content)
    assert f"{path}: " in str(refused(tmp_path))
    assert "holds no row" in str(refused(tmp_path)) or "is empty" in str(refused(tmp_path))


def test_a_packed_file_has_to_be_unpacked(tmp_path, folder):
    (folder / "en").mkdir(parents=True)
    (folder / "en" / "test.jsonl.gz").write_bytes(b"\x1f\x8b")
    assert "no Parquet, Arrow, JSON or CSV file; en/test.jsonl.gz has to be unpacked first" in str(refused(tmp_path))
