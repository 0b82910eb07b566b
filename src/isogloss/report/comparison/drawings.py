"""The figures of the comparison, as far as its numbers allow them."""

from __future__ import annotations

from functools import partial

from isogloss.report.comparison import figures
from isogloss.report.comparison.figures import (
    curve_languages,
    curves_controls,
    curves_figure,
    languages_curves_figure,
    languages_planes_figure,
    line_of,
    loss_figure,
    methods_controls,
    methods_figure,
    part_name,
    placed,
    plane_languages,
)
from isogloss.report.comparison.rows import AXES, QUANTITIES, QUANTITY_NAMES, SHAPES, Row, comparison_rows
from isogloss.report.kit.style import Drawing, Numbers
from isogloss.results.format import delta_text, language_name, percent, points, rate_text
from isogloss.results.scores import MACRO, Comparison, TrainedModel

# --------------------------------------------------------------------------------------------------------------------
# The words and numbers beside the figures of the comparison: alternative texts, and the tables behind them.


def methods_alternative(comparison: Comparison) -> str:
    """The plane of methods in words: where each model stands, unsteered and steered."""
    places = [
        f"{_full_name(row)} at {place}"
        for row in comparison_rows(comparison)
        if row.condition.name in SHAPES and (place := _place(row, MACRO)) != ""
    ]
    return (
        "Plane of localization change (across) against transfer change (up), in points from the unaligned, unsteered "
        f"model at the origin. Transfer, localization: {'; '.join(places)}."
    )


def languages_planes_alternative(comparison: Comparison) -> str:
    """The planes by language in words: where each trained model stands unsteered."""
    parts = []
    for code in plane_languages(comparison):
        places = [
            f"{row.model.label} {place}"
            for row in comparison_rows(comparison)
            if row.unsteered and (place := _place(row, code)) != ""
        ]
        parts.append(f"{language_name(code)}: {'; '.join(places) or 'steered variants of the unaligned model alone'}")
    return f"The plane of methods for each language; transfer, localization, in points. {'. '.join(parts)}."


def planes_numbers(comparison: Comparison, *, by_language: bool) -> Numbers:
    """Differences on both axes of every model and steering, to the unaligned model and to the same model unsteered."""
    rows = []
    for row in comparison_rows(comparison):
        for code in comparison.languages if by_language else (MACRO,):
            changes = [each.get(code) for axis in AXES for each in (row.changes(axis), row.own_changes(axis))]
            if any(changes):
                names = [_full_name(row), language_name(code)] if by_language else [_full_name(row)]
                rows.append([*names, *map(delta_text, changes)])
    heads = ("Model and steering", *(("Language",) if by_language else ()))
    columns = [f"{axis.capitalize()} Δ{end}" for axis in AXES for end in ("", " from the model unsteered")]
    return Numbers((*heads, *columns), rows, names=len(heads))


def curves_alternative(comparison: Comparison) -> str:
    """The curves in words: where each method starts and ends."""
    parts = [f"{model.label}: {_course(model, MACRO)}" for model in comparison.models if _course(model, MACRO)]
    return f"Lines over training, mean over the non-English languages, with interval bands. {'; '.join(parts)}."


def languages_curves_alternative(comparison: Comparison) -> str:
    """The curves by language in words: the largest changes of each method."""
    parts = []
    for model in comparison.models:
        for quantity in QUANTITIES:
            moved = {
                code: line[-1][1].value - line[0][1].value
                for code in curve_languages(comparison)
                if (line := line_of(model, quantity, code))
            }
            if moved:
                code = max(moved, key=lambda each: abs(moved[each]))
                what = QUANTITY_NAMES[quantity]
                parts.append(f"{model.label} moves {what} most in {language_name(code)} ({points(moved[code])} points)")
    return f"Lines over training for each language, with interval bands: {'; '.join(parts)}."


def curves_numbers(comparison: Comparison, *, by_language: bool) -> Numbers:
    """Every point of the curves, in percent with its interval."""
    rows = []
    for model in comparison.models:
        for code in comparison.languages if by_language else (MACRO,):
            lines = [dict(line_of(model, quantity, code)) for quantity in QUANTITIES]
            for step in sorted({step for line in lines for step in line}):
                names = [model.label, language_name(code)] if by_language else [model.label]
                rows.append([*names, str(step), *(rate_text(line.get(step)) for line in lines)])
    heads = ("Method", *(("Language",) if by_language else ()))
    return Numbers((*heads, "Step", *QUANTITY_NAMES.values()), rows, names=len(heads))


