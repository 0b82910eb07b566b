"""Children that are asked to stop, killed, or fail with a message; signals that are caught or become interrupts."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from isogloss.errors import RefusedError, UserError
from isogloss.processes import Children, caught_signals, error_text, last_lines, signals_as_interrupts, user_error

READY = "print('ready', flush=True)\n"
FOR_EVER = "import time\nwhile True: time.sleep(60)\n"


def start(children: Children, number: int, folder: Path, script: str) -> None:
    children.start(number, [sys.executable, "-c", script], output=folder / f"{number}.log")


def wait_for(condition: object, limit: float = 60) -> None:
    end = time.monotonic() + limit
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)


def test_children_get_their_grace_and_are_then_killed(tmp_path: Path) -> None:
    tidy = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(4))\n" + READY + FOR_EVER
    stubborn = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + READY + FOR_EVER
    with Children(grace=2) as children:
        start(children, 1, tmp_path, tidy)
        start(children, 2, tmp_path, stubborn)
        wait_for(lambda: all("ready" in path.read_text() for path in children.outputs.values()))
    assert children.running() == []
    assert children.codes() == {1: 4, 2: -signal.SIGKILL}
    assert children.killed == {2}


def test_without_grace_they_are_killed_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="reason"), Children() as children:
        start(children, 7, tmp_path, FOR_EVER)
        raise ValueError("reason")
    assert children.running() == []
    assert children.codes() == {7: -signal.SIGKILL}


def test_a_childs_message_for_the_user_is_its_error(tmp_path: Path) -> None:
    output = tmp_path / "log"
    output.write_text("noise\nerror: first\nerror: no such layer\nof 12\n")
    error = user_error(2, output)
    assert type(error) is UserError
    assert str(error) == error_text(output) == "no such layer\nof 12"
    assert type(user_error(3, output)) is RefusedError
    assert user_error(1, output) is user_error(-9, output) is user_error(0, output) is None
    output.write_text("".join(f"{number}\n" for number in range(50)))
    assert error_text(output) == last_lines(output) == "\n".join(map(str, range(20, 50)))


def test_signals_are_caught_or_interrupt_and_their_handlers_come_back() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with caught_signals() as caught:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
    assert caught == [signal.SIGTERM, signal.SIGINT]
    with pytest.raises(KeyboardInterrupt, match="SIGTERM"), signals_as_interrupts():
        os.kill(os.getpid(), signal.SIGTERM)
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
