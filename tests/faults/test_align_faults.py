"""A pipeline that trains, killed or stopped in the middle: the same command ends with the losses of an undisturbed run."""

import json
import signal
import sqlite3
from contextlib import closing
from itertools import chain

import psutil
import pytest

from command_line import isogloss, start
from small_align import write_align_pipeline
from tiny_models import make_tiny_model

STEPS = 12

pytestmark = pytest.mark.usefixtures("own_cache_and_store")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_tiny_model("llama", tmp_path_factory.mktemp("models") / "tiny")


def written(folder, model):
    return write_align_pipeline(folder, model, methods=("mist",), steps=STEPS).parent


RUN = ("run", "small.yaml", "--until", "align")


def losses(root):
    (log,) = (root / "mlruns" / "stages").glob("align-mist-*/log.jsonl")
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return {line["step"]: (line["loss"], line["grad_norm"], line["learning_rate"]) for line in lines}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, model):
    root = written(tmp_path_factory.mktemp("undisturbed"), model)
    ended = isogloss(*RUN, cwd=root)
    assert ended.code == 0, ended.err
    assert list(losses(root)) == list(range(1, STEPS + 1))
    return root


def in_work(root, pattern):
    return any((root / "mlruns" / "stages" / ".work").glob(f"align-mist-*/training/{pattern}"))


def wait_until_none_trains(root):
    """The training's own process ends by itself, a moment after the pipeline that was killed."""
    trained = [
        process for process in psutil.process_iter(["cmdline"]) if str(root) in " ".join(process.info["cmdline"] or [])
    ]
    _, alive = psutil.wait_procs(trained, timeout=60)
    assert not alive


def assert_ends_as_undisturbed(root, undisturbed):
    ended = isogloss(*RUN, cwd=root)
    assert ended.code == 0, ended.err
    assert losses(root) == losses(undisturbed)
    with closing(sqlite3.connect(root / "mlflow.db")) as connection:
        rows = connection.execute(
            "SELECT step, count(*) FROM metrics JOIN runs USING (run_uuid) WHERE key = 'train/loss' "
            "AND name = 'align-mist' AND lifecycle_stage = 'active' GROUP BY step"
        ).fetchall()
    assert rows == [(step, 1) for step in range(1, STEPS + 1)]


#: In a training's folder: before the first checkpoint, while one is written or sealed, after it, and at the end.
MOMENTS = (
    "log.jsonl",
    "checkpoints/checkpoint-2",
    "checkpoints/checkpoint-4/manifest.json",
    "checkpoints/checkpoint-6/*",
    "final/manifest.json",
)


def test_killed_again_and_again_the_losses_are_those_of_an_undisturbed_run(tmp_path, model, undisturbed):
    root = written(tmp_path / "run", model)
    killed = 0
    for moment in MOMENTS:
        running = start(*RUN, cwd=root)
        seen = running.until(lambda moment=moment: in_work(root, moment))
        running.signal(signal.SIGKILL)
        ended = running.wait()
        assert ended.code == (-signal.SIGKILL if seen else 0), ended.err
        killed += ended.code != 0
    assert killed >= len(MOMENTS) - 1
    assert_ends_as_undisturbed(root, undisturbed)


def test_sigterm_commits_a_checkpoint_and_ends_in_4(tmp_path, model, undisturbed):
    root = written(tmp_path / "run", model)
    running = start(*RUN, cwd=root)
    assert running.until(lambda: in_work(root, "log.jsonl"))
    running.signal(signal.SIGTERM)
    ended = running.wait()
    assert ended.code == 4, ended.err
    assert "Traceback" not in ended.err
    work = root / "mlruns" / "stages" / ".work"
    sealed = [path.parent.name for path in work.glob("align-mist-*/training/checkpoints/checkpoint-*/manifest.json")]
    steps = [
        json.loads(line)["step"] for line in chain(*(p.open() for p in work.glob("align-mist-*/training/log.jsonl")))
    ]
    assert f"checkpoint-{steps[-1]}" in sealed
    assert_ends_as_undisturbed(root, undisturbed)


@pytest.mark.slow
def test_a_damaged_checkpoint_is_set_aside_by_name(tmp_path, model, undisturbed):
    root = written(tmp_path / "run", model)
    running = start(*RUN, cwd=root)
    assert running.until(lambda: in_work(root, "checkpoints/checkpoint-6/manifest.json"))
    running.signal(signal.SIGKILL)
    running.wait()
    wait_until_none_trains(root)
    (checkpoints,) = (root / "mlruns" / "stages" / ".work").glob("align-mist-*/training/checkpoints")
    # Sealed ones alone: the kill may have come while the next was written.
    sealed = [manifest.parent for manifest in checkpoints.glob("checkpoint-*/manifest.json")]
    newest = max(sealed, key=lambda path: int(path.name.partition("-")[2]))
    weights = newest / "adapter_model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert_ends_as_undisturbed(root, undisturbed)
    (log,) = (root / "mlruns" / "stages").glob("align-mist-*/training.log")
    assert f"set aside as {newest.name}.damaged-1" in log.read_text(encoding="utf-8")
