"""The plane of methods (the paper's figure 2), and one for each language (figure 5a).

Each model is an arrow from the unaligned one at the origin; thin arrows lead from it to itself under EN, LOC and SUR.
"""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.errors import UserError
from isogloss.report.comparison.rows import (
    NONE,
    QUANTITIES,
    QUANTITY_NAMES,
    SHAPE_NAMES,
    SHAPES,
    Quantity,
    comparison_rows,
    look_of_model,
)
from isogloss.report.kit.chart import LANGUAGES, SERIES, Figure, concatenation, extent, figure
from isogloss.report.kit.lines import STATE, Dots, Level, Line, dot_panel, grid, panel, span_of
from isogloss.report.kit.plane import BOLD, SMALL, Mark, plane, reach, still_plane
from isogloss.report.kit.style import BLUE, GREEN, INK, VERMILLION, Boxes, Choice, Control, Numbers
from isogloss.results.format import PERCENT, PLAIN, delta_text, language_name, percent, rate_text
from isogloss.results.names import EN, LOC, SUR
from isogloss.results.scores import MACRO, Comparison, CurvePoint, Estimate, TrainedModel

#: Localization and transfer changes of one condition: across and up.
Place = tuple[Estimate, Estimate]
_SHORT = {EN: "EN", LOC: "LOC", SUR: "SUR"}
#: Shapes by what the legend calls them.
_SHAPES = {SHAPE_NAMES[name]: shape for name, shape in SHAPES.items()}


def methods_figure(comparison: Comparison, *, columns: int = 2) -> Figure:
    """Localization Δ against transfer Δ in points: every model, and EN, LOC and SUR on top of each.

    Crosses are 95 % intervals against the unaligned, unsteered model at the origin. The macro mean is shown; the page can
    add languages. `columns=1` is drawn smaller, so that its text can be read on a narrow page.
    """
    codes = [code for code in (MACRO, *plane_languages(comparison)) if placed(comparison, code)]
    if MACRO not in codes:
        raise UserError("no model of the comparison was measured on both axes, so the plane of methods is empty")
    marks = [mark for code in codes for mark in _marks(comparison, code)]
    return figure(
        plane(
            marks,
            shapes=_SHAPES,
            size=(590, 540) if columns > 1 else (300, 350),
            origin=comparison.models[0].label,
            shown=[MACRO],
            legend=list(_SHAPES),
            columns=columns,
        )
    )


def methods_controls(comparison: Comparison) -> tuple[Control, ...]:
    """Which models and which languages are shown."""
    labels = [model.label for model, _ in placed(comparison, MACRO)]
    codes = [MACRO, *plane_languages(comparison)]
    return (
        Boxes(signal=SERIES, legend="Models", options=[(each, each) for each in labels], checked=labels),
        Boxes(signal=LANGUAGES, legend="Languages", options=[(c, language_name(c)) for c in codes], checked=[MACRO]),
    )


def languages_planes_figure(comparison: Comparison, *, columns: int = 2) -> Figure:
    """The plane of methods for each non-English language on one scale; intervals on the unsteered models alone."""
    codes = plane_languages(comparison)
    if not codes:
        raise UserError("no language of the comparison was measured on both axes, so there are no planes to draw")
    wide = min(3 if columns > 1 else 2, len(codes))
    side = (260, 235) if columns > 1 else (142, 150)
    by_code = {code: _marks(comparison, code, small=True) for code in codes}
    limits = extent(reach(mark for marks in by_code.values() for mark in marks), height=side[1], words=False)
    short = ("Localization Δ (points)", "Transfer Δ (points)")
    panels = [
        still_plane(
            by_code[code],
            shapes=_SHAPES,
            size=side,
            limits=limits,
            legend=list(_SHAPES),
            columns=columns,
            title=language_name(code),
            titles=(short[0] if index >= len(codes) - wide else None, short[1] if index % wide == 0 else None),
        )
        for index, code in enumerate(codes)
    ]
    return figure(concatenation(panels, columns=wide, spacing=14, resolve={"scale": {"x": "shared", "y": "shared"}}))


def plane_languages(comparison: Comparison) -> list[str]:
    """The non-English languages in which any model was measured on both axes."""
    return [code for code in comparison.languages if code != "en" and placed(comparison, code)]


