"""More processes for a search on this machine: each joins the study by the command that other machines use."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from isogloss.files import write_atomic
from isogloss.methods.processes import LAUNCHER
from isogloss.stages.stage import StageRun

PIPELINE = "pipeline.yaml"
OUTPUTS = "workers"


@contextmanager
def other_workers(stage: StageRun, checkpoint: str, *, count: int) -> Iterator[None]:
    """While open, `count` processes of `isogloss search-worker` share the study; none outlives it.

    They end with this process, also where that is killed. What each prints goes to `workers/` in the stage's work folder.
    One that ends early costs speed, not the study: its trial is taken over, and its end is told.
    """
    if count < 1:
        yield
        return
    settings = stage.work / PIPELINE
    write_atomic(settings, stage.spec.to_yaml())
    folder = stage.work / OUTPUTS
    folder.mkdir(exist_ok=True)
    threads = max(1, (os.cpu_count() or 1) // (count + 1))
    command = [sys.executable, "-m", "isogloss", "search-worker", str(settings), "--checkpoint", checkpoint]
    started: list[subprocess.Popen[bytes]] = []
    read, write = os.pipe()  # Closed by the system however this process ends; the workers watch it.
    try:
        for number in range(1, count + 1):
            with (folder / f"{number}.log").open("wb") as output:
                started.append(
                    subprocess.Popen(
                        command,
                        env={**os.environ, "OMP_NUM_THREADS": str(threads), LAUNCHER: str(read)},
                        pass_fds=[read],
                        stdin=subprocess.DEVNULL,
                        stdout=output,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,  # Ctrl-C reaches the first process alone, which ends the others.
                    )
                )
        yield
        for number, process in enumerate(started, start=1):
            if process.poll() not in (None, 0):
                stage.say(f"worker {number} ended with exit code {process.returncode}; see {folder / f'{number}.log'}")
    finally:
        for process in started:
            if process.poll() is None:
                process.terminate()
        for process in started:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=30)
            if process.poll() is None:
                process.kill()
                process.wait()
        os.close(read)
        os.close(write)
