"""A registered version as an MLflow pyfunc: prompts in, generations or option scores out, steering on.

Imported only by the code file that MLflow runs (`served.py`), which is why mlflow may stand at the top here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.pyfunc.model import PythonModel
from pydantic import ValidationError

from isogloss.data.rows import ENGLISH, ChoiceItem
from isogloss.errors import IsoglossError, UserError, did_you_mean
from isogloss.files import read_json
from isogloss.registry.bundle import BUNDLE
from isogloss.registry.contents import BUNDLE_FOLDER, BundleManifest
from isogloss.scoring.score import ScoreSettings
from isogloss.spec.pipeline import ScoringSection

_TASKS = ("generate", "score")


class _Answers:
    """Loads the bundle beside it once. :func:`isogloss.registry.versions.signature` describes its input and output."""

    def load_context(self, context: Any) -> None:
        """Load base, weights and intervention. Raises RefusedError for a bundle that is not what was registered.

        `model_config` of `mlflow.pyfunc.load_model` may name the `dtype`, the `device`, and where the `base` model is.
        """
        import isogloss

        folder = Path(context.artifacts[BUNDLE_FOLDER])
        self.model: Any = isogloss.load(str(folder), **context.model_config)
        measured = BundleManifest.model_validate(read_json(folder / BUNDLE)).scoring
        scoring = ScoringSection.model_validate(
            {name: measured[name] for name in ScoringSection.model_fields if name in measured}
        )
        self.settings = ScoreSettings(scoring=scoring.method, normalise=scoring.normalise)

    # No type hint on `model_input`: with one, MLflow drops `params`.
    def predict(self, context, model_input, params=None):
        """One row for each row of `model_input`. A wrong input raises MLflow's invalid-parameter error."""
        try:
            return self._answer(model_input, params or {})
        except IsoglossError as error:
            raise MlflowException.invalid_parameter_value(str(error)) from error

    def _answer(self, table: pd.DataFrame, params: Mapping[str, Any]) -> pd.DataFrame:
        task = params.get("task", "generate")
        if task not in _TASKS:
            raise UserError(f"task '{task}' is not known{did_you_mean(task, _TASKS)}; it is {' or '.join(_TASKS)}")
        prompts = [str(prompt) for prompt in table["prompt"]]
        by_row = _column(table, "language") or [None] * len(prompts)
        languages = self.model.route(prompts, languages=[code or params.get("language") for code in by_row]).languages
        gammas = {name: params.get(name) for name in ("en_gamma", "loc_gamma")}
        if task == "score":
            answers = self._score(prompts, _column(table, "options"), languages, gammas)
        else:
            length = params.get("max_new_tokens", 64)
            texts = self.model.generate(prompts, languages=languages, max_new_tokens=length, **gammas)
            answers = pd.DataFrame({"text": texts})
        return answers.assign(language=pd.Series(languages, dtype=object))

    def _score(
        self,
        prompts: Sequence[str],
        options: Sequence[Any] | None,
        languages: Sequence[str | None],
        gammas: Mapping[str, float | None],
    ) -> pd.DataFrame:
        """Log-likelihood of each option, in nats (per token where the version's scoring says so), and the best one."""
        if options is None:
            raise UserError("task 'score' needs a column `options`: for each prompt, the answers to choose from")
        by_id: dict[str, tuple[float, ...]] = {}
        # A prompt in an undetermined language is scored unsteered.
        for steering in (True, False):
            rows = [row for row, language in enumerate(languages) if (language is not None) is steering]
            items = [_item(row, prompts[row], options[row], languages[row]) for row in rows]
            if items:
                strengths = gammas if steering else {}
                scores = self.model.score(items, steering=steering, settings=self.settings, **strengths)
                by_id.update((score.id, score.option_scores) for score in scores)
        ordered = [by_id[str(row)] for row in range(len(prompts))]
        picked = [max(range(len(values)), key=values.__getitem__) for values in ordered]
        return pd.DataFrame({"scores": [list(values) for values in ordered], "picked": picked})


class RegisteredModel(_Answers, PythonModel):
    """What MLflow loads. `predict` is inherited, because MLflow warns where a class of its own lacks the type hint."""


def _column(table: pd.DataFrame, name: str) -> list[Any] | None:
    """A column's values, None where one is empty; None where there is no such column, or nothing in it."""
    if name not in table:
        return None
    values = [None if _empty(value) else value for value in table[name].tolist()]
    return values if any(value is not None for value in values) else None


def _empty(value: Any) -> bool:
    """Whether a cell holds nothing: None, NaN, NA or no text. A list of options, which may be an array, holds something."""
    return value == "" if isinstance(value, str) else pd.api.types.is_scalar(value) and bool(pd.isna(value))


def _item(row: int, prompt: str, options: Any, language: str | None) -> ChoiceItem:
    try:
        return ChoiceItem(
            id=str(row),
            group=str(row),
            language=language or ENGLISH,
            axis="transfer",
            question=prompt,
            options=tuple(map(str, options if options is not None else ())),
            answer=0,
        )
    except ValidationError as error:
        (first, *_) = error.errors(include_url=False)
        raise UserError(f"row {row}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
