"""Global-MMLU in its publisher's columns, in every format and layout."""

from collections import Counter

import pytest

from isogloss.data.published.load import draw_splits, identity_of, load_global_mmlu
from isogloss.errors import DataError, UserError
from published_rows import COMMIT, global_mmlu_row, write_global_mmlu, write_table


def test_items_are_questions_shared_by_languages_with_their_labels(tmp_path):
    write_global_mmlu(tmp_path)
    loaded = load_global_mmlu(["en", "es", "ko"], mirror=tmp_path)
    assert Counter((item.language, item.split) for item in loaded.rows) == {
        (language, split): count for language in ("en", "es", "ko") for split, count in (("test", 12), ("dev1", 4))
    }
    item = next(one for one in loaded.rows if one.id == "global-mmlu-es-arithmetic/test/5")
    assert (item.group, item.axis, item.kind, item.label) == ("arithmetic/test/5", "transfer", "arithmetic", None)
    assert item.options[item.answer] == "6"
    assert [one.label for one in loaded.rows if one.language == "ko" and one.split == "test"][:3] == ["CS", "CA", None]
    assert loaded.notices == ()


@pytest.mark.parametrize("name", ["es/test.parquet", "es/test.jsonl", "test/es.json", "es_test.csv", "es.jsonl"])
def test_every_format_gives_the_same_items(tmp_path, name):
    rows = [global_mmlu_row(number, "es", option_d="NA" if number == 2 else "2020-01-01") for number in range(4)]
    write_table(tmp_path / "CohereLabs" / "Global-MMLU" / name, rows)
    loaded = load_global_mmlu(["es"], mirror=tmp_path)
    assert [item.options[3] for item in loaded.rows] == ["2020-01-01", "2020-01-01", "NA", "2020-01-01"]
    assert [item.split for item in loaded.rows] == ["test"] * 4


def test_a_column_says_the_split_where_the_file_does_not(tmp_path):
    rows = [
        global_mmlu_row(number, split=split) | {"split": split} for number, split in enumerate(("dev", "val", "test"))
    ]
    write_table(tmp_path / "CohereForAI" / "Global-MMLU" / "en.jsonl", rows)
    assert [item.split for item in load_global_mmlu(["en"], mirror=tmp_path).rows] == ["dev1", "test", "test"]


def test_what_cannot_be_scored_is_left_out_and_counted(tmp_path):
    rows = [global_mmlu_row(number) for number in range(6)]
    rows[1]["option_a"] = rows[1]["option_b"]
    rows[2]["option_c"] = " "
    rows.append(rows[0])
    write_table(tmp_path / "CohereLabs" / "Global-MMLU" / "en" / "test.jsonl", rows)
    loaded = load_global_mmlu(["en"], mirror=tmp_path)
    assert len(loaded.rows) == 4
    assert [line.partition(" (the first")[0] for line in loaded.notices] == [
        "2 rows left out: en: an empty text, or two options that are equal",
        "1 row left out: en: the same question stands twice",
    ]


def test_every_bad_row_is_told_at_once_and_nothing_is_read(tmp_path):
    rows = [global_mmlu_row(number) for number in range(5)]
    rows[0]["answer"] = "E"
    rows[2]["question"] = 5
    del rows[3]["subject"]
    rows.append(global_mmlu_row(4, question="another"))
    path = write_table(tmp_path / "CohereLabs" / "Global-MMLU" / "en" / "test.jsonl", rows)
    with pytest.raises(DataError) as caught:
        load_global_mmlu(["en"], mirror=tmp_path)
    assert caught.value.problems == [
        f"{path}:1: answer: \"E\" is not one of 'A', 'B', 'C' or 'D'",
        f"{path}:3: question: a text is needed, not 5",
        f"{path}:4: subject: is missing",
        f"{path}:6: sample_id: 'arithmetic/test/4' stands twice, with different contents",
    ]
    assert "hf download CohereLabs/Global-MMLU --repo-type dataset" in str(caught.value)


def test_a_changed_column_is_told_once(tmp_path):
    rows = [global_mmlu_row(number) for number in range(5)]
    for row in rows:
        row["optionA"] = row.pop("option_a")
    path = write_table(tmp_path / "CohereLabs" / "Global-MMLU" / "en" / "test.parquet", rows)
    with pytest.raises(DataError) as caught:
        load_global_mmlu(["en"], mirror=tmp_path)
    (problem,) = caught.value.problems
    assert problem.startswith(f"{path}: column 'option_a' is missing (did you mean 'option_")


def test_languages_that_are_not_there_are_named(tmp_path):
    write_global_mmlu(tmp_path, languages=("en",))
    with pytest.raises(UserError, match=r"no file for es, ko in .*Global-MMLU; there are en/dev.*hf download"):
        load_global_mmlu(["en", "es", "ko"], mirror=tmp_path)
    with pytest.raises(UserError, match="Global-MMLU has no 'ka'"):
        load_global_mmlu(["ka"], mirror=tmp_path)


def test_another_revision_than_the_one_asked_for_is_refused(tmp_path):
    folder = write_global_mmlu(tmp_path, languages=("en",))
    for split in ("test", "dev"):
        note = folder / ".cache/huggingface/download/en" / f"{split}-00000-of-00001.parquet.metadata"
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(f"{COMMIT}\netag\n1.0\n")
    with pytest.raises(
        UserError, match=rf"was fetched at revision {COMMIT}, and .*data.revisions: {{global-mmlu: {COMMIT}}}"
    ):
        load_global_mmlu(["en"], mirror=tmp_path)
    assert load_global_mmlu(["en"], mirror=tmp_path, revision=COMMIT).files.revision == COMMIT


def test_the_identity_follows_the_contents_of_a_mirror_and_not_its_place(tmp_path):
    for name in ("one", "two", "changed"):
        write_global_mmlu(tmp_path / name, languages=("en",), test=13 if name == "changed" else 12)
    one, two, changed = (
        identity_of("global-mmlu", ["en"], mirror=tmp_path / name) for name in ("one", "two", "changed")
    )
    assert one == two
    assert one != changed


def test_both_dev_splits_come_from_the_publisher_s(tmp_path):
    write_global_mmlu(tmp_path, test=300, dev=230, languages=("en", "es"))
    items = load_global_mmlu(["en", "es"], mirror=tmp_path).rows
    drawn, unused = draw_splits(items, seed=0, dev={item.group for item in items if item.split == "dev1"})
    assert Counter((item.language, item.split) for item in drawn) == {
        (language, split): count
        for language in ("en", "es")
        for split, count in (("dev1", 100), ("dev2", 100), ("test", 300))
    }
    assert unused == 2 * 30
    assert {item.group for item in drawn if item.split == "test"} == {
        f"arithmetic/test/{number}" for number in range(300)
    }


def test_a_language_with_fewer_questions_than_others_is_told(tmp_path):
    folder = write_global_mmlu(tmp_path, languages=("en", "es"))
    path = folder / "es" / "test-00000-of-00001.parquet"
    write_table(path, [global_mmlu_row(number, "es") for number in range(7)])
    assert load_global_mmlu(["en", "es"], mirror=tmp_path).notices == (
        "es: 5 of 16 questions are not there that other languages have (the first: arithmetic/test/7)",
    )
    path.unlink()
    with pytest.raises(UserError, match=r"no question of test is in es, and other languages have them.*hf download"):
        load_global_mmlu(["en", "es"], mirror=tmp_path)
