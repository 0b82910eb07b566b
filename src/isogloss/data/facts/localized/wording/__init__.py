"""How the localized kinds are asked: per language the templates, and the two readings of a question.

A template holds a slot for the country (`{in}`, `{of_ours}`, …) and perhaps others for the instance (`{number}`, …). A
country slot has two readings: one that names no country (nothing, or "our country") and one that does. All else stays
the same, so a question and its contextual twin differ in naming the country alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from isogloss.data.facts.localized.wording import ar, el, en, es, id, ko, zh

#: {language: the module with its templates}.
TEXTS = {"en": en, "es": es, "id": id, "ko": ko, "el": el, "zh": zh, "ar": ar}

#: English alone stands for two regions, so only its readings are completed with a name.
_ENGLISH_NAMES = {"US": "the United States", "GB": "the United Kingdom"}


class Wording(NamedTuple):
    """One paraphrase: without its country, and with it."""

    question: str
    context_question: str


def _filled(template: str, slots: Mapping[str, str]) -> str:
    """The template with its slots filled; a slot that opens the sentence gets its capital."""
    text = template.format(**slots)
    return text[:1].upper() + text[1:] if template.startswith("{") else text


def wordings(kind: str, *, language: str, region: str, fill: Mapping[str, str]) -> tuple[Wording, ...]:
    """Every paraphrase of `kind` in `language`, with `fill` put in and the country of `region` unnamed and named."""
    texts = TEXTS[language]
    unnamed = {slot: readings[0] for slot, readings in texts.SLOTS.items()}
    name = _ENGLISH_NAMES.get(region, "")
    named = {slot: readings[1].format(name) for slot, readings in texts.SLOTS.items()}
    return tuple(
        Wording(
            question=_filled(template, {**unnamed, **fill}),
            context_question=_filled(template, {**named, **fill}),
        )
        for template in texts.QUESTIONS[kind]
    )


def clock_change(rule: str, *, language: str) -> str:
    """A rule such as `last-6-3` (last, Sunday counted from Monday = 0, March) or `never`, in words."""
    return TEXTS[language].CLOCK_CHANGES[rule]


def clock_rules() -> frozenset[str]:
    """The rules that :func:`clock_change` has words for."""
    return frozenset(en.CLOCK_CHANGES)


def spoken_times(language: str) -> Mapping[str, str]:
    """`{"15:30": "half past three in the afternoon"}`: times in words, empty where none is asked for."""
    return TEXTS[language].TIMES
