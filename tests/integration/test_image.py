"""The cpu image from an engine: it builds, runs as an ordinary user, and `isogloss --help` works. Needs minutes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

ROOT = Path(__file__).parents[2]


def docker(*arguments: str) -> str:
    ended = subprocess.run(["docker", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-4000:]
    return ended.stdout


def test_the_image_builds_and_isogloss_runs_in_it_as_an_ordinary_user() -> None:
    if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode:
        pytest.skip("no Docker engine answers on this machine")
    index = os.environ.get("PIP_EXTRA_INDEX_URL", "")
    docker("build", "--target", "cpu", "--build-arg", f"TORCH_INDEX={index}", "--tag", "isogloss:test", ".")
    assert docker("run", "--rm", "--entrypoint", "id", "isogloss:test", "--user").strip() == "1000"
    assert "evaluate" in docker("run", "--rm", "isogloss:test", "--help")
    assert "all is well" in docker("run", "--rm", "isogloss:test", "doctor", "--quick")
