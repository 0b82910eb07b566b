"""`LocalFact`: one thing that differs from country to country, with the answers of other countries beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from isogloss.data.rows import ENGLISH, REGIONS

#: Countries whose answers stand beside those of the benchmark's own regions, each with the locale of its main language.
WORLD: dict[str, str] = {
    "ES": "es_ES",
    "ID": "id_ID",
    "KR": "ko_KR",
    "GR": "el_GR",
    "CN": "zh_CN",
    "DZ": "ar_DZ",
    "US": "en_US",
    "GB": "en_GB",
    "AR": "es_AR",
    "AU": "en_AU",
    "BR": "pt_BR",
    "CA": "en_CA",
    "CH": "de_CH",
    "CZ": "cs_CZ",
    "DE": "de_DE",
    "EG": "ar_EG",
    "FI": "fi_FI",
    "FR": "fr_FR",
    "HU": "hu_HU",
    "IN": "en_IN",
    "IT": "it_IT",
    "JP": "ja_JP",
    "MA": "ar_MA",
    "MX": "es_MX",
    "MY": "ms_MY",
    "NL": "nl_NL",
    "NO": "nb_NO",
    "NZ": "en_NZ",
    "PK": "en_PK",
    "PL": "pl_PL",
    "PT": "pt_PT",
    "RU": "ru_RU",
    "SA": "ar_SA",
    "SE": "sv_SE",
    "SG": "en_SG",
    "TH": "th_TH",
    "TN": "ar_TN",
    "TR": "tr_TR",
    "VN": "vi_VN",
    "ZA": "en_ZA",
}

#: The benchmark's own regions.
CORE: tuple[str, ...] = tuple(region for regions in REGIONS.values() for region in regions)


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
        """Answers of other countries that are wrong in `region`.

        In English also not the other English region's: asked without a country, it would be as good as the gold.
        """
        wrong_in = set(REGIONS[ENGLISH]) if self.language == ENGLISH else {self.region}
        return {text: regions for text, regions in self.answers.items() if not regions & wrong_in and text != self.gold}


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
