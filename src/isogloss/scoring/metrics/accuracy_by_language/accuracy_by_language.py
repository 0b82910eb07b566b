"""Accuracy by axis and language, with intervals over question groups: `transfer/acc/ko`, `localization/acc/macro`, …

Inputs: the shared columns of :mod:`isogloss.scoring.metrics.columns`.
"""

from __future__ import annotations

import evaluate

from isogloss.data.rows import AXES
from isogloss.scoring import statistics
from isogloss.scoring.metrics import columns


class AccuracyByLanguage(evaluate.Metric):
    """Share of items whose gold option was picked."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Accuracy by axis and language with bootstrap intervals over question groups.",
            citation="",
            inputs_description=columns.INPUTS,
            features=columns.features(),
        )

    def _compute(self, predictions, references, groups, languages, axes, *, seed=0, **siblings):
        columns.refuse_unknown(siblings)
        items = columns.item_scores(predictions, references, groups, languages, axes)
        found: dict[str, float | None] = {}
        for axis in AXES:
            found |= columns.flat(f"{axis}/acc", statistics.accuracies(columns.on_axis(items, axis), seed=seed))
        return found
