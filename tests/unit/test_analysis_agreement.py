"""Which options are compared across languages, which are not, and the shares that follow."""

import pytest

from isogloss.analysis.agreement import agreement, is_same, same_option, same_order
from isogloss.data.rows import ChoiceItem
from isogloss.errors import UserError
from isogloss.results.scores import ItemScore, Scores
from made_up_states import PANEL

NO_LOCALIZED = "no localized questions besides English"


def item(language, number=0, *, axis="transfer", options=("a", "b", "c", "d"), answer=0, **changes):
    facts = {
        "id": f"{axis}/{number}/{language}",
        "group": f"{axis}/{number}",
        "language": language,
        "axis": axis,
        "question": "?",
        "options": [f"{language} {option}" for option in options],
        "answer": answer,
    }
    return ChoiceItem.model_validate({**facts, **changes})


def picked(items, picks):
    answered = (
        ItemScore.of(one, [float(place == pick) for place in range(len(one.options))])
        for one, pick in zip(items, picks, strict=True)
    )
    return Scores(condition="c", items=tuple(answered))


def test_options_correspond_by_place_where_gold_always_stands_alike():
    pairs = [(item("en", n, answer=n % 4), item("el", n, answer=n % 4)) for n in range(3)]
    assert same_order(pairs)
    assert not same_order(pairs[:2])  # Chance: 1/4.
    assert not same_order([])
    assert not same_order([*pairs, (item("en", 9, answer=1), item("el", 9, answer=2))])
    assert not same_order([*pairs, (item("en", 9), item("el", 9, options=("a", "b")))])


def test_gold_that_always_comes_first_tells_nothing_of_the_other_options():
    items = [item(language, n) for language in ("en", "el") for n in range(50)]
    assert not same_order(list(zip(items[:50], items[50:], strict=True)))
    found = agreement(picked(items, [1] * 100), items, panel=PANEL)
    assert found.universal == {}
    assert found.missing[0] == "en–el: 50 of 50 universal questions cannot be compared"


def test_an_option_is_found_by_its_text_or_by_its_regions():
    english = item("en", options=("euro", "won", "yuan"), option_regions=[["ES", "GR"], ["KR"], None])
    greek = item("el", options=("yuan", "x", "y"), option_regions=[["CN"], ["KR", "KP"], ["GR"]])
    assert [same_option(english, place, greek) for place in range(3)] == [2, 1, None]
    same_text = item("el").model_copy(update={"options": ("EN Yuan ", "en  x")})
    assert same_option(english, 2, same_text) == 0
    assert is_same(english, 0, greek, 2) is True
    assert is_same(english, 0, greek, 1) is False
    assert is_same(english, 2, greek, 0) is None


def test_an_option_true_of_the_same_regions_as_two_others_is_not_guessed():
    english = item("en", options=("x", "y"), option_regions=[["US", "GB"], ["FR"]])
    other = item("el", options=("x", "y", "z"), option_regions=[["US"], ["GB"], ["FR"]])
    assert same_option(english, 0, other) is None
    assert is_same(english, 0, other, 0) is None
    assert is_same(english, 0, other, 2) is False
    # Nor the other way round, where one option answers for two of the source.
    assert same_option(other, 0, english) is None


def test_agreement_is_with_what_english_picks_whether_right_or_wrong():
    items = [item(language, n, answer=n % 4) for language in ("en", "el", "ko") for n in range(4)]
    # English 0 1 2 3; Greek agrees on three (two of them wrong in both), Korean on one.
    scores = picked(items, [0, 1, 3, 1, 0, 1, 3, 0, 1, 2, 1, 1])
    found = agreement(scores, items, panel=PANEL)
    assert {name: one.value for name, one in found.universal.items()} == {
        "el": 0.75,
        "ko": 0.25,
        "macro": 0.5,
        "pairs": pytest.approx((0.75 + 0.25 + 0.0) / 3),
    }
    assert found.universal["el"].low <= 0.75 <= found.universal["el"].high
    assert found.missing == (NO_LOCALIZED,)
    assert found.localized == found.expected == found.by_label == {}


