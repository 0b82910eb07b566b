"""How an answer is announced after a question, by language: what `cloze` scoring reads and `cloze` training writes."""

from __future__ import annotations

#: The seven languages have their own word, so that the prompt itself does not pull towards English; in any other
#: language the answer follows on a new line, behind an arrow.
ANSWER_WORDS = {
    "en": "Answer:",
    "es": "Respuesta:",
    "id": "Jawaban:",
    "ko": "답:",
    "el": "Απάντηση:",
    "zh": "答案：",
    "ar": "الجواب:",
}
ARROW = "→"


def announced(question: str, language: str) -> str:
    """Question and, on a new line, the word that announces an answer in `language`; the answer follows after a space."""
    return f"{question}\n{ANSWER_WORDS.get(language, ARROW)}"
