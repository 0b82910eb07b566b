"""Where languages pick what English picks on universal questions, and where they part from it on localized ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from isogloss.analysis.results import Agreement
from isogloss.errors import UserError
from isogloss.evaluate.results import MACRO, Estimate
from isogloss.report.comparison.looks import look_of_model
from isogloss.report.controls import Choice, Control
from isogloss.report.data import Drawn
from isogloss.report.details import Numbers
from isogloss.report.dots import Dots, dot_panel
from isogloss.report.drawn import Figure, figure
from isogloss.report.geometry.given import conditions, panel_name
from isogloss.report.lines import STATE, grid
from isogloss.report.numbers import language_name, rate_text
from isogloss.report.style import BLUE, CIRCLE, ORANGE, PURPLE, SQUARE, UP, VERMILLION
from isogloss.report.units import PERCENT

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
