"""A published set by its name: found, fetched where need be, read, and given in the project's format."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from isogloss.data.published import blend, flores, global_mmlu, openassistant
from isogloss.data.published.blend import REGION_OF, BlendChoice, countries_of, read_blend_choices
from isogloss.data.published.catalogue import BLEND, SETS, PublishedSet, published
from isogloss.data.published.source import SetFiles, Wanted, identity, open_files
from isogloss.data.published.tables import LeftOut, Loaded
from isogloss.data.rows import AXES, ENGLISH, ChoiceItem, InstructionRow, ParallelRow, Row, Split
from isogloss.errors import UserError, did_you_mean
from isogloss.files import sha256_file

#: What stands before a split in the name of a set whose other split is meant: `flores:devtest`.
_COLON = ":"
_CHOICES: blend.Kind = "multiple-choice-questions"


def set_and_split(name: str) -> tuple[PublishedSet, str]:
    """`flores:devtest` → the set and its split; without one its first. Raises UserError for an unknown name or split."""
    base, _, split = name.partition(_COLON)
    one = published(base)
    if split and split not in one.splits:
        raise UserError(
            f"'{name}': {one.title} has no split '{split}'{did_you_mean(split, one.splits)}; it has {', '.join(one.splits)}"
        )
    return one, split or one.splits[0]


def wanted_of(name: str, languages: Sequence[str]) -> tuple[PublishedSet, Wanted]:
    """The set and what has to be there of it. Raises UserError for a language that it does not have."""
    one, split = set_and_split(name)
    match one.name:
        case "global-mmlu":
            return one, global_mmlu.wanted(languages)
        case "flores":
            return one, flores.wanted(languages, split=split)
        case "openassistant":
            return one, openassistant.wanted(split=split)
    return one, blend.wanted(_CHOICES, ())


def identity_of(
    name: str, languages: Sequence[str], *, mirror: Path | None = None, revision: str | None = None
) -> dict[str, object]:
    """Identify the rows that :func:`load_set` gives, without fetching any."""
    one, wanted = wanted_of(name, languages)
    return {"name": name, **identity(one, wanted, mirror=mirror, revision=revision)}


def load_set(
    name: str, languages: Sequence[str], *, mirror: Path | None = None, revision: str | None = None
) -> Loaded[ChoiceItem] | Loaded[ParallelRow] | Loaded[InstructionRow]:
    """Every row of a set in those languages, in the project's format.

    OpenAssistant's pairs are in English whatever `languages` are; BLEnD's multiple choice is in English too, about the
    countries of `languages` (the stage `localize` makes it local). Raises UserError and DataError as
    :func:`isogloss.data.published.source.open_files` and the set's own reader.
    """
    one, wanted = wanted_of(name, languages)
    split = set_and_split(name)[1]
    countries = countries_of(languages) if one.name == "blend" else ()
    files = open_files(one, wanted, mirror=mirror, revision=revision)
    match one.name:
        case "global-mmlu":
            return global_mmlu.read_global_mmlu(files)
        case "flores":
            return flores.read_flores(files, split=split)
        case "openassistant":
            return openassistant.read_openassistant(files, split=split)
    left_out = LeftOut()
    items: list[ChoiceItem] = []
    for row in read_blend_choices(files, countries=countries):
        if (item := _english_choice(row)) is None:
            left_out.add("two options that are equal", row.id)
        else:
            items.append(item)
    regions = {item.region for item in items}
    if lacking := [country for country in countries if REGION_OF[country] not in regions]:
        raise UserError(f"{files.folder}: no question about {', '.join(lacking)} that can be scored")
    return Loaded(rows=tuple(items), files=files, notices=left_out.notices())


def load_global_mmlu(
    languages: Sequence[str], *, mirror: Path | None = None, revision: str | None = None
) -> Loaded[ChoiceItem]:
    """Global-MMLU's items in those languages."""
    return global_mmlu.read_global_mmlu(
        open_files(*wanted_of("global-mmlu", languages), mirror=mirror, revision=revision)
    )


def load_flores(
    languages: Sequence[str], *, split: str = "dev", mirror: Path | None = None, revision: str | None = None
) -> Loaded[ParallelRow]:
    """A split of FLORES in those languages."""
    files = open_files(*wanted_of(f"flores:{split}", languages), mirror=mirror, revision=revision)
    return flores.read_flores(files, split=split)


def load_openassistant(
    *, split: str = "train", mirror: Path | None = None, revision: str | None = None
) -> Loaded[InstructionRow]:
    """OpenAssistant's first-turn English pairs."""
    files = open_files(*wanted_of(f"openassistant:{split}", ()), mirror=mirror, revision=revision)
    return openassistant.read_openassistant(files, split=split)


def open_blend(
    kind: blend.Kind, countries: Sequence[str], *, mirror: Path | None = None, revision: str | None = None
) -> SetFiles:
    """BLEnD's files of one kind for those countries, for :mod:`isogloss.data.published.blend` to read."""
    return open_files(BLEND, blend.wanted(kind, countries), mirror=mirror, revision=revision)


def blend_identity(
    kind: blend.Kind, countries: Sequence[str], *, mirror: Path | None = None, revision: str | None = None
) -> dict[str, object]:
    """What decides which rows :func:`open_blend` leads to, without fetching any."""
    return identity(BLEND, blend.wanted(kind, countries), mirror=mirror, revision=revision)


