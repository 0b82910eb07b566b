"""Whether an edited question is the original without its place, and nothing else: checked word by word."""

from __future__ import annotations

import difflib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from isogloss.data.detect import detect_languages, detectable
from isogloss.localize.asking import Unfit
from isogloss.localize.places import Place, countries_in

# --------------------------------------------------------------------------------------------------------------------
# Small words by language: those that tie a place to a sentence, and those that may stand in its stead.


def _words(text: str) -> frozenset[str]:
    # Casefolded as the words are that are looked up: a Greek final sigma becomes another letter.
    return frozenset(text.casefold().split())


#: What may go with a place. In Chinese single characters, in Arabic also those joined to it.
TIES: Mapping[str, frozenset[str]] = {
    "en": _words(
        "the a an in of from for by to at on within across throughout around living based born located made 's s"
    ),
    "es": _words("el la los las un una de del en a al por para desde entre con lo toda todo"),
    "id": _words("di dari ke oleh untuk bagi pada dalam seluruh negara wilayah masyarakat warga"),
    "ko": _words(
        "에서 에서는 에서의 에서도 에서만 에서만의 에선 의 만의 은 는 이 가 을 를 도 로 으로 으로는 에 에는 에도 에게 에게는 "
        "사람 내 내의 내에서 국내 국내에서"
    ),
    "el": _words("ο η το οι τα του της των τον την τη τους τις στον στην στη στο στους στις στα σε από για"),
    "zh": frozenset("在的中里对于来说而言人民，,境内国各地全"),
    "ar": _words("في من ال ب ل داخل لدى عند بين على الشعب دولة عدا باستثناء بالنسبة"),
}

#: What may come in: the most general words for people and country, and articles in another form.
STEADS: Mapping[str, frozenset[str]] = {
    "en": _words("the a an people person country in of nation"),
    "es": _words(
        "el la los las un una de del al a e en personas persona gente ciudadanos mujeres país nación este su propio promedio "
        "habitantes"
    ),
    "id": _words("di orang masyarakat negara negeri ini nasional orang-orang warga"),
    "ko": _words(
        "사람 사람들 사람들은 사람들이 사람들에게 사람들의 사람들을 "
        "자국 자국의 자국과 자국에 자국보다 나라 국민 모국어 음식"
    ),
    "el": _words(
        "ο η το οι τα του της των τον την τη τους τις στη στην στον στους άνθρωποι ανθρώπους ανθρώπων άνθρωπος "
        "άνθρωπο χώρα χώρας "
        "γυναίκες γυναικών γυναίκα γυναίκας κάτοικοι πολίτες τοπικής"
    ),
    "zh": frozenset("在人们民本国家地当的各该"),
    "ar": _words("الناس للناس الدولة البلد للدولة البلاد الأشخاص في من بلد"),
}
#: What ends a question.
QUESTION_MARKS = "?？؟;;"


# --------------------------------------------------------------------------------------------------------------------

#: Words between a place and a small word that may go with it.
_NEAR = 3
_BY_CHARACTER = frozenset({"zh", "ja", "th"})
#: Particles and prepositions are part of the word that names the place.
_JOINED = frozenset({"ko", "ar"})
_MARKS = re.compile(r"[\W_]+")
_FENCE = re.compile(r"\A```[a-z]*\n|\n?```\Z")
_SPLIT = re.compile(r"[^\w'’-]+")


def checked_question(original: str, edited: str, place: Place) -> str:
    """`edited`, without quotation marks around it, where it passes.

    Raises Unfit: `empty`, `not-one-line`, `place-left`, `country-named`, `no-question`, `changed`.
    """
    edited = _bare(edited, original)
    if not edited:
        raise Unfit("empty", "there is no question in the answer")
    if len(edited) > 2 * len(original) + 100:
        raise Unfit(
            "changed", f"it has {len(edited)} characters in place of {len(original)}, and the place alone was to go"
        )
    if "\n" in edited:
        raise Unfit("not-one-line", "it has several lines, where the question alone is wanted")
    if left := place.mentions(edited):
        raise Unfit("place-left", f"it still names the place: {', '.join(dict.fromkeys(left))}")
    if named := countries_in(edited, place.language) - countries_in(original, place.language):
        raise Unfit("country-named", f"it names a country that the original did not: {', '.join(sorted(named))}")
    if _asks(original) and not _asks(edited):
        raise Unfit("no-question", "it is no question any more: the question mark is gone")
    if changed := changes(original, edited, place):
        raise Unfit("changed", f"more was changed than the place: {'; '.join(changed[:3])}")
    return edited


