"""The console script: exit codes, and one clear message for what a person can mend."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys

import typer

from isogloss.cli.commands import app
from isogloss.errors import EXIT_DONE, EXIT_INTERRUPTED, EXIT_USER, IsoglossError

#: What the machine refuses and a person can mend: no space, too large, no permission, read-only, quota, a folder where a
#: file is needed or the other way round.
_OF_THE_MACHINE = {
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
#: The base of typer's usage errors, which it does not export by itself.
_UsageProblem: type[Exception] = next(one for one in typer.BadParameter.__mro__ if one.__name__ == "ClickException")


def main() -> None:
    """Entry point. Ends the process with one of the documented exit codes."""
    # Before anything imports them: telemetry is off, and no tokenizer or hub chatter between a person's lines.
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
    """SIGTERM ends like Ctrl-C."""
    raise KeyboardInterrupt


def _drop_output() -> None:
    """Whatever stdout still holds is not flushed into what just refused it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _command() -> int:
    """Parse and run. Not by `app()`, which gives interrupts and closed pipes exit codes of its own."""
    try:
        with typer.main.get_command(app).make_context("isogloss", sys.argv[1:]) as context:
            context.command.invoke(context)
        return EXIT_DONE
    except typer.Exit as end:
        return end.exit_code


def _run() -> int:
    try:
        code = _command()
        # Here, where a full disk or a closed pipe still has its exit code.
        sys.stdout.flush()
        return code
    except IsoglossError as error:
        print(f"isogloss: {error}", file=sys.stderr)
        return error.exit_code
    except _UsageProblem as error:
        error.show(file=sys.stderr)  # type: ignore[attr-defined]
        return EXIT_USER
    except (KeyboardInterrupt, typer.Abort):
        print("isogloss: interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe went away (`| head`): not an error.
        _drop_output()
        return EXIT_DONE
    except OSError as error:
        if error.errno not in _OF_THE_MACHINE:
            raise
        _drop_output()
        where = f": {error.filename}" if error.filename else ""
        print(f"isogloss: {os.strerror(error.errno)}{where}. Nothing half-written was left.", file=sys.stderr)
        return EXIT_USER
