"""The data card of the benchmark, in Markdown: counts, shortcuts, sources, examples, and what was left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from isogloss.data.facts.exclusions import EXCLUDED, RULES
from isogloss.data.facts.shortcuts import shortcuts
from isogloss.data.rows import LANGUAGES, Axis, ChoiceItem, Split

_SPLITS: tuple[Split, ...] = ("dev1", "dev2", "test")
_AXES: tuple[Axis, ...] = ("transfer", "localization")
_INTRODUCTION = """# Data card: embedded benchmark

Multiple-choice questions in {languages}, generated from packages. *Transfer* items have one truth everywhere and name
what they ask about; the same facts stand in all languages with the same options. *Localization* items leave the
country out: the right answer depends on the region that the language of the question stands for, and
`context_question` is the same question with the country named.

{items:,} items in {groups:,} groups. A group (one fact and its sisters, in all languages) lies in one split: dev1 for
vectors, dev2 for layers and strengths, test for results.
"""


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f}"


def _counts(items: Sequence[ChoiceItem]) -> str:
    kinds = Counter((item.axis, item.kind or "") for item in items)
    cells: Counter[tuple[Axis, str, Split]] = Counter((item.axis, item.kind or "", item.split) for item in items)
    groups = {pair: len({i.group for i in items if (i.axis, i.kind or "") == pair}) for pair in kinds}
    by_kind = [
        (axis, kind, groups[axis, kind], kinds[axis, kind], *(cells[axis, kind, split] for split in _SPLITS))
        for axis, kind in sorted(kinds, reverse=True)
    ]
    places: Counter[tuple[Axis, str, str, Split]] = Counter(
        (item.axis, item.language, item.region or "–", item.split) for item in items
    )
    by_language = [
        (axis, language, region, *(places[axis, language, region, split] for split in _SPLITS))
        for axis, language, region in sorted({key[:3] for key in places}, reverse=True)
    ]
    return "\n".join(
        (
            "## Counts\n",
            _table(("axis", "kind", "groups", "items", *_SPLITS), by_kind),
            _table(("axis", "language", "region", *_SPLITS), by_language),
        )
    )


def _shortcut_table(items: Sequence[ChoiceItem]) -> str:
    rows = [
        (row.axis, row.language, row.n, *map(_percent, (row.chance, row.longest, row.shortest, row.most_frequent)))
        for row in sorted(shortcuts(items), key=lambda row: (row.axis, row.language), reverse=True)
    ]
    head = ("axis", "language", "items", "chance", "longest", "shortest", "most frequent")
    note = (
        "Accuracy in percent of picking an option without reading the question. Lengths are counted in characters, "
        "frequencies over all options of the language; equals share.\n"
    )
    return f"## Shortcuts\n\n{note}\n{_table(head, rows)}"


def _sources(items: Sequence[ChoiceItem]) -> str:
    sources = Counter((item.axis, item.source or "not given") for item in items)
    rows = [(source, axis, count) for (axis, source), count in sorted(sources.items())]
    return "## Sources\n\n" + _table(("source", "axis", "items"), rows)


def _examples(items: Sequence[ChoiceItem]) -> str:
    lines = ["## Examples\n", "The right option in bold.\n"]
    for axis in _AXES:
        for kind in sorted({item.kind or "" for item in items if item.axis == axis}):
            lines.append(f"### {axis}: {kind}\n")
            own = sorted((item for item in items if (item.axis, item.kind or "") == (axis, kind)), key=lambda i: i.id)
            for language in (code for code in LANGUAGES if any(item.language == code for item in own)):
                group = own[len(own) // 2].group
                found = [item for item in own if item.language == language]
                item = next((item for item in found if item.group == group), found[0])
                options = " · ".join(
                    f"**{option}**" if index == item.answer else option for index, option in enumerate(item.options)
                )
                named = f" ({item.context_question})" if item.context_question else ""
                lines.append(f"- `{language}` {item.question}{named} {options}")
            lines.append("")
    return "\n".join(lines)


def _exclusions(local: Mapping[str, str]) -> str:
    lines = ["## Left out of the transfer facts\n"]
    for kind, rules in RULES.items():
        lines += [f"- {kind}: {rule}" for rule in rules]
    rows = [(kind, key, reason) for kind, reasons in EXCLUDED.items() for key, reason in sorted(reasons.items())]
    text = "\n".join(lines) + "\n\n" + _table(("kind", "key", "reason"), rows)
    if local:
        text += "\n## Left out of the localization facts\n\n" + _table(("fact", "reason"), sorted(local.items()))
    return text


def data_card(items: Sequence[ChoiceItem]) -> str:
    """The card of `items` as Markdown. Needs splits to be assigned."""
    local: Mapping[str, str] = {}
    if any(item.axis == "localization" for item in items):
        from isogloss.data.facts.localized import EXCLUDED as local
    head = _INTRODUCTION.format(
        languages=", ".join(code for code in LANGUAGES if any(item.language == code for item in items)),
        items=len(items),
        groups=len({item.group for item in items}),
    )
    parts = (head, _counts(items), _shortcut_table(items), _sources(items), _examples(items), _exclusions(local))
    return "\n".join(parts)
