"""The results and the comparison (in the layout of the paper's table 3) as tables: for the terminal, CSV, Markdown, the page."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from isogloss.data.rows import AXES, Axis
from isogloss.results.format import (
    delta_text,
    interval,
    language_name,
    markdown_table,
    percent,
    points,
    rate_number,
)
from isogloss.results.names import CONDITIONS, QUANTITIES, STEERINGS, SUR, Quantity
from isogloss.results.scores import (
    MACRO,
    Comparison,
    ComparisonRow,
    Condition,
    Estimate,
    Results,
    comparison_rows,
    headline,
    is_clear,
)

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text


@dataclass(frozen=True, slots=True)
class Cell:
    """A number of the page, what is written small beside it, and whether it is a clear change."""

    value: str
    beside: str = ""
    clear: bool = False


def change_cell(change: Estimate | None, *, absent: str = "") -> Cell:
    """A change in points with its interval."""
    return Cell(absent) if change is None else Cell(points(change.value), interval(change), is_clear(change))


def compact_table(caption: str) -> Table:
    """An empty terminal table without a frame, its caption below."""
    from rich import box
    from rich.table import Table

    return Table(
        box=box.SIMPLE,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        caption=caption,
        caption_justify="left",
        caption_style="dim",
    )


def _csv(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def _csv_numbers(*estimates: Estimate | None) -> list[str]:
    """Value, low and high of each, times 100 with two decimals; empty where absent."""
    ends = [(e.value, e.low, e.high) if e else (None, None, None) for e in estimates]
    return ["" if number is None else f"{100 * number:.2f}" for triple in ends for number in triple]


# --------------------------------------------------------------------------------------------------------------------
# The results: a row a condition, macro; rates for the baseline, changes for the others.

COLUMNS = ("Condition", *(f"{words} Δ" for words in QUANTITIES.values()))
READING = (
    "Macro mean over the non-English languages. First row: rates in percent. Others: paired change from it, in points. "
    "Brackets: 95 % interval."
)


def results_rows(results: Results) -> list[Condition]:
    """The baseline, the methods, then the controls, in their order."""
    return [results.baseline, *(c for role in ("method", "control") for c in results.conditions if c.role == role)]


def results_cells(condition: Condition) -> list[Cell]:
    """For the two axes and English bias: the rate of the baseline, the change of any other condition."""
    if condition.role != "baseline":
        return [change_cell(condition.changes(quantity).get(MACRO), absent="–") for quantity in QUANTITIES]
    rates = [condition.rates(quantity).get(MACRO) for quantity in QUANTITIES]
    return [Cell(percent(rate.value), interval(rate, signed=False)) if rate else Cell("–") for rate in rates]


def results_table(results: Results) -> Table:
    """For the terminal, at most 80 columns: two lines a condition, value and interval; bold where the interval excludes zero."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE, pad_edge=False, caption=READING, caption_justify="left", caption_style="dim")
    table.add_column(COLUMNS[0], min_width=16, max_width=26)
    for title in COLUMNS[1:]:
        table.add_column(title, justify="right", min_width=15)
    role = None
    for condition in results_rows(results):
        if role is not None and condition.role != role:
            table.add_section()
        role = condition.role
        name = Text(condition.label)
        if condition.note:
            name.append(f"\n  {condition.note}", style="dim")
        cells = results_cells(condition)
        styled = [((cell.value, "bold" if cell.clear else ""), (f"\n{cell.beside}", "dim")) for cell in cells]
        table.add_row(name, *(Text.assemble(*parts) for parts in styled))
    return table


