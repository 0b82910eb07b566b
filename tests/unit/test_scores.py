"""Item scores: who is picked, what counts as English bias, and the file they are kept in."""

import pytest

from isogloss.data.rows import ChoiceItem
from isogloss.results.scores import ItemScore, Scores
from small_data import item

REGIONS = [["ES"], ["US"], ["GB", "KR"]]


def of(values, **changes):
    row = ChoiceItem.model_validate(item(options=["a", "b", "c"], option_regions=REGIONS, **changes))
    return ItemScore.of(row, values)


def test_the_highest_is_picked_and_the_first_of_equals():
    assert of([-3, -1, -2]).picked == 1
    assert of([-1, -1, -1]).picked == 0
    assert of([-3, -1, -2], answer=1).correct
    assert not of([-3, -1, -2]).correct


@pytest.mark.parametrize(
    ("values", "changes", "english"),
    [
        ([0, 1, 0], {}, True),
        ([0, 0, 1], {}, True),
        ([1, 0, 0], {}, False),
        ([0, 1, 0], {"answer": 1}, False),
        ([0, 0, 1], {"answer": 1}, True),
        ([0, 1, 0], {"language": "en"}, None),
    ],
)
def test_english_bias_is_an_option_of_us_or_britain_that_is_wrong_here(values, changes, english):
    assert of(values, **changes).english is english


def test_english_bias_is_undefined_without_regions():
    row = ChoiceItem.model_validate(item())
    assert ItemScore.of(row, [0, 1]).english is None


def test_what_is_saved_is_loaded(tmp_path):
    scores = Scores(condition="sur", items=(of([-1.5, -0.1, -1e-9], id="하나"), of([0, 0, 1], id="b")))
    scores.save(tmp_path / "sur.jsonl")
    assert Scores.load(tmp_path / "sur.jsonl") == scores
    assert len(scores) == 2
    assert [score.id for score in scores] == ["하나", "b"]


def test_no_items_are_a_file_too(tmp_path):
    Scores(condition="none", items=()).save(tmp_path / "none.jsonl")
    assert Scores.load(tmp_path / "none.jsonl") == Scores(condition="none", items=())


def test_the_digest_is_of_the_items_not_of_their_order():
    one, two = of([0, 1, 2], id="a"), of([0, 1, 2], id="b")
    digest = Scores(condition="x", items=(one, two)).digest
    assert digest == Scores(condition="x", items=(two, one)).digest
    assert digest != Scores(condition="y", items=(one, two)).digest
    assert digest != Scores(condition="x", items=(one, of([0, 1, 3], id="b"))).digest
