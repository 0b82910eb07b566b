"""Estimates and intervals against plain loops, and against the truth of simulated data."""

from __future__ import annotations

import random
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from isogloss.results.scores import Estimate, ItemScore
from isogloss.scoring.statistics import (
    accuracies,
    accuracy,
    bias_difference,
    bias_differences,
    bias_rate,
    bias_rates,
    differences,
    macro_accuracy_change,
    macro_bias_change,
    macro_bias_difference,
    macro_difference,
    paired_difference,
)


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def item(
    name: str, *, group: str, correct: bool, language: str = "ko", english: bool | None = None, axis: str = "transfer"
) -> ItemScore:
    return ItemScore(
        id=name,
        group=group,
        language=language,
        axis=axis,  # type: ignore[arg-type]
        answer=0,
        picked=0 if correct else 1,
        english=english,
        option_scores=(0.0, -1.0),
    )


def simulate(
    rng: random.Random, *, groups: int, per_group: int = 1, languages: tuple[str, ...] = ("ko",), shared: bool = True
) -> list[ItemScore]:
    """Items whose groups are easy or hard as a whole, in all languages alike where `shared`. True accuracy 0.55."""
    items = []
    difficulty = {}
    for language in languages:
        for group in range(groups):
            name = f"q{group}" if shared else f"{language}-q{group}"
            chance = difficulty.setdefault(name, rng.choice([0.2, 0.9]))
            items += [
                item(
                    f"{language}-{group}-{copy}",
                    group=name,
                    language=language,
                    correct=rng.random() < chance,
                    english=rng.random() < 0.3,
                )
                for copy in range(per_group)
            ]
    return items


def naive_macro_interval(
    items: list[ItemScore], value: dict[str, float], *, resamples: int = 2_000
) -> tuple[float, float]:
    """The same bootstrap in plain loops: draw groups, pool their items, mean by language, mean over languages."""
    rng = random.Random(7)
    by_group: dict[str, list[ItemScore]] = {}
    for each in items:
        by_group.setdefault(each.group, []).append(each)
    names = list(by_group)
    estimates = []
    for _ in range(resamples):
        drawn = [each for name in rng.choices(names, k=len(names)) for each in by_group[name]]
        by_language: dict[str, list[float]] = {}
        for each in drawn:
            by_language.setdefault(each.language, []).append(value[each.id])
        estimates.append(np.mean([np.mean(values) for values in by_language.values()]))
    low, high = np.percentile(estimates, [2.5, 97.5])
    return float(low), float(high)


def assert_close(estimate: Estimate, low: float, high: float, *, tolerance: float) -> None:
    assert estimate.low == pytest.approx(low, abs=tolerance)
    assert estimate.high == pytest.approx(high, abs=tolerance)


def test_accuracy_counts_items_and_groups() -> None:
    items = [
        item("a", group="g", correct=True),
        item("b", group="g", correct=False),
        item("c", group="h", correct=True),
    ]
    estimate = accuracy(items)
    assert (estimate.value, estimate.n, estimate.groups) == (pytest.approx(2 / 3), 3, 2)


def test_interval_equals_a_naive_loop_over_groups_of_unequal_size() -> None:
    rng = random.Random(1)
    items = [
        item(f"{group}-{copy}", group=f"q{group}", correct=rng.random() < 0.3 + 0.4 * (group % 2))
        for group in range(40)
        for copy in range(1 + group % 4)
    ]
    low, high = naive_macro_interval(items, {each.id: float(each.correct) for each in items})
    assert_close(accuracy(items), low, high, tolerance=0.012)


def test_macro_interval_equals_a_naive_loop_that_draws_a_group_in_all_its_languages() -> None:
    items = simulate(random.Random(2), groups=40, languages=("ko", "es", "el"))
    low, high = naive_macro_interval(items, {each.id: float(each.correct) for each in items})
    assert_close(accuracies(items)["macro"], low, high, tolerance=0.012)


