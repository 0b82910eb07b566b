"""The plotting library of a page: bundled once for all processes, and again where the cache has not got it whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from isogloss.report.page import Scripts, scripts

BUNDLE = "window.vegaEmbed = 'ΔΦ';"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[str]]:
    """What was asked of the bundler, for which a short text stands."""
    asked: list[str] = []

    def bundle(snippet: str) -> str:
        asked.append(snippet)
        return BUNDLE

    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path))
    monkeypatch.setattr("vl_convert.javascript_bundle", bundle)
    yield asked
    scripts.cache_clear()


def in_a_new_process() -> Scripts:
    scripts.cache_clear()
    return scripts()


def test_the_library_is_bundled_once_for_all_processes(made: list[str]) -> None:
    first = in_a_new_process()
    assert first.library == BUNDLE
    assert in_a_new_process() == first
    assert len(made) == 1


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"sha256": "", "text": "alert(1)"}', "\xff"])
def test_a_damaged_one_is_made_anew(made: list[str], tmp_path: Path, content: str) -> None:
    first = in_a_new_process()
    (kept,) = (tmp_path / "scripts").iterdir()
    kept.write_text(content, encoding="latin-1")
    assert in_a_new_process() == first
    assert len(made) == 2
    assert in_a_new_process() == first
    assert len(made) == 2


def test_another_version_of_the_library_is_another_bundle(made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    in_a_new_process()
    monkeypatch.setattr("isogloss.report.page.version", lambda package: "0.0")
    in_a_new_process()
    assert len(made) == 2


def test_a_cache_that_cannot_be_written_costs_only_time(made: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOGLOSS_CACHE", "/dev/null/cache")
    assert in_a_new_process().library == BUNDLE
