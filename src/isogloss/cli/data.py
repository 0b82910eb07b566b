"""`isogloss datasets`, `localize` and `translate`: published data sets, as they are and in other languages."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from isogloss.cli.console import Json, make_table, output, print_json, progress, refuse_existing, say
from isogloss.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from pydantic import BaseModel

    from isogloss.data.published.catalogue import PublishedSet
    from isogloss.data.published.tables import Loaded
    from isogloss.data.rows import Row
    from isogloss.localize.made import Made

    SectionType = TypeVar("SectionType", bound=BaseModel)

Mirror = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Read ORG/NAME/… in this folder (default: ISOGLOSS_MIRROR, else the Hub)."),
]
AskingSettings = Annotated[
    Path | None, typer.Option("--settings", metavar="YAML", help="A pipeline's YAML, or its section alone.")
]
AskedModel = Annotated[
    str | None,
    typer.Option("--model", metavar="NAME", help="Who is asked: a model's name at --url, or a model of this machine."),
]
AskedUrl = Annotated[
    str | None,
    typer.Option(
        "--url", metavar="URL", help="Endpoint with OpenAI's chat completions, e.g. http://localhost:8000/v1."
    ),
]
AskedKey = Annotated[
    str | None, typer.Option("--key", metavar="VARIABLE", help="Environment variable that holds the API key.")
]
MaxCost = Annotated[
    float | None, typer.Option("--max-cost", min=0, help="Refuse to spend more, at the prices of the settings.")
]

#: The setting that takes each format.
_SETTING = {"choices": "data.choices", "parallel": "align.parallel", "instructions": "align.instructions"}


def datasets(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="A published set, e.g. global-mmlu; all are listed if left out."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="File to write (default: rows on stdout).")] = None,
    mirror: Mirror = None,
    revision: Annotated[
        str | None, typer.Option(metavar="COMMIT", help="Another commit, tag or branch than the pinned one.")
    ] = None,
    languages: Annotated[
        str | None, typer.Option(metavar="CODES", help="Languages, e.g. es,ko (default: the paper's and English).")
    ] = None,
    split: Annotated[str | None, typer.Option(metavar="NAME", help="The publisher's split, e.g. devtest.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many rows a language and split.")] = None,
    as_json: Json = False,
) -> None:
    """List the published data sets, or write one in the project's format."""
    if name is None:
        _list_sets(as_json=as_json)
        return
    from isogloss.data.published.load import load_set, noted, set_and_split
    from isogloss.data.rows import write_rows

    published, chosen_split = set_and_split(name if split is None else f"{name.partition(':')[0]}:{split}")
    codes = _set_languages(published, languages)
    loaded = load_set(f"{published.name}:{chosen_split}", codes, mirror=mirror, revision=revision)
    for line in loaded.notices:
        say(f"{published.name}: {line}")
    rows = _first_rows(_drawn_rows(published, loaded, split=split), limit)
    if not rows:
        raise UserError(f"{published.name}: no row is in the split '{split}' of {loaded.files.folder}")
    if out is not None:
        write_rows(out, rows)
    if as_json:
        print_json({**noted(published.name, loaded), "rows": len(rows), "out": None if out is None else str(out)})
    elif out is None:
        for row in rows:
            print(json.dumps(row.model_dump(mode="json"), ensure_ascii=False))
    if out is not None:
        source = loaded.files.revision or "the mirror"
        say(f"{out}: {len(rows)} rows of {published.repo} at {source} ({published.licence})")
        say(f"next: isogloss run …, with {_SETTING[published.gives]}: [{out}]")


def _list_sets(*, as_json: bool) -> None:
    """Print every set: name, repository, revision, licence, format, splits and columns."""
    from rich.table import Table

    from isogloss.data.published.catalogue import SETS

    if as_json:
        print_json(
            [
                {
                    "name": published.name,
                    "repository": published.repo,
                    "page": published.page,
                    "revision": published.revision,
                    "licence": published.licence,
                    "gated": published.gated,
                    "gives": published.gives,
                    "splits": list(published.splits),
                    "columns": list(published.columns),
                }
                for published in SETS.values()
            ]
        )
        return
    table = Table(title="published data sets", show_lines=True)
    table.add_column("name", no_wrap=True)
    table.add_column("repository on the Hub, its revision, licence", no_wrap=True)
    table.add_column("gives", no_wrap=True)
    table.add_column("splits, and columns that are read", overflow="fold")
    for published in SETS.values():
        licence = f"{published.licence}; gated: accept its terms" if published.gated else published.licence
        table.add_row(
            published.name,
            f"{published.repo}\n{published.revision}\n{licence}",
            published.gives,
            f"{', '.join(published.splits)}\n{', '.join(published.columns)}",
        )
    output().print(table)
    say("next: isogloss datasets NAME --out FILE, or the name in a pipeline (data.choices, align.parallel)")


