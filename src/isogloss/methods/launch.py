"""Start the processes of a training, follow its log, and end them all together.

The launcher starts every process itself, with the variables that torch.distributed and DeepSpeed read, rather than
through torchrun: so it sees each exit code, lets a process that was asked to stop take the time that committing a
checkpoint needs, and none outlives it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from isogloss.errors import (
    EXIT_DONE,
    EXIT_INTERRUPTED,
    EXIT_REFUSED,
    EXIT_USER,
    InterruptedRun,
    RefusedError,
    UserError,
)
from isogloss.methods.distributed import check_engine, check_optimizer
from isogloss.methods.job import LOG, Job, finished
from isogloss.spec.align import LaunchSpec

# --------------------------------------------------------------------------------------------------------------------
# The processes of a training: started with what torch.distributed reads, ended without remainder.

#: The module that a process runs, with the job's folder.
ENTRY = "isogloss.methods.worker"
#: In the job's folder: what each process printed in the last launch, `0.log` for rank 0.
OUTPUTS = "workers"
#: The variable that names the end of a pipe at which a process notices that the one that started it is gone.
LAUNCHER = "ISOGLOSS_LAUNCHER"
#: Variables that would change which engine runs, or that another launcher left behind.
_DROPPED = ("ACCELERATE_", "TORCHELASTIC_", "DEEPSPEED_", "FSDP_")
_DISTRIBUTED = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "GROUP_RANK")


class Workers:
    """A context: inside, the processes of this node run; when it ends, however it ends, none does."""

    def __init__(self, job: Job, *, local: int) -> None:
        self.job, self.local = job, local
        self.first = (job.launch.node_rank or 0) * local
        self.ended: set[int] = set()
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._codes: dict[int, int] = {}
        self._pipe: tuple[int, int] | None = None
        self._store: Any = None

    def __enter__(self) -> Workers:
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _start(self) -> None:
        folder = self.job.folder / OUTPUTS
        folder.mkdir(parents=True, exist_ok=True)
        self._pipe = os.pipe()
        shared = self._environment(launcher=self._pipe[0])
        for local_rank in range(self.local):
            rank = self.first + local_rank
            own = {} if not self._distributed else {"RANK": str(rank), "LOCAL_RANK": str(local_rank)}
            with self.output(rank).open("wb") as output:
                self._processes[rank] = subprocess.Popen(
                    [sys.executable, "-m", ENTRY, str(self.job.folder)],
                    env={**shared, **own},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=self._pipe[:1],
                    start_new_session=True,  # Ctrl-C in the terminal reaches the launcher alone, which hands it on.
                )

    def output(self, rank: int) -> Path:
        """What a process printed."""
        return self.job.folder / OUTPUTS / f"{rank}.log"

    def running(self) -> list[int]:
        """Ranks that have not ended."""
        for rank, process in self._processes.items():
            if rank not in self._codes and (code := process.poll()) is not None:
                self._codes[rank] = code
        return [rank for rank in self._processes if rank not in self._codes]

    def codes(self) -> dict[int, int]:
        """Exit codes of those that have ended, in the order in which they did; −9 for SIGKILL."""
        return dict(self._codes)

    def signal(self, number: int) -> None:
        """Send a signal to those that still run."""
        for rank in self.running():
            with suppress(ProcessLookupError):
                os.kill(self._processes[rank].pid, number)

    def end(self, ranks: Iterable[int]) -> None:
        """Kill these, with all that they started; `ended` remembers them."""
        for rank in ranks:
            self.ended.add(rank)
            with suppress(ProcessLookupError):
                os.killpg(self._processes[rank].pid, signal.SIGKILL)
            self._processes[rank].wait()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end(self.running())
        if self._pipe is not None:
            for descriptor in self._pipe:
                os.close(descriptor)
        self._store = None

    @property
    def _distributed(self) -> bool:
        shape = self.job.launch
        return self.local * shape.nodes > 1 or shape.engine == "deepspeed"

    def _environment(self, *, launcher: int) -> dict[str, str]:
        shape = self.job.launch
        env = {name: value for name, value in os.environ.items() if not name.startswith(_DROPPED)}
        for name in _DISTRIBUTED:
            env.pop(name, None)
        env[LAUNCHER] = str(launcher)
        env["PYTHONUNBUFFERED"] = "1"
        env["TOKENIZERS_PARALLELISM"] = "false"
        env.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # Threads that wait for others leave them the cores.
        if shape.threads is not None or self.local > 1:
            env["OMP_NUM_THREADS"] = str(shape.threads or max(1, (os.cpu_count() or 1) // self.local))
        if shape.engine == "deepspeed" and shape.zero == 3:
            # What is gathered and given back a thousand times goes back to the machine, not into holes of the heap.
            env.setdefault("MALLOC_MMAP_THRESHOLD_", str(2**20))
        if shape.device == "cpu":
            env["CUDA_VISIBLE_DEVICES"] = ""
            env["DS_ACCELERATOR"] = "cpu"
        if self._distributed:
            env |= self._meeting()
        return env

    def _meeting(self) -> dict[str, str]:
        """Where the processes find each other. On one node a store in this process, so that no port can be taken in
        between; on several the process of rank 0 holds it.
        """
        shape = self.job.launch
        world = {"WORLD_SIZE": str(self.local * shape.nodes), "LOCAL_WORLD_SIZE": str(self.local)}
        if shape.nodes > 1:
            host, _, port = str(shape.rendezvous).rpartition(":")
            if host.startswith("127.") and sys.platform == "linux":
                world["GLOO_SOCKET_IFNAME"] = "lo"  # Nodes that are one machine.
            return {**world, "MASTER_ADDR": host, "MASTER_PORT": port, "GROUP_RANK": str(shape.node_rank or 0)}
        from torch.distributed import TCPStore

        self._store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
        world |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(self._store.port), "GROUP_RANK": "0"}
        if sys.platform == "linux":
            world["GLOO_SOCKET_IFNAME"] = "lo"  # The host's own name need not resolve.
        return {**world, "TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "0"}


def error_text(output: Path) -> str:
    """The message with which a process ended: what follows the last `error: ` at the start of a line."""
    text = output.read_text(encoding="utf-8", errors="replace")
    _, found, message = f"\n{text}".rpartition("\nerror: ")
    return message.strip() if found else tail(output)


def tail(output: Path, *, lines: int = 30) -> str:
    """The last lines that a process printed."""
    return "\n".join(output.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


# --------------------------------------------------------------------------------------------------------------------
# Where a launch shape is: which machines train together, by DeepSpeed's hostfile, and which of them this one is.
#
# worker-1 slots=8
# worker-2 slots=8          # a comment

_LINE = re.compile(r"(?P<name>\S+)\s+slots=(?P<slots>\d+)")
#: Variables that say which node this is: the one that launchers agree on, and SLURM's.
NODE_RANKS = ("NODE_RANK", "SLURM_NODEID")
#: Where they meet, on the first host, unless the launch shape says.
_PORT = 29500


class Host(NamedTuple):
    """A machine by name or address, and its processes."""

    name: str
    slots: int


def read_hostfile(path: Path) -> tuple[Host, ...]:
    """The hosts in their order. Raises UserError with file and line for what is none, for a host that stands twice, and where
    hosts have different numbers of slots.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as a hostfile: {error}") from error
    hosts: list[Host] = []
    for number, line in enumerate(lines, start=1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        match = _LINE.fullmatch(text)
        if match is None or int(match["slots"]) < 1:
            raise UserError(f"{path}:{number}: not a host, which is written as: worker-1 slots=8")
        if match["name"] in (host.name for host in hosts):
            raise UserError(f"{path}:{number}: {match['name']} stands twice")
        hosts.append(Host(match["name"], int(match["slots"])))
    if not hosts:
        raise UserError(f"{path}: names no host; a line is, for example, worker-1 slots=8")
    if len({host.slots for host in hosts}) > 1:
        raise UserError(
            f"{path}: all hosts need the same number of slots, as every process takes an equal share of a batch"
        )
    return tuple(hosts)


def placed(shape: LaunchSpec) -> LaunchSpec:
    """The shape with nodes, processes and rendezvous that its hostfile says, and with this node's rank: its own, that of the
    environment, else 0.

    Raises UserError for a hostfile that is none, and for a rank that is none of its nodes'.
    """
    if shape.hostfile is not None:
        hosts = read_hostfile(shape.hostfile)
        shape = shape.model_copy(
            update={
                "hostfile": None,
                "processes": hosts[0].slots,
                "nodes": len(hosts),
                "rendezvous": shape.rendezvous or f"{hosts[0].name}:{_PORT}",
            }
        )
    return shape.model_copy(update={"node_rank": _rank(shape)})


def _rank(shape: LaunchSpec) -> int:
    if shape.nodes == 1:
        return 0  # Whatever a scheduler says: this machine trains alone.
    where, said = next(((name, os.environ[name]) for name in NODE_RANKS if os.environ.get(name)), ("node_rank", "0"))
    if shape.node_rank is not None:
        where, said = "node_rank", str(shape.node_rank)
    if not said.isdecimal() or int(said) >= shape.nodes:
        raise UserError(f"{where}: {said} is none of the {shape.nodes} nodes, which are 0 to {shape.nodes - 1}")
    return int(said)


# --------------------------------------------------------------------------------------------------------------------
# Follow a growing `log.jsonl`, from another process.


class LogFollower:
    """Hands out the lines that are written from now on, each once, and only whole ones.

    A training that goes on from a checkpoint cuts the log back first: the lines that stay are not handed out again.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lines: list[bytes] = []
        self._file, self._offset = 0, 0
        self.new()

    def new(self) -> list[dict[str, Any]]:
        """Lines written since the last call."""
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                rewritten = status.st_ino != self._file or status.st_size < self._offset
                file.seek(0 if rewritten else self._offset)
                content = file.read()
        except FileNotFoundError:
            return []
        whole, _, _ = content.rpartition(b"\n")
        lines = whole.split(b"\n") if whole else []
        length = len(whole) + 1 if lines else 0
        if not rewritten:
            self._offset += length
            self._lines += lines
            return [json.loads(line) for line in lines]
        kept = 0
        while kept < min(len(lines), len(self._lines)) and lines[kept] == self._lines[kept]:
            kept += 1
        self._file, self._offset, self._lines = status.st_ino, length, lines
        return [json.loads(line) for line in lines[kept:]]


# --------------------------------------------------------------------------------------------------------------------

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