def test_difference_interval_equals_a_naive_loop() -> None:
    before = simulate(random.Random(3), groups=50, per_group=2)
    after = simulate(random.Random(4), groups=50, per_group=2)
    truth = {b.id: float(a.correct) - float(b.correct) for a, b in zip(after, before, strict=True)}
    after_in_groups = [replace(each, group=other.group) for each, other in zip(after, before, strict=True)]
    low, high = naive_macro_interval(before, truth)
    estimate = paired_difference(after_in_groups, before)
    assert estimate.value == pytest.approx(np.mean(list(truth.values())))
    assert_close(estimate, low, high, tolerance=0.012)


def test_items_of_one_group_are_not_independent_evidence() -> None:
    copies = [item(f"{g}-{c}", group=f"q{g}", correct=g % 2 == 0) for g in range(30) for c in range(10)]
    alone = [replace(each, group=each.id) for each in copies]
    grouped, separate = accuracy(copies), accuracy(alone)
    assert grouped.high - grouped.low > 2.5 * (separate.high - separate.low)  # √10 in expectation


def test_the_interval_covers_the_truth_about_95_percent_of_the_time() -> None:
    rng = random.Random(5)
    estimates = [accuracy(simulate(rng, groups=40, per_group=3)) for _ in range(300)]
    covered = np.mean([estimate.low <= 0.55 <= estimate.high for estimate in estimates])
    assert 0.91 <= covered <= 0.98


@pytest.mark.parametrize("shared", [True, False])
def test_the_macro_interval_covers_the_truth_whether_or_not_languages_share_groups(shared: bool) -> None:
    rng = random.Random(6)
    estimates = [
        accuracies(simulate(rng, groups=30, languages=("en", "ko", "es", "el"), shared=shared))["macro"]
        for _ in range(200)
    ]
    covered = np.mean([estimate.low <= 0.55 <= estimate.high for estimate in estimates])
    assert 0.90 <= covered <= 0.985


def test_shared_groups_widen_the_macro_interval() -> None:
    languages = ("ko", "es", "el", "id", "zh", "ar")
    together = accuracies(simulate(random.Random(8), groups=60, languages=languages))["macro"]
    apart = accuracies(simulate(random.Random(8), groups=60, languages=languages, shared=False))["macro"]
    assert together.high - together.low > 1.3 * (apart.high - apart.low)


def test_macro_weighs_languages_alike_and_leaves_english_out() -> None:
    items = [item(f"ko{i}", group=f"k{i}", correct=True) for i in range(90)]
    items += [item(f"es{i}", group=f"e{i}", correct=False, language="es") for i in range(10)]
    items += [item(f"en{i}", group=f"n{i}", correct=True, language="en") for i in range(10)]
    found = accuracies(items)
    assert list(found) == ["en", "es", "ko", "macro"]
    assert found["macro"].value == 0.5
    assert (found["macro"].n, found["macro"].groups) == (100, 100)
    assert (found["macro"].low, found["macro"].high) == (0.5, 0.5)  # each language is its own stratum


def test_no_macro_where_only_english_is_present() -> None:
    assert list(accuracies([item("a", group="g", correct=True, language="en")])) == ["en"]


def test_one_group_has_no_interval_and_neither_has_a_macro_that_holds_it() -> None:
    items = simulate(random.Random(9), groups=20)
    lone = [item("el0", group="x", correct=True, language="el"), item("el1", group="x", correct=False, language="el")]
    found = accuracies([*items, *lone])
    assert (found["el"].low, found["el"].high, found["el"].groups) == (None, None, 1)
    assert found["ko"].low is not None
    assert (found["macro"].low, found["macro"].high) == (None, None)


@pytest.mark.parametrize("correct", [True, False])
def test_equal_values_give_a_degenerate_interval(correct: bool) -> None:
    estimate = accuracy([item(str(i), group=str(i), correct=correct) for i in range(12)])
    assert estimate.low == estimate.value == estimate.high == float(correct)


def test_a_language_that_a_resample_may_miss_gives_no_nan() -> None:
    items = simulate(random.Random(10), groups=30)
    items += [item(f"es{g}", group=f"q{g}", correct=bool(g), language="es") for g in range(2)]
    macro = accuracies(items)["macro"]
    assert 0.0 < macro.low < macro.value < macro.high < 1.0


