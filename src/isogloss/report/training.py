"""The figures of training: both axes and English bias over the steps (figure 5b), macro and by language; and the losses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from isogloss.data.rows import ENGLISH
from isogloss.report.chart import Checkboxes, Figure, Layout, model_look, pivot, series_boxes
from isogloss.report.lines import Level, Line, grid, panel, span_of
from isogloss.results.format import PERCENT, PLAIN, language_name, percent, points, rate_text
from isogloss.results.names import LOSS_PARTS, QUANTITIES, Quantity
from isogloss.results.scores import MACRO, Comparison, Estimate, TrainedModel


def training_figures(comparison: Comparison) -> list[Figure[Any]]:
    """The curves over training and the losses, as far as they were measured."""
    figures = (curves_figure(comparison), language_curves_figure(comparison), loss_figure(comparison))
    return [figure for figure in figures if figure is not None]


# --------------------------------------------------------------------------------------------------------------------
# Both axes and English bias over training.

_UNITS: dict[Quantity, str] = {"transfer": "accuracy", "localization": "accuracy", "english_bias": "rate"}


class CurveRecord(NamedTuple):
    """What was measured of a model after `step` optimizer steps, in one language or as the macro mean."""

    model: TrainedModel
    code: str
    step: int
    rates: Mapping[Quantity, Estimate]


def curves_figure(comparison: Comparison) -> Figure[CurveRecord] | None:
    """Macro transfer, localization and English bias in percent against optimizer steps: a line with its band a method.

    The dotted line is the model before training. None where no model was followed while it trained.
    """
    records = _curve_records(comparison, (MACRO,))
    if not records:
        return None
    parts = []
    for model in comparison.models:
        courses = []
        for quantity, words in QUANTITIES.items():
            if line := _line_of(records, model, quantity, MACRO):
                (_, start), (step, end) = line[0], line[-1]
                courses.append(f"{words} from {percent(start.value)} to {percent(end.value)} at step {step}")
        if courses:
            parts.append(f"{model.label}: {', '.join(courses)}")
    items = ", ".join(f"{axis} {count:,} items" for axis, count in comparison.curve_items.items())
    return Figure(
        name="curves",
        records=records,
        chart=_curves_chart,
        alt=f"Lines over training, mean over the non-English languages, with interval bands. {'; '.join(parts)}.",
        caption=(
            f"Mean over the non-English languages on a part of the development split dev2 ({items}), with 95\u00a0% intervals as "
            "bands. Dotted: before training."
        ),
        table=_curves_table(by_language=False),
        controls=(_followed(comparison),),
    )


def language_curves_figure(comparison: Comparison) -> Figure[CurveRecord] | None:
    """The same for each non-English language: a row a language; a point is as high in every panel of a column."""
    records = _curve_records(comparison, comparison.languages)
    codes = _curve_languages(records)
    if not codes:
        return None
    parts = []
    for model in comparison.models:
        for quantity, words in QUANTITIES.items():
            lines = {code: _line_of(records, model, quantity, code) for code in codes}
            moved = {code: line[-1][1].value - line[0][1].value for code, line in lines.items() if line}
            if moved:
                code = max(moved, key=lambda code: abs(moved[code]))
                parts.append(
                    f"{model.label} moves {words} most in {language_name(code)} ({points(moved[code])} points)"
                )
    return Figure(
        name="curves-languages",
        records=records,
        chart=_language_curves_chart,
        alt=f"Lines over training for each language, with interval bands: {'; '.join(parts)}.",
        caption=(
            "The same in each language. A point is as high in every panel of a column; few items stand behind each, hence "
            "the wide bands."
        ),
        table=_curves_table(by_language=True),
        names=2,
        controls=(_followed(comparison),),
    )


def _curve_records(comparison: Comparison, codes: Sequence[str]) -> list[CurveRecord]:
    records = []
    for model in comparison.models:
        for code in codes:
            for point in model.curve:
                rates = {q: point.rates(q)[code] for q in QUANTITIES if code in point.rates(q)}
                if rates:
                    records.append(CurveRecord(model, code, point.step, rates))
    return records


def _curves_table(*, by_language: bool) -> dict[str, Any]:
    language = {"Language": lambda record: language_name(record.code)} if by_language else {}
    rates = {words: lambda record, q=q: rate_text(record.rates.get(q)) for q, words in QUANTITIES.items()}
    return {"Method": lambda record: record.model.label, **language, "Step": lambda record: str(record.step), **rates}


def _followed(comparison: Comparison) -> Checkboxes:
    return series_boxes("Methods", [model.label for model in comparison.models if model.curve])


def _curves_chart(records: Sequence[CurveRecord], columns: int) -> Layout:
    """`columns=1` stacks the panels."""
    quantities = [quantity for quantity in QUANTITIES if any(quantity in record.rates for record in records)]
    wide = columns > 1
    panels = []
    for index, quantity in enumerate(quantities):
        lines = _curve_lines(records, quantity, MACRO, ends=True)
        panels.append(
            panel(
                lines,
                unit=PERCENT,
                size=(225, 200) if wide else (245, 170),
                span=span_of(lines, PERCENT),
                title=f"{QUANTITIES[quantity]} {_UNITS[quantity]} (%)",
                x_title="Optimizer steps" if wide or index == len(quantities) - 1 else None,
                levels=_before(lines),
                x_name="Step",
            )
        )
    return grid(panels, columns=len(quantities) if wide else 1, series=_labels(records))


def _language_curves_chart(records: Sequence[CurveRecord], columns: int) -> Layout:
    codes, wide = _curve_languages(records), columns > 1
    shown = [record for record in records if record.code in codes]
    quantities = [quantity for quantity in QUANTITIES if any(quantity in record.rates for record in shown)]
    lines = {(code, quantity): _curve_lines(shown, quantity, code) for code in codes for quantity in quantities}
    known = list({line.name: line for group in lines.values() for line in group}.values())
    panels = []
    for code in codes:
        for quantity in quantities:
            spans = [span_of(lines[other, quantity], PERCENT) for other in codes]
            half = max(high - low for low, high in spans) / 2
            middle = sum(span_of(lines[code, quantity], PERCENT)) / 2
            panels.append(
                panel(
                    lines[code, quantity],
                    unit=PERCENT,
                    size=(260, 84) if wide else (82, 70),
                    span=(middle - half, middle + half),
                    title=(QUANTITIES[quantity] + (" (%)" if wide else "")) if code == codes[0] else "",
                    x_title=("Optimizer steps" if wide else "Steps") if code == codes[-1] else None,
                    y_title=language_name(code) if quantity == quantities[0] else None,
                    levels=_before(lines[code, quantity]),
                    legend=known,
                    small=True,
                    x_name="Step",
                )
            )
    return grid(panels, columns=len(quantities), series=_labels(records), spacing=(10, 22 if wide else 8))


def _curve_languages(records: Sequence[CurveRecord]) -> list[str]:
    return list(dict.fromkeys(record.code for record in records if record.code != ENGLISH))


def _labels(records: Sequence[CurveRecord]) -> list[str]:
    return list(dict.fromkeys(record.model.label for record in records))


def _line_of(
    records: Sequence[CurveRecord], model: TrainedModel, quantity: Quantity, code: str
) -> list[tuple[int, Estimate]]:
    """(step, rate) of a model over its training, where it was measured."""
    return [
        (record.step, record.rates[quantity])
        for record in records
        if record.model is model and record.code == code and quantity in record.rates
    ]


def _curve_lines(records: Sequence[CurveRecord], quantity: Quantity, code: str, *, ends: bool = False) -> list[Line]:
    lines = []
    for model in {record.model.name: record.model for record in records}.values():
        look = model_look(model.name)
        if measured := _line_of(records, model, quantity, code):
            lines.append(
                Line(
                    name=model.label,
                    color=look.color,
                    points=measured,
                    dash=look.dash,
                    shape=look.shape,
                    end=model.label if ends else "",
                    series=model.label,
                )
            )
    return lines


def _before(lines: Sequence[Line]) -> list[Level]:
    """The level before training."""
    starts = [line.points[0] for line in lines if line.points[0][0] == 0]
    return [Level(y=100 * starts[0][1].value)] if starts else []


# --------------------------------------------------------------------------------------------------------------------
# The losses.

#: Line styles of the parts of a loss, in their order.
_STROKES: tuple[tuple[float, ...], ...] = ((), (6, 3), (2, 2))


class Loss(NamedTuple):
    """A part of a method's loss over its optimizer steps. `part` is empty where the loss has one part."""

    model: TrainedModel
    part: str
    line: Sequence[tuple[int, float]]

    @property
    def name(self) -> str:
        """`CLO SFT`, `MIST`."""
        return f"{self.model.label} {self.part}".rstrip()


