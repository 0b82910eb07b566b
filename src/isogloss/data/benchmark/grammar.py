"""How a name stands in a sentence: the fields that a wording is filled with.

The languages' files give articles, cases and agreeing verbs; the particles of Korean are made here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from isogloss.data.benchmark.fact import Fact
from isogloss.data.benchmark.wording import KOREAN_PARTICLES, UNIVERSAL, CountryClass, Rule, language_file

Forms = dict[str, str]


def name_forms(name: str, language: str) -> Forms:
    """Fields of any name: `name`, `lower` (with a small first letter), and what its language needs beside it."""
    grammar = language_file(language).grammar
    forms = {"name": name, "lower": name[0].lower() + name[1:]} | _by_rules(name, grammar.names)
    if grammar.particles == "korean":
        forms |= {field: with_particle(name, pair) for field, pair in KOREAN_PARTICLES.items()}
    return forms


def country_forms(code: str, name: str, language: str) -> Forms:
    """Fields of a country's name: with its article, in cases, verbs that agree with it."""
    grammar, forms = language_file(language).grammar, name_forms(name, language)
    if not grammar.countries:
        return forms
    declined = {field: text.format(**forms) for field, text in _class_of(code, name, grammar.countries).forms.items()}
    return forms | declined | grammar.irregular.get(code, {})


def code_forms(code: str, language: str) -> Forms:
    """Fields of a code in Latin letters or digits, the same in every language."""
    return name_forms(code, language) | _by_rules(code, language_file(language).grammar.codes)


def answer_forms(fact: Fact, language: str) -> Forms:
    """Fields of the right answer, by what the fact's kind has for an answer."""
    name, key, what = fact.answer.text[language], fact.answer.key, UNIVERSAL[fact.kind].answer
    if what == "country":
        return country_forms(key, name, language)
    if what == "code":
        return code_forms(name, language)
    grammar = language_file(language).grammar
    rules = {"continent": grammar.continents, "language": grammar.languages}.get(what, {})
    listed = {field: forms.get(key, name) for field, forms in grammar.currencies.items()} if what == "currency" else {}
    return name_forms(name, language) | _by_rules(name, rules) | listed


def question(fact: Fact, language: str, *, wording: int) -> str:
    """The fact's question in a language; `wording` is 0, 1 or 2."""
    text = language_file(language).universal[fact.kind].questions[wording].format(**fact.subject[language])
    return text[0].upper() + text[1:]


def statement(fact: Fact, language: str) -> str:
    """The fact as a sentence in a language."""
    text = language_file(language).universal[fact.kind].statement
    text = text.format(**fact.subject[language], answer=answer_forms(fact, language))
    return text[0].upper() + text[1:]


def _class_of(code: str, name: str, classes: Mapping[str, CountryClass]) -> CountryClass:
    """The class that lists the country, else the first whose `match` is found in its name, else the last."""
    listed = (group for group in classes.values() if code in group.countries)
    fitting = (group for group in classes.values() if group.match is not None and re.search(group.match, name))
    return next(listed, None) or next(fitting, None) or list(classes.values())[-1]


def _by_rules(name: str, fields: Mapping[str, tuple[Rule, ...]]) -> Forms:
    """Each field by the first rule that fits the name; a field without one is the name."""
    return {field: _by_first(name, rules) for field, rules in fields.items()}


def _by_first(name: str, rules: tuple[Rule, ...]) -> str:
    for rule in rules:
        if found := re.search(rule.match, name):
            return rule.text.format(name=name, lower=name[0].lower() + name[1:], **found.groupdict())
    return name


# --------------------------------------------------------------------------------------------------------------------
# Korean particles. By the standard spelling rules one depends on whether the last syllable as read aloud ends in a
# consonant, and 으로/로 also on whether that consonant is ㄹ.

_HANGUL_FIRST, _HANGUL_LAST, _FINALS, _RIEUL = 0xAC00, 0xD7A3, 28, 8
#: Digits as read in Sino-Korean (영 일 이 삼 …), letters by their Korean names (… 엘 엠 엔 …).
_DIGIT_FINALS = {"0": "ㅇ", "1": "ㄹ", "3": "ㅁ", "6": "ㄱ", "7": "ㄹ", "8": "ㄹ"}
_LETTER_FINALS = {"l": "ㄹ", "m": "ㅁ", "n": "ㄴ"}
#: A Latin word of its own (not an abbreviation) is read by sound; these endings close the last syllable.
_WORD_FINALS = {**_LETTER_FINALS, "b": "ㅂ", "c": "ㄱ", "k": "ㄱ", "p": "ㅂ", "g": "ㅇ"}


def final_consonant(word: str) -> str:
    """What closes the last syllable of `word` as Korean reads it: `""` (open), `"ㄹ"`, or another consonant.

    Closing brackets, quotation marks, full stops and spaces at the end are looked through. Letters that Korean cannot
    be expected to read aloud (other scripts) count as open.
    """
    spoken = word.rstrip(" )]}>»”’\"'」』》〉.,!?%")
    if not spoken:
        return ""
    last = spoken[-1]
    if _HANGUL_FIRST <= ord(last) <= _HANGUL_LAST:
        final = (ord(last) - _HANGUL_FIRST) % _FINALS
        return "" if final == 0 else "ㄹ" if final == _RIEUL else "ㄱ"
    if last.isdigit():
        return _DIGIT_FINALS.get(last, "")
    spelled_out = last.isupper() or len(spoken) == 1 or not spoken[-2].isalpha()
    return (_LETTER_FINALS if spelled_out else _WORD_FINALS).get(last.lower(), "")


def with_particle(word: str, pair: str) -> str:
    """`word` with the right one of a pair written "after a consonant/after a vowel": 한국은, 프랑스는."""
    closed, open_ = pair.split("/")
    final = final_consonant(word)
    if pair == "으로/로" and final == "ㄹ":
        return word + open_
    return word + (closed if final else open_)