def _english_choice(row: BlendChoice) -> ChoiceItem | None:
    """As published: the question names its country, the options are in English. A made-up option is right nowhere."""
    letters = list(row.choices)
    regions = [REGION_OF.get(row.countries[letter]) for letter in letters]
    try:
        return ChoiceItem(
            id=row.id,
            group=row.question_id,
            language=ENGLISH,
            axis="localization",
            region=REGION_OF[row.country],
            question=row.prompt,
            options=tuple(row.choices[letter] for letter in letters),
            answer=letters.index(row.answer),
            option_regions=tuple((region,) if region else None for region in regions),
            source=f"BLEnD {row.country}",
        )
    except ValidationError:
        return None


# --------------------------------------------------------------------------------------------------------------------
# Which items are dev1 (vectors), dev2 (layers and strengths) and test, drawn by a seed.
#
# By question: a question with all its items and languages is in one split, so that nothing that was chosen on it is measured
# on it. The publisher's own dev questions are drawn first and never measured: with Global-MMLU's 285 both dev splits come from
# them and test is the whole published test, 14,042 questions a language, as in the paper. What is left of them is in no split.
# By item, as the paper splits BLEnD: dev items of a question leave its other items in test, so numbers compare with the
# paper's and look a little too good.

Splitting = Literal["question", "paper"]

#: Questions, or items, of each dev split where there are enough; a fifth of them where there are not.
DEV = 100
_SHARE = 5


def draw_splits(
    items: Sequence[ChoiceItem], *, seed: int, by: Splitting = "question", dev: Collection[str] = ()
) -> tuple[list[ChoiceItem], int]:
    """The items with their splits, in their order, and how many are in none.

    `dev` are the groups that the publisher keeps for development. Each axis is drawn on its own. `by="paper"` draws the
    localization axis by item in each language; questions of the transfer axis stand once in a language, and stay the same in
    all of them, since an EN vector compares translations.
    """
    kept: dict[str, Split] = {}
    for axis in AXES:
        own = [item for item in items if item.axis == axis]
        if by == "paper" and axis == "localization":
            for language in sorted({item.language for item in own}):
                kept |= _by(lambda item: item.id, [one for one in own if one.language == language], seed=seed, dev=())
        else:
            kept |= _by(lambda item: item.group, own, seed=seed, dev=dev)
    drawn = [item.model_copy(update={"split": kept[item.id]}) for item in items if item.id in kept]
    return drawn, len(items) - len(drawn)


def _by(
    name_of: Callable[[ChoiceItem], str], items: Iterable[ChoiceItem], *, seed: int, dev: Collection[str]
) -> dict[str, Split]:
    """Split of each item by its ID; items of one name stay together."""
    named: dict[str, list[str]] = defaultdict(list)
    for item in items:
        named[name_of(item)].append(item.id)
    order = sorted(named, key=lambda name: (name not in dev, _draw(seed, name)))
    size = min(DEV, max(1, len(order) // _SHARE))
    split_of: dict[str, Split] = {}
    for place, name in enumerate(order):
        if place < 2 * size:
            split_of |= dict.fromkeys(named[name], "dev1" if place < size else "dev2")
        elif name not in dev:
            split_of |= dict.fromkeys(named[name], "test")
    return split_of


def _draw(seed: int, name: str) -> str:
    return hashlib.sha256(f"split/{seed}/{name}".encode()).hexdigest()


# --------------------------------------------------------------------------------------------------------------------
# Data sets in a setting: names and files side by side, what they are for a stage's key, and what is noted of them.


def files_of(entries: Iterable[str | Path]) -> tuple[Path, ...]:
    """The files among the entries."""
    return tuple(entry for entry in entries if isinstance(entry, Path))


def identities(
    entries: Sequence[str | Path],
    languages: Sequence[str],
    *,
    setting: str,
    made: Sequence[str],
    mirror: Path | None,
    revisions: Mapping[str, str],
) -> list[Any]:
    """What decides the rows of each entry: contents of files, commits of published sets.

    `made` are sets that another stage reads and changes: their name is enough. Raises UserError for files that are missing.
    """
    if missing := [path for path in files_of(entries) if not path.is_file()]:
        named = ", ".join(f"{path}{did_you_mean(str(path), SETS)}" for path in missing)
        raise UserError(f"{setting}: no such file: {named}")
    found: list[Any] = []
    for entry in entries:
        if isinstance(entry, Path):
            found.append(sha256_file(entry))
        elif entry in made:
            found.append(entry)
        else:
            revision = revisions.get(entry.partition(":")[0])
            found.append(identity_of(entry, languages, mirror=mirror, revision=revision))
    return found


def noted(name: str, loaded: Loaded[Any]) -> dict[str, Any]:
    """What a person should know of where rows came from, as JSON."""
    one = loaded.files.published
    return {
        "name": name,
        "repository": one.repo,
        "revision": loaded.files.revision,
        "licence": one.licence,
        "files": loaded.files.digests(),
        "rows": len(loaded.rows),
        "notices": list(loaded.notices),
    }


def twice(rows: Sequence[Row]) -> str | None:
    """An ID that two rows share, None where there is none."""
    seen: set[str] = set()
    for row in rows:
        if row.id in seen:
            return row.id
        seen.add(row.id)
    return None
