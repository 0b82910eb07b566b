"""OpenAssistant's messages and threads: first turns in English with the reply that people ranked best."""

import pytest

from isogloss.data.published.load import load_openassistant
from isogloss.errors import DataError, UserError
from published_rows import message, write_table


def pairs(mirror):
    return [(row.prompt["en"], row.response["en"]) for row in load_openassistant(mirror=mirror).rows]


def folder(mirror):
    return mirror / "OpenAssistant" / "oasst1"


@pytest.mark.parametrize("name", ["data/train-00000-of-00001.parquet", "train.jsonl", "train.csv", "train.json"])
def test_the_best_ranked_reply_of_each_first_prompt(tmp_path, name):
    rows = [
        message("b-2", "Second.", parent="b", rank=1),  # a reply may stand before its prompt
        message("a", "How?"),
        message("a-1", "Worse.", parent="a", rank=1),
        message("a-2", "Better.", parent="a", rank=0),
        message("a-3", "Never ranked.", parent="a"),
        message("a-2-1", "And then?", parent="a-2", role="prompter"),
        message("a-2-1-1", "Then this.", parent="a-2-1", rank=0),
        message("b", "Why?"),
        message("b-1", "Turned down.", parent="b", rank=0, review_result=False),
        message("c", "Only one reply?"),
        message("c-1", "Yes.", parent="c"),
    ]
    write_table(folder(tmp_path) / name, rows)
    assert pairs(tmp_path) == [("How?", "Better."), ("Why?", "Second."), ("Only one reply?", "Yes.")]


def test_what_is_left_out_is_counted(tmp_path):
    rows = [
        message("a", "Kept?"),
        message("a-1", "Kept.", parent="a", rank=0),
        message("d", "Deleted?", deleted=True),
        message("u", "Unfinished?", tree_state="growing"),
        message("s", "¿Cómo?", lang="es"),
        message("n", "No reply?"),
    ]
    write_table(folder(tmp_path) / "train.jsonl", rows)
    loaded = load_openassistant(mirror=tmp_path)
    assert [row.id for row in loaded.rows] == ["oasst-a"]
    assert [line.partition(" (the first")[0] for line in loaded.notices] == [
        "2 rows left out: deleted, turned down by reviewers, or of an unfinished tree",
        "1 row left out: not in English",
        "1 row left out: a first prompt without an English reply that reviewers let stand",
    ]


def test_threads_give_their_first_turn(tmp_path):
    def thread(uid, tree, *texts, rank=None):
        turns = [{"role": "assistant" if place % 2 else "prompter", "text": text} for place, text in enumerate(texts)]
        return {"uid": uid, "tree": tree, "messages": turns, "rank": rank, "synthetic": False, "lang": "en"}

    rows = [
        thread("1", "a", "How?", "From a longer thread.", "And?", "So.", rank=0),
        thread("2", "a", "How?", "Worse.", rank=1),
        thread("3", "a", "How?", "Better.", rank=0),
        thread("4", "b", "Why?", "Because.", "And?", "So."),
    ]
    write_table(folder(tmp_path) / "train.jsonl", rows)
    assert pairs(tmp_path) == [("How?", "Better."), ("Why?", "Because.")]


def test_the_other_split_by_its_name(tmp_path):
    for split in ("train", "validation"):
        write_table(
            folder(tmp_path) / "data" / f"{split}-00000-of-00001.parquet",
            [message("a", f"In {split}?"), message("a-1", "Yes.", parent="a", rank=0)],
        )
    loaded = load_openassistant(split="validation", mirror=tmp_path)
    assert [row.prompt["en"] for row in loaded.rows] == ["In validation?"]


def test_wrong_rows_are_told_at_once(tmp_path):
    rows = [
        message("a", "How?"),
        message("a", "How again?"),
        message("b", "An assistant begins.", role="assistant"),
        message("c", "What?", role="user"),
        message("a-1", " ", parent="a", rank=0),
    ]
    path = write_table(folder(tmp_path) / "train.jsonl", rows)
    with pytest.raises(DataError) as caught:
        load_openassistant(mirror=tmp_path)
    assert caught.value.problems == [
        f"{path}:2: message_id: 'a' stands twice",
        f"{path}:3: role: a tree begins with a prompter's message, this is an assistant's",
        f"{path}:4: role: \"user\" is not one of 'prompter' or 'assistant'",
        f"{path}:5: text: is empty",
    ]


def test_a_column_says_the_split_where_the_file_does_not(tmp_path):
    rows = [
        row | {"split": split}
        for split in ("train", "validation")
        for row in (message(split, f"In {split}?"), message(f"{split}-1", "Yes.", parent=split, rank=0))
    ]
    write_table(folder(tmp_path) / "all.jsonl", rows)
    assert pairs(tmp_path) == [("In train?", "Yes.")]


def test_what_no_pair_is_made_of_may_be_empty_and_a_rank_no_number(tmp_path):
    rows = [
        message("a", "How?"),
        message("a-1", "Never ranked.", parent="a", rank=float("nan")),
        message("a-2", "Better.", parent="a", rank=0),
        message("a-2-1", " ", parent="a-2", role="prompter"),
    ]
    write_table(folder(tmp_path) / "train.jsonl", rows)
    assert pairs(tmp_path) == [("How?", "Better.")]


def test_no_pair_at_all_is_told(tmp_path):
    write_table(folder(tmp_path) / "train.jsonl", [message("s", "¿Cómo?", lang="es")])
    with pytest.raises(UserError, match="no English prompt of train with its reply: 1 row left out: not in English"):
        pairs(tmp_path)
