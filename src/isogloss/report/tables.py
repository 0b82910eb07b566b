"""The comparison as tables, in the layout of the paper's table 3: for the terminal, as CSV, as Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from isogloss.data.rows import Axis
from isogloss.report.comparison.rows import (
    AXES,
    QUANTITIES,
    QUANTITY_NAMES,
    Quantity,
    Row,
    comparison_rows,
    is_clear,
    shown_languages,
    steering_legend,
)
from isogloss.results.format import delta_text, interval, language_name, percent, points
from isogloss.results.scores import MACRO, Comparison, Condition, Estimate, Results, headline, macro_delta, verdict

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text


# --------------------------------------------------------------------------------------------------------------------
# The results as tables: for the terminal (at most 80 columns), as CSV, as Markdown.

COLUMNS = ("Condition", "Transfer Δ", "Localization Δ", "English bias Δ")
RESULTS_QUANTITIES = (
    "transfer_accuracy",
    "transfer_delta",
    "localization_accuracy",
    "localization_delta",
    "english_bias",
    "english_bias_delta",
)
READING = (
    "Macro mean over the non-English languages. First row: rates in percent. Others: paired change from it, in points. "
    "Brackets: 95 % interval."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultsRow:
    """One line of the results table: macro values; accuracies for the baseline, differences for the others."""

    condition: Condition
    accuracy: dict[Axis, Estimate | None]
    delta: dict[Axis, Estimate | None]
    bias: Estimate | None
    bias_delta: Estimate | None

    @property
    def is_baseline(self) -> bool:
        """Whether this row holds rates and not differences."""
        return self.condition.role == "baseline"


def rows(results: Results) -> list[ResultsRow]:
    """The baseline, the methods, then the controls, in their order."""
    ordered = [results.baseline, *(c for role in ("method", "control") for c in results.conditions if c.role == role)]
    axes: tuple[Axis, ...] = ("transfer", "localization")
    return [
        ResultsRow(
            condition=condition,
            accuracy={axis: condition.accuracy.get(axis, {}).get(MACRO) for axis in axes},
            delta={axis: macro_delta(condition, axis) for axis in axes},
            bias=condition.bias.get(MACRO),
            bias_delta=condition.bias_delta.get(MACRO),
        )
        for condition in ordered
    ]


def results_table(results: Results) -> Table:
    """For the terminal: two lines a condition, value and interval; bold where the interval excludes zero."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE, pad_edge=False, caption=READING, caption_justify="left", caption_style="dim")
    table.add_column(COLUMNS[0], min_width=16, max_width=26)
    for title in COLUMNS[1:]:
        table.add_column(title, justify="right", min_width=15)
    role = None
    for row in rows(results):
        if role is not None and row.condition.role != role:
            table.add_section()
        role = row.condition.role
        name = Text(row.condition.label)
        if row.condition.note:
            name.append(f"\n  {row.condition.note}", style="dim")
        table.add_row(name, *(Text.assemble(*_styled(value, below, clear)) for value, below, clear in cells(row)))
    return table


def language_table(results: Results) -> Table:
    """For the terminal: each language's accuracy unsteered, and its change under the method the report leads with."""
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
    for title in ("Transfer", "Localization", "English bias"):
        table.add_column(title, justify="right", min_width=15)
    for code, name, pairs in language_rows(results):
        if code == MACRO:
            table.add_section()
        texts = []
        for rate, delta in pairs:
            text = Text(percent(rate.value) if rate else "–")
            if delta:
                text.append(f" {points(delta.value):>6}", style="bold" if _clear(delta) else "")
                text.append(f"\n{interval(delta)}", style="dim")
            texts.append(text)
        table.add_row(name, *texts)
    return table


def language_rows(results: Results) -> Iterator[tuple[str, str, list[tuple[Estimate | None, Estimate | None]]]]:
    """By language, then `macro`: code, name, and (unsteered rate, its change under the headline method) three times.

    The three are transfer, localization and English bias; None where not measured.
    """
    head, base = headline(results), results.baseline
    axes: tuple[Axis, ...] = ("transfer", "localization")
    for code in (*results.languages, MACRO):
        region = results.regions.get(code)
        name = f"{language_name(code)} ({code}, {region})" if region else language_name(code)
        pairs = [
            (base.accuracy.get(axis, {}).get(code), head.delta.get(axis, {}).get(code) if head else None)
            for axis in axes
        ]
        pairs.append((base.bias.get(code), head.bias_delta.get(code) if head else None))
        if any(rate or delta for rate, delta in pairs):
            yield code, name, pairs


