"""The languages of the embedded benchmark: one file each in `wording/`, named by its ISO 639-1 code.

A file holds all that is text of its language: how both kinds of facts are asked, how a name stands in a sentence, names
that no package gives, and the regions that the language stands for. `wording/en.yaml` explains the fields. Nothing else
lists the languages: a new file is a new language of the benchmark.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Annotated, Literal, NamedTuple, Self, TypeVar

from pydantic import AfterValidator, Field, ValidationError, model_validator

from isogloss.errors import DataError, did_you_mean, explain
from isogloss.spec.pipeline import WORDING, benchmark_languages
from isogloss.spec.section import Section, read_yaml

#: The folder of the files; a test may name another one.
FOLDER = WORDING

#: Announces an answer in a language that has no file.
ARROW = "→"


class Kind(NamedTuple):
    """What a universal question names, and what its answer is: they decide the fields of the wording."""

    subject: Literal["country", "name", "code"]
    answer: Literal["country", "name", "code", "continent", "currency", "language"]


#: The kinds of universal facts. A file asks all of them.
UNIVERSAL: Mapping[str, Kind] = {
    "capital-of": Kind("country", "name"),
    "country-of-capital": Kind("name", "country"),
    "country-of-city": Kind("name", "country"),
    "continent-of": Kind("country", "continent"),
    "borders": Kind("country", "country"),
    "currency-of": Kind("country", "currency"),
    "language-of": Kind("country", "language"),
    "calling-code-of": Kind("country", "code"),
    "country-of-calling-code": Kind("code", "country"),
    "domain-of": Kind("country", "code"),
    "currency-code-of": Kind("country", "code"),
    "language-code": Kind("name", "code"),
    "language-of-code": Kind("code", "language"),
}

#: The kinds of localized facts. A file asks those that it has templates for.
LOCAL = frozenset(
    """
    currency currency-symbol currency-code currency-number price calling-code emergency international-prefix trunk-prefix
    mobile-number landline-number toll-free-number number-length area-code holiday-date holiday-name national-day weekend
    first-weekday decimal-mark thousands-separator date-format date-reading clock utc-offset time-zone-id time-difference
    clocks-forward clocks-back neighbour capital city largest-city continent area population domain country-code-2
    country-code-3 country-number official-language regional-language postcode paper-size temperature temperature-unit
    road-distance-unit speed-unit wind-speed-unit height-unit body-weight-unit floor-area-unit
    """.split()  # noqa: SIM905
)

#: Fields of a localized template beside its slot, by kind.
FILLED: Mapping[str, frozenset[str]] = {
    "decimal-mark": frozenset({"number"}),
    "thousands-separator": frozenset({"number"}),
    "date-format": frozenset({"date"}),
    "date-reading": frozenset({"date"}),
    "clock": frozenset({"time"}),
    "time-difference": frozenset({"city", "time"}),
}

#: Fields that Korean particles give, with the pair "after a consonant/after a vowel".
KOREAN_PARTICLES = {
    "topic": "은/는",
    "subject": "이/가",
    "object": "을/를",
    "with": "과/와",
    "to": "으로/로",
    "called": "이라는/라는",
}


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"'{text}' is no regular expression: {error}") from None
    return text


def _country_code(code: str) -> str:
    if not re.fullmatch("[A-Z]{2}", code):
        raise ValueError(f"'{code}' is not an ISO 3166-1 alpha-2 code; two capitals are needed")
    return code


Pattern = Annotated[str, AfterValidator(_pattern)]
CountryCode = Annotated[str, AfterValidator(_country_code)]
Text = Annotated[str, Field(min_length=1)]


# --------------------------------------------------------------------------------------------------------------------
# The format of a file


class Exclusion(Section):
    """A kind of facts that is left out, or one fact of it, and why."""

    kind: Text
    key: str = ""
    reason: Text


class Country(Section):
    """What no package says of a country; `tables.yaml` explains the fields."""

    locale: str = ""
    capital: str = ""
    largest_city: str = ""
    cities: tuple[str, ...] = ()
    capital_zone: str = ""
    national_day: str = ""
    postcodes: tuple[()] | tuple[str, str] = ()
    regional_languages: tuple[str, ...] = ()
    area_code: str = ""
    landlines: tuple[()] | tuple[str, str] = ()
    clock_locale: str = ""
    clock_separator: str = " "
    other_calendar: bool = False
    several_units: frozenset[str] = frozenset()


class Region(Country):
    """A country that localized questions are asked about."""

    name: str = ""
    also_emergency: frozenset[str] = frozenset()
    exclusions: tuple[Exclusion, ...] = ()


class Rule(Section):
    """A form of the names in which `match` is found: a text with the fields `name`, `lower` and the match's own groups."""

    match: Pattern = ""
    text: Text