def loss_figure(comparison: Comparison) -> Figure[Loss] | None:
    """Training loss against optimizer steps, a panel a method, a line a part of its loss: each step, and a running mean.

    The methods' losses are of different kinds, so the panels have scales of their own. None without losses.
    """
    records = [
        Loss(model, LOSS_PARTS.get(part, part) if len(model.losses) > 1 else "", line)
        for model in comparison.models
        for part, line in model.losses.items()
    ]
    if not records:
        return None
    parts = []
    for loss in records:
        (first, start), (last, end) = loss.line[0], loss.line[-1]
        low, lowest = min(loss.line, key=lambda point: point[1])
        parts.append(
            f"{loss.name} from {start:.3f} at step {first} to {end:.3f} at step {last}, lowest {lowest:.3f} at step {low}"
        )
    cells = sorted(((step, loss.name, f"{value:.4f}") for loss in records for step, value in loss.line))
    numbers = pivot(
        (((str(step),), name, text) for step, name, text in cells), ["Step"], [loss.name for loss in records]
    )
    return Figure(
        name="loss",
        records=records,
        chart=_loss_chart,
        alt=f"Training loss against optimizer steps, a panel a method: {'; '.join(parts)}.",
        caption=(
            "Each optimizer step, and a running mean over about a tenth of them. The methods' losses are of different "
            "kinds: compare a curve with itself alone. MIDALIGN's zigzag, where there is one, is its two losses in turn."
        ),
        numbers=numbers,
    )


