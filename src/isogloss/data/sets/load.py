"""A published set by its name: found, fetched where need be, read, and given in the project's format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError

from isogloss.data.rows import ENGLISH, ChoiceItem, InstructionRow, ParallelRow
from isogloss.data.sets import blend_files, flores, global_mmlu, openassistant
from isogloss.data.sets.blend import BlendChoice, read_blend_choices
from isogloss.data.sets.blend_countries import REGION_OF, countries_of
from isogloss.data.sets.catalogue import BLEND, PublishedSet, published
from isogloss.data.sets.loaded import LeftOut, Loaded
from isogloss.data.sets.places import SetFiles, Wanted, identity, open_files
from isogloss.errors import UserError, did_you_mean

#: What stands before a split in the name of a set whose other split is meant: `flores:devtest`.
_COLON = ":"
_CHOICES: blend_files.Kind = "multiple-choice-questions"


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
    return one, blend_files.wanted(_CHOICES, ())


def identity_of(
    name: str, languages: Sequence[str], *, mirror: Path | None = None, revision: str | None = None
) -> dict[str, object]:
    """What decides which rows :func:`load_set` gives, without fetching any; see :func:`isogloss.data.sets.places.identity`."""
    one, wanted = wanted_of(name, languages)
    return {"name": name, **identity(one, wanted, mirror=mirror, revision=revision)}


def load_set(
    name: str, languages: Sequence[str], *, mirror: Path | None = None, revision: str | None = None
) -> Loaded[ChoiceItem] | Loaded[ParallelRow] | Loaded[InstructionRow]:
    """Every row of a set in those languages, in the project's format.

    OpenAssistant's pairs are in English whatever `languages` are; BLEnD's multiple choice is in English too, about the
    countries of `languages` (the stage `localize` makes it local). Raises UserError and DataError as
    :func:`isogloss.data.sets.places.open_files` and the set's own reader.
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
    kind: blend_files.Kind, countries: Sequence[str], *, mirror: Path | None = None, revision: str | None = None
) -> SetFiles:
    """BLEnD's files of one kind for those countries, for :mod:`isogloss.data.sets.blend` to read."""
    return open_files(BLEND, blend_files.wanted(kind, countries), mirror=mirror, revision=revision)


def blend_identity(
    kind: blend_files.Kind, countries: Sequence[str], *, mirror: Path | None = None, revision: str | None = None
) -> dict[str, object]:
    """What decides which rows :func:`open_blend` leads to, without fetching any."""
    return identity(BLEND, blend_files.wanted(kind, countries), mirror=mirror, revision=revision)


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