def _asks(text: str) -> bool:
    return any(mark in text for mark in QUESTION_MARKS)


def _bare(edited: str, original: str) -> str:
    """Without the quotation marks or the code fence that a model puts around its answer."""
    edited = _FENCE.sub("", edited.strip()).strip()
    pairs = ('""', "''", "“”", "«»", "「」", "``")
    if len(edited) > 2 and edited[0] + edited[-1] in pairs and not original.startswith(edited[0]):
        edited = edited[1:-1].strip()
    return edited


def changes(original: str, edited: str, place: Place) -> list[str]:
    """What is different besides the place, in words; nothing where the place alone went."""
    before, after = _question_words(original, place), _question_words(edited, place)
    small = [word.casefold() for word in before]
    matcher = difflib.SequenceMatcher(None, small, [word.casefold() for word in after], autojunk=False)
    named = [index for index, word in enumerate(before) if _names(word, place)]
    found = []
    for kind, start, end, first, last in matcher.get_opcodes():
        # Two words written as one, or the other way round, are no other words.
        if kind == "equal" or "".join(before[start:end]) == "".join(after[first:last]):
            continue
        near = any(start - _NEAR <= index < end + _NEAR for index in named)
        gone = [
            word
            for index, word in enumerate(before[start:end], start)
            if not (near and _may_go(index, before, after[first:last], place))
        ]
        come = [word for word in after[first:last] if not (near and _may_come(word, before[start:end], place))]
        if gone or come:
            joint = "" if place.language in _BY_CHARACTER else " "
            found.append(f"'{joint.join(before[start:end])}' became '{joint.join(after[first:last])}'")
    return found


def _question_words(text: str, place: Place) -> list[str]:
    """Words (or characters), and a mention of the place as one of them, in their order; marks are left out."""
    if place.language in _JOINED:
        return [
            word for word in _SPLIT.split(place.mention.sub(lambda found: found[0].replace(" ", "_"), text)) if word
        ]
    parts: list[str] = []
    position = 0
    for found in place.mention.finditer(text):
        parts += [*_between(text[position : found.start()], place.language), found[0]]
        position = found.end()
    return [*parts, *_between(text[position:], place.language)]


def _between(text: str, language: str) -> list[str]:
    if language in _BY_CHARACTER:
        return [*_MARKS.sub("", text)]
    return [word for word in _SPLIT.split(text) if word.strip("_'’-")]


def _names(word: str, place: Place) -> bool:
    return place.mention.search(word.replace("_", " ")) is not None


def _may_go(index: int, words: Sequence[str], come: Sequence[str], place: Place) -> bool:
    """The place itself, a small word, or one that is said again right after it ("the Korean age (counted age)")."""
    word = words[index]
    if _names(word, place):
        return _place_alone(word, come, place)
    return _ties(word, place.language) or (
        index > 0 and _names(words[index - 1], place) and word in words[index + 1 : index + 1 + _NEAR]
    )


def _place_alone(word: str, come: Sequence[str], place: Place) -> bool:
    """Whether a word that names the place says nothing besides, or what it says ("Korean-food") is still there."""
    if place.language not in _JOINED:
        return True
    rest = place.mention.sub(" ", word.replace("_", " ")).split()
    general = STEADS.get(place.language, frozenset())
    return any(one.casefold() in general for one in come) or all(
        len(one) < 2 or _ties(one, place.language) or any(one in other for other in come) for one in rest
    )


def _ties(word: str, language: str) -> bool:
    known = TIES.get(language)
    word = word.casefold().strip("'’")
    if known is None:
        return len(word) <= 4 and not any(letter.isdigit() for letter in word)
    return word in known


def _may_come(word: str, gone: Sequence[str], place: Place) -> bool:
    """A general word, or what is left of a word that the place was joined to."""
    small = word.casefold()
    general = STEADS.get(place.language, frozenset())
    if small in general or (place.language == "ar" and small[:1] in "وبلف" and small[1:] in general):
        return True
    rest = [place.mention.sub("", one.replace("_", " ")).strip().casefold() for one in gone if _names(one, place)]
    if any(one and (small == one or small in one.split()) for one in rest):
        return True
    # "Greece-wide" in one word became the same word of "nation".
    return place.language == "el" and small.startswith("εθνικ") and any("πανελλ" in one.casefold() for one in gone)


