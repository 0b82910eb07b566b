"""The plane's x: paired change in accuracy on localized questions, whose answer changes with the language.

Results: `plane/localization/ko`, `plane/localization/macro`, …, each against the same items' `baseline_predictions`.

Inputs: the shared columns of :mod:`isogloss.scoring.metrics.columns`, and `baseline_predictions`.
"""

from __future__ import annotations

import evaluate

from isogloss.scoring import statistics
from isogloss.scoring.metrics import columns


class LocalizationDelta(evaluate.Metric):
    """Accuracy minus the unsteered model's, on localization items."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Paired accuracy difference to the baseline on localization items, by language and macro.",
            citation="",
            inputs_description=columns.INPUTS,
            features=columns.features("baseline_predictions"),
        )

    def _compute(self, predictions, references, groups, languages, axes, baseline_predictions, *, seed=0, **siblings):
        columns.refuse_unknown(siblings)
        after, before = (
            columns.on_axis(columns.item_scores(picked, references, groups, languages, axes), "localization")
            for picked in (predictions, baseline_predictions)
        )
        return columns.flat("plane/localization", statistics.differences(after, before, seed=seed))
