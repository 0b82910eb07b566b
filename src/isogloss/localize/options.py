"""The options of BLEnD in the language of each country: from what people answered in both languages, or from a model."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from isogloss.data.rows import ENGLISH
from isogloss.data.sets.blend import REGION_OF, BlendChoice, BlendQuestion
from isogloss.localize.asking import Outcome, Task, Unfit
from isogloss.localize.check_options import check_option, checked_options, dictionary_in
from isogloss.localize.glossary import glossary_of
from isogloss.localize.places import place_of
from isogloss.localize.prompts import options_prompt
from isogloss.localize.rejected import Rejection

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