def _set_languages(published: PublishedSet, text: str | None) -> tuple[str, ...]:
    """Return the languages to read: those of `--languages`, or the paper's."""
    from isogloss.data.benchmark.wording import languages as benchmark_languages

    if text is None:
        return benchmark_languages()
    codes = _codes(text)
    if not codes:
        raise UserError("--languages: name at least one, for example --languages es,ko")
    if published.gives == "instructions" and codes != ("en",):
        raise UserError(
            f"--languages: {published.title} is read in English (en); the section translate puts it into others"
        )
    return codes


def _codes(text: str) -> tuple[str, ...]:
    """Split a list of language codes at its commas, without repetitions."""
    return tuple(dict.fromkeys(code.strip() for code in text.split(",") if code.strip()))


def _drawn_rows(published: PublishedSet, loaded: Loaded[Any], *, split: str | None) -> Sequence[Row]:
    """Draw dev1, dev2 and test of a set of choices, from the publisher's `split` alone if one is named."""
    from isogloss.data.published.load import draw_splits
    from isogloss.data.rows import ChoiceItem

    rows: Sequence[Row] = loaded.rows
    items = [row for row in rows if isinstance(row, ChoiceItem)]
    if not items:
        return rows
    dev = {item.group for item in items if item.split == "dev1"}
    if split is not None and len(published.splits) > 1:
        items = [item for item in items if (item.group in dev) == (split == "dev")]
        dev = set()
    drawn, unused = draw_splits(items, seed=0, dev=dev)
    if unused:
        say(f"{published.name}: {unused} of the publisher's dev items are in no split, and left out")
    return drawn


def _first_rows(rows: Sequence[Row], limit: int | None) -> list[Row]:
    """Return the first `limit` rows of each language and split."""
    from isogloss.data.rows import ChoiceItem

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


def localize(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to make.")],
    questions: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="BLEnD's question or annotation files; repeatable (default: the published)."),
    ] = None,
    choices: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="BLEnD's multiple-choice rows; repeatable (default: the published)."),
    ] = None,
    languages: Annotated[
        str | None, typer.Option(metavar="CODES", help="Languages, e.g. es,ko (default: the paper's six).")
    ] = None,
    settings: AskingSettings = None,
    model: AskedModel = None,
    url: AskedUrl = None,
    key: AskedKey = None,
    mirror: Mirror = None,
    max_cost: MaxCost = None,
    items: Annotated[int | None, typer.Option(min=1, help="At most this many items a language.")] = None,
    as_json: Json = False,
) -> None:
    """Make BLEnD local: in each language, without the country; by rules unless a model is named."""
    from isogloss.data.benchmark.wording import languages as benchmark_languages
    from isogloss.data.rows import ENGLISH
    from isogloss.files import sealed_folder
    from isogloss.localize.made import Source, make_localized
    from isogloss.spec.localize import LocalizeSection

    section = _read_section(
        LocalizeSection,
        "localize",
        settings,
        {
            "questions": _existing(questions or [], "--questions"),
            "choices": _existing(choices or [], "--choices"),
            "items": items,
        },
        asked=_asked_model(model, url, key),
        max_cost=max_cost,
    )
    codes = _known_codes(languages) or [language for language in benchmark_languages() if language != ENGLISH]
    refuse_existing(out)
    with sealed_folder(out, kind="localized") as folder:
        made = make_localized(
            section,
            folder,
            languages=codes,
            source=Source(mirror=mirror),
            progress=progress,
            say=say,
            reasons=_rejections_folder(out),
        )
    _show_made(made, out, as_json=as_json, next_line=f"isogloss evaluate MODEL {out / made.files[0]} --context")


