"""Over training: both axes and English bias (the paper's figure 5b), macro and by language, and the loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from isogloss.errors import UserError
from isogloss.evaluate.results import MACRO, Comparison, CurvePoint, Estimate, TrainedModel
from isogloss.report.canvas import settle
from isogloss.report.comparison.looks import look_of_model
from isogloss.report.comparison.rows import QUANTITIES, QUANTITY_NAMES, Quantity
from isogloss.report.labels import spread
from isogloss.report.numbers import language_name
from isogloss.report.style import INK, house_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Line styles of the parts of a loss, in their order.
_STROKES = ("-", (0, (4, 1.5)), (0, (1, 1)))
_PART_NAMES = {"sft": "SFT", "contrast_en": "contrast, English", "contrast_xx": "contrast, other languages"}
_UNITS: dict[Quantity, str] = {"transfer": "accuracy", "localization": "accuracy", "english_bias": "rate"}


def curves_figure(comparison: Comparison, *, columns: int = 2) -> Figure:
    """Macro transfer, localization and English bias in percent against optimizer steps: a line with its band a method.

    The dotted line is the model before training. `columns=1` stacks the panels for narrow pages.
    """
    from matplotlib.figure import Figure

    models = _followed(comparison, MACRO)
    quantities = [each for each in QUANTITIES if any(line_of(model, each, MACRO) for model in models)]
    shape = (1, len(quantities)) if columns > 1 else (len(quantities), 1)
    with house_style():
        figure = Figure(figsize=(3.7 * shape[1] + 0.3 if columns > 1 else 4.3, 3.1 * shape[0]), layout="constrained")
        grid = figure.subplots(*shape, squeeze=False, sharex=True)
        for axes, quantity in zip(grid.flat, quantities, strict=True):
            _panel(axes, models, quantity, MACRO)
            axes.set_title(f"{QUANTITY_NAMES[quantity]} {_UNITS[quantity]} (%)")
        for axes, quantity in zip(grid.flat, quantities, strict=True):
            _name_lines(axes, models, quantity)
        for axes in grid[-1]:
            axes.set_xlabel("Optimizer steps")
        settle(figure)
    return figure


def languages_curves_figure(comparison: Comparison, *, columns: int = 2) -> Figure:
    """The same for each non-English language: a row a language; a point is as high in every panel of a column."""
    from matplotlib.figure import Figure

    codes = curve_languages(comparison)
    models = [model for model in comparison.models if model.curve]
    if not codes:
        raise UserError("no model of the comparison was followed by language while it trained: no curves to draw")
    quantities = [q for q in QUANTITIES if any(line_of(model, q, code) for model in models for code in codes)]
    wide = columns > 1
    with house_style():
        size = ((3.3 if wide else 1.45) * len(quantities), (1.45 if wide else 1.15) * len(codes) + 0.9)
        figure = Figure(figsize=size, layout="constrained")
        grid = figure.subplots(len(codes), len(quantities), squeeze=False, sharex=True)
        for code, row in zip(codes, grid, strict=True):
            for axes, quantity in zip(row, quantities, strict=True):
                _panel(axes, models, quantity, code, thin=True)
                axes.tick_params(labelsize=8 if wide else 7)
            row[0].set_ylabel(language_name(code), fontweight="bold", fontsize=9 if wide else 8)
        for column in grid.T:
            _same_span(column)
        for axes, quantity in zip(grid[0], quantities, strict=True):
            axes.set_title(QUANTITY_NAMES[quantity] + (" (%)" if wide else ""), fontsize=10.5 if wide else 8.5)
        for axes in grid[-1]:
            axes.set_xlabel("Optimizer steps" if wide else "Steps", fontsize=9.5 if wide else 8)
        figure.legend(handles=_lines(models), loc="outside upper left", ncols=max(len(models), 1), fontsize=9)
        settle(figure)
    return figure


def loss_figure(comparison: Comparison, *, columns: int = 2) -> Figure:
    """Training loss against optimizer steps, a panel a method, a line a part of its loss: each step, and a running mean.

    The methods' losses are of different kinds, so the panels have scales of their own.
    """
    from matplotlib.figure import Figure

    models = [model for model in comparison.models if model.losses]
    if not models:
        raise UserError("no model of the comparison has a training loss to draw")
    shape = (1, len(models)) if columns > 1 else (len(models), 1)
    with house_style():
        figure = Figure(
            figsize=(3.3 * shape[1] + 0.2 if columns > 1 else 4.3, 2.5 * shape[0] + 0.2), layout="constrained"
        )
        for axes, model in zip(figure.subplots(*shape, squeeze=False).flat, models, strict=True):
            color = look_of_model(model.name).color
            for (part, line), stroke in zip(model.losses.items(), _STROKES, strict=False):
                steps, losses = zip(*line, strict=True)
                axes.plot(steps, losses, color=color, linewidth=0.7, alpha=0.35)
                axes.plot(
                    steps, running_mean(losses), color=color, linewidth=2.0, linestyle=stroke, label=part_name(part)
                )
            axes.set_title(f"{model.label}: loss")
            axes.set_xlabel("Optimizer steps")
            if len(model.losses) > 1:
                axes.legend(fontsize=8.5)
        settle(figure)
    return figure


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


def _panel(axes: Axes, models: Sequence[TrainedModel], quantity: Quantity, code: str, *, thin: bool = False) -> None:
    """One line with its interval band a model, and the level before training."""
    for model in models:
        line = line_of(model, quantity, code)
        if not line:
            continue
        look = look_of_model(model.name)
        steps = [step for step, _ in line]
        axes.plot(
            steps,
            [100 * each.value for _, each in line],
            color=look.color,
            linestyle=look.stroke,
            linewidth=1.2 if thin else 1.8,
            marker="o",
            markersize=2 if thin else 3.5,
            zorder=3,
        )
        if all(each.low is not None for _, each in line):
            lows, highs = ([100 * (getattr(each, end) or 0.0) for _, each in line] for end in ("low", "high"))
            axes.fill_between(steps, lows, highs, color=look.color, alpha=0.10, linewidth=0)
        if line[0][0] == 0:
            axes.axhline(100 * line[0][1].value, color=INK, linewidth=0.8, linestyle=(0, (1, 2)), alpha=0.7, zorder=1)
    axes.margins(x=0.03)


def _same_span(panels: Sequence[Axes]) -> None:
    """As many points from bottom to top in each panel, each around its own middle: slopes compare, levels are read."""
    limits = [axes.get_ylim() for axes in panels]
    half = max(high - low for low, high in limits) / 2
    for axes, (low, high) in zip(panels, limits, strict=True):
        axes.set_ylim((low + high) / 2 - half, (low + high) / 2 + half)


def _name_lines(axes: Axes, models: Sequence[TrainedModel], quantity: Quantity) -> None:
    """Each method's name at the end of its line."""
    ends = [(model, line[-1]) for model in models if (line := line_of(model, quantity, MACRO))]
    low, high = axes.get_ylim()
    heights = spread([100 * rate.value for _, (_, rate) in ends], 0.075 * (high - low))
    for (model, _), height in zip(ends, heights, strict=True):
        axes.annotate(
            model.label,
            (1.0, height),
            xycoords=("axes fraction", "data"),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            fontweight="bold",
            color=look_of_model(model.name).color,
        )


def _lines(models: Sequence[TrainedModel]) -> list[object]:
    from matplotlib.lines import Line2D

    looks = [(model.label, look_of_model(model.name)) for model in models]
    return [Line2D([], [], color=look.color, linestyle=look.stroke, linewidth=1.6, label=name) for name, look in looks]
