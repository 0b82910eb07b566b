"""`isogloss datasets`: the published sets that can be named, and one of them as a file in the project's format."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from isogloss.cli.shown import output, print_json, say
from isogloss.data.benchmark.wording import languages as benchmark_languages
from isogloss.data.published.catalogue import SETS, PublishedSet
from isogloss.data.published.load import draw_splits, load_set, noted, set_and_split
from isogloss.data.published.tables import Loaded
from isogloss.data.rows import ChoiceItem, Row, write_rows
from isogloss.errors import UserError

#: The setting that takes each format.
_SETTING = {"choices": "data.choices", "parallel": "align.parallel", "instructions": "align.instructions"}


def list_command(*, as_json: bool) -> None:
    """Every set: its name, repository, revision, licence, conditions and columns."""
    if as_json:
        print_json([_facts(one) for one in SETS.values()])
        return
    table = Table(title="published data sets", show_lines=True)
    table.add_column("name", no_wrap=True)
    table.add_column("repository on the Hub, its revision, licence", no_wrap=True)
    table.add_column("gives", no_wrap=True)
    table.add_column("splits, and columns that are read", overflow="fold")
    for one in SETS.values():
        licence = f"{one.licence}; gated: accept its terms" if one.gated else one.licence
        table.add_row(
            one.name,
            f"{one.repo}\n{one.revision}\n{licence}",
            one.gives,
            f"{', '.join(one.splits)}\n{', '.join(one.columns)}",
        )
    output().print(table)
    say("next: isogloss datasets NAME --out FILE, or the name in a pipeline (data.choices, align.parallel)")


def _facts(one: PublishedSet) -> dict[str, Any]:
    return {
        "name": one.name,
        "repository": one.repo,
        "page": one.page,
        "revision": one.revision,
        "licence": one.licence,
        "gated": one.gated,
        "gives": one.gives,
        "splits": list(one.splits),
        "columns": list(one.columns),
    }


def convert_command(
    name: str,
    *,
    out: Path | None,
    mirror: Path | None,
    revision: str | None,
    languages: str | None,
    split: str | None,
    limit: int | None,
    as_json: bool,
) -> None:
    """Read a set and write it in the project's format, to `out` or stdout; with `as_json` a summary goes to stdout."""
    one, chosen = set_and_split(name if split is None else f"{name.partition(':')[0]}:{split}")
    wanted = _languages(one, languages)
    loaded = load_set(f"{one.name}:{chosen}", wanted, mirror=mirror, revision=revision)
    for line in loaded.notices:
        say(f"{one.name}: {line}")
    rows = _bounded(_drawn(one, loaded, split=split), limit)
    if not rows:
        raise UserError(f"{one.name}: no row is in the split '{split}' of {loaded.files.folder}")
    if out is not None:
        write_rows(out, rows)
    if as_json:
        print_json({**noted(one.name, loaded), "rows": len(rows), "out": None if out is None else str(out)})
    elif out is None:
        for row in rows:
            print(json.dumps(row.model_dump(mode="json"), ensure_ascii=False))
    if out is not None:
        where = loaded.files.revision or "the mirror"
        say(f"{out}: {len(rows)} rows of {one.repo} at {where} ({one.licence})")
        say(f"next: isogloss run …, with {_SETTING[one.gives]}: [{out}]")


def _languages(one: PublishedSet, asked: str | None) -> tuple[str, ...]:
    """As asked, else the paper's, with English where it is one among others."""
    if asked is None:
        return benchmark_languages()
    codes = tuple(dict.fromkeys(code.strip() for code in asked.split(",") if code.strip()))
    if not codes:
        raise UserError("--languages: name at least one, for example --languages es,ko")
    if one.gives == "instructions" and codes != ("en",):
        raise UserError(f"--languages: {one.title} is read in English (en); the section translate puts it into others")
    return codes


def _drawn(one: PublishedSet, loaded: Loaded[Any], *, split: str | None) -> Sequence[Row]:
    """Choices with dev1, dev2 and test drawn, of the publisher's split alone where one is named."""
    rows: Sequence[Row] = loaded.rows
    items = [row for row in rows if isinstance(row, ChoiceItem)]
    if not items:
        return rows
    dev = {item.group for item in items if item.split == "dev1"}
    if split is not None and len(one.splits) > 1:
        items = [item for item in items if (item.group in dev) == (split == "dev")]
        dev = set()
    drawn, unused = draw_splits(items, seed=0, dev=dev)
    if unused:
        say(f"{one.name}: {unused} of the publisher's dev items are in no split, and left out")
    return drawn


def _bounded(rows: Sequence[Row], limit: int | None) -> list[Row]:
    """The first `limit` rows of each language and split."""
    if limit is None:
        return list(rows)
    counts: Counter[tuple[str, ...]] = Counter()
    kept = []
    for row in rows:
        cell = (row.language, row.split) if isinstance(row, ChoiceItem) else (type(row).__name__,)
        counts[cell] += 1
        if counts[cell] <= limit:
            kept.append(row)
    return kept
