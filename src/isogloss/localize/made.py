"""A folder of localized BLEnD or of translated instructions, with what a person and a tracker should know of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isogloss.data.published.blend import COUNTRIES, read_blend_choices, read_blend_questions
from isogloss.data.published.load import load_openassistant, open_blend
from isogloss.data.rows import ENGLISH, InstructionRow, Row, read_rows, write_rows
from isogloss.errors import UserError
from isogloss.files import write_atomic, write_json
from isogloss.localize.answers import Asker, Budget, opened
from isogloss.localize.asking import Asking, Progress, Rejection, Tier, by_reason, drawn, lines, samples_page, templates
from isogloss.localize.blend import Localized, countries_named, localize
from isogloss.localize.instructions import translate
from isogloss.spec.localize import AskerSection, LocalizeSection, TranslateSection

# --------------------------------------------------------------------------------------------------------------------
# From settings to askers: the rules, an endpoint, or a model of this machine.


def asker_of(section: AskerSection, *, setting: str) -> Asker | None:
    """The asker that `section` describes; a local model is loaded when it is first asked.

    Raises UserError for an empty key, or a model that is not there.
    """
    if section.kind == "endpoint":
        from isogloss.localize.endpoint import Endpoint

        return Endpoint(section, setting=setting)
    if section.kind == "model":
        from isogloss.localize.local_model import local_asker

        return local_asker(section, setting=setting)
    return None


def tiers_of(first: AskerSection, second: AskerSection | None, *, setting: str) -> list[Tier]:
    """Both askers, the second where there is one."""
    named: Iterable[tuple[str, AskerSection | None]] = (("first", first), ("second", second))
    return [
        Tier(asker_of(section, setting=f"{setting}.{name}"), section.tries)
        for name, section in named
        if section is not None
    ]


# --------------------------------------------------------------------------------------------------------------------

CHOICES, INSTRUCTIONS = "choices.jsonl", "instructions.jsonl"
REJECTED, SAMPLES, PROMPTS = "rejected.jsonl", "samples.md", "prompts.json"


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where published sets are read: a local mirror, and another revision than their own."""

    mirror: Path | None = None
    revision: str | None = None


@dataclass(frozen=True, kw_only=True)
class Made:
    """What was written into the folder: rows, counts for a tracker, files, and a sentence."""

    rows: Sequence[Row]
    metrics: dict[str, float]
    files: tuple[str, ...]
    note: str
    params: dict[str, str | int | float] = field(default_factory=dict)


def make_localized(
    section: LocalizeSection,
    folder: Path,
    *,
    languages: Sequence[str],
    source: Source,
    progress: Progress,
    say: Callable[[str], None],
    answers: Path | None = None,
    reasons: Path | None = None,
    setting: str = "localize",
) -> Made:
    """Localize BLEnD into `folder`; `answers` is where answers are kept (default: the cache directory).

    Raises UserError, DataError and RefusedError as reading and asking do; the answers that came before are kept. Where
    nothing comes through, what was rejected and why is written into `reasons` (default: `folder`), and UserError says so.
    """
    countries = countries_named(languages, section.countries, COUNTRIES)
    wanted = tuple(dict.fromkeys(countries.values()))
    tiers = tiers_of(section.first, section.second, setting=setting)
    mirror, revision = source.mirror, source.revision
    named = not section.questions or not section.choices
    kind = "annotations" if section.first.kind == "rules" else "questions"
    questions = read_blend_questions(
        section.questions or open_blend(kind, wanted, mirror=mirror, revision=revision)  # type: ignore[arg-type]
    )
    choices = read_blend_choices(
        section.choices or open_blend("multiple-choice-questions", (), mirror=mirror, revision=revision)
    )
    there = {one.country for one in choices}
    if len(countries) > 1 and countries.get(ENGLISH) not in {*there, None}:
        say(f"{setting}: the choices have none of {countries.pop(ENGLISH)}, so there will be no English items")
    with opened(answers) as kept:
        asking = Asking(kept, Budget(section.max_cost, f"{setting}.max_cost"), progress, say)
        made = localize(
            questions,
            choices,
            countries,
            tiers,
            asking,
            limit=section.items,
            samples=section.samples,
            seed=section.seed,
        )
    asked = {
        "templates": {name: text for name, text in templates().items() if name != "instruction"},
        "countries": countries,
        "source": "published set" if named else "files",
    }
    if not made.items:
        raise _nothing(reasons or folder, section, made.rejected, asked, setting=setting, what="item")
    return _written(
        folder,
        section,
        asking,
        name="localize",
        file=CHOICES,
        rows=made.items,
        rejected=made.rejected,
        page=samples_page("Localized BLEnD: samples", _LOCALIZED, made.samples),
        asked=asked,
        counts=_localized_metrics(made, languages),
        note=(
            f"{len(made.items)} items in {len(languages)} languages without their country, "
            f"{len({item.group for item in made.items})} questions. Rejected: {_counted(made.rejected)}."
        ),
    )


