"""How a name stands in a sentence: articles, cases, particles. Each function returns the fields that the wording fills.

Country names take an article in some languages and not in others; the tables below hold what no rule gives.
Sources: the Real Academia's usage for Spanish articles, the standard declensions for Greek.
"""

from __future__ import annotations

import unicodedata

from isogloss.data.facts.particles import with_li, with_particle

_ENGLISH_THE = frozenset(["AE", "BS", "CF", "DO", "GB", "GM", "KM", "MH", "MV", "NL", "PH", "SB", "SC", "US"])

#: Spanish articles that are part of common usage; the others go without.
_SPANISH_ARTICLES = {
    **dict.fromkeys(["GB", "LB"], "el"),
    **dict.fromkeys(["CF", "DO", "IN"], "la"),
    **dict.fromkeys(["AE", "NL"], "los"),
    **dict.fromkeys(["BS", "KM", "MH", "MV", "SB", "SC"], "las"),
}

#: Greek names whose gender and genitive the endings do not tell: (nominative article, genitive with its article).
_GREEK = {
    "AE": ("τα", "των Ηνωμένων Αραβικών Εμιράτων"),
    "AG": ("η", "της Αντίγκουα και Μπαρμπούντα"),
    "BA": ("η", "της Βοσνίας - Ερζεγοβίνης"),
    "BB": ("τα", "των Μπαρμπέιντος"),
    "BE": ("το", "του Βελγίου"),
    "BF": ("η", "της Μπουρκίνα Φάσο"),
    "BS": ("οι", "των Μπαχαμών"),
    "CA": ("ο", "του Καναδά"),
    "CF": ("η", "της Κεντροαφρικανικής Δημοκρατίας"),
    "CI": ("η", "της Ακτής Ελεφαντοστού"),
    "CR": ("η", "της Κόστα Ρίκα"),
    "CV": ("το", "του Πράσινου Ακρωτηρίου"),
    "CY": ("η", "της Κύπρου"),
    "DO": ("η", "της Δομινικανής Δημοκρατίας"),
    "EC": ("ο", "του Ισημερινού"),
    "EG": ("η", "της Αιγύπτου"),
    "FJ": ("τα", "των Φίτζι"),
    "GA": ("η", "της Γκαμπόν"),
    "GB": ("το", "του Ηνωμένου Βασιλείου"),
    "GQ": ("η", "της Ισημερινής Γουινέας"),
    "GW": ("η", "της Γουινέας Μπισάου"),
    "KM": ("οι", "των Κομορών"),
    "KP": ("η", "της Βόρειας Κορέας"),
    "KR": ("η", "της Νότιας Κορέας"),
    "LB": ("ο", "του Λιβάνου"),
    "LC": ("η", "της Αγίας Λουκίας"),
    "LK": ("η", "της Σρι Λάνκα"),
    "LU": ("το", "του Λουξεμβούργου"),
    "MA": ("το", "του Μαρόκου"),
    "ME": ("το", "του Μαυροβουνίου"),
    "MH": ("οι", "των Νήσων Μάρσαλ"),
    "MK": ("η", "της Βόρειας Μακεδονίας"),
    "MM": ("η", "της Μιανμάρ"),
    "MU": ("ο", "του Μαυρικίου"),
    "MV": ("οι", "των Μαλδιβών"),
    "MX": ("το", "του Μεξικού"),
    "NE": ("ο", "του Νίγηρα"),
    "NL": ("οι", "των Κάτω Χωρών"),
    "NZ": ("η", "της Νέας Ζηλανδίας"),
    "PA": ("ο", "του Παναμά"),
    "PG": ("η", "της Παπούα Νέας Γουινέας"),
    "PH": ("οι", "των Φιλιππίνων"),
    "SA": ("η", "της Σαουδικής Αραβίας"),
    "SB": ("οι", "των Νήσων Σολομώντος"),
    "SC": ("οι", "των Σεϋχελλών"),
    "SL": ("η", "της Σιέρα Λεόνε"),
    "SM": ("ο", "του Αγίου Μαρίνου"),
    "SS": ("το", "του Νότιου Σουδάν"),
    "TO": ("η", "της Τόνγκα"),
    "US": ("οι", "των Ηνωμένων Πολιτειών"),
    "VC": ("ο", "του Αγίου Βικεντίου και των Γρεναδινών"),
    "WS": ("η", "της Σαμόα"),
    "ZA": ("η", "της Νότιας Αφρικής"),
    "ZW": ("η", "της Ζιμπάμπουε"),
}
_PLURAL_ARTICLES = {"los", "las", "οι", "τα"}

