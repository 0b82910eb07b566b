"""Kills, signals, rivals, damage, full disks and lost stores: the same command again ends as if nothing had been."""

import errno
import json
import os
import random
import shutil
import signal
import sqlite3
import time
from contextlib import closing

import pytest

from command_line import isogloss, start
from isogloss.spec import STAGES
from small_data import write_pipeline
from tiny_models import make_tiny_model

#: Enough items for several chunks a stage, so that a kill can come between two.
GROUPS = 26


@pytest.fixture(scope="module", autouse=True)
def _surroundings(tmp_path_factory):
    """A cache and an MLflow store for all: making a store takes seconds, and the runs keep apart by their journals."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISOGLOSS_CACHE", str(tmp_path_factory.mktemp("cache")))
        store = tmp_path_factory.mktemp("store") / "mlflow.db"
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store}")
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_tiny_model("llama", tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, model):
    """Folder and duration in seconds of a run that nothing disturbed. Copy it before changing it."""
    root = tmp_path_factory.mktemp("undisturbed")
    write_pipeline(root, model, groups=GROUPS)
    started = time.monotonic()
    ended = isogloss("run", "small.yaml", cwd=root)
    assert ended.code == 0, ended.err
    return root, time.monotonic() - started


@pytest.fixture
def fresh(tmp_path, model):
    return write_pipeline(tmp_path / "run", model, groups=GROUPS).parent


@pytest.fixture
def copied(undisturbed, tmp_path):
    """A finished folder to damage. Its journal is a new one, so its MLflow runs are its own."""
    shutil.copytree(undisturbed[0], tmp_path / "run", ignore=shutil.ignore_patterns("pipelines"))
    return tmp_path / "run"


def stages(root):
    return root / "mlruns" / "stages"


def results(root):
    """The results without what differs between two runs: times and date."""
    (path,) = stages(root).glob("analyse-*/results.json")
    found = json.loads(path.read_text(encoding="utf-8"))
    return {name: value for name, value in found.items() if name not in ("seconds", "date")}


def recorded(root):
    """Name → status of this folder's runs in MLflow, once no metric stands twice at a step in any of them."""
    (journal,) = (root / "mlruns" / "pipelines").glob("*/journal.jsonl")
    name = json.loads(journal.read_text(encoding="utf-8").splitlines()[0])["id"]
    store = os.environ["MLFLOW_TRACKING_URI"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(store)) as connection:
        query = (
            "SELECT run_uuid, name, status FROM runs JOIN tags USING (run_uuid) "
            "WHERE key = 'isogloss.journal' AND value = ? AND lifecycle_stage = 'active'"
        )
        runs = connection.execute(query, (name,)).fetchall()
        for run_id, run, _ in runs:
            twice = connection.execute(
                "SELECT key, step FROM metrics WHERE run_uuid = ? GROUP BY key, step HAVING count(*) > 1", (run_id,)
            ).fetchall()
            assert twice == [], f"{run}: {twice}"
    assert len({run for _, run, _ in runs}) == len(runs)
    return {run: status for _, run, status in runs}


FINISHED = dict.fromkeys(("small", *STAGES), "FINISHED")


def assert_ends_as_undisturbed(root, undisturbed):
    ended = isogloss("run", "small.yaml", "--json", cwd=root)
    assert ended.code == 0, ended.err
    assert results(root) == results(undisturbed[0])
    shown = recorded(root)
    assert shown == recorded(undisturbed[0])
    assert FINISHED.items() <= shown.items()
    assert [path.name for path in stages(root).glob(".*") if path.name != ".work"] == []
    (state,) = isogloss("status", "small.yaml", "--json", cwd=root).json
    assert (state["state"], set(state["stages"].values())) == ("finished", {"finished"})
    assert isogloss("run", "small.yaml", "--json", cwd=root).json["ran"] == []
    return ended.json


#: Moments in the order of a run: when one of these files is there, the process is killed.
MOMENTS = (
    "pipelines/*/journal.jsonl",
    "stages/.data-*/choices.jsonl",
    "stages/.work/baseline-*/test-0000-0.jsonl",
    "stages/.baseline-*/baseline.jsonl",
    "stages/baseline-*/manifest.json",
    "stages/.vectors-*/en/manifest.json",
    "stages/.work/sweep-*/*-0000-3.jsonl",
    "stages/.work/sweep-*/*-0000-6.jsonl",
    "stages/.sweep-*/sweep.json",
    "stages/.work/evaluate-*/*-0000-3.jsonl",
    "stages/.analyse-*/results.json",
    "stages/report-*/manifest.json",
)


def test_killed_at_every_stage_one_after_another(fresh, undisturbed):
    killed = 0
    for moment in MOMENTS:
        running = start("run", "small.yaml", cwd=fresh)
        seen = running.until(lambda moment=moment: any((fresh / "mlruns").glob(moment)))
        running.signal(signal.SIGKILL)
        ended = running.wait()
        assert ended.code == (-signal.SIGKILL if seen else 0), ended.err
        killed += ended.code != 0
    # The last of them may come too late, when the record is all that is left to do.
    assert killed >= len(MOMENTS) - 1
    assert_ends_as_undisturbed(fresh, undisturbed)


