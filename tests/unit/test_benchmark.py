"""Both halves together: splits by group, files, and the data card."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from isogloss.data.benchmark.benchmark import (
    as_lines,
    assign_splits,
    build_benchmark,
    data_card,
    picked,
    shortcuts,
    write_benchmark,
)
from isogloss.data.benchmark.fact import exclusions
from isogloss.data.benchmark.local_fact import local_exclusions
from isogloss.data.benchmark.universal import training_countries
from isogloss.data.benchmark.wording import languages
from isogloss.data.rows import ChoiceItem


def _item(name: str, *, language: str = "en", group: str | None = None, kind: str = "capital-of") -> ChoiceItem:
    return ChoiceItem(
        id=f"{name}/{language}",
        group=group or name,
        language=language,
        axis="transfer",
        question=f"{name}?",
        options=("one", "three", "four", "five"),
        answer=0,
        kind=kind,
    )


@pytest.fixture(scope="module")
def items() -> tuple[ChoiceItem, ...]:
    return build_benchmark(seed=0)


def test_a_group_lies_in_one_split(items: tuple[ChoiceItem, ...]) -> None:
    splits: dict[str, set[str]] = defaultdict(set)
    for item in items:
        splits[item.group].add(item.split)
    assert all(len(found) == 1 for found in splits.values())
    assert len(splits) > 1000


@pytest.mark.parametrize("axis", ["transfer", "localization"])
def test_splits_have_their_shares_in_every_axis_and_language(items: tuple[ChoiceItem, ...], axis: str) -> None:
    for language in languages():
        groups = {item.group: item.split for item in items if item.axis == axis and item.language == language}
        shares = Counter(groups.values())
        for split, share in (("dev1", 0.2), ("dev2", 0.2), ("test", 0.6)):
            assert shares[split] / len(groups) == pytest.approx(share, abs=0.03), (language, split)


def test_every_kind_of_transfer_is_in_every_split(items: tuple[ChoiceItem, ...]) -> None:
    found: dict[str, set[str]] = defaultdict(set)
    for item in items:
        if item.axis == "transfer":
            found[item.kind or ""].add(item.split)
    assert len(found) == 13
    assert all(splits == {"dev1", "dev2", "test"} for splits in found.values())


def test_assign_splits_keeps_order_and_groups() -> None:
    rows = [_item(f"fact{n}", language=language) for n in range(50) for language in ("en", "ko")]
    result = assign_splits(reversed(rows), seed=3)
    assert [item.id for item in result] == [item.id for item in reversed(rows)]
    groups = {item.group: item.split for item in result}
    assert Counter(groups.values()) == {"dev1": 10, "dev2": 10, "test": 30}
    assert groups == {item.group: item.split for item in assign_splits(rows, seed=3)}
    assert groups != {item.group: item.split for item in assign_splits(rows, seed=4)}


def test_sister_kinds_of_a_group_stay_together() -> None:
    rows = [
        _item(f"{kind}/{n}", group=f"topic{n}", kind=kind)
        for n in range(20)
        for kind in ("capital-of", "country-of-capital")
    ]
    splits = {(item.group, item.split) for item in assign_splits(rows, seed=0)}
    assert len(splits) == 20


def test_small_strata_even_out() -> None:
    rows = [_item(f"fact{n}", kind=f"kind{n}") for n in range(100)]
    assert Counter(item.split for item in assign_splits(rows, seed=0)) == {"dev1": 20, "dev2": 20, "test": 60}


def test_ids_are_unique_and_sorted(items: tuple[ChoiceItem, ...]) -> None:
    ids = [item.id for item in items]
    assert ids == sorted(set(ids))


def test_lines_read_back_as_the_same_items(items: tuple[ChoiceItem, ...]) -> None:
    some = items[:: len(items) // 50]
    assert [ChoiceItem.model_validate(json.loads(line)) for line in as_lines(some).splitlines()] == list(some)


def test_both_files_are_written(tmp_path: Path, items: tuple[ChoiceItem, ...]) -> None:
    write_benchmark(tmp_path / "benchmark", seed=0)
    assert sorted(path.name for path in (tmp_path / "benchmark").iterdir()) == ["card.md", "choices.jsonl"]
    lines = (tmp_path / "benchmark" / "choices.jsonl").read_text(encoding="utf-8")
    assert lines == as_lines(items)


def test_card_has_counts_shortcuts_sources_and_reasons(items: tuple[ChoiceItem, ...]) -> None:
    card = data_card(items)
    assert f"{len(items):,} items" in card
    for heading in ("## Counts", "## Shortcuts", "## Sources", "## Examples", "## Left out of the transfer facts"):
        assert heading in card
    assert "## Left out of the localization facts" in card
    assert f"Countries kept for training ({len(training_countries())}): Albania, " in card
    for one in exclusions().universal:
        assert f"| {one.kind} | {one.key} | {one.reason} |" in card
    for one in exclusions().rules:
        assert f"- {one.kind}: {one.reason}" in card
    for name, reason in local_exclusions().items():
        assert f"| `{name}` | {reason} |" in card
    for source in {item.source for item in items}:
        assert source is not None
        assert source in card


def test_shortcuts_share_ties_and_count_over_the_language() -> None:
    rows = [_item("a"), _item("b"), _item("c", language="ko")]
    english, korean = shortcuts(rows)
    assert (english.language, korean.language, english.n, korean.n) == ("en", "ko", 2, 1)
    assert english.shortest == 1.0, "'one' is the shortest"
    assert english.longest == 0.0
    assert english.most_frequent == english.chance == 0.25
    assert picked([2, 2, 1], 0) == 0.5
