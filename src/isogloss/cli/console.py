"""What the commands share: options, output on stdout and stderr, tables, progress, and the check of an output folder."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from isogloss.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout.")]
Set = Annotated[list[str] | None, typer.Option("--set", metavar="A.B=VALUE", help="Override a setting; repeatable.")]
PipelineFile = Annotated[
    Path, typer.Argument(metavar="PIPELINE", help="A pipeline's YAML, e.g. pipelines/embedded.yaml.")
]
Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="'embedded', a local or fetched folder, org/name[@revision], or models:/NAME@alias."
    ),
]
Files = Annotated[list[Path], typer.Argument(metavar="FILE…", help="Choices files (JSONL).")]
Split = Annotated[Literal["dev1", "dev2", "test", "all"], typer.Option(help="Items of this split only.")]
Scoring = Annotated[Literal["cloze", "letter"], typer.Option(help="Likelihood of the option's text, or of its letter.")]
Layers = Annotated[list[int] | None, typer.Option(help="Layer of each --vectors, in the same order.")]
Gammas = Annotated[list[float] | None, typer.Option(help="Strength of each --vectors (default 1).")]
DType = Annotated[Literal["float32", "bfloat16"], typer.Option(help="Number type of the model.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1, …")]

#: Seconds between two lines of progress where stderr is no terminal.
_LINE_EVERY = 30.0


def print_json(value: Any) -> None:
    """Print one JSON document on stdout."""
    print(json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False))


def say(line: str) -> None:
    """Print one line on stderr."""
    print(f"isogloss: {line}", file=sys.stderr, flush=True)


def output() -> Console:
    """Return the console for results, on stdout. In a pipe it is at least 100 columns wide, so that tables fit."""
    from rich.console import Console

    class Output(Console):
        def on_broken_pipe(self) -> None:
            """Pass a closed pipe on to `main`, which exits with code 0; rich would exit with 1."""
            raise BrokenPipeError

    console = Output(highlight=False)
    return console if console.is_terminal else Output(highlight=False, width=max(console.width, 100))


def make_table(left: Sequence[str], right: Sequence[str] = (), *, title: str = "", caption: str = "") -> Table:
    """Return an empty table with left-aligned columns, then right-aligned ones for numbers."""
    from rich.table import Table

    table = Table(title=title or None, caption=caption or None)
    for name in left:
        table.add_column(name)
    for name in right:
        table.add_column(name, justify="right")
    return table


def refuse_existing(out: Path, *, replaceable: str | None = None) -> None:
    """Check that the folder `--out` can be written without overwriting a person's files.

    Args:
        out: The folder. It may be new or empty.
        replaceable: Name of a file that an earlier call of the same command wrote. A folder that has it may be
            written again.

    Raises:
        UserError: `out` is a file, or a folder with other contents.
    """
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if replaceable is not None and (out / replaceable).is_file():
        return
    reason = "" if replaceable is None else f" and holds no {replaceable}"
    raise UserError(f"--out {out}: is there already{reason}; name a new folder or remove it")


@contextmanager
def progress(total: int, description: str) -> Iterator[Callable[..., None]]:
    """Show a progress bar on stderr; yields a function that advances it.

    Where stderr is no terminal, a line is printed every half minute and at the end instead.
    """
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    if not console.is_terminal:
        with _progress_lines(total, description) as advance:
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
def _progress_lines(total: int, description: str) -> Iterator[Callable[..., None]]:
    started = last_line = time.monotonic()
    count = 0

    def advance(done: int, note: str = "") -> None:
        nonlocal count, last_line
        count += done
        now = time.monotonic()
        if now - last_line >= _LINE_EVERY and count < total:
            last_line = now
            left = (now - started) / max(count, 1) * (total - count)
            say(f"{description}: {count} of {total}, {left:.0f} s left{', ' if note else ''}{note}")

    yield advance
    say(f"{description}: {total} done in {time.monotonic() - started:.0f} s")
