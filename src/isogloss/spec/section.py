"""What all groups of settings share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from isogloss.errors import UserError, did_you_mean


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


# --------------------------------------------------------------------------------------------------------------------
# Read a YAML of settings: what cannot be read is refused by the file's name, with the closest one that is there.

#: What the YAML reader raises: a date that is none is a ValueError, brackets without end a RecursionError.
NOT_YAML = (yaml.YAMLError, ValueError, RecursionError)


def read_yaml(path: Path, *, what: str) -> Any:
    """The value in `path`; `what` it should be ("pipeline") is for the messages. Raises UserError."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        beside = sorted(path.parent.glob("*.yaml")) if path.parent.is_dir() else []
        known = did_you_mean(str(path), map(str, beside)) or did_you_mean(f"{path}.yaml", map(str, beside))
        raise UserError(f"{path}: no such {what}{known}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as a {what}: {error}") from error
    try:
        return yaml.safe_load(text)
    except NOT_YAML as error:
        raise UserError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from error
