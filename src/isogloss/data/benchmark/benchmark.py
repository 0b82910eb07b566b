"""The embedded benchmark: both halves together with splits, what it scores unread, and its data card.

Splits are by group, so that no question of one split has a sister in another.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from isogloss.data.benchmark.fact import country_name, exclusions, universal_exclusions
from isogloss.data.benchmark.local_benchmark import localized_items
from isogloss.data.benchmark.local_fact import local_exclusions
from isogloss.data.benchmark.universal import all_facts, role_of, training_countries, universal_items
from isogloss.data.benchmark.wording import languages, regions
from isogloss.data.rows import ENGLISH, Axis, ChoiceItem, Split
from isogloss.files import write_atomic

#: Each run of five groups of a stratum gives one to dev1 (vectors), one to dev2 (layers, strengths), three to test.
_PATTERN: tuple[Split, ...] = ("dev1", "test", "dev2", "test", "test")


def _strata(items: Iterable[ChoiceItem]) -> dict[tuple[str, ...], list[str]]:
    """{(axis, regions, kinds) of a group: groups}; a group may hold several kinds and, across languages, regions."""
    traits: dict[str, tuple[set[str], set[str], set[str]]] = {}
    for item in items:
        axes, regions, kinds = traits.setdefault(item.group, (set(), set(), set()))
        axes.add(item.axis)
        regions.add(item.region or "")
        kinds.add(item.kind or "")
    strata: dict[tuple[str, ...], list[str]] = {}
    for group, trait in traits.items():
        strata.setdefault(tuple(",".join(sorted(part)) for part in trait), []).append(group)
    return strata


def assign_splits(items: Iterable[ChoiceItem], *, seed: int) -> list[ChoiceItem]:
    """The items, in their order, with dev1, dev2 and test in the proportions 1 : 1 : 3 of groups in every stratum.

    A stratum is one axis, kind and region. The pattern runs on from stratum to stratum, so that small ones even out.
    """
    rows = list(items)
    random = Random(f"{seed}/splits")
    strata = _strata(rows)
    split: dict[str, Split] = {}
    place = random.randrange(len(_PATTERN))
    for stratum in sorted(strata):
        groups = sorted(strata[stratum])
        random.shuffle(groups)
        for group in groups:
            split[group] = _PATTERN[place % len(_PATTERN)]
            place += 1
    return [item.model_copy(update={"split": split[item.group]}) for item in rows]


def build_benchmark(*, seed: int = 0) -> tuple[ChoiceItem, ...]:
    """All items of both halves, sorted by id. The same seed and package versions give the same items anywhere."""
    items = [*universal_items(seed=seed), *localized_items(seed=seed)]
    items = sorted(assign_splits(items, seed=seed), key=lambda item: item.id)
    ids = [item.id for item in items]
    assert len(set(ids)) == len(ids), "two items share an id"
    return tuple(items)


def as_lines(items: Iterable[ChoiceItem]) -> str:
    """Items in the `choices` format: one JSON object a line."""
    return "".join(json.dumps(item.model_dump(mode="json"), ensure_ascii=False) + "\n" for item in items)


def write_benchmark(folder: Path, *, seed: int = 0) -> None:
    """Write `choices.jsonl` and `card.md` (what is in it, what is not and why) into `folder`."""
    items = build_benchmark(seed=seed)
    write_atomic(folder / "choices.jsonl", as_lines(items))
    write_atomic(folder / "card.md", data_card(items))


# --------------------------------------------------------------------------------------------------------------------
# Shortcuts: what picking an option without reading the question scores. A sound benchmark keeps each near chance in every
# language.


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcut:
    """Accuracies (fractions) of the shortcuts over `n` items of a language and axis, beside chance."""

    language: str
    axis: Axis
    n: int
    chance: float
    longest: float
    shortest: float
    most_frequent: float


def picked(values: Sequence[float], answer: int) -> float:
    """What picking the highest value scores; equals share."""
    best = max(values)
    return 1 / list(values).count(best) if values[answer] == best else 0.0


def shortcuts(items: Sequence[ChoiceItem]) -> list[Shortcut]:
    """One row a language and axis. Frequencies are counted over all options of that language in `items`."""
    rows = []
    for language in sorted({item.language for item in items}):
        own = [item for item in items if item.language == language]
        frequency = Counter(option for item in own for option in item.options)
        for axis in sorted({item.axis for item in own}):
            part = [item for item in own if item.axis == axis]
            count = len(part)
            rows.append(
                Shortcut(
                    language=language,
                    axis=axis,
                    n=count,
                    chance=sum(1 / len(item.options) for item in part) / count,
                    longest=sum(picked([len(option) for option in item.options], item.answer) for item in part) / count,
                    shortest=sum(picked([-len(option) for option in item.options], item.answer) for item in part)
                    / count,
                    most_frequent=sum(
                        picked([frequency[option] for option in item.options], item.answer) for item in part
                    )
                    / count,
                )
            )
    return rows


# --------------------------------------------------------------------------------------------------------------------
# The data card, in Markdown: counts, shortcuts, sources, examples, and what was left out and why

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
            {key[:3] for key in places}, key=lambda key: (_AXES.index(key[0]), languages().index(key[1]), key[2])
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
        for row in sorted(shortcuts(items), key=lambda row: (_AXES.index(row.axis), languages().index(row.language)))
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
            for language in (code for code in languages() if any(item.language == code for item in own)):
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
    lines += [f"- {one.kind}: {one.reason}" for one in exclusions().rules]
    rows = [
        (kind, key, reason)
        for kind, reasons in universal_exclusions().items()
        for key, reason in sorted(reasons.items())
    ]
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
        local = local_exclusions()
    head = _INTRODUCTION.format(
        count=len({item.language for item in items}),
        regions=", ".join(f"{language} {' and '.join(regions()[language])}" for language in languages()),
        items=len(items),
        groups=len({item.group for item in items}),
    )
    parts = (head, _counts(items), _shortcut_table(items), _sources(items), _examples(items), kept, _exclusions(local))
    return "\n".join(part for part in parts if part)