def test_shuffled_universal_options_cannot_be_compared_and_the_report_says_so():
    items = [item("en", n) for n in range(4)] + [item("el", n, answer=n % 4) for n in range(4)]
    found = agreement(picked(items, [0] * 8), items, panel=PANEL)
    assert found.universal == {}
    assert found.missing == ("en–el: 4 of 4 universal questions cannot be compared", NO_LOCALIZED)


def test_languages_that_share_no_question_and_no_english():
    items = [item("el", n) for n in range(3)] + [item("ko", n) for n in range(5, 8)]
    found = agreement(picked(items, [0] * 6), items, panel=PANEL)
    assert found.universal == {}
    assert found.missing == (
        "universal questions: none in English to agree with",
        "el–ko: 0 of 0 universal questions cannot be compared",
        NO_LOCALIZED,
    )
    one = agreement(picked(items[:3], [0] * 3), items, panel=PANEL)
    assert one.missing == ("universal questions in el alone", NO_LOCALIZED)


def currencies(language, region, own, regions, number=1):
    options = [f"{language} {place}" for place in range(len(regions))]
    return ChoiceItem(
        id=f"localization/currency/{region}/value/{language}/{number}",
        group=f"localization/currency/{region}/value",
        language=language,
        axis="localization",
        region=region,
        question="?",
        options=tuple(options),
        answer=own,
        option_regions=tuple((each,) for each in regions),
    )


def test_divergence_is_over_questions_whose_english_pick_is_on_offer():
    american = currencies("en", "US", 0, ["US", "GR", "CN"])
    british = currencies("en", "GB", 1, ["US", "GB", "KR"])
    greek = currencies("el", "GR", 0, ["GR", "US", "KR"])
    korean = currencies("ko", "KR", 2, ["GR", "CN", "KR"])
    items = [american, british, greek, korean]
    # The American picks the dollar, the Briton the won; Greece picks the dollar, Korea the won.
    found = agreement(picked(items, [0, 2, 1, 2]), items, panel=PANEL)
    # Greek against the dollar (same) and the won (other); Korean against the won (same; no dollar on offer).
    assert {name: one.value for name, one in found.localized.items()} == {"el": 0.5, "ko": 0.0, "macro": 0.25}
    # Gold: the drachma is neither dollar nor pound; the won is not the pound.
    assert {name: one.value for name, one in found.expected.items()} == {"el": 1.0, "ko": 1.0, "macro": 1.0}
    assert found.localized["el"].n == 2
    assert found.missing == ("no universal questions",)
    lone = agreement(picked([american, korean], [0, 2]), items, panel=PANEL)
    assert lone.localized == {}
    assert lone.missing[1:] == ("ko: 1 of 1 localized items cannot be compared with English",)


def test_an_interval_of_divergence_is_that_of_agreement_turned_round():
    items = []
    for number in range(12):
        for language, region in (("en", "US"), ("el", "GR")):
            one = currencies(language, region, 0 if language == "en" else 1, ["US", "GR"])
            items.append(one.model_copy(update={"id": f"{one.id}/{number}", "group": f"l/{region}/{number}"}))
    found = agreement(picked(items, [0, 0] * 9 + [0, 1] * 3), items, panel=PANEL)
    one = found.localized["el"]
    assert one.value == 0.25
    assert 0 <= one.low < 0.25 < one.high < 0.75
    assert one.groups == 12


def test_accuracy_by_label_where_items_carry_one():
    items = [
        item(language, n, label="CS" if n < 2 else "CA" if n < 4 else None)
        for language in ("en", "el")
        for n in range(5)
    ]
    found = agreement(picked(items, [0, 0, 0, 0, 0, 1, 0, 1, 1, 1]), items, panel=PANEL).by_label
    assert {label: {name: one.value for name, one in own.items()} for label, own in found.items()} == {
        "CS": {"en": 1.0, "el": 0.5, "macro": 0.5},
        "CA": {"en": 1.0, "el": 0.0, "macro": 0.0},
    }


def test_an_item_that_was_scored_must_be_given():
    items = [item("en", 0), item("en", 1)]
    with pytest.raises(UserError, match="1 scored items are not among the items given, such as transfer/1/en"):
        agreement(picked(items, [0, 0]), items[:1], panel=PANEL)
