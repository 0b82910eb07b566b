"""Tiny models of every family with made-up items, shared by the scoring and steering tests."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from isogloss.data.rows import ChoiceItem
from tiny_models import FAMILIES, make_tiny_model


@cache
def tiny(family: str) -> tuple[Any, Any]:
    """(model, tokenizer) of a family, float32, eval; loaded once a test session. Treat as read-only."""
    import transformers as hf

    assert family in FAMILIES
    folder = make_tiny_model(family, Path(mkdtemp(prefix="isogloss-tiny-")))
    kind = hf.AutoModelForImageTextToText if family == "gemma3_multimodal" else hf.AutoModelForCausalLM
    model = kind.from_pretrained(folder).eval().requires_grad_(False)
    return model, hf.AutoTokenizer.from_pretrained(folder)


WORDS = {
    "en": ["dollar", "euro", "Indonesian rupiah", "won"],
    "es": ["dólar estadounidense", "euro", "rupia", "won"],
    "ko": ["미국 달러", "유로", "원", "위안"],
    "zh": ["美元", "欧元", "人民币", "韩元"],
    "ar": ["دولار", "يورو", "دينار جزائري", "وون"],
}


def made_up_items(axis: str = "localization") -> list[ChoiceItem]:
    """Fifteen items in five languages of uneven length."""
    return [
        ChoiceItem(
            id=f"{language}-{number}",
            group=f"g{number}",
            language=language,
            axis=axis,
            region=None,
            question="?" * (1 + 3 * number) + f" {words[0]} / {words[1]}",
            context_question=f"{words[number]}: " + "?" * (1 + 3 * number) + f" {words[0]} / {words[1]}",
            options=tuple(words[: 2 + number]),
            answer=number % 2,
            option_regions=tuple((region,) for region in ("US", "ES", "ID", "KR")[: 2 + number]),
        )
        for language, words in WORDS.items()
        for number in range(3)
    ]
