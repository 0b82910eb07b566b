"""Accuracy by language on both axes: unsteered, under the combined method, and with the country named in the prompt."""

from __future__ import annotations

from isogloss.data.rows import Axis
from isogloss.evaluate.results import MACRO, Condition, Results
from isogloss.report.dots import Dots, dot_panel
from isogloss.report.drawn import Figure, figure
from isogloss.report.findings import COUNTRY, headline
from isogloss.report.lines import grid
from isogloss.report.numbers import language_name
from isogloss.report.style import look_of
from isogloss.report.units import PERCENT

_AXES: tuple[Axis, Axis] = ("transfer", "localization")


def languages_figure(results: Results, *, columns: int = 2) -> Figure:
    """A row a language, whiskers are 95 % intervals. `columns=1` stacks the two panels."""
    head = headline(results)
    ceiling = next((each for each in results.conditions if each.name == COUNTRY), None)
    shown = [each for each in (results.baseline, head, ceiling) if each is not None]
    codes = [code for code in (*results.languages, MACRO) if any(code in shown[0].accuracy.get(a, {}) for a in _AXES)]
    rows = [language_name(code) for code in codes]
    size = (370 if columns > 1 else 235, 44 * len(codes) + 10)
    dots = {axis: [_series(each, axis, codes) for each in shown] for axis in _AXES}
    panels = [
        dot_panel(
            dots[axis],
            rows,
            unit=PERCENT,
            size=size,
            title=axis.capitalize(),
            x_title="Accuracy (%)",
            names=columns == 1 or axis == "transfer",
            ruled=rows[-1] if codes[-1:] == [MACRO] else "",
            series_title="Condition",
            legend=dots["transfer"],
        )
        for axis in _AXES
    ]
    return figure(grid(panels, columns=columns, series=[each.label for each in shown]))


def _series(condition: Condition, axis: Axis, codes: list[str]) -> Dots:
    look = look_of(condition.name)
    known = condition.accuracy.get(axis, {})
    values = [(language_name(code), known[code]) for code in codes if code in known]
    return Dots(name=condition.label, color=look.color, shape=look.shape, values=values)
