"""Over training: both axes and English bias (the paper's figure 5b), macro and by language, and the loss."""

from __future__ import annotations

from collections.abc import Sequence

from isogloss.errors import UserError
from isogloss.evaluate.results import MACRO, Comparison, CurvePoint, Estimate, TrainedModel
from isogloss.report.canvas import SERIES
from isogloss.report.comparison.looks import look_of_model
from isogloss.report.comparison.rows import QUANTITIES, QUANTITY_NAMES, Quantity
from isogloss.report.controls import Boxes, Control
from isogloss.report.drawn import Figure, figure
from isogloss.report.lines import Level, Line, grid, panel, span_of
from isogloss.report.numbers import language_name
from isogloss.report.units import PERCENT, PLAIN

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
