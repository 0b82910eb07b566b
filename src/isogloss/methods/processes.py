"""The processes of a training: started with what torch.distributed reads, ended without remainder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

from isogloss.methods.job import Job

#: The module that a process runs, with the job's folder.
ENTRY = "isogloss.methods.launched"
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
