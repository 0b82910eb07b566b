"""Made-up rows in the columns of the published data sets, and mirrors of them in every format."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

_SENTENCES = {
    "eng_Latn": "Ship number {} is in the harbour.",
    "spa_Latn": "El barco número {} está en el puerto.",
    "kor_Hang": "{}번 배는 항구에 있다.",
}
_NUMBER = {"en": "What is {} plus one?", "es": "¿Cuánto es {} más uno?", "ko": "{} 더하기 일은?"}
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def global_mmlu_row(number: int, language: str = "en", *, split: str = "test", **changes: Any) -> dict[str, Any]:
    """One question; the gold option turns with the number."""
    letters = "abcd"
    options = {f"option_{letters[place]}": str(number + 1 + (place - number) % 4) for place in range(4)}
    row = {
        "sample_id": f"arithmetic/{split}/{number}",
        "subject": "arithmetic" if number % 2 else "counting",
        "subject_category": "STEM",
        "question": _NUMBER[language].format(number),
        **options,
        "answer": "ABCD"[number % 4],
        "required_knowledge": "",
        "cultural_sensitivity_label": ("CS", "CA", "-")[number % 3],
        "is_annotated": number % 3 < 2,
    }
    return {**row, **changes}


def flores_row(number: int, code: str = "eng_Latn", **changes: Any) -> dict[str, Any]:
    """One sentence in FLORES+'s columns."""
    row = {
        "id": number,
        "iso_639_3": code[:3],
        "iso_15924": code[4:],
        "text": _SENTENCES[code].format(number),
        "url": f"https://example.org/{number // 3}",
        "domain": "news",
    }
    return {**row, **changes}


def message(
    name: str, text: str, *, parent: str | None = None, rank: int | None = None, **changes: Any
) -> dict[str, Any]:
    """One OpenAssistant message: a prompt where it has no parent, else a reply."""
    row = {
        "message_id": name,
        "parent_id": parent,
        "text": text,
        "role": "assistant" if parent else "prompter",
        "lang": "en",
        "review_result": True,
        "deleted": False,
        "rank": rank,
        "message_tree_id": parent or name,
        "tree_state": "ready_for_export",
    }
    return {**row, **changes}


def annotation(name: str = "Ab-en-01", **changes: Any) -> dict[str, Any]:
    """One BLEnD annotation of Spain."""
    row = {
        "ID": name,
        "question": "¿Qué se bebe en España?",
        "en_question": "What do people drink in your country?",
        "annotations": [{"answers": ["agua", "el agua"], "en_answers": ["water"], "count": 3}],
        "idks": {"idk": 1, "no-answer": 0, "not-applicable": 0},
    }
    return {**row, **changes}


def blend_choice(name: str = "Ab-en-01_0", **changes: Any) -> dict[str, Any]:
    """One BLEnD multiple-choice question about Spain, with the publisher's instruction behind it."""
    row = {
        "MCQID": name,
        "ID": "Ab-en-01",
        "country": "Spain",
        "prompt": "What do people drink in Spain? Without any explanation, choose only one from the given alphabet "
        'choices(e.g., A, B, C). Provide as JSON format: {"answer_choice":""}\n\nA. milk\nB. water\n\nAnswer:',
        "choices": '{"A": "milk", "B": "water", "C": "sand"}',
        "choice_countries": '{"A": "UK", "B": "Spain", "C": "dummy"}',
        "answer_idx": "B",
    }
    return {**row, **changes}


def write_table(path: Path, rows: list[dict[str, Any]]) -> Path:
    """The rows as Parquet, CSV, a JSON list or JSON lines, as the file's name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    match path.suffix:
        case ".parquet":
            import pyarrow
            import pyarrow.parquet

            pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
        case ".csv":
            with path.open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
        case ".json":
            path.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
        case _:
            path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def write_global_mmlu(
    mirror: Path, *, languages: tuple[str, ...] = ("en", "es", "ko"), test: int = 12, dev: int = 4
) -> Path:
    """A small Global-MMLU as on the Hub; returns its folder."""
    folder = mirror / "CohereLabs" / "Global-MMLU"
    for language in languages:
        for split, count in (("test", test), ("dev", dev)):
            rows = [global_mmlu_row(number, language, split=split) for number in range(count)]
            write_table(folder / language / f"{split}-00000-of-00001.parquet", rows)
    return folder


def write_flores(
    mirror: Path, *, codes: tuple[str, ...] = ("eng_Latn", "spa_Latn", "kor_Hang"), count: int = 6
) -> Path:
    """A small FLORES+ as on the Hub; returns its folder."""
    folder = mirror / "openlanguagedata" / "flores_plus"
    for code in codes:
        for split in ("dev", "devtest"):
            write_table(folder / split / f"{code}.jsonl", [flores_row(number, code) for number in range(count)])
    return folder
