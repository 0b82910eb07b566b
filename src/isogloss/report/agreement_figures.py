"""The figures of choices: where languages agree with English and where they part from it, and accuracy by label."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import NamedTuple

from isogloss.report.chart import (
    BLUE,
    CIRCLE,
    ORANGE,
    PURPLE,
    SQUARE,
    UP,
    VERMILLION,
    Figure,
    Layout,
    model_look,
    pivot,
    state_menu,
)
from isogloss.report.lines import Dots, dot_panel, grid
from isogloss.results.analyses import Agreement, Panel, conditions_of
from isogloss.results.format import PERCENT, language_name, rate_text
from isogloss.results.scores import MACRO, Estimate

PAIRS, EXPECTED = "pairs", "right answers differ"
_TICK = "M-0.12,-1.3L0.12,-1.3L0.12,1.3L-0.12,1.3Z"
_SHARES = {"universal": "Agrees with English: universal", "localized": "Parts from English: localized"}
_LABELS = {"CS": "culturally sensitive", "CA": "culturally agnostic"}
_LABEL_LOOKS = ((VERMILLION, SQUARE), (BLUE, CIRCLE), (ORANGE, UP))


class Shares(NamedTuple):
    """What a model in one condition shares with English in one language: a row of the table."""

    panel: Panel
    code: str
    universal: Estimate | None
    localized: Estimate | None
    expected: Estimate | None

    @property
    def row(self) -> str:
        """The language's name; `All pairs` for the mean over pairs of languages."""
        return _row_name(self.code)


def agreement_figure(values: Sequence[Agreement]) -> Figure[Shares] | None:
    """A row a language, a dot with its interval a model: agreement with English beside divergence from it, in percent.

    The upright stroke is how often the right answers differ. Unsteered models are shown; a page can show steered ones. None
    where languages can be compared on no question.
    """
    records = [
        Shares(value.panel, code, value.universal.get(code), value.localized.get(code), value.expected.get(code))
        for value in values
        for code in _ordered([*value.universal, *value.localized])
    ]
    if not records:
        return None
    parts = []
    for value in values:
        if value.panel.condition == values[0].panel.condition:
            shares = [
                f"{word} {rate_text(by_language[MACRO])}"
                for word, by_language in (("agrees on", value.universal), ("parts on", value.localized))
                if MACRO in by_language
            ]
            if shares:
                parts.append(f"{value.panel.label} {', '.join(shares)}")
    return Figure(
        name="agreement",
        records=records,
        chart=_agreement_chart,
        alt=(
            "Dots by language: how often a language picks the option that English picks on universal questions, and how "
            f"often it picks another on localized ones. Macro mean: {'; '.join(parts)}."
        ),
        caption=(
            "Left: how often a language picks the option that English picks on universal questions. Right: how often it "
            "picks another on localized ones; the upright strokes, one a model, are how often the right answers differ in "
            "the same comparisons. 95\u00a0% intervals. Macro mean: over the non-English languages; all pairs: over all "
            "pairs of languages."
        ),
        table={
            "Model": lambda shares: shares.panel.name,
            "Language": lambda shares: shares.row,
            "Agreement, universal": lambda shares: rate_text(shares.universal),
            "Divergence, localized": lambda shares: rate_text(shares.localized),
            "Right answers differ": lambda shares: rate_text(shares.expected),
        },
        names=2,
        controls=state_menu("Steering", (value.panel for value in values)),
    )


