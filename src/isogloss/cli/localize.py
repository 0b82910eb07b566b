"""`isogloss localize` and `isogloss translate`: put data into other languages without a pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from rich.table import Table

from isogloss.cli.asking import AskingOptions
from isogloss.cli.shown import output, print_json, progress, say
from isogloss.data.benchmark.wording import languages as benchmark_languages
from isogloss.data.rows import ENGLISH, known_languages
from isogloss.errors import UserError, did_you_mean
from isogloss.files import sealed_folder
from isogloss.localize.made import Made, Source, make_localized, make_translated
from isogloss.spec.localize import AskerSection, LocalizeSection, TranslateSection
from isogloss.spec.section import read_yaml

SectionType = TypeVar("SectionType", bound=BaseModel)


def localize_command(
    out: Path,
    *,
    questions: Sequence[Path],
    choices: Sequence[Path],
    languages: str | None,
    asking: AskingOptions,
    items: int | None,
    as_json: bool,
) -> None:
    """Localized BLEnD into the new folder `out`."""
    section = _section(
        LocalizeSection,
        "localize",
        asking,
        {
            "questions": _there(questions, "--questions"),
            "choices": _there(choices, "--choices"),
            "items": items,
        },
    )
    wanted = _languages(languages) or [language for language in benchmark_languages() if language != ENGLISH]
    _new(out)
    with sealed_folder(out, kind="localized") as folder:
        made = make_localized(
            section,
            folder,
            languages=wanted,
            source=Source(mirror=asking.mirror),
            progress=progress,
            say=say,
            reasons=_beside(out),
        )
    _show(made, out, as_json=as_json, next_line=f"isogloss evaluate MODEL {out / made.files[0]} --context")


def translate_command(
    out: Path,
    *,
    instructions: Sequence[Path],
    languages: str,
    asking: AskingOptions,
    rows: int | None,
    as_json: bool,
) -> None:
    """Translated instructions into the new folder `out`."""
    section = _section(
        TranslateSection,
        "translate",
        asking,
        {"instructions": _there(instructions, "FILE"), "rows": rows},
    )
    _new(out)
    with sealed_folder(out, kind="translated") as folder:
        made = make_translated(
            section,
            folder,
            languages=_languages(languages),
            source=Source(mirror=asking.mirror),
            progress=progress,
            say=say,
            reasons=_beside(out),
        )
    _show(made, out, as_json=as_json, next_line=f"align.instructions: [{out / made.files[0]}] in a pipeline")


def _asker(model: str | None, url: str | None, key: str | None) -> dict[str, Any] | None:
    """`first`, as the options give it."""
    if model is None:
        if url is not None or key is not None:
            raise UserError("--url and --key go with --model, the model's name at the endpoint")
        return None
    if url is None:
        return {"kind": "model", "model": model}
    return {"kind": "endpoint", "model": model, "url": url, "key": key}


def _section(
    kind: type[SectionType],
    name: str,
    asking: AskingOptions,
    options: Mapping[str, Any],
) -> SectionType:
    """The section of a YAML (a whole pipeline's, or alone), with the options over it. Raises UserError by the setting's name."""
    settings, asker = asking.settings, _asker(asking.model, asking.url, asking.key)
    given: dict[str, Any] = {}
    if settings is not None:
        whole = read_yaml(settings, what="file of settings")
        if not isinstance(whole, dict):
            raise UserError(f"{settings}: a group of settings is needed")
        inner = whole.get(name, {} if "model" in whole else whole)
        if not isinstance(inner, dict):
            raise UserError(f"{settings}: {name}: a group of settings is needed")
        given = dict(inner)
    given |= {option: value for option, value in options.items() if value}
    if asking.max_cost is not None:  # nothing may be spent, where it is 0
        given["max_cost"] = asking.max_cost
    if asker is not None:
        first = given.get("first")
        given["first"] = {**(first if isinstance(first, dict) else {}), **asker}
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        where = "" if settings is None else f"{settings}: "
        raise UserError(
            "\n".join(f"{where}{_explained(name, kind, one)}" for one in error.errors(include_url=False))
        ) from None


def _explained(name: str, kind: type[BaseModel], detail: Any) -> str:
    """One problem by the setting's name. What was given is not repeated: it may be a key."""
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


def _there(files: Sequence[Path], option: str) -> list[Path]:
    if missing := [str(path) for path in files if not path.exists()]:
        raise UserError(f"{option}: no such file: {', '.join(missing)}")
    return list(files)


def _languages(text: str | None) -> list[str]:
    codes = [code.strip() for code in (text or "").split(",") if code.strip()]
    for code in codes:
        if code not in known_languages():
            raise UserError(
                f"--languages: '{code}' is not an ISO 639-1 language code{did_you_mean(code, known_languages())}"
            )
    return list(dict.fromkeys(codes))


def _new(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"--out {out}: is there already; name a new folder or remove it")


def _beside(out: Path) -> Path:
    """Where the reasons go if nothing comes through: `out` itself stays free for the next try."""
    return out.with_name(f"{out.name}.rejected")


def _show(made: Made, out: Path, *, as_json: bool, next_line: str) -> None:
    if as_json:
        print_json({"folder": str(out), "files": list(made.files), "counts": made.metrics})
    else:
        table = Table()
        table.add_column("what")
        table.add_column("count", justify="right")
        for name, value in made.metrics.items():
            table.add_row(name, f"{value:g}")
        output().print(table)
        output().print(made.note)
    say(f"files in {out}: {', '.join(made.files)}; read {made.files[2]} before you trust them")
    say(f"next: {next_line}")
