"""A run in Markdown, for where its page cannot be opened: a workflow's step summary, a comment on a pull request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isogloss.data.rows import Axis
from isogloss.report.comparison.rows import AXES, NONE, comparison_rows, is_clear
from isogloss.report.findings import comparison_findings, findings
from isogloss.report.page import plane_chart
from isogloss.report.searched.findings import Searches, findings_on_test
from isogloss.report.tables import comparison_markdown, results_markdown
from isogloss.results.format import delta_text, points
from isogloss.results.names import SUR
from isogloss.results.scores import Comparison, Condition, Estimate, Results, macro_delta

#: Shown of a commit or digest.
_SHORT = 8


@dataclass(frozen=True, kw_only=True)
class Champion:
    """The registered version that a run is held against: its macro changes on test against its unaligned model.

    `apart` says why they cannot be subtracted from the run's (other questions, another base), None where they can.
    """

    ref: str
    version: int
    change: Mapping[Axis, Estimate]
    apart: str | None = None


def summary_markdown(
    results: Results,
    *,
    comparison: Comparison | None,
    searches: Searches | None,
    champion: Champion | None,
    no_champion: str = "",
    missing: Sequence[str] = (),
) -> str:
    """What came out, the plane, the table, the searched points, and the difference from the champion.

    `no_champion` says why there is none; `missing`, what the run did not finish.
    """
    shown = compared_points(results, comparison, searches)
    sentences = [
        *(comparison_findings(comparison) if comparison else findings(results)),
        *(findings_on_test(searches) if searches else ()),
    ]
    parts = [
        f"## {results.pipeline}: {_inline(results.model)}",
        "\n".join(f"- {sentence}" for sentence in sentences),
        _missing(missing),
        plane_chart(
            {
                label: (change["localization"].value, change["transfer"].value)
                for label, change in shown.items()
                if set(change) == set(AXES)
            }
        ),
        *_table(results, comparison),
        "### Against the champion",
        no_champion if champion is None else champion_table(champion, shown),
        f"Model `{results.model_digest[:_SHORT]}`, questions `{results.benchmark_digest[:_SHORT]}`, {results.date}.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def compared_points(
    results: Results, comparison: Comparison | None, searches: Searches | None
) -> dict[str, Mapping[Axis, Estimate]]:
    """By label, macro changes from the unaligned model: models unsteered and under SUR, then the searched points kept."""
    shown: dict[str, Mapping[Axis, Estimate]] = {}
    if comparison is not None:
        for row in comparison_rows(comparison):
            if row.condition.name in (NONE, SUR) and row.condition.delta:
                shown[row.name if row.unsteered else f"{row.model.label} {row.name}"] = _changes(row.condition)
    else:
        shown |= {one.label: _changes(one) for one in results.conditions if one.role == "method"}
    for one in searches.kept if searches else ():
        shown[f"{one.label} searched {one.trial}"] = _changes(one.condition)
    return shown


def champion_table(champion: Champion, shown: Mapping[str, Mapping[Axis, Estimate]]) -> str:
    """The champion's changes, then each point's distance from them in points."""
    lines = [
        "| | Transfer Δ | Localization Δ | from the champion |",
        "|---|--:|--:|---|",
        f"| **`{champion.ref}`, version {champion.version}** | "
        + " | ".join(delta_text(champion.change.get(axis)) for axis in AXES)
        + " | |",
    ]
    for label, change in shown.items():
        apart = [
            f"{axis} {points(change[axis].value - champion.change[axis].value)}"
            for axis in AXES
            if axis in change and axis in champion.change
        ]
        difference = "–" if champion.apart else ", ".join(apart)
        cells = [_strong(change.get(axis)) for axis in AXES]
        lines.append(f"| {_cell(label)} | {' | '.join(cells)} | {difference} |")
    reading = (
        f"Not subtracted: {champion.apart}."
        if champion.apart
        else "Changes from the unaligned model on the same questions, in points. A distance has no interval of its own: where "
        "the intervals of two points overlap, it may be chance."
    )
    return "\n".join([*lines, "", reading])


def _table(results: Results, comparison: Comparison | None) -> list[str]:
    """The macro table, and the tables by language folded away."""
    if comparison is None:
        return [results_markdown(results).strip()]
    macro, sign, rest = comparison_markdown(comparison).partition("\n### ")
    folded = (
        f"<details><summary>Steering in each model, and every language</summary>\n\n### {rest.strip()}\n\n</details>"
    )
    return [macro.strip(), *([folded] if sign else [])]


def _missing(missing: Sequence[str]) -> str:
    return "\n".join(["> **Not finished**", *(f"> - {line}" for line in missing)]) if missing else ""


def _changes(condition: Condition) -> dict[Axis, Estimate]:
    return {axis: each for axis in AXES if (each := macro_delta(condition, axis)) is not None}


def _strong(change: Estimate | None) -> str:
    return f"**{delta_text(change)}**" if is_clear(change) else delta_text(change)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())


def _inline(text: str) -> str:
    """As code, so that no name is read as Markdown."""
    return f"`{_cell(text).replace('`', chr(39))}`"