# --------------------------------------------------------------------------------------------------------------------
# Whether a dictionary of translated options is usable: same keys, figures copied, the right script, all different.

#: Figures with what joins them: 1,000, 18:00, 2024-05-01, 3.5, 12/25.
_FIGURES = re.compile(r"\d+(?:[.,:/\-–]\d+)*")
_OPTION_FENCE = re.compile(r"^```[a-z]*\s*|\s*```$")
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
    text = _OPTION_FENCE.sub("", answer.strip())
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


# --------------------------------------------------------------------------------------------------------------------
# Whether a translated text can be the translation of another: length, language, and what has to be copied.

_CODE = re.compile(r"```.*?```|`[^`\n]+`", re.S)
_ADDRESS = re.compile(r"https?://[^\s)>\]\"'،，。]+")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
#: Characters that say what one of English does, by script: a Chinese translation is shorter, and no worse for it.
_DENSITY: Mapping[str, float] = {"zh": 0.33, "ja": 0.45, "ko": 0.5, "ar": 0.85, "he": 0.8, "fa": 0.9}
#: Shorter ones cannot be told by language, nor measured by length.
SHORT = 24
#: So many words are no name that stays as it is.
SENTENCE = 3
#: What a question has in some language: a mark, or the particle that ends it in its place.
_ASKING = (*QUESTION_MARKS, "か", "吗", "呢", "ไหม", "หรือ", "อะไร")
#: Share of the numbers that must be there: a language may write small ones as words.
NUMBERS_KEPT = 0.8


def checked_translation(original: str, answer: str, language: str, *, shortest: float, longest: float) -> str:
    """The answer as a text where it passes; `shortest` and `longest` bound its length relative to the original's.

    Raises Unfit: `empty`, `code`, `address`, `numbers`, `length`, `no-question`, `language`.
    """
    text = answer.strip()
    if not text:
        raise Unfit("empty", "there is no text in the answer")
    _check_copied(original, text)
    prose, translated = _prose(original), _prose(text)
    ratio = len(translated) / max(len(prose), SHORT) / _DENSITY.get(language, 1.0)
    # A few words may become fewer, but no answer to them.
    if not (shortest if len(prose) > SHORT else 0.0) <= ratio <= longest:
        raise Unfit("length", f"it has {ratio:.2f} times the length that a translation would; part is missing or added")
    if len(prose) <= SHORT and prose.endswith("?") and not any(mark in translated for mark in _ASKING):
        raise Unfit("no-question", "the original is a question, and this is none")
    _check_language(prose, translated, language)
    return text


def _check_copied(original: str, text: str) -> None:
    for block, count in Counter(_CODE.findall(original)).items():
        if text.count(block) < count:
            raise Unfit("code", f"the code {_start(block)} is not there as it was")
    for address in _ADDRESS.findall(original):
        if address.rstrip(".,;:") not in text:
            raise Unfit("address", f"the address {address} is not there as it was")
    figures = Counter(_NUMBER.findall(_prose(original)))
    there = Counter(_NUMBER.findall(_prose(text)))
    kept, total = sum((figures & there).values()), sum(figures.values())
    if total and kept < NUMBERS_KEPT * total:
        lost = ", ".join(sorted((figures - there).elements())[:5])
        raise Unfit("numbers", f"numbers of the original are not there as they were: {lost}")


def _prose(text: str) -> str:
    return _ADDRESS.sub(" ", _CODE.sub(" ", text)).strip()


def _check_language(prose: str, translated: str, language: str) -> None:
    letters = [letter for letter in translated if letter.isalpha()]
    if own := SCRIPTS.get(language):
        inside = sum(re.match(own, letter) is not None for letter in letters)
        if letters and inside < 0.4 * len(letters) and len(prose) > SHORT:
            raise Unfit("language", f"most of its letters are not those of '{language}'")
    if len(prose) <= SHORT and translated.casefold() == prose.casefold() and len(prose.split()) >= SENTENCE:
        raise Unfit("language", "it is the original, not translated")
    if len(translated) <= SHORT or language not in detectable():
        return
    found = detect_languages([translated[:2000]], served=[language])[0]
    if found is not None and found != language:
        raise Unfit("language", f"it is written in '{found}', not in '{language}'")


def _start(block: str) -> str:
    line = " ".join(block.split())
    return line if len(line) <= 50 else f"{line[:47]}…"
