"""DeepSpeed's hostfile: which machines train together, with how many processes each.

worker-1 slots=8
worker-2 slots=8          # a comment
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from isogloss.errors import UserError
from isogloss.spec.launch import LaunchSpec

_LINE = re.compile(r"(?P<name>\S+)\s+slots=(?P<slots>\d+)")
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


def on_hosts(shape: LaunchSpec) -> LaunchSpec:
    """The shape with nodes, processes and rendezvous that its hostfile says; as it is where it has none."""
    if shape.hostfile is None:
        return shape
    hosts = read_hostfile(shape.hostfile)
    return shape.model_copy(
        update={
            "hostfile": None,
            "processes": hosts[0].slots,
            "nodes": len(hosts),
            "node_rank": shape.node_rank,
            "rendezvous": shape.rendezvous or f"{hosts[0].name}:{_PORT}",
        }
    )
