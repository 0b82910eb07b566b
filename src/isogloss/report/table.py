"""The results as tables: for the terminal (at most 80 columns), as CSV, as Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from isogloss.data.rows import Axis
from isogloss.evaluate.results import MACRO, Condition, Estimate, Results
from isogloss.report.findings import headline, macro_delta, verdict
from isogloss.report.numbers import interval, language_name, percent, points

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS = ("Condition", "Transfer Δ", "Localization Δ", "English bias Δ")
QUANTITIES = (
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
class Row:
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


def rows(results: Results) -> list[Row]:
    """The baseline, the methods, then the controls, in their order."""
    ordered = [results.baseline, *(c for role in ("method", "control") for c in results.conditions if c.role == role)]
    axes: tuple[Axis, ...] = ("transfer", "localization")
    return [
        Row(
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
    numbers = [f"{name}{end}" for name in QUANTITIES for end in ("", "_low", "_high")]
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


def cells(row: Row) -> list[tuple[str, str, bool]]:
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
