"""BLEnD's sixteen countries and regions: which language was asked there, and which region of ISO 3166-1 each is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from isogloss.data.rows import ENGLISH
from isogloss.errors import UserError, did_you_mean

#: The publisher's spelling of each country or region → ISO 3166-1; a part of a country keeps its country.
REGION_OF: Mapping[str, str] = MappingProxyType(
    {
        "Algeria": "DZ",
        "Assam": "IN",
        "Azerbaijan": "AZ",
        "China": "CN",
        "Ethiopia": "ET",
        "Greece": "GR",
        "Indonesia": "ID",
        "Iran": "IR",
        "Mexico": "MX",
        "North_Korea": "KP",
        "Northern_Nigeria": "NG",
        "South_Korea": "KR",
        "Spain": "ES",
        "UK": "GB",
        "US": "US",
        "West_Java": "ID",
    }
)

#: The language in which each country's questions were asked and answered.
LANGUAGE_OF: Mapping[str, str] = MappingProxyType(
    {
        "Algeria": "ar",
        "Assam": "as",
        "Azerbaijan": "az",
        "China": "zh",
        "Ethiopia": "am",
        "Greece": "el",
        "Indonesia": "id",
        "Iran": "fa",
        "Mexico": "es",
        "North_Korea": "ko",
        "Northern_Nigeria": "ha",
        "South_Korea": "ko",
        "Spain": "es",
        "UK": "en",
        "US": "en",
        "West_Java": "su",
    }
)

#: The country that a language stands for in the paper (section 4).
COUNTRIES: Mapping[str, str] = MappingProxyType(
    {"es": "Spain", "id": "Indonesia", "ko": "South_Korea", "el": "Greece", "zh": "China", "ar": "Algeria"}
)


def countries_of(languages: Sequence[str]) -> tuple[str, ...]:
    """The country that each language stands for; English has none. Raises UserError for a language without one."""
    for language in languages:
        if language not in COUNTRIES and language != ENGLISH:
            raise UserError(
                f"BLEnD: no country is known for '{language}'{did_you_mean(language, COUNTRIES)}; "
                f"there are {', '.join(COUNTRIES)}"
            )
    return tuple(COUNTRIES[language] for language in languages if language in COUNTRIES)
