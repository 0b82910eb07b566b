"""Money: the currency's name, sign and codes, and how a price looks. Source: CLDR (babel), ISO 4217 (pycountry)."""

from __future__ import annotations

from functools import cache, partial

from isogloss.data.facts.fact import package_version
from isogloss.data.facts.localized.local_fact import WORLD, LocalFact, single_fact
from isogloss.data.facts.names import locale

#: Amounts whose prices are asked for, one fact each.
PRICES = (12500, 38900)

#: In these languages CLDR puts the kind of money first ("libra esterlina"), in these last ("British Pound").
_UNIT_FIRST = frozenset({"es", "id", "el", "ar"})
_UNIT_LAST = frozenset({"en", "ko"})


#: Spaces that do not break become plain, direction marks go, and the wide yen sign is the usual one.
_VISIBLE = str.maketrans({"\u00a0": " ", "\u202f": " ", "￥": "¥", "\u200e": None, "\u200f": None, "\u061c": None})


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
    return text.translate(_VISIBLE)


@cache
def symbol_of(country: str) -> str:
    """The currency's sign as written in the country itself."""
    from babel.numbers import get_currency_symbol

    return visible(get_currency_symbol(currency_of(country), locale=WORLD[country]))


def price(amount: int, country: str) -> str:
    """`amount` in the country's currency, as written there, with Western digits."""
    from babel.numbers import format_currency

    return visible(
        format_currency(
            amount, currency_of(country), locale=WORLD[country], numbering_system="latn", group_separator=True
        )
    )


def _usable(sign: str, code: str, language: str) -> bool:
    """Not a sign that is only the code again, nor one in Arabic letters outside Arabic."""
    return sign != code and (language == "ar" or not any("\u0600" <= letter <= "\u06ff" for letter in sign))


def money_facts(region: str, language: str) -> list[LocalFact]:
    """Facts of the kinds currency, currency-symbol, currency-code, currency-number and price."""
    import pycountry

    babel, iso = package_version("babel"), package_version("pycountry")
    codes = {country: currency_of(country) for country in WORLD}
    names = {country: unit_name(code, language=language) for country, code in codes.items()}
    by_code = {entry.alpha_3: entry.numeric for entry in pycountry.currencies}
    numbers = {country: by_code[code] for country, code in codes.items()}
    signs = {country: symbol_of(country) for country in WORLD}
    signs = {country: sign for country, sign in signs.items() if _usable(sign, codes[country], language)}
    one = partial(single_fact, region=region, language=language)
    facts = [
        *one("currency", values=names, source=babel),
        *one("currency-symbol", values=signs, source=babel),
        *one("currency-code", values=codes, source=babel),
        *one("currency-number", values=numbers, source=f"{iso}, {babel}"),
    ]
    for amount in PRICES:
        prices = {country: price(amount, country) for country in signs}
        own = prices[region]
        # "¥12,500" is a price in yen, but could be one in yuan, too.
        prices = {country: text for country, text in prices.items() if text == own or text not in own}
        facts += one("price", key=str(amount), values=prices, source=babel)
    return facts
