"""Where languages pick what English picks on universal questions, and where they part from it on localized ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Literal

from isogloss.data.rows import Axis
from isogloss.errors import UserError
from isogloss.report.comparison.rows import look_of_model
from isogloss.report.geometry.findings import at, conditions, panel_name, peak
from isogloss.report.kit.chart import Drawn, Figure, figure
from isogloss.report.kit.lines import STATE, Dots, Level, Line, dot_panel, grid, panel, span_of
from isogloss.report.kit.style import BLUE, CIRCLE, ORANGE, PURPLE, SQUARE, UP, VERMILLION, Choice, Control, Numbers
from isogloss.results.analyses import Agreement, Convergence, Retrieval
from isogloss.results.format import PERCENT, PLAIN, language_name, plain_text, rate_text
from isogloss.results.scores import MACRO, Estimate

PAIRS, EXPECTED = "pairs", "right answers differ"
_TICK = "M-0.12,-1.3L0.12,-1.3L0.12,1.3L-0.12,1.3Z"
_LABELS = {"CS": "culturally sensitive", "CA": "culturally agnostic"}
_LABEL_LOOKS = ((VERMILLION, SQUARE), (BLUE, CIRCLE), (ORANGE, UP))


def agreement_figure(given: Sequence[Agreement], *, columns: int = 2) -> Figure:
    """A row a language, a dot with its interval a model: agreement with English beside divergence from it, in percent.

    The upright stroke is how often the right answers differ. Unsteered models are shown; a page can show steered ones.
    """
    rows = {"universal": _codes(given, "universal"), "localized": _codes(given, "localized")}
    if not any(rows.values()):
        raise UserError("languages can be compared on no question, so there is nothing to draw")
    labels = list(dict.fromkeys(each.panel.label for each in given))
    titles = {"universal": "Agrees with English: universal", "localized": "Parts from English: localized"}
    every = list(dict.fromkeys(code for codes in rows.values() for code in codes))
    known = list({each.name: each for each in [*(_dots(e, {}) for e in given), *map(_expected, given)]}.values())
    panels: list[Drawn] = []
    for which, title in titles.items():
        if not rows[which]:
            continue
        dots = [_dots(each, getattr(each, which)) for each in given]
        if which == "localized":
            dots += [_expected(each) for each in given]
        codes = every if columns > 1 else rows[which]
        panels.append(
            dot_panel(
                dots,
                [row_name(code) for code in codes],
                unit=PERCENT,
                size=(365 if columns > 1 else 225, (12 * len(labels) + 12) * len(codes)),
                title=title,
                x_title="Share of questions (%)",
                names=columns == 1 or not panels,
                columns=5 if columns > 1 else 2,
                series_title="Model",
                legend=known,
            )
        )
    return figure(
        grid(panels, columns=columns, series=[*labels, EXPECTED], state=conditions(each.panel for each in given)[0][0])
    )


def labels_figure(given: Sequence[Agreement], *, columns: int = 2) -> Figure:
    """A row a model: accuracy on universal questions by their label, macro, in percent."""
    found = question_labels(given)
    if not found:
        raise UserError("no question carries a label, so there is nothing to draw")
    first = conditions(each.panel for each in given)[0][0]
    dots = [
        Dots(
            name=_LABELS.get(label, label),
            color=_LABEL_LOOKS[index % 3][0],
            shape=_LABEL_LOOKS[index % 3][1],
            values=[
                (each.panel.label, each.by_label[label][MACRO])
                for each in given
                if each.panel.condition == condition and MACRO in each.by_label.get(label, {})
            ],
            state=condition,
        )
        for condition, _ in conditions(each.panel for each in given)
        for index, label in enumerate(found)
    ]
    names = list(dict.fromkeys(each.panel.label for each in given))
    size = (560 if columns > 1 else 225, 44 * len(names))
    panel = dot_panel(
        dots,
        names,
        unit=PERCENT,
        size=size,
        x_title="Accuracy (%)",
        series_title="Questions",
        legend=dots[: len(found)],
    )
    return figure(grid([panel], columns=1, series=[_LABELS.get(each, each) for each in found], state=first))


def agreement_controls(given: Sequence[Agreement]) -> tuple[Control, ...]:
    """Which steering is shown, where there is a choice."""
    options = conditions(each.panel for each in given)
    return (Choice(signal=STATE, legend="Steering", options=options),) if len(options) > 1 else ()


def agreement_alternative(given: Sequence[Agreement]) -> str:
    """Both macro shares of every unsteered model in words."""
    first = conditions(each.panel for each in given)[0][0]
    parts = []
    for each in given:
        if each.panel.condition != first:
            continue
        shares = [
            f"{word} {rate_text(values[MACRO])}"
            for word, values in (("agrees on", each.universal), ("parts on", each.localized))
            if MACRO in values
        ]
        if shares:
            parts.append(f"{each.panel.label} {', '.join(shares)}")
    return (
        "Dots by language: how often a language picks the option that English picks on universal questions, and how often "
        f"it picks another on localized ones. Macro mean: {'; '.join(parts)}."
    )


def agreement_numbers(given: Sequence[Agreement]) -> Numbers:
    """Every model, steering and language."""
    rows = []
    for each in given:
        for code in dict.fromkeys((*_codes([each], "universal"), *_codes([each], "localized"))):
            shares = (each.universal.get(code), each.localized.get(code), each.expected.get(code))
            rows.append([panel_name(each.panel), row_name(code), *map(rate_text, shares)])
    columns = ("Model", "Language", "Agreement, universal", "Divergence, localized", "Right answers differ")
    return Numbers(columns, rows, names=2)


def labels_alternative(given: Sequence[Agreement]) -> str:
    """Accuracy by label of every unsteered model in words."""
    first = conditions(each.panel for each in given)[0][0]
    parts = [
        f"{each.panel.label} {_LABELS.get(label, label)} {rate_text(each.by_label[label][MACRO])}"
        for each in given
        if each.panel.condition == first
        for label in question_labels(given)
        if MACRO in each.by_label.get(label, {})
    ]
    return f"Dots of accuracy on universal questions by label, mean over the non-English languages: {'; '.join(parts)}."


def labels_numbers(given: Sequence[Agreement]) -> Numbers:
    """Accuracy by label of every model, steering and language."""
    labels = question_labels(given)
    rows = []
    for each in given:
        for code in dict.fromkeys(code for label in labels for code in each.by_label.get(label, {})):
            rates = (each.by_label.get(label, {}).get(code) for label in labels)
            rows.append([panel_name(each.panel), row_name(code), *map(rate_text, rates)])
    return Numbers(("Model", "Language", *(_LABELS.get(label, label) for label in labels)), rows, names=2)


def question_labels(given: Sequence[Agreement]) -> list[str]:
    """The labels that questions besides English ones carry."""
    return list(dict.fromkeys(label for each in given for label, values in each.by_label.items() if MACRO in values))


def row_name(code: str) -> str:
    """A language's name; `All pairs` for the mean over pairs of languages."""
    return "All pairs" if code == PAIRS else language_name(code)