def loss_alternative(comparison: Comparison) -> str:
    """The losses in words: first, last and lowest step of each method and part."""
    parts = []
    for name, line in _loss_lines(comparison):
        (first, start), (last, end) = line[0], line[-1]
        low, lowest = min(line, key=lambda each: each[1])
        parts.append(
            f"{name} from {start:.3f} at step {first} to {end:.3f} at step {last}, lowest {lowest:.3f} at step {low}"
        )
    return f"Training loss against optimizer steps, a panel a method: {'; '.join(parts)}."


def loss_numbers(comparison: Comparison) -> Numbers:
    """The loss of every step, a column a method and part."""
    names, lines = zip(*_loss_lines(comparison), strict=True)
    losses = [dict(line) for line in lines]
    steps = sorted({step for each in losses for step in each})
    rows = [[str(step), *(f"{each[step]:.4f}" if step in each else "–" for each in losses)] for step in steps]
    return Numbers(("Step", *names), rows, names=0)


def _loss_lines(comparison: Comparison) -> list[tuple[str, tuple[tuple[int, float], ...]]]:
    """(method and part, its losses); the part is left out where there is one."""
    return [
        (f"{model.label} {part_name(part)}" if len(model.losses) > 1 else model.label, line)
        for model in comparison.models
        for part, line in model.losses.items()
    ]


def _full_name(row: Row) -> str:
    return row.name if row.unsteered else f"{row.model.label} {row.name}"


def _place(row: Row, code: str) -> str:
    up, across = (row.changes(axis).get(code) for axis in AXES)
    return "" if up is None or across is None else f"{points(up.value)}, {points(across.value)}"


def _course(model: TrainedModel, code: str) -> str:
    parts = []
    for quantity in QUANTITIES:
        if line := line_of(model, quantity, code):
            (_, start), (step, end) = line[0], line[-1]
            parts.append(
                f"{QUANTITY_NAMES[quantity]} from {percent(start.value)} to {percent(end.value)} at step {step}"
            )
    return ", ".join(parts)


# --------------------------------------------------------------------------------------------------------------------


def comparison_drawings(comparison: Comparison) -> list[Drawing]:
    """The plane of methods, macro and by language; English bias; the curves over training, macro and by language; the losses."""
    found = []
    if placed(comparison, MACRO):
        found.append(
            Drawing(
                name="methods",
                draw=partial(methods_figure, comparison),
                alternative=methods_alternative(comparison),
                numbers=planes_numbers(comparison, by_language=False),
                controls=methods_controls(comparison),
            )
        )
    if plane_languages(comparison):
        found.append(
            Drawing(
                name="methods-languages",
                draw=partial(languages_planes_figure, comparison),
                alternative=languages_planes_alternative(comparison),
                numbers=planes_numbers(comparison, by_language=True),
            )
        )
    if figures.bias_languages(comparison):
        found.append(
            Drawing(
                name="bias",
                draw=partial(figures.bias_figure, comparison),
                alternative=figures.bias_alternative(comparison),
                numbers=figures.bias_numbers(comparison),
                controls=figures.bias_controls(comparison),
            )
        )
    if any(line_of(model, quantity, MACRO) for model in comparison.models for quantity in QUANTITIES):
        found.append(
            Drawing(
                name="curves",
                draw=partial(curves_figure, comparison),
                alternative=curves_alternative(comparison),
                numbers=curves_numbers(comparison, by_language=False),
                controls=curves_controls(comparison),
            )
        )
    if curve_languages(comparison):
        found.append(
            Drawing(
                name="curves-languages",
                draw=partial(languages_curves_figure, comparison),
                alternative=languages_curves_alternative(comparison),
                numbers=curves_numbers(comparison, by_language=True),
                controls=curves_controls(comparison),
            )
        )
    if any(model.losses for model in comparison.models):
        found.append(
            Drawing(
                name="loss",
                draw=partial(loss_figure, comparison),
                alternative=loss_alternative(comparison),
                numbers=loss_numbers(comparison),
            )
        )
    return found