def _loss_chart(records: Sequence[Loss], columns: int) -> Layout:
    models = {loss.model.name: loss.model for loss in records}.values()
    wide = columns > 1
    panels = []
    for index, model in enumerate(models):
        lines = _loss_lines([loss for loss in records if loss.model is model])
        panels.append(
            panel(
                lines,
                unit=PLAIN,
                size=(225, 165) if wide else (215, 130),
                span=span_of(lines, PLAIN),
                title=f"{model.label}: loss",
                x_title="Optimizer steps" if wide or index == len(models) - 1 else None,
                x_name="Step",
            )
        )
    return grid(panels, columns=len(models) if wide else 1)


def _loss_lines(losses: Sequence[Loss]) -> list[Line]:
    """Of each part the steps, faint, and their running mean, named where there are several."""
    lines = []
    for loss, stroke in zip(losses, _STROKES, strict=False):
        steps, values = zip(*loss.line, strict=True)
        for smooth in (False, True):
            heights = running_mean(values) if smooth else values
            lines.append(
                Line(
                    name=f"{loss.name}, running mean" if smooth else f"{loss.name}, each step",
                    color=model_look(loss.model.name).color,
                    points=[
                        (step, Estimate(value=height, low=None, high=None, n=1, groups=1))
                        for step, height in zip(steps, heights, strict=True)
                    ],
                    dash=stroke if smooth else (),
                    width=2.0 if smooth else 0.8,
                    marks=False,
                    faint=not smooth,
                    end=loss.part if smooth else "",
                )
            )
    return lines


def running_mean(values: Sequence[float]) -> list[float]:
    """The mean of each value's neighbourhood, about a tenth of all values."""
    reach = max(1, len(values) // 20)
    windows = (values[max(0, index - reach) : index + reach + 1] for index in range(len(values)))
    return [sum(window) / len(window) for window in windows]
