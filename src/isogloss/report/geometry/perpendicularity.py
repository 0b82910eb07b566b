"""How perpendicular the EN and LOC directions are in each layer, between its two nulls (equation 6, figure 10)."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.analysis.results import LayerCurve, Perpendicularity
from isogloss.data.rows import ENGLISH
from isogloss.errors import UserError
from isogloss.evaluate.results import MACRO
from isogloss.report.canvas import SERIES
from isogloss.report.controls import Boxes, Control
from isogloss.report.details import Numbers
from isogloss.report.drawn import Figure, figure
from isogloss.report.geometry.given import at, peak
from isogloss.report.lines import Line, grid, panel
from isogloss.report.numbers import language_name
from isogloss.report.style import BLUE, INK, SOFT, VERMILLION, looks_of_languages
from isogloss.report.units import DEGREES, degrees_text

_HALVES = {"en": ("EN halves", BLUE), "loc": ("LOC halves", VERMILLION)}


def perpendicularity_figure(given: Sequence[Perpendicularity], *, columns: int = 2) -> Figure:
    """S in degrees against layer, a panel a model: a line a language, the macro mean with its interval, and the nulls.

    Grey: two random directions. Blue and vermillion, dotted: two halves of the pairs of one kind.
    """
    drawn = [each for each in given if any(curve.layers for curve in each.by_language.values())]
    if not drawn:
        raise UserError("no model has perpendicularity at any layer, so there is nothing to draw")
    codes = perpendicularity_languages(given)
    wide = columns > 1 and len(drawn) > 1
    lines = {each.model: _lines(each, codes) for each in drawn}
    known = list({line.name: line for each in lines.values() for line in each if line.series}.values())
    panels = [
        panel(
            lines[each.model],
            unit=DEGREES,
            size=(375, 220) if wide else (640, 270) if columns > 1 else (235, 210),
            span=(0.0, 92.0),
            title=each.label,
            x_title="Layer" if index >= len(drawn) - (2 if wide else 1) else None,
            y_title="S (degrees)" if not (wide and index % 2) else None,
            legend=known,
            columns=4 * columns if columns > 1 else 3,
        )
        for index, each in enumerate(drawn)
    ]
    return figure(grid(panels, columns=2 if wide else 1, series=codes))


def perpendicularity_controls(given: Sequence[Perpendicularity]) -> tuple[Control, ...]:
    """Which languages are shown."""
    codes = perpendicularity_languages(given)
    options = [(code, language_name(code)) for code in codes]
    return (Boxes(signal=SERIES, legend="Languages", options=options, checked=codes),)


def perpendicularity_languages(given: Sequence[Perpendicularity]) -> list[str]:
    """The macro mean and the languages of any model."""
    found = dict.fromkeys(code for each in given for code in each.by_language)
    return [code for code in (MACRO, *(each for each in found if each != MACRO)) if code in found]


def perpendicularity_alternative(given: Sequence[Perpendicularity]) -> str:
    """The macro mean's lowest and highest layer in words, beside random directions."""
    parts = []
    for each in given:
        macro = each.by_language.get(MACRO)
        if macro is None or not macro.layers:
            continue
        low, lowest = min(at(macro), key=lambda one: one[1].value)
        high, highest = peak(macro)
        parts.append(
            f"{each.label}: macro mean from {degrees_text(lowest)} at layer {low} to {degrees_text(highest)} at layer {high}"
        )
    random = next((each.random.values[0] for each in given if each.random.values), None)
    beside = f" Two random directions: {degrees_text(random)}." if random else ""
    return (
        "Lines of the perpendicularity S of EN and LOC directions against layer, 90 degrees orthogonal, 0 parallel, with "
        f"both nulls. {'; '.join(parts)}.{beside}"
    )


def perpendicularity_numbers(given: Sequence[Perpendicularity]) -> Numbers:
    """S of every model, layer and language, and the nulls."""
    rows = []
    for each in given:
        for code in perpendicularity_languages([each]):
            halves = {kind: dict(at(curve)) for kind, curve in each.split_half.items()} if code == MACRO else {}
            random = dict(at(each.random)) if code == MACRO else {}
            for layer, value in at(each.by_language[code]):
                nulls = [*(halves.get(kind, {}).get(layer) for kind in ("en", "loc")), random.get(layer)]
                rows.append([each.label, language_name(code), str(layer), *map(degrees_text, (value, *nulls))])
    return Numbers(("Model", "Language", "Layer", "S", "EN halves", "LOC halves", "Random directions"), rows, names=2)


def _lines(given: Perpendicularity, codes: Sequence[str]) -> list[Line]:
    found = [
        _null(given.random, "random", SOFT),
        *(_null(given.split_half[kind], *_HALVES[kind]) for kind in ("en", "loc") if kind in given.split_half),
    ]
    looks = looks_of_languages([ENGLISH, *(code for code in codes if code not in (MACRO, ENGLISH))])
    for code, curve in given.by_language.items():
        if code != MACRO:
            look = looks[code]
            found.append(
                Line(
                    name=language_name(code),
                    color=look.color,
                    points=list(at(curve)),
                    shape=look.shape,
                    dash=look.dash,
                    width=1.1,
                    band=False,
                    series=code,
                )
            )
    if MACRO in given.by_language:
        macro = list(at(given.by_language[MACRO]))
        found.append(Line(name=language_name(MACRO), color=INK, points=macro, width=2.6, end="macro", series=MACRO))
    return [line for line in found if line.points]


def _null(curve: LayerCurve, name: str, color: str) -> Line:
    return Line(
        name=f"null: {name}", color=color, points=list(at(curve)), dash=(2, 3), width=1.3, marks=False, end=name
    )