def results_markdown(results: Results) -> str:
    """The same rows as a Markdown table, one line a condition."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---|--:|--:|--:|"]
    for row in rows(results):
        note = f" ({row.condition.note})" if row.condition.note else ""
        written = [f"{value} {below}".strip() for value, below, _ in cells(row)]
        lines.append(f"| {' | '.join(cell.replace('|', '/') for cell in (row.condition.label + note, *written))} |")
    return "\n".join([*lines, "", READING, ""])


def results_csv(results: Results) -> str:
    """The same rows as CSV: rates in percent, differences in points, two decimals, empty where absent."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    numbers = [f"{name}{end}" for name in RESULTS_QUANTITIES for end in ("", "_low", "_high")]
    writer.writerow(["condition", "label", "note", "role", *numbers])
    for row in rows(results):
        estimates: list[Estimate | None] = []
        for axis in row.accuracy:
            estimates += [row.accuracy[axis], row.delta[axis]]
        estimates += [row.bias, row.bias_delta]
        values = [value for estimate in estimates for value in _numbers(estimate)]
        condition = row.condition
        writer.writerow([condition.name, condition.label, condition.note, condition.role, *values])
    return out.getvalue()


def _numbers(estimate: Estimate | None) -> list[str]:
    if estimate is None:
        return ["", "", ""]
    return ["" if each is None else f"{100 * each:.2f}" for each in (estimate.value, estimate.low, estimate.high)]


def cells(row: ResultsRow) -> list[tuple[str, str, bool]]:
    """For the two axes and English bias: value, interval, and whether the change is clear."""
    if row.is_baseline:
        rates = (*row.accuracy.values(), row.bias)
        return [
            (percent(rate.value), interval(rate, signed=False), False) if rate else ("–", "", False) for rate in rates
        ]
    return [
        (points(delta.value), interval(delta), _clear(delta)) if delta else ("–", "", False)
        for delta in (*row.delta.values(), row.bias_delta)
    ]


def _clear(delta: Estimate | None) -> bool:
    return delta is not None and verdict(delta) in ("gain", "loss")


def _styled(value: str, below: str, clear: bool) -> list[tuple[str, str]]:
    return [(value, "bold" if clear else ""), (f"\n{below}", "dim")]


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


# --------------------------------------------------------------------------------------------------------------------

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


# --------------------------------------------------------------------------------------------------------------------
# The comparison's tables as plain values for the page: names, numbers as text, and which of them are clear.


@dataclass(frozen=True, slots=True)
class Cell:
    """A number, what stands small beside it, and whether it is a clear change."""

    value: str
    beside: str = ""
    clear: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """A table row: its name, a remark, whether a model starts here, and the cells."""

    name: str
    note: str
    unsteered: bool
    cells: list[Cell]


def macro_lines(comparison: Comparison) -> list[Line]:
    """Rate and change on both axes and for English bias, macro."""
    return [
        _line(
            row,
            [
                cell
                for quantity in QUANTITIES
                for cell in (
                    Cell(rate_number(row.rates(quantity).get(MACRO))),
                    _change(row.changes(quantity).get(MACRO)),
                )
            ],
        )
        for row in comparison_rows(comparison)
    ]


def language_lines(comparison: Comparison) -> list[Line]:
    """The rates of both axes for the macro mean and every language, in the order of :func:`language_columns`."""
    return [
        _line(
            row,
            [
                Cell(rate_number(row.rates(axis).get(code)), clear=is_clear(row.changes(axis).get(code)))
                for axis, codes in language_columns(comparison)
                for code in codes
            ],
        )
        for row in comparison_rows(comparison)
    ]


def language_columns(comparison: Comparison) -> list[tuple[Axis, list[str]]]:
    """Each axis with the macro mean and the languages measured on it."""
    return [(axis, shown_languages(comparison, axis)) for axis in AXES]


def own_lines(comparison: Comparison) -> list[Line]:
    """What each steering changes in each model against that model unsteered, macro; a model's first line names it."""
    found: list[Line] = []
    model = None
    for row in comparison_rows(comparison):
        if row.unsteered:
            continue
        cells = [_change(row.own_changes(axis).get(MACRO)) for axis in AXES]
        found.append(Line(f"{row.model.label} {row.name}", "", row.model is not model, cells))
        model = row.model
    return found


def _line(row: Row, cells: list[Cell]) -> Line:
    return Line(row.name, row.model.note if row.unsteered else "", row.unsteered, cells)


def _change(change: Estimate | None) -> Cell:
    return Cell("", "") if change is None else Cell(points(change.value), interval(change), is_clear(change))