def placed(comparison: Comparison, code: str) -> list[tuple[TrainedModel, dict[str, Place]]]:
    """Where each model and its steered variants stand, by condition; the unaligned one itself is the origin."""
    found = []
    for model in comparison.models:
        places = {}
        for condition in model.conditions:
            across, up = (condition.delta.get(axis, {}).get(code) for axis in ("localization", "transfer"))
            if condition.name in SHAPES and across is not None and up is not None:
                places[condition.name] = (across, up)
        if places:
            found.append((model, places))
    return found


def _marks(comparison: Comparison, code: str, *, small: bool = False) -> list[Mark]:
    """Every model and its steered variants in one language; `small` for one of several planes."""
    return [mark for model, places in placed(comparison, code) for mark in _model(model, places, code, small=small)]


def _model(model: TrainedModel, places: dict[str, Place], code: str, *, small: bool) -> list[Mark]:
    """A model and its steered variants, with arrows."""
    macro = code == MACRO
    own = (100 * places[NONE][0].value, 100 * places[NONE][1].value) if NONE in places else (0.0, 0.0)
    size = 0.62 if small else 1.0 if macro else 0.75
    found = []
    for name, (across, up) in places.items():
        plain = name == NONE
        if plain:
            text = model.label if macro or small else f"{model.label} {code}"
        else:
            text = _SHORT[name] if macro and not small else ""
        found.append(
            Mark(
                series=model.label,
                kind=SHAPE_NAMES[name],
                key=SHAPE_NAMES[name],
                color=look_of_model(model.name).color,
                across=across,
                up=up,
                code=code,
                start=(0.0, 0.0) if plain else own,
                hollow=not plain,
                cross=plain or (macro and not small),
                size=size if plain else 0.72 * size,
                text=text,
                bold=plain,
                letters=SMALL if not plain or small or not macro else BOLD,
            )
        )
    return found


# --------------------------------------------------------------------------------------------------------------------
# English bias of every model, before and after steering, macro and in each language (with the curves: figure 5b).

_COLOURS = {NONE: INK, EN: BLUE, LOC: VERMILLION, SUR: GREEN}


def bias_figure(comparison: Comparison, *, columns: int = 2) -> Figure:
    """A row a model: how often it picks what is true of the US or Great Britain but wrong here, unsteered and steered.

    The macro mean is shown; a page can show a language instead.
    """
    codes = bias_languages(comparison)
    if not codes:
        raise UserError("English bias was measured for no model of the comparison, so there is nothing to draw")
    labels = [model.label for model in comparison.models]
    dots = [
        Dots(
            name=SHAPE_NAMES[steering],
            color=_COLOURS[steering],
            shape=shape,
            values=[
                (row.model.label, rate)
                for row in comparison_rows(comparison)
                if row.condition.name == steering and (rate := row.rates("english_bias").get(code)) is not None
            ],
            hollow=steering != NONE,
            state=code,
        )
        for code in codes
        for steering, shape in SHAPES.items()
    ]
    panel = dot_panel(
        dots,
        labels,
        unit=PERCENT,
        size=(560 if columns > 1 else 235, 58 * len(labels)),
        x_title="English bias (%)",
        columns=2 * columns,
        series_title="Steering",
        legend=dots[: len(SHAPES)],
    )
    return figure(grid([panel], columns=1, series=list(SHAPE_NAMES.values()), state=codes[0]))


def bias_controls(comparison: Comparison) -> tuple[Control, ...]:
    """Which language is shown."""
    options = [(code, language_name(code)) for code in bias_languages(comparison)]
    return (Choice(signal=STATE, legend="Language", options=options),)


def bias_languages(comparison: Comparison) -> list[str]:
    """The macro mean and the languages in which English bias was measured."""
    rows = list(comparison_rows(comparison))
    return [c for c in (MACRO, *comparison.languages) if any(c in row.rates("english_bias") for row in rows)]


