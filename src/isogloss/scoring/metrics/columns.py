"""What the metric modules share: one set of input columns, and one shape of results.

Columns, one entry an item:

- `predictions`: int, the picked option, counted from 0
- `references`: int, the gold option
- `groups`: str, the question behind the item; intervals keep a group together
- `languages`: str, ISO 639-1
- `axes`: str, `transfer` or `localization`
- `baseline_predictions` (the two differences): int, what the unsteered model picked
- `english_options` (English bias): list of int, the options true of the US or Great Britain but not gold; may be empty

Results are flat, `NAME/LANGUAGE` with `…/low` and `…/high` (95 % bootstrap interval; None where there is too little to
resample), and `NAME/macro` for the mean over the non-English languages. All values are fractions. The computing is
that of :mod:`isogloss.scoring.statistics`.

Every module asks for the first five columns and its own; it ignores its siblings', so that `evaluate.combine` can hand
the same columns to all. `seed` (int, default 0) fixes the resampling.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import cast

from datasets import Features, Value
from datasets import Sequence as ListOf

from isogloss.data.rows import AXES, Axis
from isogloss.errors import UserError, did_you_mean
from isogloss.results.scores import Estimate, ItemScore

SHARED = ("predictions", "references", "groups", "languages", "axes")

_TYPES = {
    "predictions": Value("int64"),
    "references": Value("int64"),
    "groups": Value("string"),
    "languages": Value("string"),
    "axes": Value("string"),
    "baseline_predictions": Value("int64"),
    "english_options": ListOf(Value("int64")),
}

#: Shown by `evaluate` as each module's help.
INPUTS = __doc__ or ""


def features(*own: str) -> Features:
    """The shared columns and a module's `own`."""
    return Features({name: _TYPES[name] for name in (*SHARED, *own)})


def item_scores(
    predictions: Sequence[int],
    references: Sequence[int],
    groups: Sequence[str],
    languages: Sequence[str],
    axes: Sequence[str],
    *,
    english_options: Sequence[Sequence[int]] | None = None,
) -> list[ItemScore]:
    """One :class:`ItemScore` a row, named by its position. UserError for an axis that is neither of the two."""
    if wrong := sorted(set(axes) - set(AXES)):
        raise UserError(f"axes: '{wrong[0]}' is not an axis{did_you_mean(wrong[0], AXES)}; there are {', '.join(AXES)}")
    if english_options is None:
        english_options = [()] * len(predictions)
    return [
        ItemScore(
            id=str(row),
            group=group,
            language=language,
            axis=cast(Axis, axis),
            answer=answer,
            picked=picked,
            english=picked in english if english else None,
            option_scores=(),
        )
        for row, (picked, answer, group, language, axis, english) in enumerate(
            zip(predictions, references, groups, languages, axes, english_options, strict=True)
        )
    ]


def on_axis(items: Iterable[ItemScore], axis: Axis) -> list[ItemScore]:
    """The items of one axis."""
    return [item for item in items if item.axis == axis]


def flat(name: str, estimates: Mapping[str, Estimate]) -> dict[str, float | None]:
    """`{NAME/LANGUAGE: value, NAME/LANGUAGE/low: …, NAME/LANGUAGE/high: …}`."""
    found: dict[str, float | None] = {}
    for language, estimate in estimates.items():
        key = f"{name}/{language}"
        found |= {key: estimate.value, f"{key}/low": estimate.low, f"{key}/high": estimate.high}
    return found


def refuse_unknown(columns: Iterable[str]) -> None:
    """UserError for an input that no module knows; a sibling's column is fine."""
    for name in columns:
        if name not in _TYPES:
            known = (*_TYPES, "seed")
            raise UserError(f"no metric takes '{name}'{did_you_mean(name, known)}; there are {', '.join(known)}")


# --------------------------------------------------------------------------------------------------------------------
# Accuracy, English bias and the plane's two differences as Hugging Face `evaluate` modules, loaded by path, offline.
#
#     import evaluate
#     from isogloss.scoring import metrics
#
#     plane = evaluate.combine([metrics.path("transfer_delta"), metrics.path("localization_delta")])
#     plane.compute(predictions=…, references=…, groups=…, languages=…, axes=…, baseline_predictions=…)
#
# The columns and the names of the results are described in :mod:`isogloss.scoring.metrics.columns`.

NAMES = ("accuracy_by_language", "english_bias", "transfer_delta", "localization_delta")


def path(name: str) -> str:
    """The folder that `evaluate.load` takes for one of :data:`NAMES`; UserError for any other name."""
    if name not in NAMES:
        raise UserError(f"no metric is called '{name}'{did_you_mean(name, NAMES)}; there are {', '.join(NAMES)}")
    return str(Path(__file__).parent / name)