class CountryClass(Section):
    """Forms of the names of some countries: those listed, and those in which `match` is found and that no class lists."""

    countries: frozenset[CountryCode] = frozenset()
    match: Pattern | None = None
    forms: dict[str, Text]


class Grammar(Section):
    """How names stand in a sentence: fields by what is named. `particles` selects code that makes some."""

    particles: Literal["korean"] | None = None
    article: str = ""
    names: dict[str, tuple[Rule, ...]] = Field(default_factory=dict)
    codes: dict[str, tuple[Rule, ...]] = Field(default_factory=dict)
    countries: dict[str, CountryClass] = Field(default_factory=dict)
    irregular: dict[CountryCode, dict[str, Text]] = Field(default_factory=dict)
    continents: dict[str, tuple[Rule, ...]] = Field(default_factory=dict)
    languages: dict[str, tuple[Rule, ...]] = Field(default_factory=dict)
    currencies: dict[str, dict[str, Text]] = Field(default_factory=dict)
    coded_languages: Pattern = ""

    def fields(self, what: str) -> frozenset[str]:
        """The fields that a template may use for a `country`, `name`, `code`, `continent`, `currency` or `language`."""
        more: dict[str, Iterable[str]] = {
            "country": set[str]().union(*(group.forms for group in self.countries.values())),
            "code": self.codes,
            "continent": self.continents,
            "language": self.languages,
            "currency": self.currencies,
        }
        particles = KOREAN_PARTICLES if self.particles == "korean" else ()
        return frozenset({"name", "lower", *particles, *self.names, *more.get(what, ())})

    @model_validator(mode="after")
    def _classes_agree(self) -> Self:
        forms = {name: set(group.forms) for name, group in self.countries.items()}
        everywhere = set[str]().union(*forms.values())
        for name, own in forms.items():
            if missing := sorted(everywhere - own):
                raise ValueError(f"countries.{name}.forms: '{missing[0]}' is missing, which other classes have")
        return self


class Spelling(Section):
    """Changes to CLDR's names: {regular expression: what stands in its place}."""

    countries: dict[Pattern, str] = Field(default_factory=dict)
    currencies: dict[Pattern, str] = Field(default_factory=dict)
    languages: dict[Pattern, str] = Field(default_factory=dict)
    local_languages: dict[Pattern, str] = Field(default_factory=dict)


class DayInWords(Section):
    """A date in words: a text with the fields `ordinal`, `day`, `month`, `year`."""

    text: Text
    ordinals: dict[int, str] = Field(default_factory=dict)
    other: Text = "{day}"


class Formats(Section):
    """How values of localized facts are put into words where CLDR does not say."""

    currency_unit: Literal["first", "last", "whole"] = "whole"
    letter_paper: str = "Letter"
    short_speeds: bool = False
    day: DayInWords | None = None


class UniversalWording(Section):
    """Three ways to ask for a kind of universal facts, and a statement."""

    questions: tuple[Text, Text, Text]
    statement: Text


