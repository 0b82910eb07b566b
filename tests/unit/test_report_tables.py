"""The tables of results and of the comparison: whole on a narrow terminal, and with the same rows in every format."""

from __future__ import annotations

import csv
import io

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fake_comparison import STEERED, make_comparison
from fake_results import LANGUAGES, OTHERS, make_results
from isogloss.report.tables import (
    comparison_csv,
    comparison_markdown,
    comparison_table,
    comparison_tables,
    language_lines,
    language_table,
    macro_lines,
    own_lines,
    results_csv,
    results_markdown,
    results_table,
    steering_legend,
)
from isogloss.results.names import LOC_MID
from isogloss.results.scores import MACRO

MODELS = ("Unaligned", "MIST", "CLO", "MIDALIGN")


def rendered(table: Table, *, width: int) -> str:
    """The table as text, none of it cut off."""
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(table)
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    return text.replace("\u00a0", " ")


def bold(cell: object) -> bool:
    assert isinstance(cell, Text)
    return "bold" in str(cell.style) or any("bold" in str(span.style) for span in cell.spans)


def test_every_condition_and_interval_is_whole_at_80_columns() -> None:
    text = rendered(results_table(make_results()), width=80)
    for condition in make_results().conditions:
        estimate = condition.delta["localization"][MACRO]
        assert f"[{100 * estimate.low:+.1f}, {100 * estimate.high:+.1f}]".replace("-", "−") in text
    for label in ("Unsteered", "EN-steering", "layer 8, γ 1", "Country in the prompt", "Random vector"):
        assert label in text
    languages = rendered(language_table(make_results()), width=80)
    for name in ("English (en, US)", "Indonesian (id, ID)", "Macro mean", "SUR-steering"):
        assert name in languages


def test_clear_changes_are_bold_and_unclear_ones_are_not() -> None:
    cells = [cell for cell in results_table(make_results()).columns[1].cells if str(cell)]
    assert [bold(cell) for cell in cells] == [False, True, *[False] * 5]  # only EN's transfer is clear
    comparison = make_comparison()
    clear = []
    for model in comparison.models:
        for condition in model.conditions:
            delta = condition.delta.get("transfer", {}).get(MACRO)
            clear.append(delta is not None and (delta.low > 0 or delta.high < 0))  # type: ignore[operator]
    assert True in clear
    assert False in clear[1:]
    assert [bold(cell) for cell in comparison_table(comparison).columns[1].cells] == clear
    assert [bold(cell) for cell in comparison_tables(comparison)[1].columns[1].cells] == clear


def test_csv_holds_points_and_percent() -> None:
    rows = list(csv.DictReader(io.StringIO(results_csv(make_results()))))
    assert [row["condition"] for row in rows] == ["baseline", "en", "loc", "sur", "country", "random", "other"]
    assert rows[0]["transfer_delta"] == ""
    assert float(rows[0]["transfer_accuracy"]) == pytest.approx(52.0)
    sur = make_results().conditions[2].delta["localization"][MACRO]
    assert float(rows[3]["localization_delta"]) == pytest.approx(100 * sur.value, abs=0.005)
    assert float(rows[3]["localization_delta_low"]) == pytest.approx(100 * sur.low, abs=0.005)  # type: ignore[operator]


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
    assert rendered(language_table(results.model_copy(update={"conditions": ()})), width=80)


def test_one_line_a_model_and_steering_at_100_columns() -> None:
    lines = [line.strip() for line in rendered(comparison_table(make_comparison()), width=100).splitlines()]
    for name in (*MODELS, "+ EN", "+ LOC at EN's layer", "+ LOC", "+ SUR"):
        assert any(line.startswith(f"{name}  ") for line in lines), name
    rows = [line for line in lines if line.startswith(("+ ", *MODELS))]
    assert len(rows) == 4 * 5
    for model in make_comparison().models[1:]:
        delta = model.conditions[0].delta["localization"][MACRO]
        shown = f"[{100 * delta.low:+.1f},{100 * delta.high:+.1f}]".replace("-", "−")  # type: ignore[operator]
        assert any(shown in row for row in rows)
    assert "layer 13, γ 2" in " ".join(lines)
    for table in comparison_tables(make_comparison()):
        rendered(table, width=88)


def test_each_axis_has_its_table_by_language() -> None:
    _, transfer, localization = comparison_tables(make_comparison())
    assert (transfer.title, localization.title) == ("Transfer", "Localization")
    assert [column.header for column in transfer.columns][1:] == ["Macro", *LANGUAGES]
    spanish = list(transfer.columns[3].cells)
    assert (str(spanish[0]), len(spanish)) == ("71.0", 20)


def test_the_comparisons_csv_has_a_row_a_model_steering_axis_and_language() -> None:
    rows = list(csv.DictReader(io.StringIO(comparison_csv(make_comparison()))))
    assert len(rows) == 4 * 5 * (2 * (len(LANGUAGES) + 1) + len(OTHERS) + 1)
    found = {(row["model"], row["steering"], row["axis"], row["language"]): row for row in rows}
    assert len(found) == len(rows)
    first = found["unaligned", "none", "transfer", "el"]
    assert (first["value"], first["delta"], first["own_delta"], first["n"]) == ("31.00", "", "", "300")
    model = make_comparison().models[1]
    macro = found["mist", "sur", "localization", "macro"]
    delta = next(one for one in model.conditions if one.name == "sur").delta["localization"][MACRO]
    own = model.over_own["sur"]["localization"][MACRO]
    for column, value in (("delta", delta.value), ("delta_low", delta.low), ("own_delta_high", own.high)):
        assert float(macro[column]) == pytest.approx(100 * value, abs=0.005)  # type: ignore[operator]
    assert found["mist", "sur", "english_bias", "macro"]["own_delta"] == ""


def test_markdown_tables_are_whole() -> None:
    text = comparison_markdown(make_comparison())
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert [len(block) - 2 for block in blocks] == [20, 16, 20, 20, 20]
    for block in blocks:
        assert len({line.count("|") for line in block}) == 1
    assert "| **Unaligned** | 52.0 |  | 49.7 |" in text
    delta = make_comparison().models[1].conditions[0].delta["transfer"][MACRO]
    assert f"**+{100 * delta.value:.1f} [" in text


def test_lines_of_the_page_carry_the_same_numbers() -> None:
    comparison = make_comparison()
    lines = macro_lines(comparison)
    assert [line.name for line in lines if line.unsteered] == list(MODELS)
    assert [cell.value for cell in lines[0].cells] == ["52.0", "", "49.7", "", "30.8", ""]
    assert lines[5].note == "100 steps"
    assert len(language_lines(comparison)[0].cells) == 2 * (len(LANGUAGES) + 1)
    own = own_lines(comparison)
    assert len(own) == 4 * len(STEERED)
    assert [line.name for line in own if line.unsteered] == [f"{model} + EN" for model in MODELS]


def test_a_steering_that_was_not_run_has_no_row() -> None:
    comparison = make_comparison()
    models = tuple(
        model.model_copy(
            update={
                "conditions": tuple(each for each in model.conditions if each.name != LOC_MID),
                "over_own": {name: each for name, each in model.over_own.items() if name != LOC_MID},
            }
        )
        for model in comparison.models
    )
    fewer = comparison.model_copy(update={"models": models})
    assert "EN's layer" in steering_legend(comparison)
    assert "EN's layer" not in steering_legend(fewer)
    assert len(macro_lines(fewer)) == 16