SLOW = pytest.mark.slow


@SLOW
@pytest.mark.parametrize("seed", range(6))
def test_killed_at_random_moments(fresh, undisturbed, seed):
    rng = random.Random(seed)
    for _ in range(3):
        running = start("run", "small.yaml", cwd=fresh)
        moment = time.monotonic() + rng.uniform(0, undisturbed[1])
        running.until(lambda moment=moment: time.monotonic() > moment)
        running.signal(signal.SIGKILL)
        assert running.wait().code in (-signal.SIGKILL, 0)
    assert_ends_as_undisturbed(fresh, undisturbed)


def test_scored_conditions_are_not_scored_again(fresh):
    running = start("run", "small.yaml", "--until", "sweep", cwd=fresh)
    assert running.until(lambda: any(stages(fresh).glob(".work/sweep-*/*-0000-2.jsonl")))
    running.signal(signal.SIGKILL)
    assert running.wait().code == -signal.SIGKILL
    kept = {path: path.stat().st_mtime_ns for path in stages(fresh).glob(".work/sweep-*/*-0000-*.jsonl")}
    assert kept
    (state,) = isogloss("status", "small.yaml", "--json", cwd=fresh).json
    assert (state["state"], state["stages"]["sweep"]) == ("stopped (killed)", "stopped (killed)")
    again = start("run", "small.yaml", "--until", "sweep", cwd=fresh)
    assert again.until(lambda: any(stages(fresh).glob(".sweep-*")))
    running_stage = {path: path.stat().st_mtime_ns for path in kept if path.exists()}
    assert running_stage.items() <= kept.items()
    assert again.wait().code == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=SLOW)])
def test_a_polite_signal_ends_in_4_and_the_record_says_killed(fresh, undisturbed, number):
    running = start("run", "small.yaml", cwd=fresh)
    assert running.until(lambda: any(stages(fresh).glob(".work/sweep-*/*-0000-0.jsonl")))
    running.signal(number)
    ended = running.wait()
    assert ended.code == 4
    assert ended.err.splitlines()[-1] == (
        "isogloss: stopped in sweep; what is finished is kept, the same command goes on"
    )
    assert "Traceback" not in ended.err
    shown = recorded(fresh)
    assert (shown["small"], shown["sweep"], shown["vectors"]) == ("KILLED", "KILLED", "FINISHED")
    assert not list(stages(fresh).glob(".sweep-*"))
    (state,) = isogloss("status", "small.yaml", "--json", cwd=fresh).json
    assert (state["state"], state["stages"]["sweep"]) == ("stopped", "stopped")
    plan = isogloss("plan", "small.yaml", "--json", cwd=fresh).json
    assert [one["stage"] for one in plan["stages"] if one["cached"]] == ["data", "baseline", "vectors"]
    said = assert_ends_as_undisturbed(fresh, undisturbed)
    assert said["ran"] == ["sweep", "evaluate", "analyse", "report"]


def test_stopped_politely_then_killed_after_the_seal(fresh, undisturbed):
    """The journal says KILLED of a stage whose folder is whole: the next run must still record it."""
    running = start("run", "small.yaml", cwd=fresh)
    assert running.until(lambda: any(stages(fresh).glob(".work/sweep-*/*-0000-0.jsonl")))
    running.signal(signal.SIGTERM)
    assert running.wait().code == 4
    running = start("run", "small.yaml", cwd=fresh, patch=_die_after_the_seal)
    assert running.wait().code == -signal.SIGKILL
    assert list(stages(fresh).glob("sweep-*/manifest.json"))
    said = assert_ends_as_undisturbed(fresh, undisturbed)
    assert said["reused"] == ["data", "baseline", "vectors", "sweep"]


def _die_after_the_seal():
    from isogloss.pipeline import run as engine

    def die(*_record):
        os.kill(os.getpid(), signal.SIGKILL)

    engine.record_stage = die


def test_two_at_once(fresh, undisturbed):
    first = start("run", "small.yaml", cwd=fresh)
    assert first.until(lambda: any(stages(fresh).glob(".data-*")) or any(stages(fresh).glob("data-*")))
    second = isogloss("run", "small.yaml", cwd=fresh)
    assert second.code == 2
    assert "small: another process is running this pipeline. Wait for it, or see `isogloss status`." in second.err
    assert "Traceback" not in second.err
    assert first.wait().code == 0
    assert_ends_as_undisturbed(fresh, undisturbed)


def test_two_pipelines_that_share_stages_at_once(fresh):
    """They differ from the sweep on; below it one makes each stage and the other waits for it."""
    command = ("run", "small.yaml", "--until", "sweep", "--set")
    running = [start(*command, f"sweep.tolerance={tolerance}", cwd=fresh) for tolerance in (0.05, 0.5)]
    for one in running:
        ended = one.wait()
        assert ended.code == 0, ended.err
    for name, count in (("data", 1), ("baseline", 1), ("vectors", 1), ("sweep", 2)):
        assert len(list(stages(fresh).glob(f"{name}-*"))) == count


