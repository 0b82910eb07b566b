"""Which files of a set hold what, by the ways in which publishers lay them out."""

import pytest

from isogloss.data.published.blend import country_in, wanted
from isogloss.data.published.catalogue import data_files, holding, split_in


@pytest.mark.parametrize(
    "name",
    [
        "es/test-00000-of-00001.parquet",
        "test/es.jsonl",
        "data/es_test.csv",
        "es.jsonl",
        "es/data.parquet",
        "ES-test.json",
    ],
)
def test_a_language_is_found_however_the_files_are_laid_out(name):
    assert holding([name, "est.jsonl", "test/eses.jsonl"], words=("es",), splits=("test", "dev")) == [name]


def test_a_dev_file_is_no_devtest_file():
    names = ["dev/spa_Latn.jsonl", "devtest/spa_Latn.jsonl", "dev/spa_Latn_x.jsonl"]
    assert holding(names, words=("spa_Latn",), splits=("dev",)) == ["dev/spa_Latn.jsonl", "dev/spa_Latn_x.jsonl"]
    assert [split_in(name) for name in names] == ["dev", "devtest", "dev"]


def test_the_first_word_that_is_there_decides():
    assert holding(["dev/zho_Hans.csv"], words=("cmn_Hans", "zho_Hans")) == ["dev/zho_Hans.csv"]
    both = ["dev/cmn_Hans.csv", "dev/zho_Hans.csv"]
    assert holding(both, words=("cmn_Hans", "zho_Hans")) == ["dev/cmn_Hans.csv"]


def test_of_the_same_rows_in_two_formats_one_is_read():
    assert holding(["es/test.csv", "es/test.parquet"], words=("es",), splits=("test",)) == ["es/test.parquet"]


def test_hidden_folders_and_bookkeeping_hold_no_rows():
    names = [".cache/huggingface/download/es.jsonl", "dataset_info.json", "README.md", "es.jsonl", "x.jsonl.gz"]
    assert data_files(names) == ["es.jsonl"]


@pytest.mark.parametrize(
    ("name", "country"),
    [
        ("data/annotations_hf/North_Korea_data.json", "North_Korea"),
        ("annotations/KP/0000.parquet", "North_Korea"),
        ("annotations/ID/0000.parquet", "Indonesia"),
        ("annotations/JB/0000.parquet", "West_Java"),
        ("short-answer-questions/AS/0000.parquet", "Assam"),
        ("annotations/US/0000.parquet", "US"),
        ("annotations-ES.jsonl", "Spain"),
        ("annotations_GB.csv", "UK"),
        ("annotations.jsonl", None),
    ],
)
def test_a_country_is_told_by_the_file_s_name(name, country):
    assert country_in(name) == country


def test_blend_s_three_kinds_of_files_are_told_apart():
    names = [
        "data/annotations_hf/Spain_data.json",
        "data/mc_questions_hf/mc_questions_file.json",
        "data/mc_questions_hf/mc_questions_file_v1.1.json",
        "data/questions_hf/Spain_questions.json",
    ]
    found = {kind: wanted(kind, ["Spain"]) for kind in ("annotations", "questions", "multiple-choice-questions")}
    chosen = {kind: [choose(names) for choose in parts.values()] for kind, parts in found.items()}
    assert chosen == {
        "annotations": [[names[0]]],
        "questions": [[names[3]]],
        "multiple-choice-questions": [[names[2]]],
    }
