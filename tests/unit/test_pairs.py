"""Which prompts are set against each other for EN and LOC directions."""

import pytest

from isogloss.data.rows import ChoiceItem
from isogloss.errors import UserError
from isogloss.steering.extract import Pair, en_pairs, loc_pairs, pairs_digest, take_pairs
from small_data import item


def rows(*changes):
    return [ChoiceItem.model_validate(item(**one)) for one in changes]


def prompt(one, question):
    return f"{one.id}: {question}"


def test_en_pairs_are_the_same_question_in_english_and_in_the_language():
    items = rows(
        {"id": "1-ko", "group": "1", "language": "ko", "question": "하나"},
        {"id": "1-en", "group": "1", "language": "en", "question": "one"},
        {"id": "2-en", "group": "2", "language": "en", "question": "two"},
        {"id": "1-es", "group": "1", "language": "es", "question": "uno"},
        {"id": "3-es", "group": "3", "language": "es", "question": "tres"},
    )
    assert set(en_pairs(items, prompt)) == {
        Pair("ko", "1-en: one", "1-ko: 하나"),
        Pair("es", "1-en: one", "1-es: uno"),
    }


def test_several_items_of_a_group_are_matched_in_the_order_of_their_ids():
    items = rows(
        {"id": "b-en", "group": "g", "language": "en", "question": "second"},
        {"id": "a-en", "group": "g", "language": "en", "question": "first"},
        {"id": "a-ko", "group": "g", "language": "ko", "question": "첫째"},
        {"id": "b-ko", "group": "g", "language": "ko", "question": "둘째"},
        {"id": "c-ko", "group": "g", "language": "ko", "question": "셋째"},
    )
    pairs = en_pairs(items, prompt)
    assert [(pair.towards, pair.away) for pair in pairs] == [
        ("a-en: first", "a-ko: 첫째"),
        ("b-en: second", "b-ko: 둘째"),
    ]
    assert en_pairs(items[::-1], prompt) == pairs


def test_loc_pairs_are_the_question_with_and_without_its_country():
    items = rows(
        {"id": "1", "question": "¿Qué?", "context_question": "En España, ¿qué?"},
        {"id": "2", "question": "¿Quién?"},
        {"id": "3", "question": "Who?", "context_question": "Who in Britain?", "language": "en"},
    )
    assert loc_pairs(items, prompt) == [
        Pair("es", "1: En España, ¿qué?", "1: ¿Qué?"),
        Pair("en", "3: Who in Britain?", "3: Who?"),
    ]


def test_pairs_without_a_difference_and_repeated_ones_count_once_or_not():
    items = rows(
        {"id": "1", "question": "a", "context_question": "b"},
        {"id": "2", "question": "a", "context_question": "b"},
        {"id": "3", "question": "c", "context_question": "c"},
    )
    assert loc_pairs(items, lambda _item, question: question) == [Pair("es", "b", "a")]


def test_no_pairs_say_what_is_needed():
    with pytest.raises(
        UserError, match="no pairs for EN vectors: they need items that share their `group` with an English"
    ):
        en_pairs(rows({"language": "ko"}), prompt)
    with pytest.raises(UserError, match="no pairs for LOC vectors: they need items with a `context_question`"):
        loc_pairs(rows({}), prompt)


def test_take_spreads_evenly_over_each_language():
    pairs = [Pair("es", f"t{n}", f"a{n}") for n in range(10)] + [Pair("ko", "t", "a")]
    taken = take_pairs(pairs, most=4)
    assert [pair.towards for pair in taken if pair.language == "es"] == ["t0", "t2", "t5", "t7"]
    assert [pair.towards for pair in taken if pair.language == "ko"] == ["t"]
    assert take_pairs(pairs, most=100) == pairs


def test_the_digest_is_of_the_prompts():
    one = [Pair("es", "a", "b")]
    assert pairs_digest(one) == pairs_digest([Pair("es", "a", "b")])
    assert len({pairs_digest(x) for x in (one, [Pair("es", "b", "a")], [Pair("ko", "a", "b")], one * 2)}) == 4
