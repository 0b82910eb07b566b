"""Which language a prompt is written in, so that a steered model can follow it: lingua, offline, with a prior.

A model serves a few languages and gets prompts in any. Every prompt is compared with the served languages and with the
neighbours that they are taken for; a served language counts `SERVED_PRIOR` times as much as another, because people who
load a Korean model ask in Korean. What then holds less than `LEAST_SHARE` of the probability is undetermined.

Those neighbours are few, because each costs memory, and among a few languages a Czech question looks like a Spanish one. So
a served language in the Latin alphabet is believed only where lingua's light models of all languages in that alphabet do not rule
it out (`LEAST_AMONG_ALL`). They are too coarse to name the language instead: it is undetermined then.

Indonesian and Malay cannot be told apart in a short question: more than half of all Malay prompts are taken for
Indonesian where that is served, and without the prior every fourth Indonesian one was taken for Malay. Likewise Catalan
and Galician are taken for Spanish. Languages given by hand are never questioned.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from isogloss.data.rows import ENGLISH, known_languages
from isogloss.errors import UserError

if TYPE_CHECKING:
    from lingua import LanguageDetector


SERVED_PRIOR = 2.5
LEAST_SHARE = 0.35
#: Among all languages of the Latin alphabet, by coarse models. Real questions of a language stay above it but for one in
#: two hundred (a question that is half a foreign name); questions in languages that are not compared lie far below.
LEAST_AMONG_ALL = 1e-4

#: Latin alphabet: about 20 MB each once text in it is met, so only those that are often asked in or nearest to others.
_LATIN = ("en", "es", "id", "ms", "pt", "fr", "it", "de", "ca", "tr", "tl", "sw")
#: Known by their letters alone, or nearly: no cost. One language stands for an alphabet that is not served.
_OTHER_ALPHABETS = (
    "ar", "fa", "zh", "ja", "ko", "el", "ru", "hi", "th", "he", "bn", "ta", "te", "gu", "pa", "ka", "hy",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Routed:
    """The language of each prompt (None where it could not be told), and which of them were detected, not given."""

    languages: tuple[str | None, ...]
    detected: tuple[bool, ...]

    def notice(self, served: Iterable[str]) -> str | None:
        """One line about the prompts in languages that are not served, or None where there are none."""
        outside = Counter(one or "undetermined" for one in self.languages if one not in {*served, ENGLISH})
        if not outside:
            return None
        total, count = len(self.languages), sum(outside.values())
        named = ", ".join(f"{name} ({number})" for name, number in sorted(outside.items()))
        hint = "; languages can be given" if any(self.detected) else ""
        return f"{count} of {total} prompt{'s' * (total > 1)} left unsteered, without vectors for the language: {named}{hint}"


def route(
    prompts: Sequence[str], *, served: Iterable[str], languages: str | Sequence[str | None] | None = None
) -> Routed:
    """The language of each prompt: as given (one for all, or one each), or detected where None is given.

    Raises:
        UserError: another number of languages than of prompts, or something that is no ISO 639-1 code.
    """
    served = set(served)
    given: list[str | None]
    if languages is None or isinstance(languages, str):
        given = [languages] * len(prompts)
    else:
        given = list(languages)
    if len(given) != len(prompts):
        raise UserError(f"{len(given)} languages for {len(prompts)} prompts; give one for each, or one for all")
    for code in {one for one in given if one is not None}:
        if code not in served and code not in known_languages():
            base = code.replace("_", "-").split("-")[0].lower()
            hint = f" (did you mean '{base}'?)" if base in known_languages() else ""
            raise UserError(f"'{code}' is not an ISO 639-1 language code{hint}; served are {', '.join(sorted(served))}")
    unknown = [index for index, one in enumerate(given) if one is None]
    found = detect_languages([prompts[index] for index in unknown], served=served)
    for index, language in zip(unknown, found, strict=True):
        given[index] = language
    missing = set(unknown)
    return Routed(tuple(given), tuple(index in missing for index in range(len(given))))


def detect_languages(texts: Sequence[str], *, served: Iterable[str]) -> list[str | None]:
    """ISO 639-1 code of each text, or None where it cannot be told. `served` are the languages to expect.

    Each text is judged alone, so that an answer does not depend on its batch. The first text in the Latin alphabet takes
    some seconds and 350 MB (then a few ms a text), those in other alphabets little.
    """
    if not texts:
        return []
    expected = frozenset(served) | {ENGLISH}
    detector = _detector(expected)
    return [_believed(text, _decide(_confidences(detector, text), expected), expected) for text in texts]


def detectable() -> frozenset[str]:
    """The languages that lingua knows; others are served only where they are given by hand."""
    from lingua import Language

    return frozenset(language.iso_code_639_1.name.lower() for language in Language.all())


@lru_cache(maxsize=8)
def _detector(expected: frozenset[str]) -> LanguageDetector:
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    codes = sorted({*_LATIN, *_OTHER_ALPHABETS, *(expected & detectable())})
    return LanguageDetectorBuilder.from_iso_codes_639_1(
        *(getattr(IsoCode639_1, code.upper()) for code in codes)
    ).build()


@lru_cache(maxsize=1)
def _among_all() -> LanguageDetector:
    from lingua import LanguageDetectorBuilder

    return LanguageDetectorBuilder.from_all_languages_with_latin_script().with_low_accuracy_mode().build()


def _confidences(detector: LanguageDetector, text: str) -> dict[str, float]:
    values = detector.compute_language_confidence_values(text)
    return {one.language.iso_code_639_1.name.lower(): one.value for one in values}


def _decide(confidences: Mapping[str, float], served: frozenset[str]) -> str | None:
    weighed = {code: value * (SERVED_PRIOR if code in served else 1.0) for code, value in confidences.items()}
    total = sum(weighed.values())
    best = max(weighed, key=lambda code: (weighed[code], code))
    return best if total > 0 and weighed[best] / total >= LEAST_SHARE else None


def _believed(text: str, language: str | None, served: frozenset[str]) -> str | None:
    """`language`, or None where it is served and the light models of all Latin languages rule it out."""
    if language not in served or language not in _latin():
        return language
    return language if _confidences(_among_all(), text)[language] >= LEAST_AMONG_ALL else None


@lru_cache(maxsize=1)
def _latin() -> frozenset[str]:
    from lingua import Language

    return frozenset(one.iso_code_639_1.name.lower() for one in Language.all_with_latin_script())
