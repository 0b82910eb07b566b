"""`LocalFact`: one thing that differs from country to country, with the answers of other countries beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache

from isogloss.data.benchmark.fact import exclusions, tables
from isogloss.data.benchmark.wording import Country, language_file, regions


@cache
def world() -> dict[str, Country]:
    """The benchmark's own regions and the countries whose answers stand beside theirs, with their tables.

    A region has the main locale of its language. What its language's file does not say of it, `tables.yaml` may.
    """
    own: dict[str, Country] = {}
    for language, codes in regions().items():
        for code in codes:
            region = language_file(language).regions[code]
            said = {name: getattr(region, name) for name in region.model_fields_set & Country.model_fields.keys()}
            known = tables().countries.get(code, Country())
            own[code] = known.model_copy(update={"locale": f"{language}_{code}"} | said)
    return own | {code: country for code, country in tables().countries.items() if code not in own}


def known_of(name: str) -> dict[str, str]:
    """{country: what the tables say of it} for a field that is a text, where they say something."""
    return {code: value for code, country in world().items() if (value := getattr(country, name))}


def locales() -> dict[str, str]:
    """{country: the locale of its main language}."""
    return {code: country.locale for code, country in world().items()}


@dataclass(frozen=True, kw_only=True)
class LocalFact:
    """One question's worth of localized knowledge.

    `gold` is right in `region`. `answers` maps the text of every known answer, `gold` among them, to the countries it
    is right in; those not right in `region` can become distractors. `fill` completes the wording (a number, a date).
    """

    kind: str
    region: str
    key: str
    language: str
    gold: str
    answers: Mapping[str, frozenset[str]]
    source: str
    fill: Mapping[str, str] = field(default_factory=dict)

    @property
    def group(self) -> str:
        """Names the question behind all paraphrases."""
        return f"localization/{self.kind}/{self.region}/{self.key}"

    def distractors(self) -> dict[str, frozenset[str]]:
        """Answers of other countries that are wrong in every region of the language.

        English stands for two: asked without a country, the other one's answer would be as good as the gold.
        """
        wrong_in = set(regions()[self.language])
        return {text: right for text, right in self.answers.items() if not right & wrong_in and text != self.gold}


def answers_of(values: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    """`{country: its right answers}` turned round: `{answer: the countries it is right in}`, sorted by answer."""
    countries: dict[str, set[str]] = {}
    for country, texts in values.items():
        for text in texts:
            countries.setdefault(text, set()).add(country)
    return {text: frozenset(countries[text]) for text in sorted(countries)}


def single_fact(
    kind: str,
    *,
    region: str,
    language: str,
    values: Mapping[str, str],
    source: str,
    key: str = "",
    fill: Mapping[str, str] | None = None,
) -> list[LocalFact]:
    """The fact of a kind with one answer a country: `values` is `{country: answer}`; none where `region` has none."""
    if region not in values:
        return []
    return [
        LocalFact(
            kind=kind,
            region=region,
            key=key or "value",
            language=language,
            gold=values[region],
            answers=answers_of({country: [text] for country, text in values.items()}),
            source=source,
            fill=fill or {},
        )
    ]


def several_facts(
    kind: str,
    *,
    region: str,
    language: str,
    values: Mapping[str, Mapping[str, str]],
    source: str,
    also_right: Iterable[str] = (),
) -> list[LocalFact]:
    """The facts of a kind with several answers a country, one fact each: `values` is `{country: {key: answer}}`.

    `also_right` are answers that `region` would accept too, so they must not be offered there as wrong ones.
    """
    answers = answers_of({country: texts.values() for country, texts in values.items()})
    own = set(also_right)
    return [
        LocalFact(
            kind=kind,
            region=region,
            key=key,
            language=language,
            gold=gold,
            answers={text: countries for text, countries in answers.items() if text == gold or text not in own},
            source=source,
        )
        for key, gold in values.get(region, {}).items()
    ]


# --------------------------------------------------------------------------------------------------------------------
# What is left out


@cache
def local_exclusions() -> dict[str, str]:
    """{"kind", "kind/region", "kind/region/key" or "kind/*/key": reason}; the data card prints it."""
    found = {f"{one.kind}/*/{one.key}" if one.key else one.kind: one.reason for one in exclusions().local}
    for language, codes in regions().items():
        for code in codes:
            for one in language_file(language).regions[code].exclusions:
                found["/".join(part for part in (one.kind, code, one.key) if part)] = one.reason
    return found


def left_out(kind: str, region: str, key: str) -> bool:
    """Whether a fact, its region or its kind is left out by name."""
    names = (kind, f"{kind}/{region}", f"{kind}/{region}/{key}", f"{kind}/*/{key}")
    return any(name in local_exclusions() for name in names)