def translate(
    languages: Annotated[str, typer.Option(metavar="CODES", help="Languages to write, e.g. es,ko.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder to make.")],
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE…]", help="Instructions with English (JSONL); OpenAssistant if left out."),
    ] = None,
    settings: AskingSettings = None,
    model: AskedModel = None,
    url: AskedUrl = None,
    key: AskedKey = None,
    mirror: Mirror = None,
    max_cost: MaxCost = None,
    rows: Annotated[
        int | None, typer.Option(min=1, help="At most this many rows (default 6000, as the paper).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Translate English instructions with their answers by a model, and check what comes."""
    from isogloss.files import sealed_folder
    from isogloss.localize.made import Source, make_translated
    from isogloss.spec.localize import TranslateSection

    section = _read_section(
        TranslateSection,
        "translate",
        settings,
        {"instructions": _existing(files or [], "FILE"), "rows": rows},
        asked=_asked_model(model, url, key),
        max_cost=max_cost,
    )
    refuse_existing(out)
    with sealed_folder(out, kind="translated") as folder:
        made = make_translated(
            section,
            folder,
            languages=_known_codes(languages),
            source=Source(mirror=mirror),
            progress=progress,
            say=say,
            reasons=_rejections_folder(out),
        )
    _show_made(made, out, as_json=as_json, next_line=f"align.instructions: [{out / made.files[0]}] in a pipeline")


def _asked_model(model: str | None, url: str | None, key: str | None) -> dict[str, Any] | None:
    """Return the setting `first` that --model, --url and --key stand for; None if no model is named."""
    if model is None:
        if url is not None or key is not None:
            raise UserError("--url and --key go with --model, the model's name at the endpoint")
        return None
    if url is None:
        return {"kind": "model", "model": model}
    return {"kind": "endpoint", "model": model, "url": url, "key": key}


def _read_section(
    kind: type[SectionType],
    name: str,
    settings: Path | None,
    options: Mapping[str, Any],
    *,
    asked: dict[str, Any] | None,
    max_cost: float | None,
) -> SectionType:
    """Read a section of settings, and put the options of the command line over it.

    Args:
        kind: Type of the section.
        name: Its name in a pipeline.
        settings: A pipeline's YAML, or the section alone; None for the defaults.
        options: Settings from the command line. Empty ones are ignored.
        asked: The model to ask first, or None.
        max_cost: The most that may be spent, or None.

    Raises:
        UserError: a setting is wrong; the message names it.
    """
    from pydantic import ValidationError

    values = {} if settings is None else _settings_of(settings, name)
    values |= {option: value for option, value in options.items() if value}
    if max_cost is not None:  # 0 is a limit too: nothing may be spent
        values["max_cost"] = max_cost
    if asked is not None:
        first = values.get("first")
        values["first"] = {**(first if isinstance(first, dict) else {}), **asked}
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        prefix = "" if settings is None else f"{settings}: "
        raise UserError(
            "\n".join(f"{prefix}{_explain(name, kind, detail)}" for detail in error.errors(include_url=False))
        ) from None


def _settings_of(settings: Path, name: str) -> dict[str, Any]:
    """Read the section `name` of a pipeline's YAML, or of a file that holds this section alone."""
    from isogloss.spec.section import read_yaml

    content = read_yaml(settings, what="file of settings")
    if not isinstance(content, dict):
        raise UserError(f"{settings}: a group of settings is needed")
    section = content.get(name, {} if "model" in content else content)
    if not isinstance(section, dict):
        raise UserError(f"{settings}: {name}: a group of settings is needed")
    return dict(section)


def _explain(name: str, kind: type[BaseModel], detail: Any) -> str:
    """Describe one problem by the name of its setting. The value is not repeated, since it may be a key."""
    from isogloss.spec.localize import AskerSection

    path = [str(part) for part in detail["loc"]]
    field = ".".join((name, *path))
    if detail["type"] == "extra_forbidden":
        known = AskerSection.model_fields if path[0] in ("first", "second") and len(path) > 1 else kind.model_fields
        return f"{field}: unknown setting{did_you_mean(path[-1], known)}; known here: {', '.join(known)}"
    if detail["type"] == "missing":
        hint = " (--model, and --url for an endpoint)" if path == ["first"] else ""
        return f"{field}: is missing{hint}"
    if detail["type"] == "value_error":
        return f"{field}: {detail['ctx']['error']}"
    return f"{field}: {detail['msg'][0].lower()}{detail['msg'][1:]}"


def _existing(files: Sequence[Path], option: str) -> list[Path]:
    if missing := [str(path) for path in files if not path.exists()]:
        raise UserError(f"{option}: no such file: {', '.join(missing)}")
    return list(files)


def _known_codes(text: str | None) -> list[str]:
    from isogloss.data.rows import known_languages

    codes = _codes(text or "")
    for code in codes:
        if code not in known_languages():
            raise UserError(
                f"--languages: '{code}' is not an ISO 639-1 language code{did_you_mean(code, known_languages())}"
            )
    return list(codes)


def _rejections_folder(out: Path) -> Path:
    """Return the folder for the reasons if every row is rejected. It stands beside `out`, which stays free."""
    return out.with_name(f"{out.name}.rejected")


def _show_made(made: Made, out: Path, *, as_json: bool, next_line: str) -> None:
    if as_json:
        print_json({"folder": str(out), "files": list(made.files), "counts": made.metrics})
    else:
        table = make_table(("what",), ("count",))
        for name, value in made.metrics.items():
            table.add_row(name, f"{value:g}")
        output().print(table)
        output().print(made.note)
    say(f"files in {out}: {', '.join(made.files)}; read {made.files[2]} before you trust them")
    say(f"next: {next_line}")