class LanguageFile(Section):
    """A language of the benchmark."""

    order: int = 1000
    script: Literal["Latn", "Grek", "Cyrl", "Arab", "Hebr", "Deva", "Thai", "Kore", "Jpan", "Hans", "Hant"]
    answer: Text
    own_city_names: bool = False
    regions: Annotated[dict[CountryCode, Region], Field(min_length=1)]
    grammar: Grammar = Grammar()
    spelling: Spelling = Spelling()
    formats: Formats = Formats()
    cities: dict[CountryCode, dict[str, Text]]
    local_cities: dict[CountryCode, dict[str, str]] = Field(default_factory=dict)
    feasts: dict[str, Text]
    universal: dict[str, UniversalWording]
    slots: dict[str, tuple[str, str]]
    local: dict[str, Annotated[tuple[Text, ...], Field(min_length=3)]]
    clock_changes: dict[str, Text]
    times: dict[Annotated[str, Field(pattern=r"^\d\d:\d\d$")], Text] = Field(default_factory=dict)

    @property
    def syllabic(self) -> bool:
        """Whether a character is a syllable or a word."""
        return self.script in ("Kore", "Jpan", "Hans", "Hant")

    @model_validator(mode="after")
    def _templates_can_be_filled(self) -> Self:
        if problem := next(self._problems(), None):
            raise ValueError(problem)
        return self

    def _problems(self) -> Iterator[str]:
        yield from _differences("universal", self.universal, UNIVERSAL)
        for kind in self.local:
            if kind not in LOCAL:
                yield f"local.{kind}: is no kind of localized facts{did_you_mean(kind, LOCAL)}"
        for kind, (subject, answer) in UNIVERSAL.items():
            known = self.grammar.fields(subject)
            answers = {f"answer[{name}]" for name in self.grammar.fields(answer)}
            for number, text in enumerate(self.universal[kind].questions, start=1):
                yield from _unknown_fields(f"universal.{kind}.questions.{number}", text, known)
            yield from _unknown_fields(f"universal.{kind}.statement", self.universal[kind].statement, known | answers)
        for kind, templates in self.local.items():
            filled = FILLED.get(kind, frozenset())
            for number, text in enumerate(templates, start=1):
                place = f"local.{kind}.{number}"
                yield from _unknown_fields(place, text, self.slots.keys() | filled)
                if sum(name in self.slots for name in _fields(text)) != 1:
                    yield f"{place}: one slot is needed, of {', '.join(sorted(self.slots))}"
                if missing := sorted(filled - set(_fields(text))):
                    yield f"{place}: '{{{missing[0]}}}' is missing"


def _fields(template: str) -> list[str]:
    """The fields in braces of a template."""
    try:
        return [name for _, name, _, _ in Formatter().parse(template) if name is not None]
    except ValueError as error:
        return [f"{template}: {error}"]


def _unknown_fields(place: str, template: str, known: Iterable[str]) -> Iterator[str]:
    for name in _fields(template):
        if name not in known:
            yield f"{place}: '{{{name}}}' is no field here{did_you_mean(name, known)}; fields are {', '.join(sorted(known))}"


def _differences(place: str, named: Iterable[str], needed: Iterable[str]) -> Iterator[str]:
    """What a table lacks, and what it has too much."""
    for name in sorted(set(named) - set(needed)):
        yield f"{place}.{name}: is not known{did_you_mean(name, needed)}"
    for name in sorted(set(needed) - set(named)):
        yield f"{place}.{name}: is missing"


# --------------------------------------------------------------------------------------------------------------------
# Read files

SectionType = TypeVar("SectionType", bound=Section)


def read_section(path: Path, section: type[SectionType], *, what: str) -> SectionType:
    """The YAML at `path` as `section`.

    Raises:
        UserError: it cannot be read, or is no YAML.
        DataError: it does not follow the format; every problem with file, key and reason.
    """
    try:
        return section.model_validate(read_yaml(path, what=what))
    except ValidationError as error:
        raise DataError(f"{path}: {reason}" for reason in explain(error, of="data")) from None


def languages() -> tuple[str, ...]:
    """The languages of the benchmark, in the order that their files give."""
    return benchmark_languages(FOLDER)


def path_of(language: str) -> Path:
    """Where the file of a language is."""
    return FOLDER / f"{language}.yaml"


@cache
def language_file(language: str) -> LanguageFile:
    """The file of a language of the benchmark. Raises UserError, DataError as :func:`read_section`."""
    return read_section(path_of(language), LanguageFile, what="language")


@cache
def regions() -> dict[str, tuple[str, ...]]:
    """{language: the regions that it stands for}, in the order of the languages."""
    return {language: tuple(language_file(language).regions) for language in languages()}


@cache
def home_regions() -> frozenset[str]:
    """The countries that a language of the benchmark stands for."""
    return frozenset(region for own in regions().values() for region in own)


def announced(question: str, language: str) -> str:
    """Question and, on a new line, the word that announces an answer in `language`; the answer follows after a space.

    A language of the benchmark has its own word, so that the prompt itself does not pull towards English. In any other
    the answer follows behind an arrow.
    """
    known = language in languages()
    return f"{question}\n{language_file(language).answer if known else ARROW}"
