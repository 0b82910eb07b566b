"""Start the processes of a training, follow its log, and end them all together.

The launcher starts every process itself, with the variables that torch.distributed and DeepSpeed read, rather than
through torchrun. So it sees each exit code, and a process that was asked to stop has the time to commit a checkpoint.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from isogloss.errors import EXIT_DONE, EXIT_INTERRUPTED, InterruptedRun, UserError
from isogloss.methods.distributed import check_engine, check_optimizer
from isogloss.methods.job import LOG, Job, finished
from isogloss.processes import Children, caught_signals, last_lines, user_error
from isogloss.spec.align import SLURM, LaunchSpec

#: The module that a process runs, with the job's folder.
ENTRY = "isogloss.methods.worker"
#: In the job's folder: what each process printed in the last launch, `0.log` for rank 0.
OUTPUTS = "workers"

#: How often the processes and the log are looked at, in seconds.
_POLL_SECONDS = 0.1
#: After one process failed, the others have so long to end by themselves: most wait for it in a collective, for ever.
_GRACE_SECONDS = 15.0


def launch(job: Job, *, on_step: Callable[[dict[str, Any]], None] | None = None) -> None:
    """Train `job` in other processes, by its launch shape, and return when it has finished.

    What each process prints goes to `workers/` in the job's folder. SIGTERM and SIGINT are handed to the processes,
    which commit a checkpoint; a second signal ends them at once.

    Args:
        job: what to train, and how it is launched.
        on_step: called in this process with each line of `log.jsonl` that this launch writes.

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
    with caught_signals() as stops, Workers(job, local=local) as workers:
        _follow(workers, log, on_step, stops)
        codes = workers.codes()
    if any(codes.values()):
        raise _error(workers, codes, stopped=bool(stops))


def _call_others(job: Job) -> None:
    """Print what to start on the other nodes: nothing here reaches them."""
    others = job.launch.nodes - 1
    if others:
        print(
            f"{job.method}: waits for {'node 1' if others == 1 else f'nodes 1 to {others}'}; there the same command in this "
            f"folder, with NODE_RANK={1 if others == 1 else f'1 … NODE_RANK={others}'} in its environment (the job is in "
            f"{job.folder})",
            file=sys.stderr,
        )


def processes_per_node(shape: LaunchSpec) -> int:
    """How many processes a node runs. Raises UserError if it lacks the GPUs."""
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
    """Until every process has ended: hand on new lines of the log, and signals; kill the others after a failure."""
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
            workers.kill(running)
    for line in log.new():
        if on_step is not None:
            on_step(line)


def _error(workers: Workers, codes: dict[int, int], *, stopped: bool) -> Exception:
    """The one error that stands for all processes, the first that there is of these.

    A message for the user; a stop from outside; the process that was killed, since the others fail when they lose it; the
    process that failed first.
    """
    failed = [rank for rank, code in codes.items() if code != EXIT_DONE and rank not in workers.killed]
    for rank in failed:
        if (error := user_error(codes[rank], workers.outputs[rank])) is not None:
            return error
    if stopped or (failed and all(codes[rank] == EXIT_INTERRUPTED for rank in failed)):
        return InterruptedRun("the training was stopped; what is finished is kept, the same command goes on")
    rank = min(failed, key=lambda rank: codes[rank] >= 0) if failed else next(iter(codes))
    return RuntimeError(
        f"training process {rank} of {len(codes)} {_ending(codes[rank])}; the end of {workers.outputs[rank]}:\n"
        f"{last_lines(workers.outputs[rank])}"
    )


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    name = signal.Signals(-code).name
    return f"was killed by {name}{' (out of memory?)' if name == 'SIGKILL' else ''}"


# --------------------------------------------------------------------------------------------------------------------
# The processes of this node

#: Variables that would change which engine runs, or that another launcher left behind.
_DROPPED = ("ACCELERATE_", "TORCHELASTIC_", "DEEPSPEED_", "FSDP_")
_DISTRIBUTED = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "GROUP_RANK")


class Workers(Children):
    """The processes of this node, by rank, with the variables that torch.distributed and DeepSpeed read."""

    def __init__(self, job: Job, *, local: int) -> None:
        super().__init__()
        self.job, self.local = job, local
        self._store: Any = None

    def __enter__(self) -> Workers:
        super().__enter__()
        try:
            shared, first = self._environment(), (self.job.launch.node_rank or 0) * self.local
            for local_rank in range(self.local):
                rank = first + local_rank
                ranks = {"RANK": str(rank), "LOCAL_RANK": str(local_rank)} if self._distributed else {}
                command = [sys.executable, "-m", ENTRY, str(self.job.folder)]
                self.start(rank, command, output=self.job.folder / OUTPUTS / f"{rank}.log", env={**shared, **ranks})
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    @property
    def _distributed(self) -> bool:
        shape = self.job.launch
        return self.local * shape.nodes > 1 or shape.engine == "deepspeed"

    def _environment(self) -> dict[str, str]:
        shape = self.job.launch
        env = {name: value for name, value in os.environ.items() if not name.startswith(_DROPPED)}
        for name in _DISTRIBUTED:
            env.pop(name, None)
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


# --------------------------------------------------------------------------------------------------------------------
# Several machines: where they meet, and which of them this one is

#: Variables that say which node this is: the one that launchers agree on, and Slurm's.
NODE_RANKS = ("NODE_RANK", "SLURM_NODEID")
#: Where Slurm's nodes meet, on the first of them.
_PORT = 29500


def placed(shape: LaunchSpec) -> LaunchSpec:
    """The shape with this node's rank and with the rendezvous that `slurm` stands for.

    The rank is that of the shape, else that of the environment, else 0.

    Raises:
        UserError: no node has that rank, or Slurm started no job here that names its nodes.
    """
    if shape.nodes > 1 and shape.rendezvous == SLURM:
        shape = shape.model_copy(update={"rendezvous": f"{_first_host()}:{_PORT}"})
    return shape.model_copy(update={"node_rank": _rank(shape)})


def _first_host() -> str:
    """The first of Slurm's nodes: `gpu[01-04],cpu7` starts with gpu01."""
    nodes = os.environ.get("SLURM_STEP_NODELIST") or os.environ.get("SLURM_JOB_NODELIST")
    if not nodes:
        raise UserError("rendezvous: slurm needs SLURM_JOB_NODELIST, which srun and sbatch set; or write HOST:PORT")
    return re.sub(r"\[(\d+)[^\]]*\]", r"\1", nodes).partition(",")[0]


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
# The log of a training, read while it grows


class LogFollower:
    """Hands out each whole line of `log.jsonl` that is written from now on, once.

    A training that resumes from a checkpoint cuts the log back first: the lines that stay are not handed out again.
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
