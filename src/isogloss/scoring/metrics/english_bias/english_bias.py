"""English bias: how often a localized question is answered with what is true of the US or Great Britain, but not here.

Counts localization items that offer such an option; the others do not enter. Results: `bias/english/ko`,
`bias/english/macro`, ….

Inputs: the shared columns of :mod:`isogloss.scoring.metrics.columns`, and `english_options`.
"""

from __future__ import annotations

import evaluate

from isogloss.scoring import statistics
from isogloss.scoring.metrics import columns


class EnglishBias(evaluate.Metric):
    """Share of the items with an English option that picked it."""

    def _info(self) -> evaluate.MetricInfo:
        return evaluate.MetricInfo(
            description="Rate of answers true of the US or Great Britain but wrong for the question's own region.",
            citation="",
            inputs_description=columns.INPUTS,
            features=columns.features("english_options"),
        )

    def _compute(self, predictions, references, groups, languages, axes, english_options, *, seed=0, **siblings):
        columns.refuse_unknown(siblings)
        items = columns.item_scores(predictions, references, groups, languages, axes, english_options=english_options)
        rates = statistics.bias_rates(columns.on_axis(items, "localization"), seed=seed)
        return columns.flat("bias/english", rates)
