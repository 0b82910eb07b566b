"""The data card of the benchmark, in Markdown: counts, shortcuts, sources, examples, and what was left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from isogloss.data.facts.exclusions import EXCLUDED, RULES
from isogloss.data.facts.names import country_name
from isogloss.data.facts.roles import role_of, training_countries
from isogloss.data.facts.shortcuts import shortcuts
from isogloss.data.facts.universal import all_facts
from isogloss.data.rows import ENGLISH, LANGUAGES, REGIONS, Axis, ChoiceItem, Split

_SPLITS: tuple[Split, ...] = ("dev1", "dev2", "test")
_AXES: tuple[Axis, ...] = ("transfer", "localization")
_INTRODUCTION = """# Data card: embedded benchmark

{items:,} items: multiple-choice questions of two to four options, one of them right. The facts come from the packages
under *Sources*, the question templates from this project.

**Transfer** items have one truth everywhere and name what they ask about ("What is the capital of Peru?"). The same
facts stand in all {count} languages, with the same options and in the same wording, one of three.

**Localization** items name no country ("What is the capital of our country?"): the right answer is that of the region
that the language of the question stands for ({regions}).
`context_question` is the same question with the country named. A fact is asked in three wordings. Each wrong option is
right in another country, and `option_regions` says in which. Where the answer of the US or Great Britain differs, a
question that is not English offers it. English stands for both, with items for each; as a question without a country
could mean either, the answer of the one is never a wrong option for the other. What has only two answers in the world,
that of the US and that of Great Britain, is therefore not asked in English.

A *group* is one fact with all its wordings, and for transfer its questions in all languages and in both directions
(the capital of a country, the country of a capital). There are {groups:,} groups. A group lies in one split: `dev1` for
vectors, `dev2` for layers and strengths, `test` for results, in the proportions 1 : 1 : 3 of groups.
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
        for axis, kind in sorted(kinds, key=lambda pair: (_AXES.index(pair[0]), pair[1]))
    ]
    places: Counter[tuple[Axis, str, str, Split]] = Counter(
        (item.axis, item.language, item.region or "–", item.split) for item in items
    )
    by_language = [
        (axis, language, region, *(places[axis, language, region, split] for split in _SPLITS))
        for axis, language, region in sorted(
            {key[:3] for key in places}, key=lambda key: (_AXES.index(key[0]), LANGUAGES.index(key[1]), key[2])
        )
    ]
    note = "Items, the splits' columns too. A kind of few groups may be missing from a split.\n"
    return "\n".join(
        (
            "## Counts\n",
            note,
            _table(("axis", "kind", "groups", "items", *_SPLITS), by_kind),
            _table(("axis", "language", "region", *_SPLITS), by_language),
        )
    )


def _shortcut_table(items: Sequence[ChoiceItem]) -> str:
    rows = [
        (row.axis, row.language, row.n, *map(_percent, (row.chance, row.longest, row.shortest, row.most_frequent)))
        for row in sorted(shortcuts(items), key=lambda row: (_AXES.index(row.axis), LANGUAGES.index(row.language)))
    ]
    head = ("axis", "language", "items", "chance", "longest", "shortest", "most frequent")
    note = (
        "Accuracy in percent of rules that never read the question: always the longest, the shortest, the most "
        "frequent option. Near *chance* (one out of the number of options, on average) they tell nothing about the "
        "answer. Lengths are counted in characters, frequencies over all options of the language and axis; options "
        "that tie share the point.\n"
    )
    return f"## Shortcuts\n\n{note}\n{_table(head, rows)}"


def _sources(items: Sequence[ChoiceItem]) -> str:
    sources = Counter((item.axis, item.source or "not given") for item in items)
    rows = [
        (source, axis, count)
        for (axis, source), count in sorted(sources.items(), key=lambda pair: (_AXES.index(pair[0][0]), pair[0][1]))
    ]
    note = (
        "The packages, with their versions, that the answers and names of an item were read from. CLDR is Unicode's "
        "locale data, which babel and ICU carry. The sentences around them are the project's own, and so are names "
        "that no package has in a language (*spelling in … by the project*).\n"
    )
    return f"## Sources\n\n{note}\n" + _table(("source", "axis", "items"), rows)


def _examples(items: Sequence[ChoiceItem]) -> str:
    lines = [
        "## Examples\n",
        "One item a kind and language: its question, for localization in parentheses the one that names the country, "
        "and its options, the right one in bold.\n",
    ]
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
                place = f"`{language}`, {item.region}:" if item.region else f"`{language}`:"
                lines.append(f"- {place} {item.question}{named} — {options}")
            lines.append("")
    return "\n".join(lines)


def _exclusions(local: Mapping[str, str]) -> str:
    lines = ["## Left out of the transfer facts\n"]
    for kind, rules in RULES.items():
        lines += [f"- {kind}: {rule}" for rule in rules]
    rows = [(kind, key, reason) for kind, reasons in EXCLUDED.items() for key, reason in sorted(reasons.items())]
    note = (
        "Single facts. A key is a country, a time zone, a language's ISO 639-1 code or a pair of countries; what is "
        "left out of `capital-of` or `language-code` is left out the other way round, too, and what stands under "
        "`country` in the kinds about capitals, cities, continents and borders.\n"
    )
    text = "\n".join(lines) + f"\n\n{note}\n" + _table(("kind", "key", "reason"), rows)
    if local:
        note = "A fact is named by its kind, region and key: a kind alone is left out everywhere, `*` is any region.\n"
        named = [(f"`{name}`", reason) for name, reason in sorted(local.items())]
        text += f"\n## Left out of the localization facts\n\n{note}\n" + _table(("fact", "reason"), named)
    return text


def _kept_for_training() -> str:
    facts = [role_of(fact) for fact in all_facts()]
    names = ", ".join(sorted(country_name(code, ENGLISH) for code in training_countries()))
    return f"""## Not evaluated

Countries kept for training ({len(training_countries())}): {names}.

The {facts.count("training")} transfer facts about them, and about languages spoken most in one of them, are never asked
here. The {facts.count("english")} facts about the US, Great Britain or English are kept apart as well, as training data
that is centred on English. {facts.count(None)} land borders between any of these countries and another are in neither,
as they would tie an evaluated country to one that is trained on.
"""


def data_card(items: Sequence[ChoiceItem]) -> str:
    """The card of `items` as Markdown. Needs splits to be assigned."""
    local: Mapping[str, str] = {}
    kept = _kept_for_training() if any(item.axis == "transfer" for item in items) else ""
    if any(item.axis == "localization" for item in items):
        from isogloss.data.facts.localized.exclusions import EXCLUDED as local
    head = _INTRODUCTION.format(
        count=len({item.language for item in items}),
        regions=", ".join(f"{language} {' and '.join(REGIONS[language])}" for language in LANGUAGES),
        items=len(items),
        groups=len({item.group for item in items}),
    )
    parts = (head, _counts(items), _shortcut_table(items), _sources(items), _examples(items), kept, _exclusions(local))
    return "\n".join(part for part in parts if part)
