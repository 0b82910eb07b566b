"""The plane's y: paired change in accuracy on universal questions, whose answer is the same everywhere.

Results: `plane/transfer/ko`, `plane/transfer/macro`, …, each against the same items' `baseline_predictions`.

Inputs: the shared columns of :mod:`isogloss.scoring.metrics.columns`, and `baseline_predictions`.
"""

from __future__ import annotations

import evaluate

from isogloss.scoring import statistics
from isogloss.scoring.metrics import columns


class TransferDelta(evaluate.Metric):
    """Accuracy minus the unsteered model's, on transfer items."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Paired accuracy difference to the baseline on transfer items, by language and macro.",
            citation="",
            inputs_description=columns.INPUTS,
            features=columns.features("baseline_predictions"),
        )

    def _compute(self, predictions, references, groups, languages, axes, baseline_predictions, *, seed=0, **siblings):
        columns.refuse_unknown(siblings)
        after, before = (
            columns.on_axis(columns.item_scores(picked, references, groups, languages, axes), "transfer")
            for picked in (predictions, baseline_predictions)
        )
        return columns.flat("plane/transfer", statistics.differences(after, before, seed=seed))
