"""The small pipeline with trained methods: rows to train on, and a YAML that takes seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from small_data import LANGUAGES, write_jsonl, write_pipeline

METHODS = ("mist", "clo", "midalign")
STEPS = 4

_ALIGN = """
align:
  methods: [METHODS]
  instructions: [instructions.jsonl]
  parallel: [parallel.jsonl]
  check_items: 2
  train:
    parameters: lora
    lora: {rank: 2}
    steps: STEPS
    batch: 4
    learning_rate: 1e-3
    checks: 2
    save_every: 2
    max_length: 64
  midalign: {preset: mid-align, alternate: step}
"""


def _training_rows() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Instructions and parallel sentences about numbers, in the three languages of the small pipeline."""
    words = {"en": "What is number {}?", "es": "¿Qué es el número {}?", "ko": "{}번은 무엇인가?"}
    instructions = [
        {
            "id": f"i{number}",
            "prompt": {language: words[language].format(number) for language in LANGUAGES},
            "response": {language: f"{language} {number * 3}" for language in LANGUAGES},
        }
        for number in range(24)
    ]
    parallel = [
        {"id": f"p{number}", "text": {language: f"{words[language].format(number)} {number}" for language in LANGUAGES}}
        for number in range(24)
    ]
    return instructions, parallel


def write_align_pipeline(
    folder: Path,
    model: Path,
    *,
    methods: tuple[str, ...] = METHODS,
    steps: int = STEPS,
    groups: int = 3,
    analyses: bool = False,
) -> Path:
    """`small.yaml` with an `align` section, and its three files, in `folder`; with all analyses, or none."""
    path = write_pipeline(folder, model, groups=groups, analyses=analyses)
    align = _ALIGN.replace("METHODS", ", ".join(methods)).replace("STEPS", str(steps))
    path.write_text(path.read_text(encoding="utf-8") + align, encoding="utf-8")
    instructions, parallel = _training_rows()
    write_jsonl(folder / "instructions.jsonl", instructions)
    write_jsonl(folder / "parallel.jsonl", parallel)
    return path
