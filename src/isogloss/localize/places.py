"""What names a place in a text: its names from CLDR, and in the seven languages its adjectives and the words for its people.

Adjectives and demonyms are in no CLDR table, and endings differ by language, so these are patterns of our own; a language or
a country without one is known by its names alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from isogloss.errors import UserError

#: Further names of a place, as patterns: {(language, region): pattern}. CLDR's own name comes first, where it differs.
_NAMES: Mapping[tuple[str, str], str] = {
    ("en", "US"): r"United States(?: of America)?|U\.S\.A\.|U\.S\.|USA|US|America",
    ("en", "GB"): r"United Kingdom|Great Britain|Britain|U\.K\.|UK",
    ("en", "KR"): r"South[ _]Korea|Republic of Korea|Korea",
    ("en", "KP"): r"North[ _]Korea|DPRK",
    ("en", "NG"): r"(?:[Nn]orthern )?Nigeria",
    ("en", "ID"): r"West Java|Indonesia",
    ("en", "IN"): r"Assam|India",
    ("es", "ES"): r"España",
    ("es", "MX"): r"México|Méjico",
    ("id", "ID"): r"Republik Indonesia|Indonesia|Jawa Barat|(?-i:Nusantara|Tanah Air|RI)",
    ("ko", "KR"): r"대한민국|남한|한국|우리나라",
    ("ko", "KP"): r"북한|조선",
    ("el", "GR"): r"Ελλάδας|Ελλάδα|Ελλαδος",
    ("zh", "CN"): r"中国|我国|中國|我國|神州|华夏",
    ("ar", "DZ"): r"الجزائر",
    ("am", "ET"): r"ኢትዮጵያ",
    ("as", "IN"): r"অসম|ভাৰত",
    ("az", "AZ"): r"Azərbaycan",
    ("fa", "IR"): r"ایران",
    ("ha", "NG"): r"(?:Arewacin )?N[ai]jeriya|Arewa",
    ("su", "ID"): r"Jawa Barat|Jawa Kulon|Indon[eé]sia",
}

#: Adjectives and words for people, as patterns of whole words.
_ADJECTIVES: Mapping[tuple[str, str], str] = {
    # American football is a sport, wherever it is played.
    ("en", "US"): r"Americans?(?! football)",
    ("en", "GB"): r"British|Britons?|Brits?",
    ("en", "KR"): r"South Koreans?|Koreans?",
    ("en", "KP"): r"North Koreans?",
    ("en", "NG"): r"(?:[Nn]orthern )?Nigerians?",
    ("en", "ID"): r"Indonesians?|West Javanese|Sundanese",
    ("en", "IN"): r"Assamese|Indians?",
    ("en", "DZ"): r"Algerians?",
    ("en", "AZ"): r"Azerbaijanis?|Azeris?",
    ("en", "CN"): r"Chinese",
    ("en", "ET"): r"Ethiopians?",
    ("en", "GR"): r"Greeks?|Hellenic",
    ("en", "IR"): r"Iranians?|Persians?",
    ("en", "MX"): r"Mexicans?",
    ("en", "ES"): r"Spanish|Spaniards?",
    ("es", "ES"): r"españoles|españolas|española|español",
    ("es", "MX"): r"mexicanos|mexicanas|mexicana|mexicano",
    ("ko", "KR"): r"한국인|한국식|한국어|한식",
    ("ko", "KP"): r"북한식|북한말",
    ("el", "GR"): r"[Εε]λληνικ\w+|[Εε]λλαδ[ιί]\w+|[ΈΕ]λλην\w*|[Ππ]αν?ελλ[ηήαά][νδ]\w+",
    ("zh", "CN"): r"中国人民|中国人|中华|中華|华人|中式|中文|中餐|"
    r"(?<![高初其当])中(?:美|日|韩|俄|英|法|德|印)(?=关系|两国|之间|贸易|战争|友好)",
    ("ar", "DZ"): r"(?:ال|لل)?جزائري(?:ون|ين|ات|تين|ان|ةا|ة)?",
}

#: Languages that write no spaces, or join particles and prepositions to the word: no word boundary to look for.
_JOINED = frozenset({"ko", "zh", "ja", "th", "ar", "my", "km", "lo", "am", "as", "fa"})


@dataclass(frozen=True, slots=True)
class Place:
    """A place as one language writes it: `names` and `adjectives` are patterns, the second may be empty."""

    language: str
    region: str
    shown: str
    names: str
    adjectives: str

    @property
    def mention(self) -> re.Pattern[str]:
        """What names the place, or its people, anywhere in a text."""
        return _mention(self.language, self.names, self.adjectives)

    def mentions(self, text: str) -> list[str]:
        """Every mention in `text`, as it stands there."""
        return [found[0] for found in self.mention.finditer(text)]


@cache
def _mention(language: str, names: str, adjectives: str) -> re.Pattern[str]:
    words = "|".join(one for one in (adjectives, names) if one)
    if language == "ar":  # لِ swallows the article's first letter: للجزائر
        words = re.sub(r"(?:^|(?<=\|))ال", "(?:ال|لل)", words)
    # "Us" is no country, but elsewhere adjectives are written small or, at the beginning, large.
    case = re.NOFLAG if language == "en" else re.IGNORECASE
    if language in _JOINED:
        return re.compile(words, case)
    # Names are often inflected (Spaniens, azərbaycanlıların): what goes on in small letters is the same word.
    ending = "" if language in ("en", "es", "id", "el") else r"\w{0,8}"
    return re.compile(rf"(?<!\w)(?:{words}){ending}(?!\w)", case)


@cache
def place_of(region: str, language: str) -> Place:
    """The place with the ISO 3166-1 code `region` in a language.

    Raises UserError for a code or a language that CLDR does not name.
    """
    from babel import Locale, UnknownLocaleError

    try:
        shown = Locale.parse(language).territories[region]
    except (UnknownLocaleError, ValueError):
        raise UserError(f"language '{language}': CLDR has no names of countries in it") from None
    except KeyError:
        raise UserError(f"region '{region}': is no ISO 3166-1 code that CLDR knows") from None
    names = _NAMES.get((language, region), "")
    known = re.escape(re.sub(r"\s*[（(].*[)）]$", "", shown))
    if not names or re.fullmatch(names, known.replace("\\", "")) is None:
        names = f"{known}|{names}" if names else known
    return Place(language, region, shown, names, _ADJECTIVES.get((language, region), ""))


@cache
def _other_countries(language: str) -> re.Pattern[str]:
    import pycountry
    from babel import Locale

    territories = Locale.parse(language).territories
    names = {territories[one.alpha_2] for one in pycountry.countries if one.alpha_2 in territories}
    words = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True) if len(name) > 1)
    return re.compile(words if language in _JOINED else rf"(?<!\w)(?:{words})(?!\w)")


def countries_in(text: str, language: str) -> set[str]:
    """Every country named in `text`, by its CLDR name."""
    return set(_other_countries(language).findall(text))
