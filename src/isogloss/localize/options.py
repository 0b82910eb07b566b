"""The options of BLEnD in the language of each country: from what people answered in both languages, or from a model."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial

from isogloss.data.published.blend import REGION_OF, BlendChoice, BlendQuestion
from isogloss.data.rows import ENGLISH
from isogloss.localize.asking import Outcome, Rejection, Task, Unfit, options_prompt
from isogloss.localize.checks import check_option, checked_options, dictionary_in, in_script
from isogloss.localize.places import place_of

# --------------------------------------------------------------------------------------------------------------------
# What the people of a country, and CLDR, call an English option: a dictionary that asks no model.
#
# A word means what its question makes of it: among countries "turkey" is one, on a Christmas table it is none. So what people
# answered to the very question comes first, CLDR's names count where the options are names, and a word from other questions
# only where nothing had to be guessed.

#: A question asks for names (countries, months, days) where at least this share of its options is such names, and two are.
NAMES = 1 / 3
#: Names of countries that neither CLDR nor ISO 3166 gives in English.
_ALSO: Mapping[str, str] = {
    "america": "US",
    "britain": "GB",
    "korea": "KR",
    "turkey": "TR",
    "u.k.": "GB",
    "u.s.": "US",
    "u.s.a.": "US",
    "uae": "AE",
    "uk": "GB",
    "us": "US",
    "usa": "US",
}
#: What people wrote between several spellings of one answer.
_BETWEEN = re.compile(r"\s*[\n,،、;]\s*")


@dataclass(frozen=True, slots=True)
class Glossary:
    """English option, casefolded, to the word of a language: `own` by question, `shared` of all, `names` from CLDR."""

    own: Mapping[tuple[str, str], str]
    shared: Mapping[str, str]
    names: Mapping[str, str]

    def of_question(self, question: str, options: Collection[str]) -> dict[str, str]:
        """{English option: its word}, for those of the options of one question that are known."""
        named = {text for text in options if text.casefold() in self.names}
        if len(named) < max(2, NAMES * len(options)):
            named = set()
        found = {}
        for text in options:
            small = text.casefold()
            # A name as CLDR spells it, also where people answered with it: how an option is written must not tell.
            known = self.names[small] if text in named else self.own.get((question, small)) or self.shared.get(small)
            if known:
                found[text] = known
        return found


def glossary_of(questions: Iterable[BlendQuestion], country: str, language: str) -> Glossary:
    """The words of `country` in `language`, from the answers that its people gave in both languages, and from CLDR."""
    own: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    plain: dict[str, Counter[str]] = defaultdict(Counter)
    asked: dict[tuple[str, str], set[str]] = defaultdict(set)
    for question in questions:
        if question.country != country:
            continue
        for local, english, people in question.answers:
            for one, word in _pairs(local, english, language):
                own[question.id, one][word] += max(people, 1)
                asked[one, word].add(question.id)
                if len(local) == len(english) == 1:
                    plain[one][word] += max(people, 1)
    agreed: dict[str, Counter[str]] = defaultdict(Counter)
    for (one, word), where in asked.items():
        if len(where) > 1 or word in plain.get(one, ()):
            agreed[one][word] = sum(own[name, one][word] for name in where)
    return Glossary(
        own={key: _most_frequent(words) for key, words in own.items()},
        shared={one: _most_frequent(words) for one, words in agreed.items()},
        names=common_words(language),
    )


@cache
def common_words(language: str) -> dict[str, str]:
    """{English word, casefolded: the language's} for countries, months and days of the week, from CLDR."""
    from babel import Locale

    english, own = Locale.parse(ENGLISH), Locale.parse(language)
    pairs = [(name, own.territories.get(region)) for name, region in _countries().items()]
    for names in ("months", "days"):
        theirs = getattr(own, names)["stand-alone"]["wide"]
        pairs += [(word, theirs[key]) for key, word in getattr(english, names)["stand-alone"]["wide"].items()]
    return {word.casefold(): name for word, name in pairs if name}


@cache
def _countries() -> dict[str, str]:
    """{English name of a country: its ISO 3166-1 code}, official and common names too."""
    import pycountry
    from babel import Locale

    names = dict(_ALSO)
    for country in pycountry.countries:
        for field in ("name", "official_name", "common_name"):
            if name := getattr(country, field, None):
                names[name] = country.alpha_2
    return names | {name: str(code) for code, name in Locale.parse(ENGLISH).territories.items() if len(str(code)) == 2}


def _pairs(local: Sequence[str], english: Sequence[str], language: str) -> Iterable[tuple[str, str]]:
    """(English, local) of one answer: in turn where there are as many spellings, else the first local one for all."""
    words = [word for text in local if (word := _one_spelling(text, english))]
    if not words:
        return
    # Some wrote English into both columns.
    first = next((word for word in words if in_script(word, language)), words[0])
    for number, text in enumerate(english):
        word = words[number] if len(words) == len(english) else first
        if one := text.strip().casefold():
            yield one, word


def _one_spelling(text: str, english: Sequence[str]) -> str:
    """The first of several spellings in one field; all of it where the English has such marks too ("one, two, three")."""
    text = text.strip()
    if any(_BETWEEN.search(one.strip()) for one in english):
        return " ".join(text.split())
    return next((part for part in _BETWEEN.split(text) if part), "")


def _most_frequent(words: Counter[str]) -> str:
    # Of equally frequent words the first in the alphabet: a rerun gives the same.
    return min(words, key=lambda word: (-words[word], word))


# --------------------------------------------------------------------------------------------------------------------

#: So many options go into one request.
AT_ONCE = 20
#: {(question id, English option): the option in the language}
Translated = dict[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class _Asked:
    language: str
    question: str
    options: dict[str, str]


@dataclass
class OptionWork:
    """The options of all languages: those that are there already, and the tasks that give the others."""

    found: dict[str, Translated]
    tasks: list[Task]
    rejected: list[Rejection]
    _asked: dict[str, _Asked]

    def finish(self, outcomes: Mapping[str, Outcome]) -> None:
        """Take what came of the tasks."""
        for task in self.tasks:
            _take(outcomes[task.id], self._asked[task.id], self.found, self.rejected)


def option_work(
    by_id: Mapping[tuple[str, str], BlendQuestion],
    kept: Mapping[str, Sequence[BlendChoice]],
    countries: Mapping[str, str],
    questions: Sequence[BlendQuestion],
    *,
    ruled: bool,
    asked: bool,
) -> OptionWork:
    """Every option of the choices kept. Where the rules are asked (`ruled`), people's own words come first; `asked` says
    whether a model is there for the others.
    """
    work = OptionWork({}, [], [], {})
    for language, country in countries.items():
        own = work.found[language] = {}
        wanted = list(dict.fromkeys((one.question_id, text) for one in kept[language] for text in one.choices.values()))
        if language == ENGLISH:
            own |= {(name, text): text for name, text in wanted}
            continue
        # Figures, dates and times stay as they are.
        own |= {(name, text): text for name, text in wanted if not any(letter.isalpha() for letter in text)}
        left: dict[str, list[str]] = defaultdict(list)
        for name, text in wanted:
            if (name, text) not in own:
                left[name].append(text)
        if ruled:
            words = glossary_of(questions, country, language)
            for name, texts in left.items():
                known = words.of_question(name, texts)
                own |= {(name, text): word for text, word in known.items()}
                left[name] = [text for text in texts if text not in known]
        if not asked:
            work.rejected += [_unknown(name, language, text, country) for name, texts in left.items() for text in texts]
            continue
        for name, texts in left.items():
            for start in range(0, len(texts), AT_ONCE):
                options = {str(number): text for number, text in enumerate(texts[start : start + AT_ONCE], start=1)}
                question = by_id.get((country, name))
                task = _task(f"options/{language}/{name}/{start}", question, options, language, country)
                work.tasks.append(task)
                work._asked[task.id] = _Asked(language, name, options)
    return work


def _unknown(name: str, language: str, text: str, country: str) -> Rejection:
    return Rejection(
        id=name,
        language=language,
        what="option",
        reason="no-translation",
        message=f"nobody in {country} answered with it, and no model is asked (localize.second)",
        asked="rules",
        original=text,
    )


def _task(name: str, question: BlendQuestion | None, options: dict[str, str], language: str, country: str) -> Task:
    english = place_of(REGION_OF[country], ENGLISH).shown
    prompt = options_prompt(
        options, question=question.translation if question else "", language=language, place=english
    )
    return Task(id=name, prompt=prompt, rule=_no_rule, read=partial(_read, options, language))


def _no_rule() -> dict[str, str]:
    raise Unfit("no-translation", "rules translate nothing")


def _read(options: dict[str, str], language: str, answer: str) -> dict[str, str]:
    return checked_options(answer, options, language)


def _take(outcome: Outcome, asked: _Asked, found: dict[str, Translated], rejected: list[Rejection]) -> None:
    """The options of a request; of one that failed those that are right in themselves."""
    last = outcome.attempts[-1] if outcome.attempts else None
    values: Mapping[str, str] = outcome.value if outcome.done else _usable(outcome, asked)
    for key, text in asked.options.items():
        if key in values:
            found[asked.language][asked.question, text] = values[key]
        else:
            assert last is not None, "what was asked was attempted"
            rejected.append(
                Rejection(
                    id=asked.question,
                    language=asked.language,
                    what="option",
                    reason=last.reason,
                    message=last.message,
                    asked=last.asker,
                    original=text,
                    answer=last.answer,
                )
            )


def _usable(outcome: Outcome, asked: _Asked) -> dict[str, str]:
    """Of the last answer with the right keys, what passes option by option; nothing of one in another script."""
    for attempt in reversed(outcome.attempts):
        if attempt.reason not in ("figures", "too-long", "equal"):
            continue
        texts = {key: " ".join(text.split()) for key, text in dictionary_in(attempt.answer).items()}
        alike = Counter(text.casefold() for text in texts.values())
        return {
            key: text
            for key, text in texts.items()
            if alike[text.casefold()] == 1 and _fits(asked.options[key], text, asked.language)
        }
    return {}


def _fits(original: str, text: str, language: str) -> bool:
    try:
        check_option(original, text, language)
    except Unfit:
        return False
    return bool(text)