#: Marks the direction of a Latin code inside Arabic, so that "+33" is not shown as "33+".
_LEFT_TO_RIGHT_MARK = "\u200e"


def _english(code: str, name: str) -> dict[str, str]:
    return {"the": f"the {name}" if code in _ENGLISH_THE else name}


def _spanish(code: str, name: str) -> dict[str, str]:
    article = _SPANISH_ARTICLES.get(code)
    full = f"{article} {name}" if article else name
    contracted = article == "el"
    plural = article in _PLURAL_ARTICLES
    return {
        "el": full,
        "de": f"del {name}" if contracted else f"de {full}",
        "a": f"al {name}" if contracted else f"a {full}",
        "lies": "están" if plural else "está",
        "belongs": "pertenecen" if plural else "pertenece",
        "shares": "comparten" if plural else "comparte",
    }


def greek_forms(code: str, name: str) -> dict[str, str]:
    """Nominative and genitive of a country with their articles, and the verbs that agree with it.

    By rule, names in -α and -η are feminine with a genitive in -ς, and the rest are undeclined neuters.
    """
    if code in _GREEK:
        article, genitive = _GREEK[code]
    else:
        ending = unicodedata.normalize("NFD", name[-1])[0]
        feminine = ending in "αη"
        article, genitive = ("η", f"της {name}ς") if feminine else ("το", f"του {name}")
    plural = article in _PLURAL_ARTICLES
    return {
        "nom": f"{article} {name}",
        "gen": genitive,
        "lies": "βρίσκονται" if plural else "βρίσκεται",
        "belongs": "ανήκουν" if plural else "ανήκει",
        "borders": "συνορεύουν" if plural else "συνορεύει",
        "has": "έχουν" if plural else "έχει",
    }


def country_forms(code: str, name: str, language: str) -> dict[str, str]:
    """Fields of a country's name, on top of :func:`name_forms`: `the`, `de`/`el`/`a`, `gen`/`nom`, agreeing verbs."""
    forms = name_forms(name, language)
    match language:
        case "en":
            return forms | _english(code, name)
        case "es":
            return forms | _spanish(code, name)
        case "el":
            return forms | greek_forms(code, name)
    return forms


def name_forms(name: str, language: str) -> dict[str, str]:
    """Fields of any name: `name`, and what a language needs beside it.

    Korean: `topic`, `subject`, `object`, `with`, `to`, `called`; Indonesian: `lower`; Arabic: `li`.
    """
    if language == "ko":
        return {
            "name": name,
            "topic": with_particle(name, "은/는"),
            "subject": with_particle(name, "이/가"),
            "object": with_particle(name, "을/를"),
            "with": with_particle(name, "과/와"),
            "to": with_particle(name, "으로/로"),
            "called": with_particle(name, "이라는/라는"),
        }
    if language == "ar":
        return {"name": name, "li": with_li(name)}
    if language == "id":
        return {"name": name, "lower": name[0].lower() + name[1:]}
    return {"name": name}


def code_forms(code: str, language: str) -> dict[str, str]:
    """Fields of a code in Latin letters or digits, the same in every language."""
    forms = name_forms(code, language)
    if language == "ar" and not code[0].isalpha():
        forms["name"] = _LEFT_TO_RIGHT_MARK + code
    return forms