@pytest.mark.parametrize(
    "stage", ["vectors", "report", *(pytest.param(stage, marks=SLOW) for stage in ("data", "sweep", "evaluate"))]
)
def test_a_flipped_byte_is_noticed_and_the_stage_made_again(copied, undisturbed, stage):
    (folder,) = stages(copied).glob(f"{stage}-*")
    largest = max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)
    doctor = isogloss("doctor", cwd=copied)
    assert doctor.code == 0
    assert f"damaged stage: {largest}: content differs from its sha256 in the manifest" in doctor.out.replace("\n", "")
    plan = isogloss("plan", "small.yaml", cwd=copied)
    assert plan.out.count("damaged, runs again") == 1
    said = assert_ends_as_undisturbed(copied, undisturbed)
    assert said["ran"] == [stage]


@pytest.mark.parametrize(
    "how", ["manifest", "file", *(pytest.param(how, marks=SLOW) for how in ("folder", "truncated"))]
)
def test_a_stage_that_lost_something_is_made_again(copied, undisturbed, how):
    (folder,) = stages(copied).glob("baseline-*")
    match how:
        case "manifest":
            (folder / "manifest.json").unlink()
        case "file":
            (folder / "dev2.jsonl").unlink()
        case "folder":
            shutil.rmtree(folder)
        case "truncated":
            os.truncate(folder / "dev2.jsonl", 10)
    assert assert_ends_as_undisturbed(copied, undisturbed)["ran"] == ["baseline"]


@pytest.mark.slow
def test_what_a_kill_left_of_a_finished_stage_is_dropped(copied):
    finished = next((copied / "mlruns" / "stages").glob("baseline-*"))
    left = finished.parent / ".work" / finished.name
    (left / "checkpoints").mkdir(parents=True)
    (left / "checkpoints" / "step-50").write_bytes(b"0" * 1000)
    ended = isogloss("run", "small.yaml", cwd=copied)
    assert ended.code == 0, ended.err
    assert not left.exists()
    assert finished.is_dir()


def test_a_locked_store_loses_nothing(fresh, undisturbed, tmp_path, monkeypatch):
    store = tmp_path / "locked.db"
    shutil.copy(os.environ["MLFLOW_TRACKING_URI"].removeprefix("sqlite:///"), store)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{store}")
    with closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        ended = isogloss("run", "small.yaml", cwd=fresh)
        assert ended.code == 0, ended.err
        assert ended.err.count("could not take the record") == 1
        assert "MLflow entries wait in" in ended.err
        connection.execute("ROLLBACK")
    assert_ends_as_undisturbed(fresh, undisturbed)


def test_an_absent_server_loses_nothing(fresh, undisturbed, monkeypatch):
    there = os.environ["MLFLOW_TRACKING_URI"]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    ended = isogloss("run", "small.yaml", cwd=fresh)
    assert ended.code == 0, ended.err
    assert "Nothing is lost" in ended.err
    monkeypatch.setenv("MLFLOW_TRACKING_URI", there)
    assert_ends_as_undisturbed(fresh, undisturbed)


def _disk_full_in_the_sweep():
    from isogloss import files

    seal = files.seal

    def full(folder, **facts):
        if folder.name.startswith(".sweep-"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
        return seal(folder, **facts)

    files.seal = full


def test_a_full_disk_is_said_and_leaves_nothing_half_written(fresh, undisturbed):
    ended = isogloss("run", "small.yaml", cwd=fresh, patch=_disk_full_in_the_sweep)
    assert ended.code == 2
    assert "No space left on device" in ended.err
    assert "Traceback" not in ended.err
    assert list(stages(fresh).glob("*sweep-*")) == []
    (state,) = isogloss("status", "small.yaml", "--json", cwd=fresh).json
    assert (state["state"], state["stages"]["sweep"]) == ("failed", "failed")
    assert_ends_as_undisturbed(fresh, undisturbed)


def test_a_store_folder_that_cannot_be(fresh):
    (fresh / "mlruns").write_text("a file")
    ended = isogloss("run", "small.yaml", cwd=fresh)
    assert ended.code == 2
    assert "Not a directory" in ended.err
    assert "Traceback" not in ended.err


def test_a_model_that_changed_is_another_model(copied, model):
    """Nothing measured on the old weights is used for the new ones, though they lie in the same place."""
    other = copied / "model"
    shutil.copytree(model, other)
    (copied / "small.yaml").write_text((copied / "small.yaml").read_text().replace(str(model), "./model"))
    assert all(one["cached"] for one in isogloss("plan", "small.yaml", "--json", cwd=copied).json["stages"][:-2])
    make_tiny_model("qwen3", other)
    plan = isogloss("plan", "small.yaml", "--json", cwd=copied).json
    assert [one["stage"] for one in plan["stages"] if one["cached"]] == ["data"]
