"""A run in Markdown, for where its page cannot be opened: a workflow's step summary, a comment on a pull request."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isogloss.data.rows import AXES, Axis
from isogloss.report.findings import comparison_findings, findings
from isogloss.report.searches import Searches, findings_on_test
from isogloss.report.tables import comparison_markdown, results_markdown
from isogloss.results.format import delta_text, markdown_table, points
from isogloss.results.names import SUR
from isogloss.results.scores import Comparison, Condition, Estimate, Results, comparison_rows, is_clear, macro_delta

#: Characters shown of a commit or digest.
_SHORT = 8


@dataclass(frozen=True, kw_only=True)
class Champion:
    """The registered version that a run is compared with: its macro changes on test against its unaligned model.

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
    """The findings, the plane, the table, the searched points, and the difference from the champion.

    Args:
        no_champion: why there is no champion.
        missing: what the run did not finish.
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
            if (row.unsteered or row.condition.name == SUR) and row.condition.delta:
                shown[row.full_name] = _changes(row.condition)
    else:
        shown |= {c.label: _changes(c) for c in results.conditions if c.role == "method"}
    for candidate in searches.kept if searches else ():
        shown[f"{candidate.label} searched {candidate.trial}"] = _changes(candidate.condition)
    return shown


def champion_table(champion: Champion, shown: Mapping[str, Mapping[Axis, Estimate]]) -> str:
    """The champion's changes, then each point's distance from them in points."""
    named = f"**`{champion.ref}`, version {champion.version}**"
    rows = [[named, *(delta_text(champion.change.get(axis)) for axis in AXES), ""]]
    for label, change in shown.items():
        apart = [
            f"{axis} {points(change[axis].value - champion.change[axis].value)}"
            for axis in AXES
            if axis in change and axis in champion.change
        ]
        rows.append(
            [_cell(label), *(_strong(change.get(a)) for a in AXES), "–" if champion.apart else ", ".join(apart)]
        )
    reading = (
        f"Not subtracted: {champion.apart}."
        if champion.apart
        else "Changes from the unaligned model on the same questions, in points. A distance has no interval of its own: where "
        "the intervals of two points overlap, it may be chance."
    )
    table = markdown_table(["", "Transfer Δ", "Localization Δ", "from the champion"], rows)
    return f"{table}\n\n{reading}"


# --------------------------------------------------------------------------------------------------------------------
# The plane as a Mermaid chart, which code hosts draw inside Markdown.

#: The chart is never drawn narrower than this many points to either side, so that noise does not look large.
_LEAST_SPAN = 5


def plane_chart(places: Mapping[str, tuple[float, float]]) -> str:
    """A fenced `quadrantChart` of (localization, transfer) changes (fractions) by label; the origin is its middle.

    Points are numbered in their order, and the line below names them, since labels would cover each other; points in one
    place share a mark. Both axes have one scale, in whole percentage points, which the title tells. Empty without points.
    """
    if not places:
        return ""
    reach = max(100 * abs(value) for place in places.values() for value in place)
    span = max(_LEAST_SPAN, math.ceil(1.1 * reach))
    lines = [
        "```mermaid",
        "quadrantChart",
        f"    title Change on test in points, each axis from -{span} to +{span}",
        '    x-axis "localization lost" --> "localization gained"',
        '    y-axis "transfer lost" --> "transfer gained"',
        '    quadrant-1 "gain on both"',
        '    quadrant-2 "erasure"',
        '    quadrant-3 "loss on both"',
        '    quadrant-4 "transfer paid"',
    ]
    marks: dict[str, list[str]] = {}
    for number, place in enumerate(places.values(), start=1):
        mark = ", ".join(f"{0.5 + 50 * value / span:.3f}" for value in place)
        marks.setdefault(mark, []).append(str(number))
    lines += [f'    "{", ".join(numbers)}": [{mark}]' for mark, numbers in marks.items()]
    # In one line, and not as code.
    labels = [" ".join(label.replace("`", "'").split()) for label in places]
    named = " · ".join(f"{number} {label}" for number, label in enumerate(labels, start=1))
    return "\n".join([*lines, "```", "", named])


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
    return {axis: delta for axis in AXES if (delta := macro_delta(condition, axis)) is not None}


def _strong(change: Estimate | None) -> str:
    return f"**{delta_text(change)}**" if is_clear(change) else delta_text(change)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())


def _inline(text: str) -> str:
    """As code, so that no name is read as Markdown."""
    return f"`{_cell(text).replace('`', chr(39))}`"
