"""The figures of the searches, as far as there is something to draw."""

from __future__ import annotations

from functools import partial

from isogloss.report.details import Drawing
from isogloss.report.searched import details
from isogloss.report.searched.candidates import candidates_figure
from isogloss.report.searched.figures import front_figure, hypervolume_figure, importances_figure
from isogloss.report.searched.study import Searches

CANDIDATES = "candidates"


def figure_name(checkpoint: str, what: str) -> str:
    """The name of a study's figure: `search-mist-front`."""
    return f"search-{checkpoint}-{what}"


def search_drawings(searches: Searches) -> list[Drawing]:
    """Of each study the front, the hypervolume over trials and the importances; then the candidates on test."""
    found = []
    for study in searches.studies:
        result = study.result
        if any(each.transfer is not None and each.localization is not None for each in result.trials):
            found.append(
                Drawing(
                    name=figure_name(study.checkpoint, "front"),
                    draw=partial(front_figure, result),
                    alternative=details.front_alternative(study),
                    numbers=details.front_numbers(study, statistic=searches.statistic),
                )
            )
        if result.hypervolume:
            found.append(
                Drawing(
                    name=figure_name(study.checkpoint, "hypervolume"),
                    draw=partial(hypervolume_figure, result),
                    alternative=details.hypervolume_alternative(study),
                    numbers=details.hypervolume_numbers(study),
                )
            )
        if result.importances:
            found.append(
                Drawing(
                    name=figure_name(study.checkpoint, "importances"),
                    draw=partial(importances_figure, result),
                    alternative=details.importances_alternative(study),
                    numbers=details.importances_numbers(study),
                )
            )
    if searches.candidates:
        found.append(
            Drawing(
                name=CANDIDATES,
                draw=partial(
                    candidates_figure,
                    {each.name: (each.checkpoint, each.condition) for each in searches.candidates},
                    dominated=[each.name for each in searches.candidates if each.dominated_by is not None],
                ),
                alternative=details.candidates_alternative(searches),
                numbers=details.candidates_numbers(searches),
            )
        )
    return found
