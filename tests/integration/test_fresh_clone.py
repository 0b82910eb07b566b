"""A fresh clone and `make run` alone, after a set-up that was cut off. Needs a package index, and minutes.

CI shows the rest: it tests a fresh clone (`make test`), and runs whole pipelines in one every night.
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


def test_make_run_repeats_a_set_up_that_was_cut_off_and_leaves_only_ignored_files(tmp_path: Path) -> None:
    clone = tmp_path / "isogloss"
    subprocess.run(["git", "clone", "--quiet", "--no-local", str(ROOT), str(clone)], check=True)
    (clone / "pipelines" / "small.yaml").write_text(SMALL, encoding="utf-8")
    command = ["make", "run", "PIPELINE=pipelines/small.yaml", f"PYTHON={sys.executable}"]
    environment = {**os.environ, "ISOGLOSS_CACHE": str(tmp_path / "cache")}
    ready = clone / ".venv" / ".ready"

    with subprocess.Popen(
        command,
        cwd=clone,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as cut_off:
        try:
            while not (clone / ".venv" / "pyvenv.cfg").exists():
                assert cut_off.poll() is None, "the set-up ended before it could be cut off"
                time.sleep(0.05)
        finally:
            os.killpg(cut_off.pid, signal.SIGINT)
    assert not ready.exists()

    ended = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert "setting up .venv" in ended.stdout
    assert ready.exists()
    assert list((clone / "mlruns" / "stages").glob("report-*/report.html"))
    status = subprocess.run(["git", "status", "--porcelain"], cwd=clone, capture_output=True, text=True, check=True)
    assert status.stdout.split() == ["??", "pipelines/small.yaml"], "a run leaves files that git does not ignore"
