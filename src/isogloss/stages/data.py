"""Stage `data`: the items that everything else is measured on, as choices.jsonl with a data card."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from isogloss.data.published.catalogue import BLEND, GLOBAL_MMLU
from isogloss.data.published.load import draw_splits, files_of, identities, load_global_mmlu, noted, twice
from isogloss.data.rows import AXES, ENGLISH, ChoiceItem, read_choices, write_rows
from isogloss.errors import UserError, did_you_mean
from isogloss.files import digest_of, read_json, write_atomic, write_json
from isogloss.spec import PipelineSpec
from isogloss.stages.stage import RECORD, Dataset, Metric, StageOutcome, StageRun

CHOICES = "choices.jsonl"
CARD = "data-card.md"
SOURCES = "sources.json"
#: The stage whose folder holds localized BLEnD.
LOCALIZE = "localize"


def needs(spec: PipelineSpec) -> tuple[str, ...]:
    """The stage that makes BLEnD local, where it is asked for by name."""
    return (LOCALIZE,) if BLEND.name in spec.data.choices else ()


def settings(spec: PipelineSpec) -> Any:
    """The data section, with the contents of files and the commits of published sets in place of their names."""
    section = spec.data
    chosen = section.model_dump(mode="json", exclude={"mirror", "revisions"})
    if section.choices != "embedded":
        chosen["choices"] = identities(
            section.choices,
            section.languages,
            setting="data.choices",
            made=(BLEND.name,),
            mirror=section.mirror,
            revisions=section.revisions,
        )
    return chosen


def run(stage: StageRun) -> StageOutcome:
    """Build or read the items, keep those of the languages asked for, draw their splits, bound their number."""
    section = stage.spec.data
    artifacts = {CHOICES: "data"}
    sources: list[dict[str, Any]] = []
    with stage.progress(1, "items") as advance:
        if section.choices == "embedded":
            from isogloss.data.benchmark.benchmark import build_benchmark, data_card

            available: Sequence[ChoiceItem] = build_benchmark(seed=section.seed)
            write_atomic(stage.out / CARD, data_card(available))
            artifacts[CARD] = "data"
        else:
            available, sources = _chosen(stage)
        advance(1)
    if section.splits == "paper":
        available = _by_item(available, seed=section.seed)
    if sources:
        write_json(stage.out / SOURCES, sources)
        artifacts[SOURCES] = "data"
    _check_languages(section.languages, available)
    items = [item for item in available if item.language in section.languages]
    limits = {"dev1": section.dev1, "dev2": section.dev2, "test": section.test}
    kept = [
        item
        for split, limit in limits.items()
        for axis in AXES
        for item in take(
            [item for item in items if item.split == split and item.axis == axis],
            limit=getattr(limit, axis),
            seed=section.seed,
        )
    ]
    _check_cells(kept)
    write_rows(stage.out / CHOICES, kept)
    counts = Counter((item.split, item.axis) for item in kept)
    digest = benchmark_digest(kept)
    return StageOutcome(
        params={
            "data.digest": digest[:16],
            "data.languages": ",".join(section.languages),
            **{f"data.revision.{one['name']}": one["revision"] or "mirror" for one in sources},
        },
        metrics=tuple(Metric(name=f"items/{split}/{axis}", value=n) for (split, axis), n in sorted(counts.items())),
        artifacts=artifacts,
        datasets=tuple(
            Dataset(
                name=f"choices-{split}", digest=digest, context=split, rows=sum(item.split == split for item in kept)
            )
            for split in limits
            if any(item.split == split for item in kept)
        ),
        note=(
            f"{len(kept)} items in {len(section.languages)} languages, {len({item.group for item in kept})} questions. "
            "Vectors are taken from dev1, layers and strengths are chosen on dev2, results are measured on test."
        ),
    )


def _chosen(stage: StageRun) -> tuple[list[ChoiceItem], list[dict[str, Any]]]:
    """Items of every published set and file, and what is noted of the sets. Files keep the splits that they have."""
    section = stage.spec.data
    items: list[ChoiceItem] = []
    sources = []
    for name in dict.fromkeys(entry for entry in section.choices if isinstance(entry, str)):
        if name == BLEND.name:
            published: Sequence[ChoiceItem] = read_choices([stage.inputs[LOCALIZE] / CHOICES]).rows
            dev: set[str] = set()
        else:
            loaded = load_global_mmlu(
                section.languages, mirror=section.mirror, revision=section.revisions.get(GLOBAL_MMLU.name)
            )
            for line in loaded.notices:
                stage.say(f"{name}: {line}")
            sources.append(noted(name, loaded))
            published, dev = loaded.rows, {item.group for item in loaded.rows if item.split == "dev1"}
        drawn, unused = draw_splits(published, seed=section.seed, dev=dev)
        if unused:
            stage.say(f"{name}: {unused} of the publisher's dev items are in no split")
        items += drawn
    if files := files_of(section.choices):
        table = read_choices(files)
        items += table.rows
        for notice in table.notices:
            stage.say(f"data: {', '.join(map(str, files))}: {notice}")
    if (repeated := twice(items)) is not None:
        raise UserError(
            f"data.choices: two items have the id '{repeated}'; each data set and file needs IDs of its own"
        )
    return items, sources


def _by_item(items: Sequence[ChoiceItem], *, seed: int) -> list[ChoiceItem]:
    """The localization axis drawn as the paper does; the transfer axis as it is."""
    drawn, _ = draw_splits([item for item in items if item.axis == "localization"], seed=seed, by="paper")
    return [*(item for item in items if item.axis != "localization"), *drawn]


def benchmark_digest(items: Sequence[ChoiceItem]) -> str:
    """Digest of the items' content, whatever their order."""
    return digest_of(sorted(item.model_dump_json() for item in items))


