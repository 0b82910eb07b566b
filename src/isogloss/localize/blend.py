"""Localized BLEnD: each country's multiple-choice questions in its language, without the country, options translated.

As the paper's appendix has it: the local question comes from the publisher's question files, an LLM (or the rules) takes the
place out, the options are translated as a dictionary, and what does not pass the checks is redone by a stronger model and
then rejected. Options are translated once a question, not once an item: the same option reads the same everywhere.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from isogloss.data.published.blend import REGION_OF, BlendChoice, BlendQuestion
from isogloss.data.published.load import draw_splits
from isogloss.data.rows import ENGLISH, ChoiceItem
from isogloss.errors import UserError, did_you_mean
from isogloss.localize.answers import Prompt
from isogloss.localize.asking import Asking, Outcome, Rejection, Task, Tier, Unfit, drawn, of_outcome, remove_prompt
from isogloss.localize.checks import checked_question
from isogloss.localize.options import option_work
from isogloss.localize.places import Place, place_of
from isogloss.localize.removers.common import REMOVABLE, remove_place


@dataclass(frozen=True, slots=True, kw_only=True)
class Localized:
    """Items in their languages, what was left out, and {language: rows for a person to read}."""

    items: tuple[ChoiceItem, ...]
    rejected: tuple[Rejection, ...]
    samples: dict[str, list[dict[str, str]]]
    #: {language: {who: questions that it edited}}
    by: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """A question without its place; `named` is the original, None where that names no place either."""

    question: str
    named: str | None
    by: str


def countries_named(languages: Sequence[str], chosen: Mapping[str, str], paper: Mapping[str, str]) -> dict[str, str]:
    """{language: country in the publisher's spelling}: as chosen, else the paper's; English stands for the US.

    Raises UserError for a language without a country, and for a country that the set does not have.
    """
    known = {**paper, ENGLISH: "US", **chosen}
    for language, country in chosen.items():
        if country not in REGION_OF:
            raise UserError(
                f"localize.countries.{language}: BLEnD has no '{country}'{did_you_mean(country, REGION_OF)}; "
                f"it has {', '.join(REGION_OF)}"
            )
    if missing := [language for language in languages if language not in known]:
        raise UserError(
            f"localize: BLEnD has no country for {', '.join(missing)}; name one in localize.countries, "
            f"for example localize.countries.{missing[0]}=Mexico"
        )
    return {language: known[language] for language in languages}


def localize(
    questions: Sequence[BlendQuestion],
    choices: Sequence[BlendChoice],
    countries: Mapping[str, str],
    tiers: Sequence[Tier],
    asking: Asking,
    *,
    limit: int | None,
    samples: int,
    seed: int,
) -> Localized:
    """Localize the choices of each language's country.

    Raises UserError for a language that the rules do not know where nobody else is asked, and for one without any
    choices; RefusedError and UserError as the asking does.
    """
    by_id = {(one.country, one.id): one for one in questions}
    kept = _kept(choices, countries, limit=limit, seed=seed)
    _check(kept, countries, tiers)
    edited, tasks, missing = _question_work(by_id, kept, countries)
    ruled = any(tier.asker is None for tier in tiers)
    asked = any(tier.asker is not None for tier in tiers)
    work = option_work(by_id, kept, countries, questions, ruled=ruled, asked=asked)
    # All at once, so that one estimate covers it.
    outcomes = asking.carry_out([*(task for task, _ in tasks.values()), *work.tasks], tiers, what="localize")
    work.finish(outcomes)
    options = work.found
    rejected = [*missing, *_taken(outcomes, tasks, edited), *work.rejected]
    items: list[ChoiceItem] = []
    shown: dict[str, list[dict[str, str]]] = {}
    by: dict[str, dict[str, int]] = {}
    for language, country in countries.items():
        made = [
            item
            for choice in kept[language]
            if (item := _item(choice, language, country, edited, _topic(by_id, choice), options[language], rejected))
            is not None
        ]
        items += made
        by[language] = dict(Counter(one.by for (spoken, _), one in edited.items() if spoken == language))
        chosen = set(drawn((item.id for item in made), seed=seed, number=samples))
        shown[language] = [_sample(item, edited[language, item.group]) for item in made if item.id in chosen]
    return Localized(items=tuple(draw_splits(items, seed=seed)[0]), rejected=tuple(rejected), samples=shown, by=by)


def prompts_of(
    questions: Sequence[BlendQuestion],
    choices: Sequence[BlendChoice],
    countries: Mapping[str, str],
    *,
    ruled: bool,
    limit: int | None,
    seed: int,
) -> list[Prompt]:
    """What a model is asked at first: everything, or what is left to it after the rules (`ruled`), which edit questions."""
    by_id = {(one.country, one.id): one for one in questions}
    kept = _kept(choices, countries, limit=limit, seed=seed)
    _, tasks, _ = _question_work(by_id, kept, countries)
    work = option_work(by_id, kept, countries, questions, ruled=ruled, asked=True)
    edited = [] if ruled else [task.prompt for task, _ in tasks.values()]
    # The same words, asked twice, are sent once.
    return list(dict.fromkeys([*edited, *(task.prompt for task in work.tasks)]))


def _kept(
    choices: Sequence[BlendChoice], countries: Mapping[str, str], *, limit: int | None, seed: int
) -> dict[str, list[BlendChoice]]:
    return {
        language: _bounded([one for one in choices if one.country == country], limit=limit, seed=seed)
        for language, country in countries.items()
    }


def _check(kept: Mapping[str, Sequence[BlendChoice]], countries: Mapping[str, str], tiers: Sequence[Tier]) -> None:
    for language, some in kept.items():
        if not some:
            raise UserError(
                f"localize: there are no multiple-choice questions of {countries[language]} for '{language}'"
            )
        if language not in REMOVABLE and all(tier.asker is None for tier in tiers):
            raise UserError(
                f"localize: the rules do not know '{language}', only {', '.join(REMOVABLE)}. Name an endpoint or a model "
                "in localize.first or localize.second"
            )


#: (language, question id)
_Key = tuple[str, str]


def _question_work(
    by_id: Mapping[tuple[str, str], BlendQuestion],
    kept: Mapping[str, Sequence[BlendChoice]],
    countries: Mapping[str, str],
) -> tuple[dict[_Key, Edited], dict[_Key, tuple[Task, str]], list[Rejection]]:
    """Questions that name no place and stay, {key: (task, original)} of the others, and those that are nowhere."""
    as_they_are: dict[_Key, Edited] = {}
    tasks: dict[_Key, tuple[Task, str]] = {}
    missing: list[Rejection] = []
    for language, country in countries.items():
        place = place_of(REGION_OF[country], language)
        in_english = place_of(REGION_OF[country], ENGLISH)
        english = in_english.shown
        for name in dict.fromkeys(one.question_id for one in kept[language]):
            question = by_id.get((country, name))
            if question is None:
                message = f"the question files have no '{name}' of {country}"
                missing.append(
                    Rejection(id=name, language=language, what="question", reason="no-question", message=message)
                )
                continue
            text = question.translation if language == ENGLISH else question.question
            if place.mentions(text):
                prompt = remove_prompt(text, language=language, place=english)
                tasks[language, name] = (_task(f"question/{language}/{name}", text, place, prompt), text)
            elif language not in REMOVABLE and in_english.mentions(question.translation):
                # Its adjectives are on no list here: nobody could tell whether the country is gone.
                message = f"its English names {english}, and no name of that was found in the '{language}' question"
                missing.append(
                    Rejection(
                        id=name,
                        language=language,
                        what="question",
                        reason="place-unknown",
                        message=message,
                        original=text,
                    )
                )
            else:
                as_they_are[language, name] = Edited(question=text, named=None, by="as it is")
    return as_they_are, tasks, missing


def _taken(
    outcomes: Mapping[str, Outcome], tasks: Mapping[_Key, tuple[Task, str]], edited: dict[_Key, Edited]
) -> list[Rejection]:
    """Put what came of the tasks into `edited`; what did not pass comes back."""
    rejected = []
    for (language, name), (task, text) in tasks.items():
        outcome = outcomes[task.id]
        if outcome.done:
            edited[language, name] = Edited(question=outcome.value, named=text, by=outcome.by)
        else:
            rejected.append(of_outcome(outcome, id=name, language=language, what="question", original=text))
    return rejected


def _task(name: str, text: str, place: Place, prompt: Prompt) -> Task:
    return Task(
        id=name,
        prompt=prompt,
        rule=partial(_by_rules, text, place),
        read=partial(_read, text, place),
    )


def _read(text: str, place: Place, answer: str) -> str:
    return checked_question(text, answer, place)


def _by_rules(text: str, place: Place) -> str:
    if place.language not in REMOVABLE:
        raise Unfit("no-rule", f"the rules do not know '{place.language}'")
    return checked_question(text, remove_place(text, place), place)


def _item(
    choice: BlendChoice,
    language: str,
    country: str,
    edited: Mapping[tuple[str, str], Edited],
    topic: str | None,
    options: Mapping[tuple[str, str], str],
    rejected: list[Rejection],
) -> ChoiceItem | None:
    question = edited.get((language, choice.question_id))
    letters = sorted(choice.choices)
    texts = [options.get((choice.question_id, choice.choices[letter])) for letter in letters]
    reason = message = ""
    if question is None:
        reason, message = "no-question", f"its question '{choice.question_id}' did not come through"
    elif None in texts:
        lost = [choice.choices[letter] for letter, text in zip(letters, texts, strict=True) if text is None]
        reason, message = "option-lost", f"without a translation: {', '.join(lost)}"
    elif len({text.casefold() for text in texts if text}) < len(texts):
        reason, message = "options-equal", f"two options read the same: {', '.join(text for text in texts if text)}"
    if question is None or reason:
        rejected.append(Rejection(id=choice.id, language=language, what="item", reason=reason, message=message))
        return None
    return ChoiceItem(
        id=f"{choice.id}-{language}",
        group=choice.question_id,
        language=language,
        axis="localization",
        region=REGION_OF[country],
        question=question.question,
        context_question=question.named,
        options=tuple(text for text in texts if text is not None),
        answer=letters.index(choice.answer),
        option_regions=tuple(_regions(choice.countries.get(letter)) for letter in letters),
        kind=topic,
        source=f"BLEnD {country}",
    )


def _topic(by_id: Mapping[tuple[str, str], BlendQuestion], choice: BlendChoice) -> str | None:
    question = by_id.get((choice.country, choice.question_id))
    return None if question is None else question.topic


def _regions(country: str | None) -> tuple[str, ...] | None:
    return None if country is None else (REGION_OF.get(country, country),)


def _bounded(choices: Sequence[BlendChoice], *, limit: int | None, seed: int) -> list[BlendChoice]:
    """At most `limit`, of as many questions as there are."""
    if limit is None:
        return list(choices)
    turn: dict[str, int] = defaultdict(int)
    ranked = []
    for choice in choices:
        draw = hashlib.sha256(f"{seed}/{choice.question_id}".encode()).hexdigest()
        ranked.append((turn[choice.question_id], draw, choice.id, choice))
        turn[choice.question_id] += 1
    return [entry[-1] for entry in sorted(ranked, key=lambda entry: entry[:3])[:limit]]


def _sample(item: ChoiceItem, edited: Edited) -> dict[str, str]:
    return {
        "with its place": edited.named or "(names none)",
        "without": item.question,
        "by": edited.by,
        "options": " | ".join(f"{'*' * (index == item.answer)}{text}" for index, text in enumerate(item.options)),
    }
