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


@contextmanager
def progress(total: int, description: str) -> Iterator[Callable[[int], None]]:
    """A bar with count, elapsed and remaining time; where stderr is no terminal, one line at the end."""
    console = Console(stderr=True)
    started = time.monotonic()
    if not console.is_terminal:
        yield lambda _done: None
        say(f"{description}: {total} done in {time.monotonic() - started:.0f} s")
        return
    columns = (
        TextColumn("{task.description:<28}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(description, total=total)
        yield lambda done: bar.advance(task, done)
