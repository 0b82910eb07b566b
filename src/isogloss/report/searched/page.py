"""The searches as tables: for the terminal (at most 100 columns), and as plain values for the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from isogloss.data.rows import Axis
from isogloss.report.comparison.rows import AXES, is_clear
from isogloss.report.searched.figures import CANDIDATES, figure_name
from isogloss.report.searched.findings import (
    STATISTICS,
    Searches,
    Study,
    findings_on_test,
    point_text,
    standing,
    steering_texts,
    study_findings,
)
from isogloss.report.tables import Cell, compact_table
from isogloss.results.format import interval, points
from isogloss.results.scores import MACRO, Estimate

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text


CANDIDATES_READING = (
    "Macro mean over the non-English languages, in points. Dev2, test: change of accuracy from the same model unsteered, on "
    "the items that chose and on those that did not. Δ: change on test from the unaligned model, unsteered, with its 95 % "
    "interval; bold where that excludes zero."
)


@dataclass(frozen=True, slots=True)
class CandidateLine:
    """A row of the candidates' table on the page."""

    number: int
    label: str
    en: str
    loc: str
    cells: list[Cell]
    standing: str
    kept: bool


def candidate_lines(searches: Searches) -> list[CandidateLine]:
    """Of each candidate: dev2, test and Δ of both axes, Δ of English bias, and whether it is kept."""
    found = []
    for number, each in enumerate(searches.candidates, start=1):
        cells = []
        for axis in AXES:
            cells += [_short(each.dev2, axis), _short(each.test, axis), _change(each.change(axis))]
        en, loc = steering_texts(each)
        found.append(
            CandidateLine(
                number=number,
                label=each.label,
                en=en,
                loc=loc,
                cells=[*cells, _change(each.condition.bias_delta.get(MACRO))],
                standing=standing(searches, each),
                kept=each.dominated_by is None,
            )
        )
    return found


def fronts_table(searches: Searches) -> Table:
    """For the terminal: the fronts on dev2, of each its ends, its knee, and the points that were taken to test."""
    shown = {study.checkpoint: _shown(searches, study) for study in searches.studies}
    left = sum(len(study.result.front) - len(shown[study.checkpoint]) for study in searches.studies)
    more = f" {left} more on the fronts: see the report." if left else ""
    table = compact_table(
        f"Fronts on dev2: macro change of {STATISTICS[searches.statistic]} from the same model unsteered, in points.{more}"
    )
    for title in ("Model", "Point"):
        table.add_column(title, no_wrap=True)
    for title in ("Transfer Δ", "Localization Δ"):
        table.add_column(title, justify="right")
    table.add_column("")
    for study in searches.studies:
        table.add_section()
        for number in shown[study.checkpoint]:
            trial = study.trial(number)
            assert trial.point is not None, "a trial on the front has its point"
            scores = ("–" if score is None else points(score) for score in (trial.transfer, trial.localization))
            knee = number == study.result.knee
            table.add_row(
                study.label, point_text(trial.point), *scores, "knee" if knee else "", style="bold" if knee else ""
            )
    return table


def candidates_table(searches: Searches) -> Table:
    """For the terminal: the candidates on test, value above interval; bold where the interval excludes zero."""
    from rich.text import Text

    table = compact_table(
        "On test: macro change from the unaligned model, unsteered, in points, and its 95 % interval. Numbers as in the report."
    )
    table.add_column("", justify="right")
    for title in ("Model", "Point"):
        table.add_column(title, no_wrap=True)
    for title in ("Transfer Δ", "Localization Δ", "English bias Δ"):
        table.add_column(title, justify="right")
    table.add_column("On test")
    for number, each in enumerate(searches.candidates, start=1):
        changes = (*(each.change(axis) for axis in AXES), each.condition.bias_delta.get(MACRO))
        table.add_row(
            str(number),
            each.label,
            point_text(each.point, between="\n"),
            *map(_styled, changes),
            Text(standing(searches, each), style="" if each.dominated_by is None else "dim"),
        )
    return table


def _shown(searches: Searches, study: Study) -> list[int]:
    """The trials of a front that the terminal shows, in its order."""
    front = study.result.front
    taken = {each.trial for each in searches.candidates if each.checkpoint == study.checkpoint}
    wanted = {*front[:1], *front[-1:], study.result.knee, *taken}
    return [number for number in front if number in wanted]


def _styled(change: Estimate | None) -> Text:
    from rich.text import Text

    if change is None:
        return Text("–")
    return Text.assemble((points(change.value), "bold" if is_clear(change) else ""), (f"\n{interval(change)}", "dim"))


def _short(values: Mapping[Axis, float], axis: Axis) -> Cell:
    return Cell(points(values[axis]) if axis in values else "–")


def _change(change: Estimate | None) -> Cell:
    return Cell("–") if change is None else Cell(points(change.value), interval(change), is_clear(change))


# --------------------------------------------------------------------------------------------------------------------
# What the page shows of the searches beside their figures.


def shown_searches(searches: Searches) -> dict[str, Any]:
    """Sentences, table rows and the names of the figures, for the template."""
    return {
        "statistic": STATISTICS[searches.statistic],
        "studies": [
            {
                "label": study.label,
                "sampler": study.result.sampler.upper(),
                "reference": "transfer {}, localization {}".format(*map(points, study.result.reference)),
                "findings": study_findings(study, statistic=searches.statistic),
                **{what: figure_name(study.checkpoint, what) for what in ("front", "hypervolume", "importances")},
            }
            for study in searches.studies
        ],
        "candidates": CANDIDATES,
        "on_test": findings_on_test(searches),
        "lines": candidate_lines(searches),
        "reading": CANDIDATES_READING,
        "any_dominated": len(searches.kept) < len(searches.candidates),
        "model": searches.model,
        "commands": _commands(searches.model),
    }


def _commands(model: str | None) -> list[str]:
    """How to use what was found, a command a line, with what it is for."""
    champion = f"models:/{model or 'NAME'}@champion"
    given = [
        *([] if model else [("isogloss promote PIPELINE --name NAME", "through the gate, into the registry")]),
        (f'isogloss generate {champion} "…"', "answers, steered in the language of each prompt"),
        (f"isogloss fetch {champion} DIR", "a folder that loads, verified"),
        (f"isogloss export {champion} DIR --format hf", "or gguf, or folded"),
    ]
    width = max(len(command) for command, _ in given)
    return [f"{command:<{width}}  # {remark}" for command, remark in given]
