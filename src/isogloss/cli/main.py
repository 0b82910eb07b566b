"""The entry point: the list of commands, exit codes, and one clear message for an error that a person can mend."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
from typing import Annotated

import typer

from isogloss import __version__
from isogloss.cli.analyse import analyse
from isogloss.cli.data import datasets, localize, translate
from isogloss.cli.doctor import doctor, ui
from isogloss.cli.evaluate import evaluate, recheck, vectors
from isogloss.cli.generate import export, generate
from isogloss.cli.plan import plan
from isogloss.cli.registry import fetch, promote
from isogloss.cli.results import report, summary
from isogloss.cli.run import run, search_worker, status
from isogloss.errors import EXIT_DONE, EXIT_INTERRUPTED, EXIT_USER, IsoglossError

#: Errors of the operating system that a person can mend: no space, too large, no permission, read-only, quota, a folder
#: where a file is needed or the other way round.
_MENDABLE = {
    errno.ENOSPC,
    errno.EFBIG,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.EDQUOT,
    errno.EEXIST,
    errno.EISDIR,
    errno.ENOTDIR,
}
#: The base class of typer's usage errors. Typer does not export it.
_UsageError: type[Exception] = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Measure and steer multilingual language models on the transfer–localization plane.",
    epilog="Exit codes: 0 done, 1 a bug, 2 your input, 3 refused, 4 interrupted (the same command goes on).",
)

# `isogloss --help` lists the commands in this order.
app.command()(run)
app.command()(plan)
app.command()(status)
app.command()(evaluate)
app.command()(vectors)
app.command()(analyse)
app.command()(report)
app.command()(summary)
app.command("search-worker")(search_worker)
app.command()(promote)
app.command()(fetch)
app.command()(recheck)
app.command()(generate)
app.command()(export)
app.command()(datasets)
app.command()(localize)
app.command()(translate)
app.command()(ui)
app.command()(doctor)


def _print_version(show: bool) -> None:
    if show:
        typer.echo(f"isogloss {__version__}")
        raise typer.Exit(EXIT_DONE)


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command of `sys.argv` and exit with one of the documented exit codes."""
    # Set before the libraries are imported: no telemetry, and no chatter of tokenizers or the hub between our lines.
    for name, value in {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TOKENIZERS_PARALLELISM": "false",
        # Waiting threads sleep instead of spinning: nearly twice as fast when something else uses a core too.
        "OMP_WAIT_POLICY": "PASSIVE",
    }.items():
        os.environ.setdefault(name, value)
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    signal.signal(signal.SIGTERM, _interrupt)
    sys.exit(_run())


def _interrupt(_number: int, _frame: object) -> None:
    """Treat SIGTERM like Ctrl-C."""
    raise KeyboardInterrupt


def _drop_output() -> None:
    """Send what stdout still buffers to /dev/null, since its real target just refused it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _command() -> int:
    """Parse and run the command. Does not call `app()`, which has exit codes of its own for interrupts and closed pipes."""
    try:
        with typer.main.get_command(app).make_context("isogloss", sys.argv[1:]) as context:
            context.command.invoke(context)
        return EXIT_DONE
    except typer.Exit as end:
        return end.exit_code


def _run() -> int:
    try:
        code = _command()
        # Flush here, where a full disk or a closed pipe still gets its exit code.
        sys.stdout.flush()
        return code
    except IsoglossError as error:
        print(f"isogloss: {error}", file=sys.stderr)
        return error.exit_code
    except _UsageError as error:
        error.show(file=sys.stderr)  # type: ignore[attr-defined]
        return EXIT_USER
    except (KeyboardInterrupt, typer.Abort):
        print("isogloss: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe closed it (`| head`): not an error.
        _drop_output()
        return EXIT_DONE
    except OSError as error:
        if error.errno not in _MENDABLE:
            raise
        _drop_output()
        where = f": {error.filename}" if error.filename else ""
        print(f"isogloss: {os.strerror(error.errno)}{where}. Nothing half-written was left.", file=sys.stderr)
        return EXIT_USER
