"""Errors that people see, and the exit codes they end in.

Anything a person can mend raises :class:`UserError` with one message: what was wrong, where, and what to do. The command
line prints it without a traceback. Whatever else escapes is a bug and keeps its traceback.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

EXIT_DONE = 0
EXIT_BUG = 1
EXIT_USER = 2
EXIT_REFUSED = 3
EXIT_INTERRUPTED = 4


class IsoglossError(Exception):
    """Base of the package's own errors; `exit_code` is what the command line ends with."""

    exit_code = EXIT_BUG


class UserError(IsoglossError):
    """Something in the user's input: a setting, a file, a reference, the machine. One clear message."""

    exit_code = EXIT_USER


class DataError(UserError):
    """Rows of a data file that do not follow their format. Holds every `file:line: field: reason` at once."""

    def __init__(self, problems: Iterable[str], *, hint: str = "", shown: int = 100) -> None:
        self.problems = list(problems)
        lines = self.problems[:shown]
        if len(self.problems) > shown:
            lines.append(f"… and {len(self.problems) - shown} more")
        count = len(self.problems)
        total = f"{count} problem{'s' if count != 1 else ''}; nothing was read. {hint}".rstrip()
        super().__init__("\n".join([*lines, total]))


class RefusedError(IsoglossError):
    """A gate refused: a vector for another model, a damaged artifact, an intervention that does not fit."""

    exit_code = EXIT_REFUSED


class InterruptedRun(IsoglossError):
    """Stopped from outside; what was finished is kept and the same command goes on."""

    exit_code = EXIT_INTERRUPTED


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`" (did you mean 'gamma'?)"` for the closest of `known`, or an empty string."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f" (did you mean '{close[0]}'?)" if close else ""


#: How a wrong value is shown: as written in Python, as JSON of at most 60 characters, or not at all.
Shown = Literal["settings", "data", "secrets"]


class Explanation(NamedTuple):
    """One thing that is wrong with a value, and where: `path: reason`, or the reason alone for the value as a whole."""

    path: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        return ": ".join(filter(None, (".".join(self.path), self.reason)))


def explain(
    error: ValidationError,
    *,
    of: Shown = "settings",
    known: Callable[[list[str]], Iterable[str]] | None = None,
    wording: Mapping[str, str] | None = None,
) -> list[Explanation]:
    """Turn a pydantic error into plain words, each problem once.

    Args:
        error: what pydantic raised.
        of: what the values are; those of secrets are not repeated.
        known: the settings that there are at a path, for the suggestion of an unknown one.
        wording: reasons by pydantic's type of error, in place of pydantic's own; `{value}` stands for the wrong value.

    Returns:
        For example `search.trils: unknown setting (did you mean 'trials'?); known here: trials, sampler`.
    """
    details = error.errors(include_url=False)
    inside = {detail["loc"][:-1] for detail in details}
    problems = [
        Explanation(
            tuple(str(part) for part in detail["loc"] if part != "[key]"), _reason(detail, of, known, wording or {})
        )
        for detail in details
        # A list whose entries are wrong is also said to be too short, which is no news.
        if detail["type"] != "too_short" or detail["loc"] not in inside
    ]
    return list(dict.fromkeys(problems))


def _reason(
    detail: ErrorDetails,
    of: Shown,
    known: Callable[[list[str]], Iterable[str]] | None,
    wording: Mapping[str, str],
) -> str:
    kind, context = detail["type"], detail.get("ctx", {})
    value = _as_json(detail["input"]) if of == "data" else repr(detail["input"])
    if kind in wording:
        return wording[kind].format(value=value)
    if kind == "value_error":
        return str(context["error"])
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden" and known is not None:
        *place, name = map(str, detail["loc"])
        names = list(known(place))
        return f"unknown setting{did_you_mean(name, names)}; known here: {', '.join(names)}"
    if of == "data" and kind == "extra_forbidden":
        return "is no field here"
    if of == "data" and kind in ("too_short", "too_long"):
        bound = f"at least {context['min_length']}" if kind == "too_short" else f"at most {context['max_length']}"
        return f"has {context['actual_length']} entries, it should have {bound}"
    if of == "data" and kind == "literal_error":
        return f"{value} is not one of {context['expected']}"
    mapping = "JSON object" if of == "data" else "group of settings"
    needed = detail["msg"].replace("valid tuple", "list").replace("valid dictionary", mapping)
    needed = needed.partition(" or instance of")[0]
    return f"{needed[0].lower()}{needed[1:]}" + ("" if of == "secrets" else f", not {value}")


def _as_json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}…"
