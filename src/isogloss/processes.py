"""Which process wrote a run, so that a run left open can be told from one still going."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping

import psutil

HOST_TAG = "isogloss.host"
PID_TAG = "isogloss.pid"
STARTED_TAG = "isogloss.started"

# Start times are read back through the boot time, which shifts when the clock is set. A reused process id is told
# from the first one as long as the two did not start within these seconds of each other.
_CLOCK_SHIFT_SECONDS = 10.0


def identity() -> dict[str, str]:
    """Tags that name this process: host, process id, and start time (a process id alone may be reused)."""
    started = psutil.Process().create_time()
    return {HOST_TAG: platform.node(), PID_TAG: str(os.getpid()), STARTED_TAG: f"{started:.2f}"}


def is_gone(tags: Mapping[str, str]) -> bool:
    """Whether the process named by `tags` surely runs no more.

    False where that cannot be known from here: tags of another host, or none.
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
