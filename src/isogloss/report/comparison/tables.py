"""The comparison as tables, in the layout of the paper's table 3: for the terminal, as CSV, as Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from isogloss.evaluate.results import MACRO, Comparison, Estimate
from isogloss.report.comparison.rows import (
    QUANTITIES,
    QUANTITY_NAMES,
    Quantity,
    Row,
    comparison_rows,
    is_clear,
    shown_languages,
    steering_legend,
)
from isogloss.report.numbers import delta_text, interval, points
from isogloss.report.table import compact_table

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

MACRO_READING = (
    "Macro mean over the non-English languages, in percent; then the paired change from the unaligned, unsteered model "
    "in points, and its 95 % interval. Bold: the interval excludes zero."
)
LANGUAGES_READING = (
    "Percent of items. Bold: the 95 % interval of the paired change from the unaligned, unsteered model excludes zero."
)
CSV_COLUMNS = (
    *("model", "steering", "axis", "language", "value", "low", "high", "delta", "delta_low", "delta_high"),
    *("own_delta", "own_delta_low", "own_delta_high", "n"),
)


def comparison_tables(comparison: Comparison) -> list[Table]:
    """For the terminal: the macro table, then each axis by language."""
    return [
        comparison_table(comparison),
        *(languages_table(comparison, quantity) for quantity in ("transfer", "localization")),
    ]


def comparison_table(comparison: Comparison) -> Table:
    """For the terminal, at most 100 columns: macro transfer, localization and English bias, each with its change."""
    table = compact_table(f"{MACRO_READING} {steering_legend(comparison)}")
    table.add_column("Model and steering", min_width=19)
    for quantity in QUANTITIES:
        table.add_column(f"{QUANTITY_NAMES[quantity]}, Δ", min_width=13)
    for row in comparison_rows(comparison):
        if row.unsteered:
            table.add_section()
        table.add_row(_name(row), *(_macro_cell(row, quantity) for quantity in QUANTITIES))
    return table


def languages_table(comparison: Comparison, quantity: Quantity) -> Table:
    """For the terminal: one axis, the macro mean and every language."""
    codes = shown_languages(comparison, quantity)
    table = compact_table(LANGUAGES_READING)
    table.title, table.title_justify, table.title_style = QUANTITY_NAMES[quantity], "left", "bold"
    table.add_column("Model and steering", min_width=19)
    for code in codes:
        table.add_column("Macro" if code == MACRO else code, justify="right", min_width=5)
    for row in comparison_rows(comparison):
        if row.unsteered:
            table.add_section()
        table.add_row(_name(row), *(_language_cell(row, quantity, code) for code in codes))
    return table


def comparison_csv(comparison: Comparison) -> str:
    """A row a model, steering, axis (or English bias) and language: percent and points, two decimals.

    `delta` is against the unaligned, unsteered model, `own_delta` against the same model unsteered; empty where absent.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in comparison_rows(comparison):
        for quantity in QUANTITIES:
            rates, changes, own = row.rates(quantity), row.changes(quantity), row.own_changes(quantity)
            for code in (*comparison.languages, MACRO):
                if (rate := rates.get(code)) is not None:
                    numbers = [*_numbers(rate), *_numbers(changes.get(code)), *_numbers(own.get(code))]
                    writer.writerow([row.model.name, row.condition.name, quantity, code, *numbers, rate.n])
    return out.getvalue()


def comparison_markdown(comparison: Comparison) -> str:
    """The macro table with intervals, what steering changes in each model, then each axis by language."""
    rows = list(comparison_rows(comparison))
    parts = [
        _markdown(
            ["Model and steering", *(f"{name}{end}" for name in QUANTITY_NAMES.values() for end in ("", " Δ"))],
            [[_markdown_name(row), *(cell for q in QUANTITIES for cell in _markdown_pair(row, q))] for row in rows],
        ),
        f"{MACRO_READING} {steering_legend(comparison)}.",
        "### What steering changes in each model",
        own_markdown(comparison),
        "Paired change from the same model unsteered, in points.",
    ]
    for quantity in QUANTITIES:
        codes = shown_languages(comparison, quantity)
        header = ["Model and steering", *("macro" if code == MACRO else code for code in codes)]
        cells = [[_markdown_name(row), *(_markdown_rate(row, quantity, code) for code in codes)] for row in rows]
        parts += [f"### {QUANTITY_NAMES[quantity]} by language", _markdown(header, cells), LANGUAGES_READING]
    return "\n\n".join(parts) + "\n"


def own_markdown(comparison: Comparison) -> str:
    """What each steering changes in each model against that model unsteered, macro, as Markdown."""
    cells = []
    for row in comparison_rows(comparison):
        if not row.unsteered:
            changes = [row.own_changes(axis).get(MACRO) for axis in ("transfer", "localization")]
            texts = [_strong(delta_text(each), clear=is_clear(each)) for each in changes]
            cells.append([f"{row.model.label} {row.name}", *texts])
    return _markdown(["Model and steering", "Transfer Δ", "Localization Δ"], cells)


def rate_number(rate: Estimate | None) -> str:
    """A rate in percent without its sign, for tables whose heads say it; a dash where nothing was measured."""
    return "–" if rate is None else f"{100 * rate.value:.1f}"


def _name(row: Row) -> Text:
    from rich.text import Text

    return Text(row.name, style="bold" if row.unsteered else "")


def _macro_cell(row: Row, quantity: Quantity) -> Text:
    """`52.0 +17.0 [+15.4,+18.5]` in columns, which breaks before the bracket where the terminal is narrow."""
    from rich.text import Text

    rate, change = row.rates(quantity).get(MACRO), row.changes(quantity).get(MACRO)
    text = Text(f"{rate_number(rate):\u00a0>4}")
    if change is not None:
        text.append(f"{points(change.value):\u00a0>6}", style="bold" if is_clear(change) else "")
        text.append(" " + interval(change).replace(",\u00a0", ","), style="dim")
    return text


def _language_cell(row: Row, quantity: Quantity, code: str) -> Text:
    from rich.text import Text

    clear = is_clear(row.changes(quantity).get(code))
    return Text(rate_number(row.rates(quantity).get(code)), style="bold" if clear else "")


def _numbers(estimate: Estimate | None) -> list[str]:
    if estimate is None:
        return ["", "", ""]
    return ["" if each is None else f"{100 * each:.2f}" for each in (estimate.value, estimate.low, estimate.high)]


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", f"|---|{'--:|' * (len(header) - 1)}"]
    lines += [f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows]
    return "\n".join(lines)


def _markdown_name(row: Row) -> str:
    return f"**{row.name}**" if row.unsteered else f"{row.model.label} {row.name}"


def _markdown_pair(row: Row, quantity: Quantity) -> tuple[str, str]:
    change = row.changes(quantity).get(MACRO)
    text = "" if change is None else _strong(delta_text(change), clear=is_clear(change))
    return rate_number(row.rates(quantity).get(MACRO)), text


def _markdown_rate(row: Row, quantity: Quantity, code: str) -> str:
    return _strong(rate_number(row.rates(quantity).get(code)), clear=is_clear(row.changes(quantity).get(code)))


def _strong(text: str, *, clear: bool) -> str:
    return f"**{text}**" if clear else text
