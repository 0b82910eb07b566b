"""Money: the currency's name, sign and codes, and how a price looks. Source: CLDR through babel, ISO 4217 in pycountry."""

from __future__ import annotations

from functools import cache

from isogloss.data.facts.fact import package_version
from isogloss.data.facts.localized.local_fact import WORLD, LocalFact, single_fact
from isogloss.data.facts.names import locale

#: Amounts whose prices are asked for, one fact each.
PRICES = (12500, 38900)

#: In these languages CLDR puts the kind of money first ("libra esterlina"), in these last ("British Pound").
_UNIT_FIRST = frozenset({"es", "id", "el", "ar"})
_UNIT_LAST = frozenset({"en", "ko"})


@cache
def currency_of(country: str) -> str:
    """ISO 4217 code of the country's current currency."""
    from babel.numbers import get_territory_currencies

    return str(get_territory_currencies(country)[0])


@cache
def unit_name(currency: str, *, language: str) -> str:
    """The currency's everyday name, without the country that CLDR's full name holds ("won surcoreano" → "won").

    Chinese keeps the whole name: 元 alone would be most currencies' name.
    """
    words = locale(language).currencies[currency].split()
    if language in _UNIT_FIRST:
        return words[0]
    return words[-1] if language in _UNIT_LAST else "".join(words)


def visible(text: str) -> str:
    """`text` with plain spaces and without the invisible direction marks of CLDR's patterns."""
    return "".join({"\u00a0": " ", "\u202f": " "}.get(c, c) for c in text if c not in "\u200e\u200f\u061c")


@cache
def symbol_of(country: str) -> str:
    """The currency's sign as written in the country itself."""
    from babel.numbers import get_currency_symbol

    return visible(get_currency_symbol(currency_of(country), locale=WORLD[country]))


def price(amount: int, country: str) -> str:
    """`amount` in the country's currency, as written there, with Western digits."""
    from babel.numbers import format_currency

    return visible(
        format_currency(amount, currency_of(country), locale=WORLD[country], numbering_system="latn", group_separator=True)
    )


def money_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds currency, currency-symbol, currency-code, currency-number and price."""
    import pycountry

    babel, iso = package_version("babel"), package_version("pycountry")
    codes = {country: currency_of(country) for country in WORLD}
    names = {country: unit_name(code, language=language) for country, code in codes.items()}
    numbers = {country: pycountry.currencies.get(alpha_3=code).numeric for country, code in codes.items()}
    signs = {country: symbol_of(country) for country in WORLD}
    # A sign that is only the code again would make two kinds of one.
    signs = {country: sign for country, sign in signs.items() if sign != codes[country]}
    common = {"region": region, "language": language}
    facts = [
        *single_fact("currency", values=names, source=babel, **common),
        *single_fact("currency-symbol", values=signs, source=babel, **common),
        *single_fact("currency-code", values=codes, source=babel, **common),
        *single_fact("currency-number", values=numbers, source=f"{iso}, {babel}", **common),
    ]
    for amount in PRICES:
        prices = {country: price(amount, country) for country in WORLD if symbol_of(country) != codes[country]}
        facts += single_fact("price", key=str(amount), values=prices, source=babel, **common)
    return facts