def _codes(given: Sequence[Agreement], which: str) -> list[str]:
    found = dict.fromkeys(code for each in given for code in getattr(each, which))
    last = [code for code in (MACRO, PAIRS) if code in found]
    return [*(code for code in found if code not in last), *last]


def _dots(each: Agreement, values: Mapping[str, Estimate]) -> Dots:
    look = look_of_model(each.panel.model)
    return Dots(
        name=each.panel.label,
        color=look.color,
        shape=look.shape,
        values=[(row_name(code), value) for code, value in values.items()],
        state=each.panel.condition,
    )


def _expected(each: Agreement) -> Dots:
    values = [(row_name(code), value) for code, value in each.expected.items()]
    return Dots(name=EXPECTED, color=PURPLE, shape=_TICK, values=values, state=each.panel.condition)


# --------------------------------------------------------------------------------------------------------------------
# How alike languages' states of the same questions are in each layer, universal beside localized.

Measure = Literal["cka", "cosine"]
_MEASURES: dict[Measure, str] = {"cka": "CKA", "cosine": "Mean cosine"}
_AXES: dict[Axis, str] = {"transfer": "universal questions", "localization": "localized questions"}


def convergence_figure(given: Sequence[Convergence], *, columns: int = 2) -> Figure:
    """Debiased CKA above mean cosine against layer, a line with its interval band a model; universal beside localized.

    Dotted: what it would be of other questions of the same kinds (CKA), or of any other ones (cosine). Unsteered states are
    shown; a page can show steered ones.
    """
    axes = [axis for axis in _AXES if any(each.axis == axis and measured(each) for each in given)]
    if not axes:
        raise UserError("no two languages can be compared at any layer, so there is nothing to draw")
    lines = {(measure, axis): _convergence_lines(given, measure, axis) for measure, axis in product(_MEASURES, axes)}
    measures = [measure for measure in _MEASURES if any(lines[measure, axis] for axis in axes)]
    spans = {measure: span_of([line for axis in axes for line in lines[measure, axis]], PLAIN) for measure in measures}
    known = list({line.name: line for each in lines.values() for line in each if line.marks}.values())
    wide = columns > 1
    keys = [(m, a) for m in measures for a in axes] if wide else [(m, a) for a in axes for m in measures]
    across = len(axes) if wide else 1
    panels = [
        panel(
            lines[measure, axis],
            unit=PLAIN,
            size=(355, 200) if wide else (225, 160),
            span=spans[measure],
            title=f"{_MEASURES[measure]}, {_AXES[axis]}",
            x_title="Layer" if index >= len(keys) - across else None,
            legend=known,
            columns=4 if wide else 3,
        )
        for index, (measure, axis) in enumerate(keys)
    ]
    return figure(grid(panels, columns=across, state=conditions(each.panel for each in given)[0][0]))


