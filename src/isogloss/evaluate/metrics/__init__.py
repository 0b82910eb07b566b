"""Accuracy, English bias and the plane's two differences as Hugging Face `evaluate` modules, loaded by path, offline.

    import evaluate
    from isogloss.evaluate import metrics

    plane = evaluate.combine([metrics.path("transfer_delta"), metrics.path("localization_delta")])
    plane.compute(predictions=…, references=…, groups=…, languages=…, axes=…, baseline_predictions=…)

The columns and the names of the results are described in :mod:`isogloss.evaluate.metrics.columns`.
"""

from __future__ import annotations

from pathlib import Path

from isogloss.errors import UserError, did_you_mean

NAMES = ("accuracy_by_language", "english_bias", "transfer_delta", "localization_delta")


def path(name: str) -> str:
    """The folder that `evaluate.load` takes for one of :data:`NAMES`; UserError for any other name."""
    if name not in NAMES:
        raise UserError(f"no metric is called '{name}'{did_you_mean(name, NAMES)}; there are {', '.join(NAMES)}")
    return str(Path(__file__).parent / name)
