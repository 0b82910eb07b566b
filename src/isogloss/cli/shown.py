"""What people see while and after a command works: progress on stderr, tables and JSON on stdout."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False))


def say(line: str) -> None:
    """One line on stderr."""
    print(f"isogloss: {line}", file=sys.stderr, flush=True)


class _Output(Console):
    def on_broken_pipe(self) -> None:
        """Leave it to the command line, which ends in 0; rich would end in 1."""
        raise BrokenPipeError


def output() -> Console:
    """The console of results. Piped, it is wide enough not to break a table."""
    console = _Output(highlight=False)
    return console if console.is_terminal else _Output(highlight=False, width=max(console.width, 100))


#: Seconds between two lines of progress where stderr is no terminal.
_LINE_EVERY = 30.0


@contextmanager
def progress(total: int, description: str) -> Iterator[Callable[..., None]]:
    """A bar with count, elapsed and remaining time; where stderr is no terminal, a line now and then and at the end."""
    console = Console(stderr=True)
    if not console.is_terminal:
        with _lines(total, description) as advance:
            yield advance
        return
    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(description, total=total, note="")
        yield lambda done, note="": bar.update(task, advance=done, note=note)


@contextmanager
def _lines(total: int, description: str) -> Iterator[Callable[..., None]]:
    started = said = time.monotonic()
    count = 0

    def advance(done: int, note: str = "") -> None:
        nonlocal count, said
        count += done
        now = time.monotonic()
        if now - said >= _LINE_EVERY and count < total:
            said = now
            left = (now - started) / max(count, 1) * (total - count)
            say(f"{description}: {count} of {total}, {left:.0f} s left{', ' if note else ''}{note}")

    yield advance
    say(f"{description}: {total} done in {time.monotonic() - started:.0f} s")
