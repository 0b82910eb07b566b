"""Korean: the name with its particle goes as one word; the people become 사람."""

from __future__ import annotations

import re

from isogloss.localize.places import Place

_PARTICLES = (
    "에서만의|에서는|에서도|에서의|에서만|에서|에게는|에게|에는|에도|에선|에|으로는|으로|로|만의|의|은|는|이|가|을|를|인들|도|내의|내에서|내|"
    "국내에서|국내"
)
#: Joining particles: what the country is compared with, or named along with, is needed.
_JOINING = r"와|과|하고|보다|처럼|이나|나|이외의|외의|외에|이외에|밖에서|밖|말고|출신의|출신"


def remove(question: str, place: Place) -> str:
    """See :func:`isogloss.localize.removers.remove_place`."""
    name = rf"(?<![가-힣])(?:{place.names})"
    # "the Korean way of counting age (counted age)": what stands in brackets says it without the country.
    text = re.sub(r"(?<![가-힣])한국식 [가-힣]+\s?\(([^()]+)\)", r"\1", question)
    text = re.sub(rf"{name}인들?(?=[가-힣]*)", "사람들", text)
    text = re.sub(rf"{name}어(?=[가-힣]*)", "모국어", text)
    text = re.sub(rf"{name}식 ", "", text)
    text = re.sub(r"(?<![가-힣])한식", "음식", text)
    text = re.sub(rf"{name}(?={_JOINING})", "자국", text)
    text = re.sub(rf"{name}\s(?=(?:{_JOINING})\s)", "자국 ", text)
    text = re.sub(rf"{name}(?:{_PARTICLES})?(?:,)?(?:\s+|(?=[?.,)(]))", "", text)
    # With a noun written onto it ("한국음식") the name alone goes.
    return re.sub(name, "", text)
