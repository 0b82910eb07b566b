"""Where languages pick the same option, and where they do not, from scores alone.

On universal questions languages should agree; on localized ones they should part as the right answers part. Accuracy on
universal questions by label (culturally sensitive, agnostic) is here too, where items carry one.

Universal options correspond by place where both languages show them in the same order, else by text or regions.
A localized question is compared only where the option that English picks is also offered in the other language:
a pick of something that is not on offer there says nothing. So `expected`, taken over the same comparisons, is what to
hold the divergence against. Every item of a language is compared with every English item of its question.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

from isogloss.analysis.capture import matched, question_of, row_of
from isogloss.data.rows import ENGLISH, ChoiceItem
from isogloss.errors import UserError
from isogloss.results.analyses import Agreement, Panel
from isogloss.results.scores import MACRO, Estimate, ItemScore, Scores
from isogloss.scoring.statistics import accuracies

# --------------------------------------------------------------------------------------------------------------------
# Which option of an item is which option of the same question in another language. Never guessed: None where unknown.

#: Gold answers in the same places everywhere count as the same order of options only if chance would hardly do it.
_BY_CHANCE = 0.05


def same_order(pairs: Sequence[tuple[ChoiceItem, ChoiceItem]]) -> bool:
    """Whether two languages show their options in the same order: as many in each pair, and gold in the same place in
    all of them, which orders drawn apart would do with a probability under 5 %. Data whose gold option always comes
    first tell nothing of the others."""
    if not pairs or any(len(one.options) != len(other.options) or one.answer != other.answer for one, other in pairs):
        return False
    by_place = Counter(one.answer for one, _ in pairs)
    meeting = sum((count / len(pairs)) ** 2 for count in by_place.values())
    return meeting ** len(pairs) <= _BY_CHANCE


def same_option(source: ChoiceItem, option: int, target: ChoiceItem) -> int | None:
    """The option of `target` that is `option` of `source`: it has the same text, or is right for a region that the other
    is right for too, and no other of either item is. None where there is none, or more than one."""
    texts = [_plain(text) for text in target.options]
    if texts.count(_plain(source.options[option])) == 1:
        return texts.index(_plain(source.options[option]))
    there = _sharing(source, option, target)
    return there[0] if len(there) == 1 and _sharing(target, there[0], source) == [option] else None


def is_same(source: ChoiceItem, option: int, target: ChoiceItem, other: int) -> bool | None:
    """Whether two options are the same; None where neither texts nor regions tell."""
    if (found := same_option(source, option, target)) is not None:
        return found == other
    told = (source.option_regions, option), (target.option_regions, other)
    if all(regions is not None and regions[place] for regions, place in told):
        return False if other not in _sharing(source, option, target) else None
    return None


def _sharing(source: ChoiceItem, option: int, target: ChoiceItem) -> list[int]:
    """Options of `target` right for a region for which `option` of `source` is right."""
    if source.option_regions is None or target.option_regions is None:
        return []
    regions = set(source.option_regions[option] or ())
    return [place for place, other in enumerate(target.option_regions) if regions.intersection(other or ())]


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


# --------------------------------------------------------------------------------------------------------------------

#: Beside the languages: the mean over all pairs of languages.
PAIRS = "pairs"

#: An item with its score.
_Answered = tuple[ChoiceItem, ItemScore]


def agreement(scores: Scores, items: Sequence[ChoiceItem], *, panel: Panel) -> Agreement:
    """Agreement, divergence and accuracy by label, with bootstrap intervals over questions. `items` are those scored.

    Raises UserError where an item that was scored is not among them.
    """
    by_id = {item.id: item for item in items}
    if unknown := [score.id for score in scores if score.id not in by_id]:
        raise UserError(f"{len(unknown)} scored items are not among the items given, such as {unknown[0]}")
    universal = [(by_id[score.id], score) for score in scores if score.axis == "transfer"]
    localized = [(by_id[score.id], score) for score in scores if score.axis == "localization"]
    agreeing, missing = _universal(universal)
    divergence, expected, not_told = _localized(localized)
    by_label = {
        label: accuracies([score for item, score in universal if item.label == label])
        for label in sorted({item.label for item, _ in universal if item.label is not None})
    }
    return Agreement(
        panel=panel,
        universal=agreeing,
        localized=divergence,
        expected=expected,
        by_label=by_label,
        missing=(*missing, *not_told),
    )


def _as_if(score: ItemScore, language: str, question: str, *, agrees: bool) -> ItemScore:
    """The score of an item whose gold answer would be the other language's: right where the two agree."""
    answer = score.picked if agrees else -1
    return replace(score, language=language, group=question, answer=answer)


