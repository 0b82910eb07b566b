"""A fresh clone and `make run` alone: set up (once cut off on the way), a pipeline to its end, nothing left to do.

Needs a package index, and minutes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

ROOT = Path(__file__).parents[2]
SMALL = """\
name: small
model: embedded
data: {languages: [en, ko], dev1: 4, dev2: 4, test: 4}
sweep: {layers: [13], en_gammas: [1.0], loc_gammas: [1.0]}
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What git has of this checkout, with a pipeline of a minute."""
    folder = tmp_path / "isogloss"
    subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), str(folder)], check=True)
    (folder / "pipelines" / "small.yaml").write_text(SMALL, encoding="utf-8")
    return folder


def test_make_run_alone_sets_up_and_runs_to_the_end(clone: Path, tmp_path: Path) -> None:
    command = ["make", "run", "PIPELINE=pipelines/small.yaml", f"PYTHON={sys.executable}"]
    environment = {**os.environ, "ISOGLOSS_CACHE": str(tmp_path / "cache")}
    ready = clone / ".venv" / ".ready"

    def make() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True)

    cut_off = subprocess.Popen(
        command,
        cwd=clone,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while not (clone / ".venv" / "pyvenv.cfg").exists():
            assert cut_off.poll() is None, "the setup ended before it could be cut off"
            time.sleep(0.05)
    finally:
        os.killpg(cut_off.pid, signal.SIGINT)
        cut_off.wait()
    assert not ready.exists()

    first = make()
    assert first.returncode == 0, first.stderr
    assert "setting up .venv" in first.stdout
    assert ready.exists()
    assert list((clone / "mlruns" / "stages").glob("report-*/report.html"))

    second = make()
    assert second.returncode == 0, second.stderr
    assert "setting up" not in second.stdout
    assert "nothing to do" in second.stderr
    status = subprocess.run(["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True)
    assert status.stdout.split() == ["??", "pipelines/small.yaml"], "a run leaves files that git does not ignore"
