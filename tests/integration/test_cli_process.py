"""The console script itself in a fresh process: exit codes, pipes, full outputs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from small_data import item, small_items, write_jsonl
from tiny_models import make_tiny_model

SCRIPT = Path(sys.executable).parent / "isogloss"


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    folder = tmp_path_factory.mktemp("here")
    make_tiny_model("llama", folder / "model")
    write_jsonl(folder / "items.jsonl", small_items(groups=2))
    write_jsonl(folder / "wrong.jsonl", [item(answer="0")])
    return folder


def command(here, *arguments, **settings):
    environment = {**os.environ, "ISOGLOSS_CACHE": str(here / "cache"), "OMP_NUM_THREADS": "1"}
    assert SCRIPT.exists(), "the package is installed, with its console script"
    options = {"capture_output": True, "text": True, "timeout": 120, "cwd": here, "env": environment, **settings}
    return subprocess.run([SCRIPT, *arguments], **options)


def test_done_is_0_with_json_on_stdout_alone(here):
    ended = command(here, "evaluate", "./model", "items.jsonl", "--json")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["model"] == "./model"
    assert [line for line in ended.stderr.splitlines() if not line.startswith("isogloss: ")] == []


def test_the_users_mistakes_are_2(here):
    ended = command(here, "evaluate", "./model", "wrong.jsonl")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        'isogloss: wrong.jsonl:1: answer: input should be a valid integer, not "0"\n1 problem; nothing was read.\n'
    )


@pytest.mark.parametrize("form", [["--json"], pytest.param([], marks=pytest.mark.slow)])
def test_a_reader_that_goes_away_is_no_error(here, form):
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as closed:
        ended = command(
            here,
            "evaluate",
            "./model",
            "items.jsonl",
            *form,
            capture_output=False,
            stdout=closed,
            stderr=subprocess.PIPE,
        )
    assert ended.returncode == 0
    assert "Broken" not in ended.stderr
    assert "Exception" not in ended.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_output_is_2(here):
    with Path("/dev/full").open("wb") as full:
        ended = command(
            here,
            "evaluate",
            "./model",
            "items.jsonl",
            "--json",
            capture_output=False,
            stdout=full,
            stderr=subprocess.PIPE,
        )
    assert ended.returncode == 2
    assert "isogloss: No space left on device" in ended.stderr
    assert "Exception" not in ended.stderr


def test_help_piped_to_head(here):
    assert shutil.which("head")
    ended = subprocess.run(
        ["bash", "-c", f"'{SCRIPT}' --help | head -1; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0
    assert ended.stdout.strip()
    assert ended.stderr == ""