def test_pairs_are_matched_by_id_whatever_the_order() -> None:
    before = simulate(random.Random(11), groups=30, languages=("ko", "es"))
    after = [replace(each, picked=each.answer) for each in before]
    random.Random(0).shuffle(after)
    found = differences(after, before)
    wrong = 1 - accuracies(before)["macro"].value
    assert found["macro"].value == pytest.approx(wrong)
    assert found == differences(sorted(after, key=lambda each: each.id), before)


def test_pairing_narrows_the_interval() -> None:
    before = simulate(random.Random(12), groups=200)
    after = [replace(each, picked=each.answer) if n % 20 == 0 else each for n, each in enumerate(before)]
    paired, single = paired_difference(after, before), accuracy(before)
    assert paired.high - paired.low < 0.5 * (single.high - single.low)


def test_the_same_scores_differ_by_nothing() -> None:
    items = simulate(random.Random(13), groups=20, languages=("ko", "es"))
    for estimate in differences(items, items).values():
        assert estimate.low == estimate.value == estimate.high == 0.0


def test_ids_that_do_not_match_are_named() -> None:
    before = [item(name, group=name, correct=True) for name in ("a", "b", "c")]
    after = [item(name, group=name, correct=True) for name in ("b", "c", "d")]
    with pytest.raises(ValueError, match=r"1 only in the scores: d; 1 only in the baseline: a"):
        paired_difference(after, before)


def test_an_id_that_stands_twice_is_named() -> None:
    twice = [item("a", group="g", correct=True), item("a", group="h", correct=True)]
    with pytest.raises(ValueError, match="twice in the baseline: a"):
        differences([twice[0]], twice)


def test_nothing_to_estimate_is_an_error_but_no_bias_is_none() -> None:
    with pytest.raises(ValueError, match="no items"):
        accuracy([])
    unbiased = [item(str(i), group=str(i), correct=True) for i in range(3)]
    assert bias_rate(unbiased) is None
    assert bias_difference(unbiased, unbiased) is None
    assert bias_rates(unbiased) == bias_differences(unbiased, unbiased) == {}


def test_bias_looks_only_at_items_with_an_english_option() -> None:
    items = [
        item(str(i), group=str(i), correct=False, english=value) for i, value in enumerate([True, False, None, None])
    ]
    rate = bias_rate(items)
    assert rate is not None
    assert (rate.value, rate.n, rate.groups) == (0.5, 2, 2)
    cured = [replace(each, english=False if each.english else each.english) for each in items]
    assert bias_difference(cured, items).value == -0.5  # type: ignore[union-attr]
    assert bias_differences(cured, items)["macro"].value == -0.5
    assert bias_rates(items)["ko"] == rate


def test_seed_decides_the_interval() -> None:
    items = simulate(random.Random(14), groups=200)
    assert accuracy(items) == accuracy(items)
    assert accuracy(items, seed=1) != accuracy(items, seed=2)


def test_five_thousand_items_take_a_fraction_of_a_second() -> None:
    items = simulate(random.Random(15), groups=5_000)
    start = time.process_time()
    accuracy(items)
    assert time.process_time() - start < 1.0  # about 0.07 s; the margin is for a busy machine


def test_macro_changes_are_the_values_of_the_macro_differences() -> None:
    rng = random.Random(3)
    before, after = (
        [
            item(
                f"{language}{number}", group=str(number), language=language, correct=rng.random() < 0.5,
                english=rng.random() < 0.3 if number % 2 else None, axis="localization",
            )
            for language in ("en", "es", "ko")
            for number in range(9 if language == "es" else 5)
        ]
        for _ in range(2)
    )  # fmt: skip
    assert macro_accuracy_change(after, before) == pytest.approx(macro_difference(after, before).value, abs=1e-12)
    bias = macro_bias_difference(after, before)
    assert bias is not None
    assert macro_bias_change(after, before) == pytest.approx(bias.value, abs=1e-12)
    none = [one for one in before if one.english is None]
    assert macro_bias_change(none, none) is None
    english = [one for one in before if one.language == "en"]
    with pytest.raises(ValueError, match="besides English"):
        macro_accuracy_change(english, english)
