"""The table: whole at 80 columns, the same rows in every format."""

from __future__ import annotations

import csv
import io

import pytest
from rich.console import Console
from rich.table import Table

from fake_results import make_results
from isogloss.report.tables import language_table, results_csv, results_markdown, results_table
from isogloss.results.scores import MACRO


def rendered(table: Table, *, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(table)
    return console.export_text()


def test_every_condition_and_interval_is_whole_at_80_columns() -> None:
    text = rendered(results_table(make_results())).replace("\u00a0", " ")
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    for condition in make_results().conditions:
        estimate = condition.delta["localization"][MACRO]
        assert f"[{100 * estimate.low:+.1f}, {100 * estimate.high:+.1f}]".replace("-", "−") in text
    for label in ("Unsteered", "EN-steering", "layer 8, γ 1", "Country in the prompt", "Random vector"):
        assert label in text


def test_clear_changes_are_bold_and_unclear_ones_are_not() -> None:
    column = results_table(make_results()).columns[1]
    cells = [cell for cell in column.cells if str(cell)]
    bold = [any("bold" in str(span.style) for span in cell.spans) for cell in cells]  # type: ignore[union-attr]
    assert bold == [False, True, False, False, False, False, False]  # only EN's transfer is clear


def test_languages_are_whole_at_80_columns() -> None:
    text = rendered(language_table(make_results()))
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    for name in ("English (en, US)", "Indonesian (id, ID)", "Macro mean"):
        assert name in text
    assert "SUR-steering" in text


def test_csv_holds_points_and_percent() -> None:
    rows = list(csv.DictReader(io.StringIO(results_csv(make_results()))))
    assert [row["condition"] for row in rows] == ["baseline", "en", "loc", "sur", "country", "random", "other"]
    assert rows[0]["transfer_delta"] == ""
    assert float(rows[0]["transfer_accuracy"]) == pytest.approx(52.0)
    sur = make_results().conditions[2].delta["localization"][MACRO]
    assert float(rows[3]["localization_delta"]) == pytest.approx(100 * sur.value, abs=0.005)
    assert float(rows[3]["localization_delta_low"]) == pytest.approx(100 * sur.low, abs=0.005)


def test_markdown_has_the_same_rows_and_escapes_bars() -> None:
    lines = results_markdown(make_results()).splitlines()
    assert lines[2].startswith("| Unsteered | 52.0\u202f%")
    assert lines[5].startswith("| SUR-steering (EN at 8, LOC at 13) |")
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 9
    assert {line.count("|") for line in table} == {5}


def test_what_was_not_measured_is_a_dash() -> None:
    results = make_results()
    bare = results.conditions[0].model_copy(update={"delta": {}, "bias_delta": {}, "bias": {}})
    lines = results_markdown(results.model_copy(update={"conditions": (bare,)})).splitlines()
    assert lines[3] == "| EN-steering (layer 8, γ 1) | – | – | – |"
    assert rendered(language_table(results.model_copy(update={"conditions": ()})))