def bias_alternative(comparison: Comparison) -> str:
    """Each model's macro rates in words."""
    parts = []
    for model in comparison.models:
        rates = {each.name: each.bias[MACRO] for each in model.conditions if MACRO in each.bias}
        told = [f"{words} {percent(rates[name].value)}" for name, words in SHAPE_NAMES.items() if name in rates]
        if told:
            parts.append(f"{model.label}: {', '.join(told)}")
    return f"Dots of English bias for every model, unsteered and steered, mean over languages. {'; '.join(parts)}."


def bias_numbers(comparison: Comparison) -> Numbers:
    """Rate and change of English bias of every model and steering in every language."""
    rows = []
    for row in comparison_rows(comparison):
        for code in bias_languages(comparison):
            rate, change = row.rates("english_bias").get(code), row.changes("english_bias").get(code)
            if rate is not None:
                name = row.name if row.unsteered else f"{row.model.label} {row.name}"
                rows.append([name, language_name(code), rate_text(rate), delta_text(change)])
    return Numbers(("Model and steering", "Language", "English bias", "Δ from unaligned, unsteered"), rows, names=2)


# --------------------------------------------------------------------------------------------------------------------
# Over training: both axes and English bias (the paper's figure 5b), macro and by language, and the loss.

#: Line styles of the parts of a loss, in their order.
_STROKES: tuple[tuple[float, ...], ...] = ((), (6, 3), (2, 2))
_PART_NAMES = {"sft": "SFT", "contrast_en": "contrast, English", "contrast_xx": "contrast, other languages"}
_UNITS: dict[Quantity, str] = {"transfer": "accuracy", "localization": "accuracy", "english_bias": "rate"}


def curves_figure(comparison: Comparison, *, columns: int = 2) -> Figure:
    """Macro transfer, localization and English bias in percent against optimizer steps: a line with its band a method.

    The dotted line is the model before training. `columns=1` stacks the panels for narrow pages.
    """
    models = _followed(comparison, MACRO)
    quantities = [each for each in QUANTITIES if any(line_of(model, each, MACRO) for model in models)]
    wide = columns > 1
    panels = []
    for index, quantity in enumerate(quantities):
        lines = _lines(models, quantity, MACRO, ends=True)
        panels.append(
            panel(
                lines,
                unit=PERCENT,
                size=(225, 200) if wide else (245, 170),
                span=span_of(lines, PERCENT),
                title=f"{QUANTITY_NAMES[quantity]} {_UNITS[quantity]} (%)",
                x_title="Optimizer steps" if wide or index == len(quantities) - 1 else None,
                levels=_before(lines),
                x_name="Step",
            )
        )
    return figure(grid(panels, columns=len(quantities) if wide else 1, series=[model.label for model in models]))


def curves_controls(comparison: Comparison) -> tuple[Control, ...]:
    """Which methods are shown."""
    labels = [model.label for model in comparison.models if model.curve]
    return (Boxes(signal=SERIES, legend="Methods", options=[(each, each) for each in labels], checked=labels),)


def languages_curves_figure(comparison: Comparison, *, columns: int = 2) -> Figure:
    """The same for each non-English language: a row a language; a point is as high in every panel of a column."""
    codes = curve_languages(comparison)
    models = [model for model in comparison.models if model.curve]
    if not codes:
        raise UserError("no model of the comparison was followed by language while it trained: no curves to draw")
    quantities = [q for q in QUANTITIES if any(line_of(model, q, code) for model in models for code in codes)]
    wide = columns > 1
    lines = {(code, quantity): _lines(models, quantity, code) for code in codes for quantity in quantities}
    known = list({line.name: line for each in lines.values() for line in each}.values())
    panels = []
    for code in codes:
        for quantity in quantities:
            spans = [span_of(lines[one, quantity], PERCENT) for one in codes]
            half = max(high - low for low, high in spans) / 2
            middle = sum(span_of(lines[code, quantity], PERCENT)) / 2
            panels.append(
                panel(
                    lines[code, quantity],
                    unit=PERCENT,
                    size=(260, 84) if wide else (82, 70),
                    span=(middle - half, middle + half),
                    title=(QUANTITY_NAMES[quantity] + (" (%)" if wide else "")) if code == codes[0] else "",
                    x_title=("Optimizer steps" if wide else "Steps") if code == codes[-1] else None,
                    y_title=language_name(code) if quantity == quantities[0] else None,
                    levels=_before(lines[code, quantity]),
                    legend=known,
                    small=True,
                    x_name="Step",
                )
            )
    names = [model.label for model in models]
    return figure(grid(panels, columns=len(quantities), series=names, spacing=(10, 22 if wide else 8)))


