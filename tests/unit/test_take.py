"""Which items of a cell are kept where their number is bounded, by examples made by hand."""

from collections import Counter

from isogloss.data.rows import ChoiceItem
from isogloss.stages.data import benchmark_digest, take
from small_data import item


def rows(*, groups=range(10), languages=("es", "ko"), axes=("transfer",), each=1, kind=None):
    return [
        ChoiceItem.model_validate(
            item(id=f"{group}-{language}-{axis}-{n}", group=str(group), language=language, axis=axis, kind=kind)
        )
        for group in groups
        for language in languages
        for axis in axes
        for n in range(each)
    ]


def test_no_limit_keeps_all_in_their_order():
    items = rows()
    assert take(items, limit=None, seed=0) == items


def test_the_limit_is_of_each_language_and_axis():
    kept = take(rows(axes=("transfer", "localization")), limit=3, seed=0)
    assert set(Counter((one.language, one.axis) for one in kept).values()) == {3}
    assert len(kept) == 12


def test_fewer_items_than_the_limit_are_all_kept():
    items = rows(groups=range(2))
    assert set(take(items, limit=5, seed=0)) == set(items)


def test_languages_share_their_questions():
    kept = take(rows(languages=("en", "es", "ko")), limit=4, seed=0)
    groups = {language: {one.group for one in kept if one.language == language} for language in ("en", "es", "ko")}
    assert groups["en"] == groups["es"] == groups["ko"]
    assert len(groups["en"]) == 4


def test_every_question_once_before_any_twice():
    kept = take(rows(groups=range(3), languages=("es",), each=4), limit=4, seed=0)
    assert sorted(Counter(one.group for one in kept).values()) == [1, 1, 2]


def test_every_kind_before_many_of_one():
    many = rows(groups=range(50), languages=("es",), kind="currency")
    few = rows(groups=range(50, 52), languages=("es",), kind="holiday")
    rare = rows(groups=range(52, 53), languages=("es",), kind="plug")
    kinds = Counter(one.kind for one in take([*many, *few, *rare], limit=6, seed=0))
    assert kinds == {"currency": 3, "holiday": 2, "plug": 1}


def test_the_seed_draws_and_the_order_of_the_file_does_not():
    items = rows(groups=range(40))
    kept = take(items, limit=5, seed=0)
    assert take(items[::-1], limit=5, seed=0) == [*kept[5:], *kept[:5]]
    assert set(take(items, limit=5, seed=1)) != set(kept)


def test_a_larger_limit_keeps_what_a_smaller_one_kept():
    items = rows(groups=range(40))
    assert set(take(items, limit=5, seed=0)) < set(take(items, limit=9, seed=0))


def test_the_benchmark_digest_is_of_the_content():
    items = rows()
    assert benchmark_digest(items) == benchmark_digest(items[::-1])
    assert benchmark_digest(items) != benchmark_digest(items[1:])
    assert benchmark_digest(items) != benchmark_digest(rows(kind="k"))
