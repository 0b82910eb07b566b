"""The figures of the comparison of models: their planes (figures 2 and 5a), and English bias."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from isogloss.data.rows import AXES, ENGLISH
from isogloss.report.chart import (
    Figure,
    Layout,
    condition_look,
    language_boxes,
    language_menu,
    model_look,
    series_boxes,
    side_by_side,
)
from isogloss.report.lines import Dots, dot_panel, grid
from isogloss.report.plane import BOLD, SMALL, Mark, extent, plane, reach, still_plane
from isogloss.results.format import PERCENT, delta_text, language_name, percent, points, rate_text
from isogloss.results.names import CONDITIONS, STATES, UNSTEERED
from isogloss.results.scores import MACRO, Comparison, ComparisonRow, Estimate, comparison_rows

#: The names and shapes of the conditions that are drawn; the others are in the tables.
DRAWN = {name: CONDITIONS[name].label for name in STATES}
SHAPES = {CONDITIONS[name].label: condition_look(name).shape for name in STATES}


def comparison_figures(comparison: Comparison) -> list[Figure[Any]]:
    """The planes and English bias, as far as they were measured."""
    figures = (methods_figure(comparison), languages_figure(comparison), bias_figure(comparison))
    return [figure for figure in figures if figure is not None]


class RowInLanguage(NamedTuple):
    """A model under one steering, in one language or as the macro mean."""

    row: ComparisonRow
    code: str

    @property
    def place(self) -> tuple[Estimate, Estimate] | None:
        """Its localization and transfer changes, where it is drawn on the plane and both were measured."""
        across, up = (self.row.changes(axis).get(self.code) for axis in ("localization", "transfer"))
        return None if self.row.condition.name not in DRAWN or across is None or up is None else (across, up)

    @property
    def place_text(self) -> str:
        """`+1.4, +7.8`: transfer and localization; empty where it has no place."""
        return "" if self.place is None else f"{points(self.place[1].value)}, {points(self.place[0].value)}"

    def changes(self) -> list[Estimate | None]:
        """On each axis the change from the unaligned model, and from the same model unsteered."""
        return [
            changes.get(self.code) for axis in AXES for changes in (self.row.changes(axis), self.row.own_changes(axis))
        ]


def _rows_in(comparison: Comparison, codes: Sequence[str]) -> list[RowInLanguage]:
    return [RowInLanguage(row, code) for row in comparison_rows(comparison) for code in codes]


# --------------------------------------------------------------------------------------------------------------------
# The plane of methods, and one for each language. Each model is an arrow from the unaligned one at the origin; thin arrows
# lead from it to itself under EN, LOC and SUR.


def methods_figure(comparison: Comparison) -> Figure[RowInLanguage] | None:
    """Localization Δ against transfer Δ in points: every model, and EN, LOC and SUR on top of each.

    Crosses are 95 % intervals against the unaligned, unsteered model at the origin. The macro mean is shown; the page can
    add languages. None where no model was measured on both axes.
    """
    records = [r for r in _rows_in(comparison, (MACRO, *comparison.languages)) if any(r.changes())]
    macro = [record for record in records if record.code == MACRO]
    placed = [record for record in macro if record.place]
    if not placed:
        return None
    codes = [code for code in comparison.languages if any(r.code == code and r.place for r in records)]
    places = "; ".join(f"{record.row.full_name} at {record.place_text}" for record in placed)
    return Figure(
        name="methods",
        records=records,
        chart=partial(_methods_chart, origin=comparison.models[0].label),
        alt=(
            "Plane of localization change (across) against transfer change (up), in points from the unaligned, unsteered "
            f"model at the origin. Transfer, localization: {places}."
        ),
        caption=(
            "Every model against the unaligned, unsteered one, in points: mean over the non-English languages, with "
            "95\u00a0% intervals. Thick arrows: what training does. Thin arrows: what steering does on top of it."
        ),
        table=_changes_table(by_language=False),
        tabled=lambda record: record.code == MACRO,
        controls=(
            series_boxes("Models", [record.row.model.label for record in placed]),
            language_boxes([MACRO, *(code for code in codes if code != ENGLISH)], checked=[MACRO]),
        ),
    )


def languages_figure(comparison: Comparison) -> Figure[RowInLanguage] | None:
    """The plane of methods for each non-English language on one scale; intervals on the unsteered models alone."""
    records = [r for r in _rows_in(comparison, comparison.languages) if any(r.changes())]
    codes = _plane_languages(records)
    if not codes:
        return None
    parts = []
    for code in codes:
        places = [
            f"{record.row.model.label} {record.place_text}"
            for record in records
            if record.code == code and record.row.unsteered and record.place
        ]
        parts.append(f"{language_name(code)}: {'; '.join(places) or 'steered variants of the unaligned model alone'}")
    return Figure(
        name="methods-languages",
        records=records,
        chart=_languages_chart,
        alt=f"The plane of methods for each language; transfer, localization, in points. {'. '.join(parts)}.",
        caption="The plane of methods in each language, on one scale. Crosses: 95\u00a0% intervals of the unsteered models.",
        table=_changes_table(by_language=True),
        names=2,
    )


def _changes_table(*, by_language: bool) -> dict[str, Any]:
    """The columns of the planes' tables: names, then the changes from the unaligned and from the same model."""
    heads = [f"{axis.capitalize()} Δ{end}" for axis in AXES for end in ("", " from the model unsteered")]
    language = {"Language": lambda record: language_name(record.code)} if by_language else {}
    changes = {
        head: lambda record, index=index: delta_text(record.changes()[index]) for index, head in enumerate(heads)
    }
    return {"Model and steering": lambda record: record.row.full_name, **language, **changes}


