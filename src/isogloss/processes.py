"""Child processes and signals, and the tags that name the process which wrote a run.

A child ends with its parent, however the parent ends: the child watches a pipe that only the parent keeps open. It has a
session of its own, so that Ctrl-C in the terminal reaches the parent alone, and it writes what it prints to a file.
"""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

import psutil

from isogloss.errors import EXIT_DONE, EXIT_REFUSED, EXIT_USER, InterruptedRun, IsoglossError, RefusedError, UserError

# --------------------------------------------------------------------------------------------------------------------
# Signals

#: The signals that ask a process to stop.
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def signals_as_interrupts() -> Iterator[None]:
    """While open, SIGTERM raises KeyboardInterrupt, as Ctrl-C does.

    Signals reach the main thread only; in another thread nothing changes.
    """

    # Not an Exception: libraries catch those.
    def interrupt(number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt(f"stopped by signal {signal.Signals(number).name}")

    with _handled((signal.SIGTERM,), interrupt):
        yield


@contextmanager
def caught_signals(numbers: Iterable[int] = STOP_SIGNALS) -> Iterator[list[int]]:
    """While open, append the signals that come to the list that is given, and go on.

    Signals reach the main thread only; in another thread the list stays empty.
    """
    caught: list[int] = []
    with _handled(numbers, lambda number, _frame: caught.append(number)):
        yield caught


@contextmanager
def _handled(numbers: Iterable[int], handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle `numbers` by `handler`, and put the earlier handlers back at the end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


# --------------------------------------------------------------------------------------------------------------------
# Children, seen from their parent

#: The variable with the end of the pipe at which a child notices that its parent is gone.
LAUNCHER = "ISOGLOSS_LAUNCHER"

#: Seconds between two looks at children that were asked to stop.
_POLL_SECONDS = 0.05


class Children:
    """Child processes, each known by a number. Use as a context: when it is left, none of them runs any more.

    Args:
        grace: seconds that children get to end after a SIGTERM when the context is left; with 0 they are killed at once.
    """

    def __init__(self, *, grace: float = 0.0) -> None:
        self.grace = grace
        #: Numbers of the children that this process killed.
        self.killed: set[int] = set()
        #: What each child printed.
        self.outputs: dict[int, Path] = {}
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._codes: dict[int, int] = {}
        self._pipe: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        self._pipe = os.pipe()
        return self

    def start(self, number: int, command: Sequence[str], *, output: Path, env: Mapping[str, str] = os.environ) -> None:
        """Start `command` as child `number`; stdout and stderr go to the file `output`."""
        assert self._pipe is not None, "used as a context"
        output.parent.mkdir(parents=True, exist_ok=True)
        self.outputs[number] = output
        with output.open("wb") as file:
            self._processes[number] = subprocess.Popen(
                command,
                env={**env, LAUNCHER: str(self._pipe[0])},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                pass_fds=self._pipe[:1],
                start_new_session=True,
            )

    def running(self) -> list[int]:
        """Numbers of the children that have not ended."""
        for number, process in self._processes.items():
            if number not in self._codes and (code := process.poll()) is not None:
                self._codes[number] = code
        return [number for number in self._processes if number not in self._codes]

    def codes(self) -> dict[int, int]:
        """Exit codes of the children that :meth:`running` saw ended, the first to end first; −9 for SIGKILL."""
        return dict(self._codes)

    def signal(self, number: int) -> None:
        """Send a signal to each child that runs, but not to what it has started itself."""
        for child in self.running():
            with suppress(ProcessLookupError):
                os.kill(self._processes[child].pid, number)

    def stop(self, grace: float) -> None:
        """Ask each child, with all that it has started, to end; kill those that still run after `grace` seconds."""
        for child in self.running():
            with suppress(ProcessLookupError):
                os.killpg(self._processes[child].pid, signal.SIGTERM)
        deadline = time.monotonic() + grace
        while self.running() and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        self.kill(self.running())

    def kill(self, numbers: Iterable[int]) -> None:
        """Kill these children with all that they have started, and wait for their end."""
        for number in numbers:
            self.killed.add(number)
            with suppress(ProcessLookupError):
                os.killpg(self._processes[number].pid, signal.SIGKILL)
            self._processes[number].wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self.grace:
                self.stop(self.grace)
        finally:
            self.kill(self.running())
            if self._pipe is not None:
                for descriptor in self._pipe:
                    os.close(descriptor)


def user_error(code: int, output: Path) -> IsoglossError | None:
    """The error for the user that a child ended with, by its exit code and what it printed; None if it was no such error."""
    kind = {EXIT_USER: UserError, EXIT_REFUSED: RefusedError}.get(code)
    return None if kind is None else kind(error_text(output))


def error_text(output: Path) -> str:
    """The message that a child ended with: what follows the last `error: ` at the start of a line, else the last lines."""
    text = output.read_text(encoding="utf-8", errors="replace")
    _, separator, message = f"\n{text}".rpartition("\nerror: ")
    return message.strip() if separator else last_lines(output)


def last_lines(output: Path, *, count: int = 30) -> str:
    """The last lines that a child printed."""
    return "\n".join(output.read_text(encoding="utf-8", errors="replace").splitlines()[-count:])


# --------------------------------------------------------------------------------------------------------------------
# A child, seen from itself


def run_as_child(work: Callable[[], None]) -> int:
    """Do the work of a child process and return its exit code. Its message for the user follows `error: ` on stderr."""
    die_with_parent()
    try:
        work()
    except InterruptedRun as stopped:
        print(stopped, file=sys.stderr)
        return stopped.exit_code
    except IsoglossError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return EXIT_DONE


def die_with_parent() -> None:
    """End this process, as by SIGKILL, once the parent that started it by :class:`Children` is gone.

    Call it first. In a process that was started otherwise it does nothing.
    """
    descriptor = os.environ.pop(LAUNCHER, None)
    if descriptor is None:
        return

    def watch() -> None:
        os.read(int(descriptor), 1)  # Returns when the parent's end of the pipe is closed: nothing is ever written.
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


# --------------------------------------------------------------------------------------------------------------------
# Which process wrote a run: tells a run that was left open from one that still goes on

HOST_TAG = "isogloss.host"
PID_TAG = "isogloss.pid"
STARTED_TAG = "isogloss.started"

# Start times are read back through the boot time, which shifts when the clock is set. A process id that is used again counts as
# the first process only if both started within these seconds.
_CLOCK_SHIFT_SECONDS = 10.0


def identity() -> dict[str, str]:
    """Tags that name this process: host, process id, and start time (a process id alone may be used again)."""
    started = psutil.Process().create_time()
    return {HOST_TAG: platform.node(), PID_TAG: str(os.getpid()), STARTED_TAG: f"{started:.2f}"}


def is_gone(tags: Mapping[str, str]) -> bool:
    """True if the process that `tags` name has surely ended; False if this machine cannot know.

    It cannot for tags of another host, nor without tags.
    """
    if tags.get(HOST_TAG) != platform.node() or PID_TAG not in tags or STARTED_TAG not in tags:
        return False
    try:
        process = psutil.Process(int(tags[PID_TAG]))
        if process.status() == psutil.STATUS_ZOMBIE:
            return True
        return abs(process.create_time() - float(tags[STARTED_TAG])) > _CLOCK_SHIFT_SECONDS
    except psutil.NoSuchProcess:
        return True
