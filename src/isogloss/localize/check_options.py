"""Whether a dictionary of translated options is usable: same keys, figures copied, the right script, all different."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from isogloss.localize.asking import Unfit

#: Figures with what joins them: 1,000, 18:00, 2024-05-01, 3.5, 12/25.
_FIGURES = re.compile(r"\d+(?:[.,:/\-–]\d+)*")
_FENCE = re.compile(r"^```[a-z]*\s*|\s*```$")
#: Letters that belong to a script, by the languages that use it; other languages are written in Latin letters.
SCRIPTS: Mapping[str, str] = {
    "ko": r"[\uac00-\ud7a3]",
    "el": r"[\u0370-\u03ff\u1f00-\u1fff]",
    "zh": r"[\u4e00-\u9fff]",
    "ja": r"[\u3040-\u30ff\u4e00-\u9fff]",
    "ar": r"[\u0600-\u06ff]",
    "fa": r"[\u0600-\u06ff]",
    "ur": r"[\u0600-\u06ff]",
    "he": r"[\u0590-\u05ff]",
    "hi": r"[\u0900-\u097f]",
    "ru": r"[\u0400-\u04ff]",
    "uk": r"[\u0400-\u04ff]",
    "bg": r"[\u0400-\u04ff]",
    "am": r"[\u1200-\u137f]",
    "th": r"[\u0e00-\u0e7f]",
}
_LATIN = r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]"
#: Share of options with letters that must be in the language's script: names of brands are not.
LEAST_IN_SCRIPT = 0.5
#: So many options, this share of them as they were in English, are no translation.
FEW, UNCHANGED = 4, 0.8
#: An option that grew so much, and by so many characters, holds an explanation.
LONGEST, LONGER = 4.0, 40


def checked_options(answer: str, originals: Mapping[str, str], language: str) -> dict[str, str]:
    """{key: translated option} where the dictionary is usable.

    Raises Unfit: `no-json`, `keys`, `figures`, `script`, `untranslated`, `equal`, `too-long`.
    """
    translated = dictionary_in(answer)
    if set(translated) != set(originals):
        missing, more = sorted(set(originals) - set(translated)), sorted(set(translated) - set(originals))
        told = [f"{what} {', '.join(keys[:5])}" for what, keys in (("missing", missing), ("unknown", more)) if keys]
        raise Unfit("keys", f"the keys are not those of the request: {'; '.join(told)}")
    cleaned = {key: " ".join(translated[key].split()) for key in originals}
    if empty := [key for key, option in cleaned.items() if not option]:
        raise Unfit("keys", f"key {empty[0]} has no text")
    check_script(originals, cleaned, language)
    for key, option in cleaned.items():
        check_option(originals[key], option, language)
    check_different(cleaned)
    return cleaned


def dictionary_in(answer: str) -> dict[str, str]:
    """The JSON object of texts in an answer, whatever stands around it. Raises Unfit: `no-json`, `keys` (one twice)."""
    text = _FENCE.sub("", answer.strip())
    start, end = text.find("{"), text.rfind("}")
    try:
        value: Any = json.loads(text[start : end + 1] if start >= 0 else text, object_pairs_hook=_each_once)
    except (ValueError, RecursionError):
        raise Unfit("no-json", "it is not one JSON object") from None
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise Unfit("no-json", "it is not a JSON object whose values are texts")
    return value


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if twice := [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]:
        raise Unfit("keys", f"key {twice[0]} stands twice")
    return dict(pairs)


def check_option(original: str, option: str, language: str) -> None:
    """Raises Unfit for figures that are not the original's, or letters of a script that the language does not use."""
    if figures(original) != figures(option):
        raise Unfit("figures", f"'{option}' does not have the figures of '{original}'")
    if len(option) > LONGEST * len(original) and len(option) - len(original) > LONGER:
        raise Unfit("too-long", f"'{option}' explains more than '{original}' says")
    own = SCRIPTS.get(language)
    for other, letters in SCRIPTS.items():
        if (
            letters != own
            and other not in ("ja", "zh")
            and re.search(letters, option)
            and not re.search(letters, original)
        ):
            raise Unfit("script", f"'{option}' has letters that '{language}' is not written in")
    if own is None and re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", option):
        raise Unfit("script", f"'{option}' has letters that '{language}' is not written in")


def in_script(text: str, language: str) -> bool:
    """Whether a text has a letter of the language's script; Latin letters count where no other is known."""
    return re.search(SCRIPTS.get(language, _LATIN), text) is not None


def figures(text: str) -> list[str]:
    """Numbers, dates and times as they stand, sorted: word order may differ."""
    return sorted(_FIGURES.findall(text))


def check_script(originals: Mapping[str, str], translated: Mapping[str, str], language: str) -> None:
    """Raises Unfit where most options are not in the language's script, or are English still."""
    lettered = [key for key, text in originals.items() if re.search(_LATIN, text)]
    if not lettered:
        return
    own = SCRIPTS.get(language)
    if own is not None:
        inside = sum(re.search(own, translated[key]) is not None for key in lettered)
        if inside < LEAST_IN_SCRIPT * len(lettered):
            raise Unfit(
                "script", f"{len(lettered) - inside} of {len(lettered)} options are not written in '{language}'"
            )
    elif language != "en" and len(lettered) >= FEW:
        same = sum(translated[key].casefold() == originals[key].casefold() for key in lettered)
        if same >= UNCHANGED * len(lettered):
            raise Unfit("untranslated", f"{same} of {len(lettered)} options are as they were in English")


def check_different(translated: Mapping[str, str]) -> None:
    """Raises Unfit where two options became one."""
    by_text: dict[str, str] = {}
    for key, option in translated.items():
        other = by_text.setdefault(option.casefold(), key)
        if other != key:
            raise Unfit("equal", f"options {other} and {key} became the same: '{option}'")