def _universal(answered: Sequence[_Answered]) -> tuple[dict[str, Estimate], list[str]]:
    """Agreement with English by language, `macro`, and `pairs` over all pairs of languages."""
    languages = sorted({item.language for item, _ in answered}, key=lambda one: (one != ENGLISH, one))
    rows = [row_of(item) for item, _ in answered]
    missing = []
    if len(languages) < 2:
        missing.append(f"universal questions in {languages[0]} alone" if languages else "no universal questions")
    elif languages[0] != ENGLISH:
        missing.append("universal questions: none in English to agree with")
    english, every = [], []
    for first, second in combinations(languages, 2):
        name = f"{first}–{second}"
        pairs = [(answered[one], answered[other]) for one, other in zip(*matched(rows, first, second), strict=True)]
        in_order = same_order([(one[0], other[0]) for one, other in pairs])
        told = []
        for (one, score), (other, its_score) in pairs:
            agrees = (
                score.picked == its_score.picked if in_order else is_same(one, score.picked, other, its_score.picked)
            )
            if agrees is not None:
                told.append((its_score, question_of(other), agrees))
        if len(told) < len(pairs) or not pairs:
            missing.append(f"{name}: {len(pairs) - len(told)} of {len(pairs)} universal questions cannot be compared")
        every += [_as_if(score, name, question, agrees=agrees) for score, question, agrees in told]
        if first == ENGLISH:
            english += [_as_if(score, second, question, agrees=agrees) for score, question, agrees in told]
    found = accuracies(english)
    if every:
        found[PAIRS] = accuracies(every)[MACRO]
    return found, missing


def _localized(answered: Sequence[_Answered]) -> tuple[dict[str, Estimate], dict[str, Estimate], list[str]]:
    """Divergence from English by language and `macro`, and how often gold answers differ there."""
    english: dict[str, list[_Answered]] = defaultdict(list)
    for item, score in answered:
        if item.language == ENGLISH:
            english[question_of(item)].append((item, score))
    picks, golds = [], []
    seen: Counter[str] = Counter()
    told: Counter[str] = Counter()
    for item, score in answered:
        if item.language == ENGLISH:
            continue
        question = question_of(item)
        seen[item.language] += 1
        compared = False
        for other, its_score in english.get(question, ()):
            offered = same_option(other, its_score.picked, item)
            gold_is_same = is_same(other, other.answer, item, item.answer)
            if offered is None or gold_is_same is None:
                continue
            compared = True
            picks.append(_as_if(score, item.language, question, agrees=offered == score.picked))
            golds.append(_as_if(score, item.language, question, agrees=gold_is_same))
        told[item.language] += compared
    missing = [] if seen else ["no localized questions besides English"]
    missing += [
        f"{language}: {count - told[language]} of {count} localized items cannot be compared with English"
        for language, count in sorted(seen.items())
        if told[language] < count
    ]
    return _apart(accuracies(picks)), _apart(accuracies(golds)), missing


def _apart(agreeing: dict[str, Estimate]) -> dict[str, Estimate]:
    """One minus each share, with its interval turned round."""
    return {
        language: each.model_copy(
            update={
                "value": 1 - each.value,
                "low": None if each.high is None else 1 - each.high,
                "high": None if each.low is None else 1 - each.low,
            }
        )
        for language, each in agreeing.items()
    }
