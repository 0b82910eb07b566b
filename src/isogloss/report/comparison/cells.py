"""The comparison's tables as plain values for the page: names, numbers as text, and which of them are clear."""

from __future__ import annotations

from dataclasses import dataclass

from isogloss.data.rows import Axis
from isogloss.evaluate.results import MACRO, Comparison, Estimate
from isogloss.report.comparison.rows import AXES, QUANTITIES, Row, comparison_rows, is_clear, shown_languages
from isogloss.report.comparison.tables import rate_number
from isogloss.report.numbers import interval, points


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