def language_table(results: Results) -> Table:
    """For the terminal: each language's rates unsteered, and their changes under the method the report leads with."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    head = headline(results)
    label = head.label if head else "–"
    table = Table(
        box=box.SIMPLE,
        pad_edge=False,
        caption=f"Unsteered rate in percent; then the change under {label} in points, and its 95 % interval.",
        caption_justify="left",
        caption_style="dim",
    )
    table.add_column("Language", min_width=14, max_width=24)
    for title in QUANTITIES.values():
        table.add_column(title, justify="right", min_width=15)
    for code, name, pairs in language_rows(results):
        if code == MACRO:
            table.add_section()
        texts = []
        for rate, delta in pairs:
            text = Text(percent(rate.value) if rate else "–")
            if delta:
                text.append(f" {points(delta.value):>6}", style="bold" if is_clear(delta) else "")
                text.append(f"\n{interval(delta)}", style="dim")
            texts.append(text)
        table.add_row(name, *texts)
    return table


def language_rows(results: Results) -> Iterator[tuple[str, str, list[tuple[Estimate | None, Estimate | None]]]]:
    """By language, then `macro`: code, name, and (unsteered rate, its change under the headline method) by quantity."""
    head, base = headline(results), results.baseline
    for code in (*results.languages, MACRO):
        region = results.regions.get(code)
        name = f"{language_name(code)} ({code}, {region})" if region else language_name(code)
        pairs = [(base.rates(q).get(code), head.changes(q).get(code) if head else None) for q in QUANTITIES]
        if any(rate or delta for rate, delta in pairs):
            yield code, name, pairs


def results_markdown(results: Results) -> str:
    """The same rows as a Markdown table, one line a condition."""
    rows = []
    for condition in results_rows(results):
        note = f" ({condition.note})" if condition.note else ""
        cells = [f"{cell.value} {cell.beside}".strip() for cell in results_cells(condition)]
        rows.append([condition.label + note, *cells])
    return f"{markdown_table(COLUMNS, rows)}\n\n{READING}\n"


def results_csv(results: Results) -> str:
    """The same rows as CSV: rates in percent, differences in points, two decimals, empty where absent."""
    rates: dict[Quantity, str] = {axis: f"{axis}_accuracy" for axis in AXES}
    names = [name for quantity in QUANTITIES for name in (rates.get(quantity, quantity), f"{quantity}_delta")]
    rows = [
        [
            *(condition.name, condition.label, condition.note, condition.role),
            *_csv_numbers(*(part(q).get(MACRO) for q in QUANTITIES for part in (condition.rates, condition.changes))),
        ]
        for condition in results_rows(results)
    ]
    ends = ("", "_low", "_high")
    return _csv(["condition", "label", "note", "role", *(f"{name}{end}" for name in names for end in ends)], rows)


# --------------------------------------------------------------------------------------------------------------------
# The comparison: a row a model and steering.

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
_NAME = "Model and steering"


def steering_legend(comparison: Comparison) -> str:
    """Where and how strongly each steering acts, which is the same in every model."""
    notes = {
        condition.name: condition.note
        for model in comparison.models
        for condition in model.conditions
        if condition.name in STEERINGS and condition.note
    }
    if SUR in notes:
        notes[SUR] = "EN and LOC together"
    return "; ".join(f"{CONDITIONS[name].short}: {notes[name]}" for name in STEERINGS if name in notes)


def shown_languages(comparison: Comparison, quantity: Quantity) -> list[str]:
    """The macro mean, then the languages that any row was measured in."""
    rows = comparison_rows(comparison)
    return [code for code in (MACRO, *comparison.languages) if any(code in row.rates(quantity) for row in rows)]


def comparison_tables(comparison: Comparison) -> list[Table]:
    """For the terminal: the macro table, then each axis by language."""
    return [comparison_table(comparison), *(languages_table(comparison, axis) for axis in AXES)]


def comparison_table(comparison: Comparison) -> Table:
    """For the terminal, at most 100 columns: macro transfer, localization and English bias, each with its change."""
    table = compact_table(f"{MACRO_READING} {steering_legend(comparison)}")
    table.add_column(_NAME, min_width=19)
    for words in QUANTITIES.values():
        table.add_column(f"{words}, Δ", min_width=13)
    for row in comparison_rows(comparison):
        if row.unsteered:
            table.add_section()
        table.add_row(_styled_name(row), *(_macro_text(row, quantity) for quantity in QUANTITIES))
    return table


def languages_table(comparison: Comparison, quantity: Quantity) -> Table:
    """For the terminal: one axis, the macro mean and every language."""
    from rich.text import Text

    codes = shown_languages(comparison, quantity)
    table = compact_table(LANGUAGES_READING)
    table.title, table.title_justify, table.title_style = QUANTITIES[quantity], "left", "bold"
    table.add_column(_NAME, min_width=19)
    for code in codes:
        table.add_column("Macro" if code == MACRO else code, justify="right", min_width=5)
    for row in comparison_rows(comparison):
        if row.unsteered:
            table.add_section()
        cells = [_rate_cell(row, quantity, code) for code in codes]
        table.add_row(_styled_name(row), *(Text(cell.value, style="bold" if cell.clear else "") for cell in cells))
    return table


def comparison_csv(comparison: Comparison) -> str:
    """A row a model, steering, axis (or English bias) and language: percent and points, two decimals.

    `delta` is against the unaligned, unsteered model, `own_delta` against the same model unsteered; empty where absent.
    """
    return _csv(
        CSV_COLUMNS,
        (
            [
                *(row.model.name, row.condition.name, quantity, code),
                *_csv_numbers(rate, row.changes(quantity).get(code), row.own_changes(quantity).get(code)),
                rate.n,
            ]
            for row in comparison_rows(comparison)
            for quantity in QUANTITIES
            for code in (*comparison.languages, MACRO)
            if (rate := row.rates(quantity).get(code)) is not None
        ),
    )


def comparison_markdown(comparison: Comparison) -> str:
    """The macro table with intervals, what steering changes in each model, then each axis by language."""
    rows = comparison_rows(comparison)
    macro = [
        [
            _markdown_name(row),
            *(
                text
                for q in QUANTITIES
                for text in (rate_number(row.rates(q).get(MACRO)), _bold(row.changes(q).get(MACRO)))
            ),
        ]
        for row in rows
    ]
    own = [
        [row.full_name, *(_bold(row.own_changes(axis).get(MACRO), absent="–") for axis in AXES)]
        for row in rows
        if not row.unsteered
    ]
    parts = [
        markdown_table([_NAME, *(f"{words}{end}" for words in QUANTITIES.values() for end in ("", " Δ"))], macro),
        f"{MACRO_READING} {steering_legend(comparison)}.",
        "### What steering changes in each model",
        markdown_table([_NAME, *(f"{axis.capitalize()} Δ" for axis in AXES)], own),
        "Paired change from the same model unsteered, in points.",
    ]
    for quantity, words in QUANTITIES.items():
        codes = shown_languages(comparison, quantity)
        cells = [[_rate_cell(row, quantity, code) for code in codes] for row in rows]
        table = [
            [_markdown_name(row), *(f"**{cell.value}**" if cell.clear else cell.value for cell in line)]
            for row, line in zip(rows, cells, strict=True)
        ]
        parts += [f"### {words} by language", markdown_table([_NAME, *codes], table), LANGUAGES_READING]
    return "\n\n".join(parts) + "\n"


def _styled_name(row: ComparisonRow) -> Text:
    from rich.text import Text

    return Text(row.name, style="bold" if row.unsteered else "")


def _macro_text(row: ComparisonRow, quantity: Quantity) -> Text:
    """`52.0 +17.0 [+15.4,+18.5]` in columns, which breaks before the bracket where the terminal is narrow."""
    from rich.text import Text

    rate, change = row.rates(quantity).get(MACRO), row.changes(quantity).get(MACRO)
    text = Text(f"{rate_number(rate):\u00a0>4}")
    if change is not None:
        text.append(f"{points(change.value):\u00a0>6}", style="bold" if is_clear(change) else "")
        text.append(" " + interval(change).replace(",\u00a0", ","), style="dim")
    return text


def _rate_cell(row: ComparisonRow, quantity: Quantity, code: str) -> Cell:
    """A rate, clear where its change from the unaligned, unsteered model is."""
    return Cell(rate_number(row.rates(quantity).get(code)), clear=is_clear(row.changes(quantity).get(code)))


def _markdown_name(row: ComparisonRow) -> str:
    return f"**{row.name}**" if row.unsteered else row.full_name


def _bold(change: Estimate | None, *, absent: str = "") -> str:
    if change is None:
        return absent
    return f"**{delta_text(change)}**" if is_clear(change) else delta_text(change)


# --------------------------------------------------------------------------------------------------------------------
# The comparison's tables as plain values for the page.


@dataclass(frozen=True, slots=True)
class TableLine:
    """A table row: its name, a remark, whether a model starts here, and the cells."""

    name: str
    note: str
    unsteered: bool
    cells: list[Cell]


def macro_lines(comparison: Comparison) -> list[TableLine]:
    """Rate and change on both axes and for English bias, macro."""
    return [
        _line(
            row,
            [
                cell
                for q in QUANTITIES
                for cell in (Cell(rate_number(row.rates(q).get(MACRO))), change_cell(row.changes(q).get(MACRO)))
            ],
        )
        for row in comparison_rows(comparison)
    ]


def language_lines(comparison: Comparison) -> list[TableLine]:
    """The rates of both axes for the macro mean and every language, in the order of :func:`language_columns`."""
    columns = language_columns(comparison)
    return [
        _line(row, [_rate_cell(row, axis, code) for axis, codes in columns for code in codes])
        for row in comparison_rows(comparison)
    ]


def language_columns(comparison: Comparison) -> list[tuple[Axis, list[str]]]:
    """Each axis with the macro mean and the languages measured on it."""
    return [(axis, shown_languages(comparison, axis)) for axis in AXES]


def own_lines(comparison: Comparison) -> list[TableLine]:
    """What each steering changes in each model against that model unsteered, macro; a model's first line names it."""
    lines: list[TableLine] = []
    model = None
    for row in comparison_rows(comparison):
        if not row.unsteered:
            cells = [change_cell(row.own_changes(axis).get(MACRO)) for axis in AXES]
            lines.append(TableLine(row.full_name, "", row.model is not model, cells))
            model = row.model
    return lines


def _line(row: ComparisonRow, cells: list[Cell]) -> TableLine:
    return TableLine(row.name, row.model.note if row.unsteered else "", row.unsteered, cells)
