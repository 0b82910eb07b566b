"""What the page shows of the searches beside their figures."""

from __future__ import annotations

from typing import Any

from isogloss.report.numbers import points
from isogloss.report.searched.drawings import CANDIDATES, figure_name
from isogloss.report.searched.findings import STATISTICS, findings_on_test, study_findings
from isogloss.report.searched.study import Searches
from isogloss.report.searched.tables import CANDIDATES_READING, candidate_lines


def shown_searches(searches: Searches) -> dict[str, Any]:
    """Sentences, table rows and the names of the figures, for the template."""
    return {
        "statistic": STATISTICS[searches.statistic],
        "studies": [
            {
                "label": study.label,
                "sampler": study.result.sampler.upper(),
                "reference": "transfer {}, localization {}".format(*map(points, study.result.reference)),
                "findings": study_findings(study, statistic=searches.statistic),
                **{what: figure_name(study.checkpoint, what) for what in ("front", "hypervolume", "importances")},
            }
            for study in searches.studies
        ],
        "candidates": CANDIDATES,
        "on_test": findings_on_test(searches),
        "lines": candidate_lines(searches),
        "reading": CANDIDATES_READING,
        "any_dominated": len(searches.kept) < len(searches.candidates),
        "model": searches.model,
        "commands": _commands(searches.model),
    }


def _commands(model: str | None) -> list[str]:
    """How to use what was found, a command a line, with what it is for."""
    champion = f"models:/{model or 'NAME'}@champion"
    given = [
        *([] if model else [("isogloss promote PIPELINE --name NAME", "through the gate, into the registry")]),
        (f'isogloss generate {champion} "…"', "answers, steered in the language of each prompt"),
        (f"isogloss fetch {champion} DIR", "a folder that loads, verified"),
        (f"isogloss export {champion} DIR --format hf", "or gguf, or folded"),
    ]
    width = max(len(command) for command, _ in given)
    return [f"{command:<{width}}  # {remark}" for command, remark in given]
