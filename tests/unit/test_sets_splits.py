"""Splits by question and by item, drawn by a seed."""

from collections import Counter

import pytest

from isogloss.data.published.load import DEV, draw_splits
from isogloss.data.rows import ChoiceItem
from small_data import item


def items(*, groups=50, each=1, languages=("es", "ko"), axis="localization"):
    return [
        ChoiceItem.model_validate(item(id=f"{group}-{language}-{n}", group=str(group), language=language, axis=axis))
        for group in range(groups)
        for language in languages
        for n in range(each)
    ]


def splits_of(rows, name_of):
    found = {}
    for row in rows:
        found.setdefault(name_of(row), set()).add(row.split)
    return found


def test_a_question_is_in_one_split_in_all_languages():
    drawn, unused = draw_splits(items(each=3), seed=0)
    assert unused == 0
    assert all(len(splits) == 1 for splits in splits_of(drawn, lambda row: row.group).values())
    assert Counter(row.split for row in drawn) == {"dev1": 60, "dev2": 60, "test": 180}


@pytest.mark.parametrize(("groups", "dev"), [(1000, DEV), (500, DEV), (40, 8), (3, 1)])
def test_a_hundred_questions_a_dev_split_or_a_fifth_of_what_is_there(groups, dev):
    drawn, _ = draw_splits(items(groups=groups, languages=("es",)), seed=0)
    assert Counter(row.split for row in drawn) == {"dev1": dev, "dev2": dev, "test": groups - 2 * dev}


def test_by_item_in_each_language_as_the_paper_does():
    drawn, _ = draw_splits(items(groups=100, each=8), seed=0, by="paper")
    counts = Counter((row.language, row.split) for row in drawn)
    assert counts == {
        (language, split): count
        for language in ("es", "ko")
        for split, count in (("dev1", 100), ("dev2", 100), ("test", 600))
    }
    shared = splits_of(drawn, lambda row: (row.language, row.group))
    assert any(len(splits) > 1 for splits in shared.values()), "questions are whole, as if drawn by question"


def test_questions_of_the_transfer_axis_stay_together_either_way():
    rows = items(axis="transfer")
    assert draw_splits(rows, seed=3, by="paper") == draw_splits(rows, seed=3)


def test_the_seed_decides_and_the_order_of_rows_does_not():
    rows = items()
    first = {row.id: row.split for row in draw_splits(rows, seed=0)[0]}
    assert {row.id: row.split for row in draw_splits(rows[::-1], seed=0)[0]} == first
    assert {row.id: row.split for row in draw_splits(rows, seed=1)[0]} != first


def test_the_publisher_s_dev_questions_are_drawn_first_and_never_measured():
    drawn, unused = draw_splits(items(groups=50, languages=("es",)), seed=0, dev={str(number) for number in range(25)})
    of = {row.group: row.split for row in drawn}
    assert {of.get(str(number), "none") for number in range(25)} == {"dev1", "dev2", "none"}
    assert {of[str(number)] for number in range(25, 50)} == {"test"}
    assert unused == 5
