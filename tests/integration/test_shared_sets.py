"""Rows of the published sets in their publishers' columns, through mirrors in several formats. Not part of the project."""

import json
from collections import Counter
from pathlib import Path

import pytest

from isogloss.data.published.blend import COUNTRIES, read_blend_choices, read_blend_questions
from isogloss.data.published.load import draw_splits, load_global_mmlu, load_openassistant, load_set, open_blend
from published_rows import write_table

RAW = Path(__file__).parents[2] / ".." / "shared" / "data" / "raw"
MMLU = ("en", "es", "id", "zh", "ar")

pytestmark = pytest.mark.skipif(not RAW.exists(), reason="needs ../shared/data, rows in the publishers' columns")


def rows_of(name):
    return [json.loads(line) for line in (RAW / name).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "csv"])
def test_global_mmlu_is_the_same_in_every_format(tmp_path, ending):
    for language in MMLU:
        rows = rows_of(f"global_mmlu/{language}.jsonl")
        write_table(tmp_path / "CohereLabs" / "Global-MMLU" / f"{language}.{ending}", rows)
    loaded = load_global_mmlu(MMLU, mirror=tmp_path)
    assert Counter(item.language for item in loaded.rows) == {"en": 738, "es": 738, "id": 737, "zh": 737, "ar": 737}
    assert sum(int(line.split()[0]) for line in loaded.notices) == 5 * 739 - len(loaded.rows)
    assert all(item.label is None and item.kind for item in loaded.rows)
    dev = {item.group for item in loaded.rows if item.split == "dev1"}
    assert len(dev) == 116
    drawn, unused = draw_splits(loaded.rows, seed=0, dev=dev)
    assert unused == 0
    assert {item.split for item in drawn if item.group in dev} == {"dev1", "dev2"}
    for group, splits in {
        group: {item.split for item in drawn if item.group == group} for group in sorted(dev)[:20]
    }.items():
        assert len(splits) == 1, group


def test_the_text_of_an_item_is_the_publisher_s(tmp_path):
    row = rows_of("global_mmlu/zh.jsonl")[7]
    write_table(tmp_path / "CohereLabs" / "Global-MMLU" / "zh" / "test.csv", [row])
    (item,) = load_global_mmlu(["zh"], mirror=tmp_path).rows
    assert (item.question, item.group, item.kind) == (row["question"], row["sample_id"], row["subject"])
    assert item.options[item.answer] == row[f"option_{row['answer'].lower()}"]


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_blend_s_annotations_and_choices(tmp_path, ending):
    folder = tmp_path / "nayeon212" / "BLEnD"
    write_table(folder / f"annotations.{ending}", rows_of("blend/annotations_local_and_english.jsonl"))
    write_table(folder / f"multiple-choice-questions.{ending}", rows_of("blend/multiple-choice-questions.jsonl"))
    questions = read_blend_questions(open_blend("annotations", tuple(COUNTRIES.values()), mirror=tmp_path))
    assert Counter(one.language for one in questions) == {"en": 524, **dict.fromkeys(COUNTRIES, 262)}
    assert all(one.question == one.translation for one in questions if one.language == "en")
    assert sum(bool(one.answers) for one in questions) == 2039, "nobody answered the others"
    choices = read_blend_choices(open_blend("multiple-choice-questions", (), mirror=tmp_path))
    assert len(choices) == 2754
    assert all(one.countries[one.answer] == one.country for one in choices)
    asked = {(one.country, one.id) for one in questions}
    assert {(one.country, one.question_id) for one in choices} <= asked
    assert len(load_set("blend", ["es", "ko"], mirror=tmp_path).rows) == 339 + 415


def test_openassistant_s_threads_give_a_pair_a_tree(tmp_path):
    rows = rows_of("oasst/oasst_en_100trees.jsonl")
    write_table(tmp_path / "OpenAssistant" / "oasst1" / "train.jsonl", rows)
    pairs = load_openassistant(mirror=tmp_path).rows
    assert len(pairs) == len({row["tree"] for row in rows}) == 100
    best = {row["tree"]: row["messages"][1]["text"] for row in rows if len(row["messages"]) == 2 and row["rank"] == 0}
    assert all(pair.response["en"] == best.get(pair.id.removeprefix("oasst-"), pair.response["en"]) for pair in pairs)
    assert len(best) == 99


def test_openassistant_s_threads_as_messages_give_the_same_pairs(tmp_path):
    """The same trees in the publisher's flat columns: ranks are those of the replies to first prompts."""
    rows = [row for row in rows_of("oasst/oasst_en_100trees.jsonl") if len(row["messages"]) == 2]
    flat, trees = [], set()
    for row in rows:
        shared = {"lang": row["lang"], "deleted": False, "review_result": True, "tree_state": "ready_for_export"}
        if row["tree"] not in trees:
            trees.add(row["tree"])
            first = {"message_id": row["tree"], "parent_id": None, "role": "prompter", "rank": None}
            flat.append({**first, "text": row["messages"][0]["text"], **shared})
        reply = {"message_id": row["uid"], "parent_id": row["tree"], "role": "assistant", "rank": row["rank"]}
        flat.append({**reply, "text": row["messages"][1]["text"], **shared})
    write_table(tmp_path / "flat" / "OpenAssistant" / "oasst1" / "data" / "train-0.parquet", flat)
    write_table(tmp_path / "threads" / "OpenAssistant" / "oasst1" / "train.jsonl", rows)
    assert load_openassistant(mirror=tmp_path / "flat").rows == load_openassistant(mirror=tmp_path / "threads").rows
