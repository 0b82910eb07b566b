"""The README's tour and Python example, and those of docs/python.md, run as they are written, on few questions."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.model, pytest.mark.timeout(1200)]

ROOT = Path(__file__).parents[2]
FEW = "--set data.dev1=8 --set data.test=4"


def blocks(document: str, language: str) -> list[str]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def run(command: list[str], folder: Path) -> str:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ended = subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True)
    assert ended.returncode == 0, f"{command}\n{ended.stdout[-2000:]}{ended.stderr[-4000:]}"
    return ended.stdout


def test_the_tour_and_the_python_examples_run(tmp_path: Path) -> None:
    (tmp_path / "pipelines").symlink_to(ROOT / "pipelines")
    (tour,) = blocks("README.md", "console")
    commands = [line.removeprefix("$ ") for line in tour.splitlines() if line.startswith("$ ")]
    assert [command.split()[1] for command in commands if command.startswith("isogloss")] == [
        *("run", "evaluate", "vectors", "evaluate", "generate")
    ]
    commands[0] += f" {FEW}"
    for command in commands:
        run(["bash", "-euc", command], tmp_path)
    for document in ("README.md", "docs/python.md"):
        run([sys.executable, "-c", "\n".join(blocks(document, "python"))], tmp_path)
