"""A small choices file with all that a pipeline needs, and a pipeline on it that takes seconds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "es", "ko")
_WORDS = {
    "en": ["red", "green", "dark blue", "black", "white"],
    "es": ["rojo", "verde", "azul oscuro", "negro", "blanco"],
    "ko": ["빨강", "초록", "짙은 파랑", "검정", "하양"],
}
_QUESTION = {"en": "Which colour is number {}?", "es": "¿De qué color es el número {}?", "ko": "{}번은 무슨 색인가?"}
_COUNTRY = {"en": "In Britain: ", "es": "En España: ", "ko": "한국에서: "}
_REGIONS = {"en": "GB", "es": "ES", "ko": "KR"}


def item(**changes: Any) -> dict[str, Any]:
    """A valid choices row, changed."""
    row = {
        "id": "a",
        "group": "g",
        "language": "es",
        "axis": "transfer",
        "question": "¿Sí?",
        "options": ["sí", "no"],
        "answer": 0,
    }
    return {**row, **changes}


def small_items(*, groups: int = 5, splits: tuple[str, ...] = ("dev1", "dev2", "test")) -> list[dict[str, Any]]:
    """Rows in three languages, both axes, all splits, `groups` questions each."""
    return [
        item(
            id=f"{split}-{axis}-{number}-{language}",
            group=f"{split}-{axis}-{number}",
            language=language,
            axis=axis,
            region=_REGIONS[language] if axis == "localization" else None,
            question=_QUESTION[language].format(7 * number + 3),
            context_question=_COUNTRY[language] + _QUESTION[language].format(7 * number + 3)
            if axis == "localization"
            else None,
            options=_WORDS[language][: 2 + number % 4],
            answer=number % 2,
            option_regions=[["ES"], ["KR"], ["US"], ["GB"], []][: 2 + number % 4] if axis == "localization" else None,
            split=split,
        )
        for split in splits
        for axis in ("transfer", "localization")
        for number in range(groups)
        for language in LANGUAGES
    ]


def write_jsonl(path: Path, rows: list[Any]) -> Path:
    """One JSON value a line."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def write_pipeline(folder: Path, model: Path, *, groups: int = 5, analyses: bool = False) -> Path:
    """`small.yaml` and its `items.jsonl` in `folder`; with all analyses, or none."""
    folder.mkdir(parents=True, exist_ok=True)
    write_jsonl(folder / "items.jsonl", small_items(groups=groups))
    path = folder / "small.yaml"
    path.write_text(
        f"name: small\nmodel: {model}\n"
        "data: {choices: [items.jsonl], languages: [en, es, ko]}\n"
        "sweep: {layers: all, en_gammas: [1.0], loc_gammas: [0.5, 1.0], tolerance: 0.05}\n"
        "compute: {dtype: float32, threads: 1}\n" + ("" if analyses else "analyses: {run: []}\n")
    )
    return path
