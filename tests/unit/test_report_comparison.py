"""The comparison of models in tables and sentences: whole at 100 columns, and no claim beyond its interval."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

import pytest
from rich.console import Console
from rich.table import Table
from rich.text import Text

from fake_comparison import STEERED, make_comparison
from fake_results import LANGUAGES, OTHERS
from isogloss.data.rows import Axis
from isogloss.report.comparison.rows import steering_legend
from isogloss.report.findings import comparison_findings, effects_of
from isogloss.report.tables import (
    comparison_csv,
    comparison_markdown,
    comparison_table,
    comparison_tables,
    language_lines,
    macro_lines,
    own_lines,
)
from isogloss.results.scores import MACRO, Comparison, Condition, Estimate, TrainedModel

GAIN = Estimate(value=0.05, low=0.02, high=0.08, n=100, groups=20)
LOSS = Estimate(value=-0.04, low=-0.06, high=-0.02, n=100, groups=20)
UNCLEAR = Estimate(value=0.03, low=-0.01, high=0.07, n=100, groups=20)
LONE = Estimate(value=0.5, low=None, high=None, n=2, groups=1)
MODELS = ("Unaligned", "MIST", "CLO", "MIDALIGN")


def rendered(table: Table, *, width: int = 100) -> str:
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(table)
    return console.export_text()


def bold(cell: object) -> bool:
    assert isinstance(cell, Text)
    return "bold" in str(cell.style) or any("bold" in str(span.style) for span in cell.spans)


def of(transfer: Estimate, localization: Estimate, *, bias: Estimate, own: Mapping[Axis, Estimate]) -> Comparison:
    """One trained model, MIST, with these macro values; `own` is what SUR changes in it."""
    comparison = make_comparison()
    deltas: dict[Axis, dict[str, Estimate]] = {"transfer": {MACRO: transfer}, "localization": {MACRO: localization}}
    plain = Condition(
        name="none", label="MIST", role="method", accuracy={}, delta=deltas, bias={}, bias_delta={MACRO: bias}
    )
    model = TrainedModel(
        name="mist",
        label="MIST",
        conditions=(plain, plain.model_copy(update={"name": "sur", "label": "MIST + SUR-steering"})),
        over_own={"sur": {axis: {MACRO: one} for axis, one in own.items()}},
    )
    return comparison.model_copy(update={"models": (comparison.models[0], model)})


def plainly(sentences: list[str]) -> list[str]:
    return [sentence.replace("\u00a0", " ").replace("\u202f", " ") for sentence in sentences]


def test_one_line_a_model_and_steering_at_100_columns() -> None:
    text = rendered(comparison_table(make_comparison())).replace("\u00a0", " ")
    lines = [line.rstrip() for line in text.splitlines()]
    assert max(map(len, lines)) <= 100
    assert "…" not in text
    for name in (*MODELS, "+ EN", "+ LOC at EN's layer", "+ LOC", "+ SUR"):
        assert any(line.strip().startswith(f"{name}  ") for line in lines), name
    rows = [line for line in lines if line.strip().startswith(("+ ", *MODELS))]
    assert len(rows) == 4 * 5
    for model in make_comparison().models[1:]:
        delta = model.conditions[0].delta["localization"][MACRO]
        shown = f"[{100 * delta.low:+.1f},{100 * delta.high:+.1f}]".replace("-", "−")  # type: ignore[operator]
        assert any(shown in row for row in rows)
    assert "layer 13, γ 2" in " ".join(text.split())


def test_the_comparison_is_whole_on_a_narrow_terminal_too() -> None:
    for table in comparison_tables(make_comparison()):
        text = rendered(table, width=88)
        assert max(map(len, text.splitlines())) <= 88
        assert "…" not in text


def test_each_axis_has_its_table_by_language() -> None:
    _, transfer, localization = comparison_tables(make_comparison())
    assert (transfer.title, localization.title) == ("Transfer", "Localization")
    assert [column.header for column in transfer.columns][1:] == ["Macro", *LANGUAGES]
    spanish = list(transfer.columns[3].cells)
    assert str(spanish[0]) == "71.0"
    assert len(spanish) == 20


def test_bold_is_what_is_clear_against_the_unaligned_model() -> None:
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


def test_csv_has_a_row_a_model_steering_axis_and_language() -> None:
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
    assert float(macro["delta"]) == pytest.approx(100 * delta.value, abs=0.005)
    assert float(macro["delta_low"]) == pytest.approx(100 * delta.low, abs=0.005)  # type: ignore[operator]
    assert float(macro["own_delta_high"]) == pytest.approx(100 * own.high, abs=0.005)  # type: ignore[operator]
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
                "conditions": tuple(each for each in model.conditions if each.name != "loc_mid"),
                "over_own": {name: each for name, each in model.over_own.items() if name != "loc_mid"},
            }
        )
        for model in comparison.models
    )
    fewer = comparison.model_copy(update={"models": models})
    assert "LOC at EN's layer" not in rendered(comparison_table(fewer))
    assert "LOC at EN's layer" not in steering_legend(fewer)
    assert len(macro_lines(fewer)) == 16


def test_three_findings_gain_cost_and_what_steering_gives_back() -> None:
    gain, cost, steering = plainly(comparison_findings(make_comparison()))
    assert gain.startswith("MIST raises transfer by ")
    assert " and MIDALIGN by " in gain
    assert "CLO shows no clear change in transfer (" in gain
    assert "MIST and MIDALIGN buy transfer with erasure." in cost
    assert "English bias stands at 30.8 % in the unaligned model; MIST raises it by " in cost
    assert steering.startswith("On top of training, SUR-steering raises localization by ")
    assert "for MIST (which had lost " in steering
    assert "for CLO and by" in steering
    assert "shows no clear change in transfer for MIST (" in steering


def test_findings_claim_no_more_than_their_intervals() -> None:
    found = plainly(
        comparison_findings(
            of(UNCLEAR, LOSS, bias=UNCLEAR, own={"transfer": LOSS, "localization": UNCLEAR}),
        )
    )
    assert found == [
        "MIST shows no clear change in transfer (+3.0 points [−1.0, +7.0]).",
        "MIST lowers localization by 4.0 points [−6.0, −2.0]. English bias stands at 30.8 % in the unaligned model; MIST "
        "shows no clear change in it (+3.0 points [−1.0, +7.0]).",
        "On top of training, SUR-steering shows no clear change in localization for MIST (+3.0 points [−1.0, +7.0]); it "
        "lowers transfer by 4.0 points [−6.0, −2.0] for MIST.",
    ]


def test_a_gain_on_both_axes_is_said_and_gives_nothing_back() -> None:
    _, cost, steering = plainly(
        comparison_findings(of(GAIN, GAIN, bias=LOSS, own={"transfer": UNCLEAR, "localization": GAIN}))
    )
    assert "MIST gains on both axes." in cost
    assert "erasure" not in cost
    assert "MIST lowers it by 4.0 points" in cost
    assert "which had lost" not in steering


def test_effects_are_grouped_by_what_is_clear() -> None:
    text = effects_of([("A", GAIN), ("B", LOSS), ("C", UNCLEAR), ("D", UNCLEAR), ("E", GAIN), ("F", LONE)], "transfer")
    assert text.replace("\u00a0", " ") == (
        "A raises transfer by 5.0 points [+2.0, +8.0] and E by 5.0 points [+2.0, +8.0]; "
        "B lowers transfer by 4.0 points [−6.0, −2.0]; "
        "C (+3.0 points [−1.0, +7.0]) and D (+3.0 points [−1.0, +7.0]) show no clear change in transfer; "
        "F moves transfer by +50.0 points (too few questions for an interval)"
    )


def test_without_trained_models_there_is_nothing_to_find() -> None:
    comparison = make_comparison()
    alone = comparison.model_copy(update={"models": comparison.models[:1]})
    assert comparison_findings(alone) == []
    assert len(macro_lines(alone)) == 5