def make_translated(
    section: TranslateSection,
    folder: Path,
    *,
    languages: Sequence[str],
    source: Source,
    progress: Progress,
    say: Callable[[str], None],
    answers: Path | None = None,
    reasons: Path | None = None,
    setting: str = "translate",
) -> Made:
    """Translate instructions into `folder`; see :func:`make_localized`."""
    wanted = [language for language in section.languages or languages if language != ENGLISH]
    if not wanted:
        raise UserError(f"{setting}.languages: at least one language besides English is needed")
    tiers = tiers_of(section.first, section.second, setting=setting)
    rows: Sequence[InstructionRow]
    if section.instructions:
        rows = read_rows(section.instructions, InstructionRow).rows
    else:
        loaded = load_openassistant(mirror=source.mirror, revision=source.revision)
        for line in loaded.notices:
            say(f"openassistant: {line}")
        rows = loaded.rows
    if section.rows is not None and len(rows) > section.rows:
        chosen = set(drawn((row.id for row in rows), seed=section.seed, number=section.rows))
        rows = [row for row in rows if row.id in chosen]
    with opened(answers) as kept:
        asking = Asking(kept, Budget(section.max_cost, f"{setting}.max_cost"), progress, say)
        made = translate(
            rows,
            wanted,
            tiers,
            asking,
            shortest=section.shortest,
            longest=section.longest,
            samples=section.samples,
            seed=section.seed,
        )
    asked = {"templates": {"instruction": templates()["instruction"]}, "languages": wanted}
    if not any(made.counts[language] for language in wanted):
        raise _nothing(reasons or folder, section, made.rejected, asked, setting=setting, what="translation")
    return _written(
        folder,
        section,
        asking,
        name="translate",
        file=INSTRUCTIONS,
        rows=made.rows,
        rejected=made.rejected,
        page=samples_page("Translated instructions: samples", _TRANSLATED, made.samples),
        asked=asked,
        counts={f"rows/{language}": count for language, count in made.counts.items()},
        note=(
            f"{len(made.rows)} instructions; "
            f"{', '.join(f'{language} {made.counts[language]}' for language in wanted)}. "
            f"Left out: {_counted(made.rejected)}."
        ),
    )


_LOCALIZED = (
    "Read them one by one: is it still the question, natural in its language, with nothing that gives the place away? "
    "The right option has a star."
)
_TRANSLATED = "Read them one by one: does the translation say what the English says, as a native speaker would?"


def _nothing(
    folder: Path,
    section: LocalizeSection | TranslateSection,
    rejected: Sequence[Rejection],
    asked: Mapping[str, Any],
    *,
    setting: str,
    what: str,
) -> UserError:
    """What is raised where nothing came through. The answers may have been paid for: why they did not do is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / REJECTED, lines(rejected))
    write_json(folder / PROMPTS, {"askers": _askers(section.first, section.second), **asked})
    return UserError(
        f"{setting}: not one {what} came through; rejected: {_counted(rejected)}. Each with its reason and its answer is in "
        f"{folder / REJECTED}, and what was asked in {PROMPTS} beside it. The answers are kept: with another model as "
        f"{setting}.second the same command asks only that one"
    )


def _written(
    folder: Path,
    section: LocalizeSection | TranslateSection,
    asking: Asking,
    *,
    name: str,
    file: str,
    rows: Sequence[Row],
    rejected: Sequence[Rejection],
    page: str,
    asked: Mapping[str, Any],
    counts: Mapping[str, float],
    note: str,
) -> Made:
    """Write rows, rejections, samples and prompts; what there is to say of them."""
    write_rows(folder / file, rows)
    write_atomic(folder / REJECTED, lines(rejected))
    write_atomic(folder / SAMPLES, page)
    write_json(folder / PROMPTS, {"askers": _askers(section.first, section.second), **asked})
    return Made(
        rows=rows,
        metrics={**counts, **_asked(asking), **_rejected(rejected)},
        files=(file, REJECTED, SAMPLES, PROMPTS),
        params={
            f"{name}.first": section.first.shown,
            f"{name}.second": section.second.shown if section.second else "–",
        },
        note=note,
    )


def _askers(first: AskerSection, second: AskerSection | None) -> dict[str, Any]:
    return {
        name: section.model_dump(mode="json")
        for name, section in (("first", first), ("second", second))
        if section is not None
    }


def _localized_metrics(made: Localized, languages: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for language in languages:
        own = [item for item in made.items if item.language == language]
        found[f"items/{language}"] = len(own)
        found[f"questions/{language}"] = len({item.group for item in own})
    return found


def _asked(asking: Asking) -> dict[str, float]:
    return {
        "asked/requests": asking.requests.total(),
        "asked/kept": asking.reused.total(),
        "asked/cost": round(asking.budget.spent, 6),
    }


def _rejected(rejected: Sequence[Rejection]) -> dict[str, float]:
    return {
        f"rejected/{language}/{what}/{reason}": count for (language, what, reason), count in by_reason(rejected).items()
    }


def _counted(rejected: Sequence[Rejection]) -> str:
    counts: dict[str, int] = {}
    for (_, what, reason), count in by_reason(rejected).items():
        counts[f"{what}s {reason}"] = counts.get(f"{what}s {reason}", 0) + count
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing"
