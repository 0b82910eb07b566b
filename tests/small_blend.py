"""A few made-up rows in BLEnD's columns: Spanish and Korean questions, English options."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

QUESTIONS: dict[str, dict[str, str]] = {
    "Xx-en-01": {
        "Spain": "¿Qué se desayuna los domingos en España?",
        "South_Korea": "대한민국에서 일요일 아침에 무엇을 먹나요?",
        "en": "What is eaten for breakfast on Sundays in {}?",
    },
    "Xx-en-02": {
        "Spain": "¿Qué juego prefieren los niños en España?",
        "South_Korea": "대한민국의 아이들은 어떤 놀이를 좋아하나요?",
        "en": "Which game do children prefer in {}?",
    },
    "Xx-en-03": {
        "Spain": "¿A qué hora cena la gente en España?",
        "South_Korea": "대한민국 사람들은 몇 시에 저녁을 먹나요?",
        "en": "At what time do people have dinner in {}?",
    },
}
#: {question id: options, the country's own first}
OPTIONS: dict[str, dict[str, list[str]]] = {
    "Xx-en-01": {
        "Spain": ["fritters", "porridge", "soup", "toast"],
        "South_Korea": ["soup", "fritters", "porridge", "toast"],
    },
    "Xx-en-02": {"Spain": ["chess", "tag", "marbles", "cards"], "South_Korea": ["tag", "chess", "marbles", "cards"]},
    "Xx-en-03": {"Spain": ["21:00", "18:00", "17:30", "19:15"], "South_Korea": ["18:00", "21:00", "17:30", "19:15"]},
}
#: The questions as they should come out.
WITHOUT = {
    "¿Qué se desayuna los domingos en España?": "¿Qué se desayuna los domingos?",
    "¿Qué juego prefieren los niños en España?": "¿Qué juego prefieren los niños?",
    "¿A qué hora cena la gente en España?": "¿A qué hora cena la gente?",
    "대한민국에서 일요일 아침에 무엇을 먹나요?": "일요일 아침에 무엇을 먹나요?",
    "대한민국의 아이들은 어떤 놀이를 좋아하나요?": "아이들은 어떤 놀이를 좋아하나요?",
    "대한민국 사람들은 몇 시에 저녁을 먹나요?": "사람들은 몇 시에 저녁을 먹나요?",
}
SPANISH = {
    "fritters": "churros", "porridge": "gachas", "soup": "sopa", "toast": "tostada",
    "chess": "ajedrez", "tag": "pillapilla", "marbles": "canicas", "cards": "cartas",
}  # fmt: skip
KOREAN = {
    "fritters": "튀김", "porridge": "죽", "soup": "국", "toast": "토스트",
    "chess": "체스", "tag": "술래잡기", "marbles": "구슬치기", "cards": "카드",
}  # fmt: skip


def write_blend(folder: Path, *, countries: tuple[str, ...] = ("Spain", "South_Korea")) -> tuple[Path, Path]:
    """Annotation rows and multiple-choice rows in `folder`."""
    questions, choices = [], []
    for country in countries:
        words = SPANISH if country == "Spain" else KOREAN
        for name, texts in QUESTIONS.items():
            options = OPTIONS[name][country]
            questions.append(
                {
                    "qid": name,
                    "country": country,
                    "topic": "Food",
                    "question": texts[country],
                    "en_question": texts["en"].format(country.replace("_", " ")),
                    "annotations": [
                        {"answers": [words.get(one, one)], "en_answers": [one], "count": 3} for one in options[:2]
                    ],
                }
            )
            others = ["US", "UK", "China"]
            choices.append(
                {
                    "MCQID": f"{name}-{country}",
                    "ID": name,
                    "country": country,
                    "prompt": texts["en"].format(country.replace("_", " ")),
                    "choices": json.dumps(dict(zip("ABCD", options, strict=True))),
                    "choice_countries": json.dumps(dict(zip("ABCD", [country, *others], strict=True))),
                    "answer_idx": "A",
                }
            )
    return _written(folder / "annotations.jsonl", questions), _written(folder / "choices_published.jsonl", choices)


def _written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path
