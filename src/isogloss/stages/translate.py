"""Stage `translate`: English instructions in the languages of the data, for stage `corpus`."""

from __future__ import annotations

from typing import Any

from isogloss.data.sets.catalogue import OPENASSISTANT
from isogloss.data.sets.load import identity_of
from isogloss.errors import UserError
from isogloss.localize.made import Source, make_translated
from isogloss.spec import PipelineSpec
from isogloss.spec.localize import NOT_TRANSLATED, TranslateSection
from isogloss.stages.corpus import rows_digest
from isogloss.stages.localize import digests, model_digests, record_of
from isogloss.stages.stage import Dataset, Record, StageRun


def section_of(spec: PipelineSpec) -> TranslateSection:
    """The section, which OpenAssistant by name needs. Raises UserError where it is missing."""
    if spec.translate is None:
        raise UserError(
            "translate: is missing; `openassistant` in align.instructions needs it, to say who translates: "
            "translate.first with kind, model and, for an endpoint, url"
        )
    return spec.translate


def settings(spec: PipelineSpec) -> Any:
    """The section, with contents in place of files or the published set's identity, and the languages."""
    section = section_of(spec)
    chosen = section.model_dump(mode="json", exclude=NOT_TRANSLATED)
    chosen["instructions"] = digests(section.instructions, "translate.instructions") or identity_of(
        OPENASSISTANT.name, (), mirror=spec.data.mirror, revision=spec.data.revisions.get(OPENASSISTANT.name)
    )
    languages = section.languages or spec.data.languages
    return {**chosen, "languages": list(languages), "models": model_digests(section.first, section.second)}


def run(stage: StageRun) -> Record:
    """Translate, and keep what came of it and what did not."""
    spec = stage.spec
    made = make_translated(
        section_of(spec),
        stage.out,
        languages=spec.data.languages,
        source=Source(mirror=spec.data.mirror, revision=spec.data.revisions.get(OPENASSISTANT.name)),
        progress=stage.progress,
        say=stage.say,
        reasons=stage.work,
    )
    rows = tuple(made.rows)
    return record_of(made, Dataset(name="translated", digest=rows_digest(rows), context="training", rows=len(rows)))