def datasets_of(folder: Path, *names: str) -> tuple[Dataset, ...]:
    """The data sets that the stage with that folder (`data`, `corpus`) gave out, or those of them in `names`."""
    given = StageOutcome.model_validate(read_json(folder / RECORD)).datasets
    return tuple(one for one in given if not names or one.name in names)


def _check_languages(wanted: Sequence[str], items: Sequence[ChoiceItem]) -> None:
    there = {item.language for item in items}
    for language in wanted:
        if language not in there:
            raise UserError(
                f"data.languages: no item is in '{language}'{did_you_mean(language, there)}; "
                f"the data has {', '.join(sorted(there))}"
            )


def _check_cells(items: Sequence[ChoiceItem]) -> None:
    """Every stage needs both axes in its split; say so before hours are spent."""
    uses = {
        "dev1": "vectors are taken from it",
        "dev2": "layers are chosen on it",
        "test": "results are measured on it",
    }
    there = {(item.split, item.axis) for item in items if item.language != ENGLISH}
    empty = [f"{split}/{axis} ({use})" for split, use in uses.items() for axis in AXES if (split, axis) not in there]
    if empty:
        raise UserError(
            f"data: no items besides English in {', '.join(empty)}. "
            "A pipeline needs items of both axes in the splits dev1, dev2 and test."
        )


def take(
    items: Sequence[ChoiceItem],
    *,
    limit: int | None,
    seed: int,
    group_of: Callable[[ChoiceItem], str] = lambda item: item.group,
) -> list[ChoiceItem]:
    """At most `limit` items of each language and axis.

    As many different kinds and groups as possible, in an order drawn by `seed` that is the same for all languages, so
    that the languages share their universal questions (and, with `group_of` the question asked, localized ones).
    """
    if limit is None:
        return list(items)
    own: dict[tuple[str, str], list[ChoiceItem]] = defaultdict(list)
    for item in items:
        own[item.axis, item.language].append(item)
    kept: list[ChoiceItem] = []
    for cell in own.values():
        in_group: Counter[str] = Counter()
        ranked = []
        for item in sorted(cell, key=lambda item: item.id):
            group = group_of(item)
            ranked.append((in_group[group], _draw(seed, group), item))
            in_group[group] += 1
        ranked.sort(key=lambda entry: entry[:2])
        of_kind: Counter[tuple[int, str | None]] = Counter()
        spread = []
        for turn, draw, item in ranked:
            spread.append((turn, of_kind[turn, item.kind], draw, item))
            of_kind[turn, item.kind] += 1
        spread.sort(key=lambda entry: entry[:3])
        kept += [entry[-1] for entry in spread[:limit]]
    return kept


def _draw(seed: int, name: str) -> str:
    return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()