def _methods_chart(records: Sequence[RowInLanguage], columns: int, *, origin: str) -> Layout:
    codes = [MACRO, *_plane_languages(records)]
    return plane(
        [mark for code in codes for mark in _marks(records, code)],
        shapes=SHAPES,
        size=(590, 540) if columns > 1 else (300, 350),
        origin=origin,
        shown=[MACRO],
        legend=list(SHAPES),
        columns=columns,
    )


def _languages_chart(records: Sequence[RowInLanguage], columns: int) -> Layout:
    codes = _plane_languages(records)
    wide = min(3 if columns > 1 else 2, len(codes))
    side = (260, 235) if columns > 1 else (142, 150)
    by_code = {code: _marks(records, code, small=True) for code in codes}
    limits = extent(reach(mark for marks in by_code.values() for mark in marks), height=side[1], words=False)
    short = ("Localization Δ (points)", "Transfer Δ (points)")
    panels = [
        still_plane(
            by_code[code],
            shapes=SHAPES,
            size=side,
            limits=limits,
            legend=list(SHAPES),
            columns=columns,
            title=language_name(code),
            titles=(short[0] if index >= len(codes) - wide else None, short[1] if index % wide == 0 else None),
        )
        for index, code in enumerate(codes)
    ]
    return side_by_side(panels, columns=wide, spacing=14, resolve={"scale": {"x": "shared", "y": "shared"}})


def _plane_languages(records: Sequence[RowInLanguage]) -> list[str]:
    """The non-English languages in which any model was measured on both axes."""
    return list(dict.fromkeys(r.code for r in records if r.code not in (MACRO, ENGLISH) and r.place))


def _marks(records: Sequence[RowInLanguage], code: str, *, small: bool = False) -> list[Mark]:
    """Every model and its steered variants in one language, with arrows; `small` for one of several planes."""
    macro = code == MACRO
    size = 0.62 if small else 1.0 if macro else 0.75
    placed = [(record.row, record.place) for record in records if record.code == code and record.place]
    starts = {row.model.name: (100 * across.value, 100 * up.value) for row, (across, up) in placed if row.unsteered}
    marks = []
    for row, (across, up) in placed:
        plain, steering = row.unsteered, CONDITIONS[row.condition.name]
        if plain:
            text = row.model.label if macro or small else f"{row.model.label} {code}"
        else:
            text = steering.short if macro and not small else ""
        marks.append(
            Mark(
                series=row.model.label,
                kind=steering.label,
                key=steering.label,
                color=model_look(row.model.name).color,
                across=across,
                up=up,
                code=code,
                start=(0.0, 0.0) if plain else starts.get(row.model.name, (0.0, 0.0)),
                hollow=not plain,
                cross=plain or (macro and not small),
                size=size if plain else 0.72 * size,
                text=text,
                bold=plain,
                letters=SMALL if not plain or small or not macro else BOLD,
            )
        )
    return marks


# --------------------------------------------------------------------------------------------------------------------
# English bias of every model, before and after steering, macro and in each language.


def bias_figure(comparison: Comparison) -> Figure[RowInLanguage] | None:
    """A row a model: how often it picks what is true of the US or Great Britain but wrong here, unsteered and steered.

    The macro mean is shown; a page can show a language instead. None where English bias was measured for no model.
    """
    rows = comparison_rows(comparison)
    codes = [c for c in (MACRO, *comparison.languages) if any(c in row.rates("english_bias") for row in rows)]
    records = [r for r in _rows_in(comparison, codes) if r.code in r.row.rates("english_bias")]
    if not records:
        return None
    parts = []
    for model in comparison.models:
        rates = {condition.name: condition.bias[MACRO] for condition in model.conditions if MACRO in condition.bias}
        if told := [f"{words} {percent(rates[name].value)}" for name, words in DRAWN.items() if name in rates]:
            parts.append(f"{model.label}: {', '.join(told)}")
    return Figure(
        name="bias",
        records=records,
        chart=partial(_bias_chart, models=[model.label for model in comparison.models], codes=codes),
        alt=f"Dots of English bias for every model, unsteered and steered, mean over languages. {'; '.join(parts)}.",
        caption=(
            "Among localized questions with an option true of the US or Great Britain but wrong here: how often it is "
            "picked, unsteered and steered, with 95\u00a0% intervals. How training moves it: below."
        ),
        table={
            "Model and steering": lambda record: record.row.full_name,
            "Language": lambda record: language_name(record.code),
            "English bias": lambda record: rate_text(record.row.rates("english_bias").get(record.code)),
            "Δ from unaligned, unsteered": lambda record: delta_text(
                record.row.changes("english_bias").get(record.code)
            ),
        },
        names=2,
        controls=(language_menu(codes),),
    )


def _bias_chart(
    records: Sequence[RowInLanguage], columns: int, *, models: Sequence[str], codes: Sequence[str]
) -> Layout:
    dots = [
        Dots(
            name=label,
            color=condition_look(steering).color,
            shape=condition_look(steering).shape,
            values=[
                (record.row.model.label, record.row.rates("english_bias")[code])
                for record in records
                if (record.code, record.row.condition.name) == (code, steering)
            ],
            hollow=steering != UNSTEERED,
            state=code,
        )
        for code in codes
        for steering, label in DRAWN.items()
    ]
    drawn = dot_panel(
        dots,
        models,
        unit=PERCENT,
        size=(560 if columns > 1 else 235, 58 * len(models)),
        x_title="English bias (%)",
        columns=2 * columns,
        series_title="Steering",
        legend=dots[: len(DRAWN)],
    )
    return grid([drawn], columns=1, series=list(DRAWN.values()), state=codes[0])
