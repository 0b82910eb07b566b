"""What all groups of settings share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from isogloss.errors import did_you_mean


class Section(BaseModel):
    """A group of settings: frozen, nothing unknown accepted."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


def is_files(value: Any) -> bool:
    """Whether a setting that may be a word or files is a list of files."""
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(one, str | Path) for one in value)


def sets_or_files(value: Any, *, words: tuple[str, ...], sets: tuple[str, ...]) -> Any:
    """A setting that is one of `words`, or a list of published sets' names and files; a set alone stands for a list.

    Raises ValueError for anything else.
    """
    if value in sets:
        return (value,)
    if value not in words and not is_files(value):
        named = " or ".join(f"'{word}'" for word in words)
        close = did_you_mean(value, [*words, *sets]) if isinstance(value, str) else ""
        raise ValueError(
            f"should be {named}, or a list of data sets ({', '.join(sets)}) and files, for example [{sets[0]}, mine.jsonl], "
            f"not {value!r}{close}"
        )
    return value


def _all_or_layers(value: Any) -> Any:
    layers = isinstance(value, list | tuple) and value and all(type(one) is int and one > 0 for one in value)
    if value != "all" and not layers:
        raise ValueError(f"should be 'all' or a list of layers, for example [9, 13], not {value!r}")
    return value


#: Decoder layers, counted from 1.
Layers = Annotated[Literal["all"] | tuple[int, ...], BeforeValidator(_all_or_layers)]