def loss_figure(comparison: Comparison, *, columns: int = 2) -> Figure:
    """Training loss against optimizer steps, a panel a method, a line a part of its loss: each step, and a running mean.

    The methods' losses are of different kinds, so the panels have scales of their own.
    """
    models = [model for model in comparison.models if model.losses]
    if not models:
        raise UserError("no model of the comparison has a training loss to draw")
    wide = columns > 1
    drawn = {model.label: _loss_lines(model) for model in models}
    panels = [
        panel(
            lines,
            unit=PLAIN,
            size=(225, 165) if wide else (215, 130),
            span=span_of(lines, PLAIN),
            title=f"{label}: loss",
            x_title="Optimizer steps" if wide or label == models[-1].label else None,
            x_name="Step",
        )
        for label, lines in drawn.items()
    ]
    return figure(grid(panels, columns=len(models) if wide else 1))


def _loss_lines(model: TrainedModel) -> list[Line]:
    """Of each part the steps, faint, and their running mean, named where there are several."""
    color = look_of_model(model.name).color
    found = []
    for (part, line), stroke in zip(model.losses.items(), _STROKES, strict=False):
        steps, losses = zip(*line, strict=True)
        name = f"{model.label} {part_name(part)}" if len(model.losses) > 1 else model.label
        for values, words, width in ((losses, ", each step", 0.8), (running_mean(losses), ", running mean", 2.0)):
            found.append(
                Line(
                    name=name + words,
                    color=color,
                    points=[(step, _single(value)) for step, value in zip(steps, values, strict=True)],
                    dash=() if width < 1 else stroke,
                    width=width,
                    marks=False,
                    faint=width < 1,
                    end=part_name(part) if width > 1 and len(model.losses) > 1 else "",
                )
            )
    return found


def _single(value: float) -> Estimate:
    return Estimate(value=value, low=None, high=None, n=1, groups=1)


def running_mean(values: Sequence[float]) -> list[float]:
    """The mean of each value's neighbourhood, about a tenth of all values."""
    reach = max(1, len(values) // 20)
    found = []
    for index in range(len(values)):
        near = values[max(0, index - reach) : index + reach + 1]
        found.append(sum(near) / len(near))
    return found


def part_name(part: str) -> str:
    """A part of a loss as people name it."""
    return _PART_NAMES.get(part, part)


def curve_languages(comparison: Comparison) -> list[str]:
    """The non-English languages that any model was followed in."""
    return [
        code
        for code in comparison.languages
        if code != "en" and any(line_of(m, q, code) for m in comparison.models for q in QUANTITIES)
    ]


def line_of(model: TrainedModel, quantity: Quantity, code: str) -> list[tuple[int, Estimate]]:
    """(step, rate) of a model over its training, where it was measured."""
    return [(point.step, rate) for point in model.curve if (rate := _rates(point, quantity).get(code)) is not None]


def _rates(point: CurvePoint, quantity: Quantity) -> dict[str, Estimate]:
    return point.bias if quantity == "english_bias" else point.accuracy.get(quantity, {})


def _followed(comparison: Comparison, code: str) -> list[TrainedModel]:
    found = [model for model in comparison.models if any(line_of(model, each, code) for each in QUANTITIES)]
    if not found:
        raise UserError("no model of the comparison was followed while it trained, so there are no curves to draw")
    return found


def _lines(models: Sequence[TrainedModel], quantity: Quantity, code: str, *, ends: bool = False) -> list[Line]:
    found = []
    for model in models:
        look = look_of_model(model.name)
        if points := line_of(model, quantity, code):
            found.append(
                Line(
                    name=model.label,
                    color=look.color,
                    points=points,
                    dash=look.dash,
                    shape=look.shape,
                    end=model.label if ends else "",
                    series=model.label,
                )
            )
    return found


def _before(lines: Sequence[Line]) -> list[Level]:
    """The level before training."""
    starts = [line.points[0] for line in lines if line.points[0][0] == 0]
    return [Level(y=100 * starts[0][1].value)] if starts else []
