"""How often the nearest sentence in another language is the same sentence, by layer, for every model and steering."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.analysis.results import Retrieval
from isogloss.errors import UserError
from isogloss.evaluate.results import MACRO
from isogloss.report.comparison.looks import look_of_model
from isogloss.report.controls import Choice, Control
from isogloss.report.details import Numbers
from isogloss.report.drawn import Figure, figure
from isogloss.report.geometry.given import at, conditions, panel_name, peak
from isogloss.report.lines import STATE, Level, Line, grid, panel
from isogloss.report.numbers import language_name, rate_text
from isogloss.report.units import PERCENT


def retrieval_figure(given: Sequence[Retrieval], *, columns: int = 2) -> Figure:
    """Top-1 retrieval in percent against layer, a panel a steering, a line with its band a model.

    Dotted, where measured: the same after each language's mean state is taken off. The macro mean is shown; a page can
    show a language instead.
    """
    codes = retrieval_languages(given)
    if not codes:
        raise UserError("retrieval was measured at no layer, so there is nothing to draw")
    shown = conditions(each.panel for each in given)
    across = min(len(shown), 2) if columns > 1 else 1
    lines = {
        each: [line for one in given if one.panel.condition == each for line in _lines(one, codes)] for each, _ in shown
    }
    known = list({line.name: line for each in lines.values() for line in each if line.marks}.values())
    panels = []
    for index, (condition, label) in enumerate(shown):
        chance = next(each.chance for each in given if each.panel.condition == condition)
        panels.append(
            panel(
                lines[condition],
                unit=PERCENT,
                size=((355 if across > 1 else 640), 210) if columns > 1 else (225, 165),
                span=(-8.0, 102.0),
                title=label,
                x_title="Layer" if index >= len(shown) - across else None,
                y_title="Top-1 (%)" if index % across == 0 else None,
                levels=[Level(y=100 * chance, text="chance")],
                legend=known,
                columns=4 if columns > 1 else 3,
            )
        )
    return figure(grid(panels, columns=across, state=codes[0]))


def retrieval_controls(given: Sequence[Retrieval]) -> tuple[Control, ...]:
    """Which language is shown."""
    options = [(code, language_name(code)) for code in retrieval_languages(given)]
    return (Choice(signal=STATE, legend="Language", options=options),)


def retrieval_languages(given: Sequence[Retrieval]) -> list[str]:
    """The macro mean and the languages measured at any layer."""
    found = dict.fromkeys(code for each in given for code, curve in each.by_language.items() if curve.layers)
    return [code for code in (MACRO, *(each for each in found if each != MACRO)) if code in found]


def retrieval_alternative(given: Sequence[Retrieval]) -> str:
    """Every panel's best layer in words."""
    parts = []
    for each in given:
        macro = each.by_language.get(MACRO)
        if macro is not None and macro.layers:
            layer, best = peak(macro)
            parts.append(f"{panel_name(each.panel)} {rate_text(best)} at layer {layer}")
    sizes = sorted({each.sentences for each in given})
    return (
        f"Lines of top-1 retrieval against layer among {' or '.join(f'{size:,}' for size in sizes)} sentences. "
        f"Best layer of each, macro mean: {'; '.join(parts)}."
    )


def retrieval_numbers(given: Sequence[Retrieval]) -> Numbers:
    """Every panel, layer and language; then the same with each language's mean state taken off."""
    codes = retrieval_languages(given)
    rows = []
    named = [(panel_name(each.panel), each.by_language) for each in given]
    named += [(f"{panel_name(each.panel)}, centred", each.centred) for each in given if each.centred]
    for name, by_language in named:
        curves = {code: dict(at(curve)) for code, curve in by_language.items()}
        for layer in sorted({layer for curve in curves.values() for layer in curve}):
            rows.append([name, str(layer), *(rate_text(curves.get(code, {}).get(layer)) for code in codes)])
    return Numbers(("Model", "Layer", *map(language_name, codes)), rows)


def _lines(each: Retrieval, codes: Sequence[str]) -> list[Line]:
    look, label = look_of_model(each.panel.model), each.panel.label
    found = []
    for code in codes:
        if (curve := each.by_language.get(code)) is not None and curve.layers:
            points = list(at(curve))
            found.append(
                Line(name=label, color=look.color, points=points, dash=look.dash, shape=look.shape, state=code)
            )
        if (curve := each.centred.get(code)) is not None and curve.layers:
            name, points = f"{label}, centred", list(at(curve))
            found.append(
                Line(
                    name=name,
                    color=look.color,
                    points=points,
                    dash=(1, 3),
                    width=1.2,
                    band=False,
                    marks=False,
                    state=code,
                )
            )
    return found