def _agreement_chart(records: Sequence[Shares], columns: int) -> Layout:
    labels = list(dict.fromkeys(shares.panel.label for shares in records))
    every = _ordered([shares.code for shares in records])
    looks = [*_share_dots(records, ""), *_share_dots(records, "expected")]
    known = list({series.name: series for series in looks}.values())
    panels: list[Layout] = []
    for which, title in _SHARES.items():
        codes = _ordered([shares.code for shares in records if getattr(shares, which) is not None])
        if not codes:
            continue
        dots = _share_dots(records, which)
        if which == "localized":
            dots += _share_dots(records, "expected")
        codes = every if columns > 1 else codes
        panels.append(
            dot_panel(
                dots,
                [_row_name(code) for code in codes],
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
    return grid(panels, columns=columns, series=[*labels, EXPECTED], state=records[0].panel.condition)


def _share_dots(records: Sequence[Shares], which: str) -> list[Dots]:
    """A series of dots for each panel: one of its shares by language, or none of them where `which` is empty."""
    dots = []
    for panel_name in dict.fromkeys((shares.panel.model, shares.panel.condition) for shares in records):
        of_panel = [shares for shares in records if (shares.panel.model, shares.panel.condition) == panel_name]
        panel, look = of_panel[0].panel, model_look(panel_name[0])
        expected = which == "expected"
        dots.append(
            Dots(
                name=EXPECTED if expected else panel.label,
                color=PURPLE if expected else look.color,
                shape=_TICK if expected else look.shape,
                values=[
                    (shares.row, estimate)
                    for shares in of_panel
                    if which and (estimate := getattr(shares, which)) is not None
                ],
                state=panel.condition,
            )
        )
    return dots


def labels_figure(values: Sequence[Agreement]) -> Figure[Agreement] | None:
    """A row a model: accuracy on universal questions by their label, macro, in percent.

    None where no question but English ones carries a label.
    """
    labels = list(dict.fromkeys(label for value in values for label, rates in value.by_label.items() if MACRO in rates))
    if not labels:
        return None
    parts = [
        f"{value.panel.label} {_LABELS.get(label, label)} {rate_text(value.by_label[label][MACRO])}"
        for value in values
        if value.panel.condition == values[0].panel.condition
        for label in labels
        if MACRO in value.by_label.get(label, {})
    ]
    cells = (
        ((value.panel.name, _row_name(code)), _LABELS.get(label, label), rate_text(rate))
        for value in values
        for label in labels
        for code, rate in value.by_label.get(label, {}).items()
    )
    return Figure(
        name="labels",
        records=values,
        chart=partial(_labels_chart, labels=labels),
        alt=f"Dots of accuracy on universal questions by label, mean over the non-English languages: {'; '.join(parts)}.",
        caption=(
            "Accuracy on universal questions by their label, mean over the non-English languages, with 95\u00a0% intervals."
        ),
        numbers=pivot(cells, ("Model", "Language"), [_LABELS.get(label, label) for label in labels]),
        controls=state_menu("Steering", (value.panel for value in values)),
    )


def _labels_chart(records: Sequence[Agreement], columns: int, *, labels: Sequence[str]) -> Layout:
    conditions = list(conditions_of(value.panel for value in records))
    dots = [
        Dots(
            name=_LABELS.get(label, label),
            color=_LABEL_LOOKS[index % 3][0],
            shape=_LABEL_LOOKS[index % 3][1],
            values=[
                (value.panel.label, value.by_label[label][MACRO])
                for value in records
                if value.panel.condition == condition and MACRO in value.by_label.get(label, {})
            ],
            state=condition,
        )
        for condition in conditions
        for index, label in enumerate(labels)
    ]
    models = list(dict.fromkeys(value.panel.label for value in records))
    drawn = dot_panel(
        dots,
        models,
        unit=PERCENT,
        size=(560 if columns > 1 else 225, 44 * len(models)),
        x_title="Accuracy (%)",
        series_title="Questions",
        legend=dots[: len(labels)],
    )
    return grid([drawn], columns=1, series=[_LABELS.get(label, label) for label in labels], state=conditions[0])


def _row_name(code: str) -> str:
    return "All pairs" if code == PAIRS else language_name(code)


def _ordered(codes: Iterable[str]) -> list[str]:
    """The languages, then the macro mean and the mean over pairs."""
    last = (MACRO, PAIRS)
    return sorted(dict.fromkeys(codes), key=lambda code: last.index(code) + 1 if code in last else 0)
