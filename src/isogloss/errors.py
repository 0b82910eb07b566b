"""Errors that people see, and the exit codes they end in.

Anything a person can mend raises :class:`UserError` with one message: what was wrong, where, and what to do. The command
line prints it without a traceback. Whatever else escapes is a bug and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

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
