"""Indonesian: the name after a preposition, and the name as the attribute of the word before it."""

from __future__ import annotations

import re

from isogloss.localize.places import Place

_TIES = r"di|dari|oleh|untuk|bagi|pada|dalam|ke|kepada|antara|asal"
#: Where the whole country is meant, the words go with it.
_ALL = r"(?:seluruh |sebagian besar |seantero |wilayah |negara |negeri )*"


def remove(question: str, place: Place) -> str:
    """See :func:`isogloss.localize.removers.remove_place`."""
    name = rf"(?:{place.names})(?!\w)"
    text = re.sub(rf"^Di {_ALL}{name}\s*,?\s*", "", question)
    # The language is no place; its own name for it says enough of where it is spoken.
    text = re.sub(rf"\b([Bb])ahasa {name}", r"\1ahasa nasional", text)
    # What a verb has the country for its object needs one.
    text = re.sub(
        rf"\b((?:me|mem|men|meng|menge)[a-z]{{3,}}|luar|selain|daripada) {_ALL}{name}", r"\1 negara ini", text
    )
    text = re.sub(rf",? (?:{_TIES}) {_ALL}{name}(,)?", lambda found: found[1] or "", text)
    text = re.sub(rf"\b(yang|apakah|mengapa|kapan|jika|bahwa) {name}", r"\1 negara ini", text)
    text = re.sub(rf"(?<=[a-zA-Z)]) {_ALL}{name}", "", text)
    return re.sub(rf"(?<!\w){name}", "negara ini", text)
