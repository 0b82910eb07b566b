"""Start the processes of a training, follow its log, and end them all together.

The launcher starts every process itself, with the variables that torch.distributed and DeepSpeed read, rather than
through torchrun: so it sees each exit code, lets a process that was asked to stop take the time that committing a
checkpoint needs, and none outlives it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from isogloss.errors import (
    EXIT_DONE,
    EXIT_INTERRUPTED,
    EXIT_REFUSED,
    EXIT_USER,
    InterruptedRun,
    RefusedError,
    UserError,
)
from isogloss.methods.checkpoints import finished
from isogloss.methods.engine import check_engine, check_optimizer
from isogloss.methods.follow import LogFollower
from isogloss.methods.job import LOG, Job
from isogloss.methods.nodes import placed
from isogloss.methods.processes import LAUNCHER, Workers, error_text, tail
from isogloss.spec.launch import LaunchSpec

#: How often the processes and the log are looked at, in seconds.
_POLL_SECONDS = 0.1
#: After one process failed, the others have so long to end by themselves: most wait for it in a collective, for ever.
_GRACE_SECONDS = 15.0


def launch(job: Job, *, on_step: Callable[[dict[str, Any]], None] | None = None) -> None:
    """Train `job` in processes of its own, by its launch shape, and return when it has finished.

    `on_step` is called in this process with each line of `log.jsonl` that this launch writes. What each process prints
    goes to `workers/` in the job's folder. SIGTERM and SIGINT are handed to the processes, which commit a checkpoint; a
    second one ends them at once.

    Raises:
        UserError: the machine lacks what the shape asks for, or a process ended with a message for the user.
        InterruptedRun: stopped from outside; the same call goes on from the last checkpoint.
        RuntimeError: a process failed in another way; carries the end of what it printed.
    """
    job = job.model_copy(update={"launch": placed(job.launch)})
    check_engine(job.launch)
    check_optimizer(job)
    local = processes_per_node(job.launch)
    if job.launch.node_rank == 0:
        job.write()  # All nodes read the first one's, in the folder that they share.
        if not finished(job):
            _call_others(job)
    log = LogFollower(job.folder / LOG)
    with _stop_signals() as stops, Workers(job, local=local) as workers:
        _follow(workers, log, on_step, stops)
        codes = workers.codes()
    if any(codes.values()):
        raise _error(workers, codes, stopped=bool(stops))


def _call_others(job: Job) -> None:
    """Tell what to start on the other nodes, which nothing here reaches."""
    others = job.launch.nodes - 1
    if others:
        print(
            f"{job.method}: waits for {'node 1' if others == 1 else f'nodes 1 to {others}'}; there the same command in this "
            f"folder, with NODE_RANK={1 if others == 1 else f'1 … NODE_RANK={others}'} in its environment (the job is in "
            f"{job.folder})",
            file=sys.stderr,
        )


def processes_per_node(shape: LaunchSpec) -> int:
    """How many processes a node runs. Raises UserError where it lacks the GPUs."""
    if shape.processes != "auto" and shape.device != "cuda":
        return shape.processes
    import torch

    gpus = 0 if shape.device == "cpu" else torch.cuda.device_count()
    if shape.processes == "auto" and shape.device != "cuda":
        return max(1, gpus)
    wanted = 1 if shape.processes == "auto" else shape.processes
    if gpus < wanted:
        raise UserError(
            f"the launch shape asks for {wanted} GPU{'s' if wanted > 1 else ''}, this machine has {gpus or 'none'}; set "
            "processes: auto and device: auto, or device: cpu"
        )
    return gpus if shape.processes == "auto" else shape.processes


def _follow(
    workers: Workers, log: LogFollower, on_step: Callable[[dict[str, Any]], None] | None, stops: list[int]
) -> None:
    """Until every process has ended: hand on new lines of the log, and signals; end the others after a failure."""
    handed_on, kill_at = 0, float("inf")
    while running := workers.running():
        time.sleep(_POLL_SECONDS)
        for line in log.new():
            if on_step is not None:
                on_step(line)
        if len(stops) > handed_on:
            workers.signal(signal.SIGTERM if handed_on == 0 else signal.SIGKILL)
            handed_on = len(stops)
        failed = any(code not in (EXIT_DONE, EXIT_INTERRUPTED) for code in workers.codes().values())
        if failed and kill_at == float("inf"):
            kill_at = time.monotonic() + _GRACE_SECONDS
        if time.monotonic() > kill_at:
            workers.end(running)
    for line in log.new():
        if on_step is not None:
            on_step(line)


def _error(workers: Workers, codes: dict[int, int], *, stopped: bool) -> Exception:
    """The one error that stands for all processes: a message for the user before a bug; a process that was killed before
    those that failed by themselves, since they fail at once when they lose it; the first to fail before the rest.
    """
    failed = [rank for rank, code in codes.items() if code != EXIT_DONE and rank not in workers.ended]
    for rank in failed:
        if codes[rank] in (EXIT_USER, EXIT_REFUSED):
            kind = UserError if codes[rank] == EXIT_USER else RefusedError
            return kind(error_text(workers.output(rank)))
    if stopped or (failed and all(codes[rank] == EXIT_INTERRUPTED for rank in failed)):
        return InterruptedRun("the training was stopped; what is finished is kept, the same command goes on")
    rank = min(failed, key=lambda rank: codes[rank] >= 0) if failed else next(iter(codes))
    return RuntimeError(
        f"training process {rank} of {len(codes)} {_ending(codes[rank])}; the end of {workers.output(rank)}:\n"
        f"{tail(workers.output(rank))}"
    )


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    name = signal.Signals(-code).name
    return f"was killed by {name}{' (out of memory?)' if name == 'SIGKILL' else ''}"


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """SIGTERM and SIGINT are put into the list, instead of ending this process. Elsewhere than in the main thread, none are."""
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield caught
        return
    before = {
        number: signal.signal(number, lambda got, _frame: caught.append(got))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def die_with_launcher() -> None:
    """Called first by a process that was started with LAUNCHER in its environment: it ends as by SIGKILL when the one that
    started it is gone, however that ended. Does nothing in a process started otherwise.
    """
    descriptor = os.environ.pop(LAUNCHER, None)
    if descriptor is None:
        return

    def watch() -> None:
        os.read(int(descriptor), 1)  # Returns when the launcher's end of the pipe is closed: nothing is ever written.
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, name="launcher-watch", daemon=True).start()
