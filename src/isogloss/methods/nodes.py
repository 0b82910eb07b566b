"""Where a launch shape is: which machines train together, by DeepSpeed's hostfile, and which of them this one is.

worker-1 slots=8
worker-2 slots=8          # a comment
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

from isogloss.errors import UserError
from isogloss.spec.launch import LaunchSpec

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
