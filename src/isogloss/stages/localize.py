"""Stage `localize`: BLEnD in each language without its country, for stage `data`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from isogloss.data.published.blend import COUNTRIES
from isogloss.data.published.catalogue import BLEND, OPENASSISTANT
from isogloss.data.published.load import blend_identity, identity_of
from isogloss.errors import UserError
from isogloss.files import sha256_file
from isogloss.localize.blend import countries_named
from isogloss.localize.made import Made, Source, make_localized, make_translated
from isogloss.models.load import resolve
from isogloss.models.reference import parse_model_ref
from isogloss.spec import PipelineSpec
from isogloss.spec.localize import NOT_LOCALIZED, NOT_TRANSLATED, AskerSection, LocalizeSection, TranslateSection
from isogloss.stages.corpus import rows_digest
from isogloss.stages.data import benchmark_digest
from isogloss.stages.stage import Dataset, Metric, StageOutcome, StageRun


def section_of(spec: PipelineSpec) -> LocalizeSection:
    """The section, which BLEnD by name needs. Raises UserError where it is missing."""
    if spec.localize is None:
        raise UserError(
            "localize: is missing; `blend` in data.choices needs it, to say who takes the country out. "
            "`localize: {}` does it by rules, without a model"
        )
    return spec.localize


def settings(spec: PipelineSpec) -> Any:
    """The section, with contents in place of files, the published files' identity, and the languages."""
    section = section_of(spec)
    countries = countries_named(spec.data.languages, section.countries, COUNTRIES)
    chosen = section.model_dump(mode="json", exclude=NOT_LOCALIZED)
    mirror, revision = spec.data.mirror, spec.data.revisions.get(BLEND.name)
    wanted = tuple(dict.fromkeys(countries.values()))
    chosen["questions"] = digests(section.questions, "localize.questions") or blend_identity(
        "annotations" if section.first.kind == "rules" else "questions", wanted, mirror=mirror, revision=revision
    )
    chosen["choices"] = digests(section.choices, "localize.choices") or blend_identity(
        "multiple-choice-questions", (), mirror=mirror, revision=revision
    )
    return {**chosen, "countries": countries, "models": model_digests(section.first, section.second)}


def digests(files: Sequence[Path], setting: str) -> list[str]:
    """Contents of files. Raises UserError where one is missing."""
    if missing := [str(path) for path in files if not path.is_file()]:
        raise UserError(f"{setting}: no such file: {', '.join(missing)}")
    return [sha256_file(path) for path in files]


def model_digests(*askers: AskerSection | None) -> list[str]:
    """Digests of the models of this machine that are asked; one of the Hub goes by its name, which may pin a revision."""
    local = [one for one in askers if one is not None and one.kind == "model"]
    return [
        resolve(one.model).digest if parse_model_ref(one.model).kind in ("local", "embedded") else one.model
        for one in local
    ]


def run(stage: StageRun) -> StageOutcome:
    """Localize, and keep what came of it and what did not."""
    spec = stage.spec
    made = make_localized(
        section_of(spec),
        stage.out,
        languages=spec.data.languages,
        source=Source(mirror=spec.data.mirror, revision=spec.data.revisions.get(BLEND.name)),
        progress=stage.progress,
        say=stage.say,
        reasons=stage.work,
    )
    return outcome_of(
        made,
        Dataset(
            name="localized-blend",
            digest=benchmark_digest(made.rows),  # type: ignore[arg-type]
            context="localized",
            rows=len(made.rows),
        ),
    )


def outcome_of(made: Made, dataset: Dataset) -> StageOutcome:
    """What the tracker is told: counts by language and reason, prompts, rejections, samples."""
    return StageOutcome(
        params=made.params,
        metrics=tuple(Metric(name=name, value=value) for name, value in made.metrics.items()),
        artifacts=dict.fromkeys(made.files, "localize"),
        datasets=(dataset,),
        note=made.note,
    )


# --------------------------------------------------------------------------------------------------------------------
# Stage `translate`: English instructions in the languages of the data, for stage `corpus`.


def translate_section_of(spec: PipelineSpec) -> TranslateSection:
    """The section, which OpenAssistant by name needs. Raises UserError where it is missing."""
    if spec.translate is None:
        raise UserError(
            "translate: is missing; `openassistant` in align.instructions needs it, to say who translates: "
            "translate.first with kind, model and, for an endpoint, url"
        )
    return spec.translate


def translate_settings(spec: PipelineSpec) -> Any:
    """The section, with contents in place of files or the published set's identity, and the languages."""
    section = translate_section_of(spec)
    chosen = section.model_dump(mode="json", exclude=NOT_TRANSLATED)
    chosen["instructions"] = digests(section.instructions, "translate.instructions") or identity_of(
        OPENASSISTANT.name, (), mirror=spec.data.mirror, revision=spec.data.revisions.get(OPENASSISTANT.name)
    )
    languages = section.languages or spec.data.languages
    return {**chosen, "languages": list(languages), "models": model_digests(section.first, section.second)}


def run_translate(stage: StageRun) -> StageOutcome:
    """Translate, and keep what came of it and what did not."""
    spec = stage.spec
    made = make_translated(
        translate_section_of(spec),
        stage.out,
        languages=spec.data.languages,
        source=Source(mirror=spec.data.mirror, revision=spec.data.revisions.get(OPENASSISTANT.name)),
        progress=stage.progress,
        say=stage.say,
        reasons=stage.work,
    )
    rows = tuple(made.rows)
    return outcome_of(made, Dataset(name="translated", digest=rows_digest(rows), context="training", rows=len(rows)))