def measured(each: Convergence) -> bool:
    """Whether any layer has either measure."""
    return bool(each.cka.layers or each.cosine.layers)


def convergence_controls(given: Sequence[Convergence]) -> tuple[Control, ...]:
    """Which steering's states are shown, where there is a choice."""
    options = conditions(each.panel for each in given)
    return (Choice(signal=STATE, legend="States", options=options),) if len(options) > 1 else ()


def convergence_alternative(given: Sequence[Convergence]) -> str:
    """The highest CKA of every unsteered model in words, the highest cosine where there is no CKA."""
    first = conditions(each.panel for each in given)[0][0]
    parts = []
    for each in given:
        if each.panel.condition == first and measured(each):
            what, curve = ("CKA", each.cka) if each.cka.layers else ("mean cosine", each.cosine)
            layer, highest = peak(curve)
            told = f"highest {what} {plain_text(highest)} at layer {layer}"
            parts.append(f"{each.panel.label}, {_AXES[each.axis]}: {told}")
    return (
        "Lines of centred kernel alignment and mean cosine between languages against layer, with interval bands. "
        f"{'; '.join(parts)}."
    )


def convergence_numbers(given: Sequence[Convergence]) -> Numbers:
    """Every panel, axis and layer."""
    rows = []
    for each in given:
        curves = [dict(at(curve)) for curve in (each.cka, each.baseline_cka, each.cosine, each.baseline_cosine)]
        for layer in sorted({layer for curve in curves for layer in curve}):
            values = [curve.get(layer) for curve in curves]
            rows.append([panel_name(each.panel), _AXES[each.axis], str(layer), *map(plain_text, values)])
    columns = ("CKA", "CKA of the kinds alone", "Mean cosine", "Cosine, different questions")
    return Numbers(("Model", "Questions", "Layer", *columns), rows, names=2)


def _convergence_lines(given: Sequence[Convergence], measure: Measure, axis: Axis) -> list[Line]:
    found = []
    for each in given:
        look = look_of_model(each.panel.model)
        curve, baseline, of = (
            (each.cka, each.baseline_cka, "kinds of question alone")
            if measure == "cka"
            else (each.cosine, each.baseline_cosine, "different questions")
        )
        if each.axis != axis or not curve.layers:
            continue
        found.append(
            Line(
                name=each.panel.label,
                color=look.color,
                points=list(at(curve)),
                dash=look.dash,
                shape=look.shape,
                state=each.panel.condition,
            )
        )
        if baseline.layers:
            found.append(
                Line(
                    name=f"{each.panel.label}, {of}",
                    color=look.color,
                    points=list(at(baseline)),
                    dash=(1, 3),
                    width=1.2,
                    band=False,
                    marks=False,
                    state=each.panel.condition,
                )
            )
    return found


# --------------------------------------------------------------------------------------------------------------------
# How often the nearest sentence in another language is the same sentence, by layer, for every model and steering.


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
        each: [line for one in given if one.panel.condition == each for line in _retrieval_lines(one, codes)]
        for each, _ in shown
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


def _retrieval_lines(each: Retrieval, codes: Sequence[str]) -> list[Line]:
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
