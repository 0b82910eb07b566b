"""FLORES+ and FLORES-200 in their publishers' columns, joined over languages."""

import pytest

from isogloss.data.published.flores import CODES
from isogloss.data.published.load import load_flores
from isogloss.errors import DataError, UserError
from published_rows import flores_row, write_flores, write_table


def test_sentences_are_joined_by_their_number(tmp_path):
    write_flores(tmp_path)
    loaded = load_flores(["en", "es", "ko"], mirror=tmp_path)
    assert [row.id for row in loaded.rows] == [f"flores-dev-{number:04d}" for number in range(6)]
    assert loaded.rows[2].text == {
        "en": "Ship number 2 is in the harbour.",
        "es": "El barco número 2 está en el puerto.",
        "ko": "2번 배는 항구에 있다.",
    }
    assert load_flores(["en", "es"], split="devtest", mirror=tmp_path).rows[0].id == "flores-devtest-0000"


@pytest.mark.parametrize("ending", ["parquet", "csv", "json"])
def test_the_older_columns_and_names_are_read_too(tmp_path, ending):
    for code in ("eng_Latn", "spa_Latn"):
        rows = [
            {"id": number, "URL": "u", "sentence": flores_row(number, code)["text"], "has_image": 0}
            for number in (1, 2)
        ]
        write_table(tmp_path / "facebook" / "flores" / code / f"dev.{ending}", rows)
    assert [set(row.text) for row in load_flores(["en", "es"], mirror=tmp_path).rows] == [{"en", "es"}] * 2


def test_languages_side_by_side_in_one_file(tmp_path):
    rows = [{"id": n, "sentence_eng_Latn": f"{n} ships", "sentence_spa_Latn": f"{n} barcos"} for n in range(3)]
    write_table(tmp_path / "facebook" / "flores" / "all" / "dev.jsonl", rows)
    loaded = load_flores(["en", "es"], mirror=tmp_path)
    assert loaded.rows[1].text == {"en": "1 ships", "es": "1 barcos"}


def test_sentences_that_a_language_lacks_are_counted(tmp_path):
    folder = write_flores(tmp_path, codes=("eng_Latn",))
    write_table(folder / "dev" / "spa_Latn.jsonl", [flores_row(number, "spa_Latn") for number in range(4)])
    loaded = load_flores(["en", "es"], mirror=tmp_path)
    assert len(loaded.rows) == 4
    assert loaded.notices == ("2 rows left out: not in es (the first: sentence 4)",)


def test_wrong_rows_are_told_at_once(tmp_path):
    folder = write_flores(tmp_path, codes=("eng_Latn",))
    rows = [flores_row(number, "spa_Latn") for number in range(5)]
    rows[1]["id"] = "one"
    rows[2]["text"] = "  "
    rows[3]["url"] = "https://example.org/another"
    rows[4]["id"] = 0
    path = write_table(folder / "dev" / "spa_Latn.jsonl", rows)
    with pytest.raises(DataError) as caught:
        load_flores(["en", "es"], mirror=tmp_path)
    reasons = [problem.removeprefix(f"{path}:") for problem in caught.value.problems]
    assert reasons[0].startswith("2: id: input should be a valid integer, not")
    assert reasons[1] == "3: text: is empty"
    assert reasons[2] == f"5: id: 0 already stands at {path}:1"
    assert reasons[3].startswith("4: url: sentence 3 is of another page than at ")
    assert len(reasons) == 4


def test_a_page_that_was_mended_in_one_language_is_no_other_sentence(tmp_path):
    folder = write_flores(tmp_path, codes=("eng_Latn",), count=40)
    rows = [flores_row(number, "spa_Latn") for number in range(40)]
    rows[7]["url"] = "https://example.org/mended"
    path = write_table(folder / "dev" / "spa_Latn.jsonl", rows)
    loaded = load_flores(["en", "es"], mirror=tmp_path)
    assert len(loaded.rows) == 40
    (notice,) = loaded.notices
    assert notice.startswith(
        f"es: 1 sentences name another page (the first: {path}:8: url: sentence 7 is of another page"
    )


def test_files_that_share_nothing_are_refused(tmp_path):
    folder = write_flores(tmp_path, codes=("eng_Latn",))
    write_table(folder / "dev" / "spa_Latn.jsonl", [flores_row(number, "spa_Latn", url=None) for number in (100, 101)])
    with pytest.raises(UserError, match="share no sentence"):
        load_flores(["en", "es"], mirror=tmp_path)


def test_a_language_without_a_known_code_is_named():
    with pytest.raises(UserError, match="FLORES has no 'xx'"):
        load_flores(["xx"])
    assert {code: CODES[code][0] for code in ("es", "id", "ko", "el", "zh", "ar", "en")} == {
        "es": "spa_Latn",
        "id": "ind_Latn",
        "ko": "kor_Hang",
        "el": "ell_Grek",
        "zh": "cmn_Hans",
        "ar": "arb_Arab",
        "en": "eng_Latn",
    }


def test_a_variety_is_not_the_language(tmp_path):
    folder = write_flores(tmp_path, codes=("eng_Latn",))
    write_table(folder / "dev" / "por_Latn_braz1246.jsonl", [flores_row(n, text=f"Brasil {n}") for n in range(6)])
    assert load_flores(["en", "pt"], mirror=tmp_path).rows[0].text["pt"] == "Brasil 0", "there is no other"
    write_table(folder / "dev" / "por_Latn.jsonl", [flores_row(n, text=f"Portugal {n}") for n in range(6)])
    assert load_flores(["en", "pt"], mirror=tmp_path).rows[0].text["pt"] == "Portugal 0"


def test_a_column_says_the_split_where_the_file_does_not(tmp_path):
    for code in ("eng_Latn", "spa_Latn"):
        rows = [flores_row(n, code) | {"split": split} for split in ("dev", "devtest") for n in range(3)]
        write_table(tmp_path / "openlanguagedata" / "flores_plus" / f"{code}.jsonl", rows)
    loaded = load_flores(["en", "es"], split="devtest", mirror=tmp_path)
    assert [row.id for row in loaded.rows] == [f"flores-devtest-{n:04d}" for n in range(3)]
