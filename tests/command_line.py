"""Run the command line in processes of its own, a hundred times a minute.

Each command is a child with its own pid, working directory, environment, standard streams, signals and exit code, forked
from a server that has torch and mlflow imported already. What the real entry point adds (the console script, start-up
time, pipes) is tested with `subprocess` in `test_cli_process.py`.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(["warm_imports"])


@cache
def _start_server() -> None:
    """The server finds `warm_imports` by PYTHONPATH alone, and would go without it in silence."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(Path(__file__).parent), before)))
    try:
        forkserver.ensure_running()
    finally:
        os.environ.pop("PYTHONPATH") if before is None else os.environ.update({"PYTHONPATH": before})


#: A command that takes longer is a failure, whatever the machine does besides.
_LIMIT_SECONDS = 240


@dataclass(frozen=True)
class Ended:
    """A command that ended: its exit code (−9 for SIGKILL) and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Running:
    """A command under way."""

    def __init__(self, process: Any, streams: tuple[Path, Path]) -> None:
        self.process, self.streams = process, streams

    def wait(self) -> Ended:
        self.process.join(_LIMIT_SECONDS)
        if self.process.exitcode is None:
            self.process.kill()
            raise AssertionError(f"still running after {_LIMIT_SECONDS} s: {self.err}")
        out, err = (path.read_text(encoding="utf-8") for path in self.streams)
        return Ended(self.process.exitcode, out, err)

    @property
    def err(self) -> str:
        return self.streams[1].read_text(encoding="utf-8")

    def until(self, true: Callable[[], object]) -> bool:
        """Wait for `true()`; False where the command ended before."""
        deadline = time.monotonic() + _LIMIT_SECONDS
        while not true():
            if self.process.exitcode is not None:
                return False
            assert time.monotonic() < deadline, f"waited in vain: {self.err}"
            time.sleep(0.002)
        return True

    def signal(self, number: int) -> None:
        if self.process.exitcode is None:
            os.kill(self.process.pid, number)


def start(*arguments: object, cwd: Path, patch: Callable[[], None] | None = None) -> Running:
    """`isogloss ARGUMENTS…` in `cwd`, with this process's environment.

    `patch` (a function of a test module) is called in the child first.
    """
    _start_server()
    folder = cwd / ".streams"
    folder.mkdir(exist_ok=True)
    number = len(list(folder.iterdir())) // 2
    streams = (folder / f"{number}.out", folder / f"{number}.err")
    for path in streams:
        path.touch()
    command = (*map(str, arguments),)
    process = _server.Process(target=_child, args=(command, cwd, dict(os.environ), streams, patch), daemon=True)
    process.start()
    return Running(process, streams)


def isogloss(*arguments: object, cwd: Path, **options: Any) -> Ended:
    """As :func:`start`, waited for."""
    return start(*arguments, cwd=cwd, **options).wait()


def _child(
    command: Sequence[str], cwd: Path, env: Mapping[str, str], streams: Sequence[Path], patch: Callable[[], None] | None
) -> None:
    assert "warm_imports" in sys.modules, "imported ahead by the server"
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update({**env, "OMP_NUM_THREADS": "1", "COLUMNS": "120"})
    for number, path in enumerate(streams, start=1):
        descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, buffering=1)  # noqa: SIM115
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["isogloss", *command]
    if patch is not None:
        patch()

    import torch

    from isogloss.cli import main

    torch.set_num_threads(1)
    main()
