"""The launcher with stand-ins for training processes: what they see, how their ends become one error, that none is left."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from isogloss.errors import InterruptedRun, RefusedError, UserError
from isogloss.methods import launch as launching
from isogloss.methods.job import Job
from isogloss.methods.launch import LogFollower, launch, processes_per_node
from isogloss.spec.align import LaunchSpec, MistSection, load_launch

HERE = Path(__file__).parent.parent
SHAPES = sorted((HERE.parent / "pipelines" / "launch").glob("*.yaml"))
WRITE_STEP = "open(folder / 'log.jsonl', 'a').write('{\"step\": %d}\\n')\n"
FOR_EVER = "import signal\nwhile True: signal.pause()\n"


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    monkeypatch.setattr(launching, "ENTRY", "fake_worker")
    monkeypatch.setenv("PYTHONPATH", str(HERE), prepend=os.pathsep)


def a_job(folder, script, **shape):
    job = Job(
        method="mist", model_name="m", model_path=folder, model_digest="0", languages=("en",), instructions=(),
        instructions_digest="0", mist=MistSection(), launch=LaunchSpec(device="cpu", **shape), folder=folder,
    )  # fmt: skip
    (folder / "script.py").write_text(script, encoding="utf-8")
    return job


def command_of(process):
    """A process's command line; empty once it has ended, waited for or not."""
    try:
        return process.cmdline()
    except (psutil.ZombieProcess, psutil.NoSuchProcess):
        return []


def children():
    return [child for child in psutil.Process().children() if "fake_worker" in command_of(child)]


def test_lines_of_the_log_are_handed_on_as_they_come(tmp_path):
    seen = []
    launch(a_job(tmp_path, "".join(WRITE_STEP % step for step in (1, 2, 3))), on_step=seen.append)
    assert seen == [{"step": 1}, {"step": 2}, {"step": 3}]
    assert Job.read(tmp_path).method == "mist"


def test_what_the_processes_see(tmp_path, monkeypatch):
    monkeypatch.setenv("ACCELERATE_USE_CPU", "true")  # would drop DeepSpeed without a word
    monkeypatch.setenv("RANK", "7")
    script = "import json; json.dump(dict(os.environ), open(folder / f'{rank}.json', 'w'))"
    launch(a_job(tmp_path, script, processes=2, threads=3))
    for rank in (0, 1):
        seen = json.loads((tmp_path / f"{rank}.json").read_text())
        assert (seen["RANK"], seen["LOCAL_RANK"], seen["WORLD_SIZE"]) == (str(rank), str(rank), "2")
        assert (seen["MASTER_ADDR"], seen["OMP_NUM_THREADS"], seen["CUDA_VISIBLE_DEVICES"]) == ("127.0.0.1", "3", "")
        assert "ACCELERATE_USE_CPU" not in seen
    launch(a_job(tmp_path, script))
    assert "RANK" not in json.loads((tmp_path / "0.json").read_text())


@pytest.mark.parametrize(
    ("script", "kind", "message"),
    [
        ("print('noise\\nerror: one.jsonl: empty\\nline 2'); os._exit(2)", UserError, "one.jsonl: empty\nline 2"),
        ("print('error: another digest'); os._exit(3)", RefusedError, "another digest"),
        ("os._exit(4)", InterruptedRun, "what is finished is kept"),
        ("1 / 0", RuntimeError, "ZeroDivisionError"),
        ("os.kill(os.getpid(), 9)", RuntimeError, "killed by SIGKILL (out of memory?)"),
    ],
)  # fmt: skip
def test_exit_codes_are_errors(tmp_path, script, kind, message):
    with pytest.raises(kind) as caught:
        launch(a_job(tmp_path, script))
    assert type(caught.value) is kind
    assert message in str(caught.value)


def test_one_failure_ends_all_and_is_told_once(tmp_path, monkeypatch):
    """Rank 1 fails for the user; rank 0 waits for it for ever, as in a collective."""
    monkeypatch.setattr(launching, "_GRACE_SECONDS", 0.2)
    script = f"if rank == 1:\n    print('error: no such layer'); os._exit(2)\n{FOR_EVER}"
    with pytest.raises(UserError, match=r"^no such layer$"):
        launch(a_job(tmp_path, script, processes=2))
    assert children() == []


def test_a_message_for_the_user_goes_before_the_bugs_it_causes(tmp_path):
    script = (
        "if rank == 1:\n    open(folder / 'one', 'w'); os._exit(1)\n"
        "while not (folder / 'one').exists(): pass\n"
        "print('error: why'); os._exit(2)"
    )
    with pytest.raises(UserError, match="why"):
        launch(a_job(tmp_path, script, processes=2))


def test_a_killed_process_is_named_before_one_that_failed_for_want_of_it(tmp_path):
    script = (
        "if rank == 0:\n    open(folder / 'zero', 'w'); os._exit(1)\n"
        "while not (folder / 'zero').exists(): pass\n"
        "import time; time.sleep(0.5); os.kill(os.getpid(), 9)"
    )
    with pytest.raises(RuntimeError, match="process 1 of 2 was killed by SIGKILL"):
        launch(a_job(tmp_path, script, processes=2))


def test_an_error_in_the_callback_leaves_no_process(tmp_path):
    def fail(_line):
        raise ValueError("the screen is gone")

    with pytest.raises(ValueError, match="screen"):
        launch(a_job(tmp_path, WRITE_STEP % 1 + FOR_EVER), on_step=fail)
    assert children() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_are_handed_on_and_waited_for(tmp_path, number):
    """The process takes its time to commit, and ends with 4."""
    script = (
        "import signal\ndef stop(*_):\n    open(folder / 'committed', 'w'); os._exit(4)\n"
        "signal.signal(signal.SIGTERM, stop)\n" + WRITE_STEP % 1 + FOR_EVER
    )
    before = signal.getsignal(number)
    with pytest.raises(InterruptedRun):
        launch(a_job(tmp_path, script), on_step=lambda _line: os.kill(os.getpid(), number))
    assert (tmp_path / "committed").exists()
    assert signal.getsignal(number) is before


def test_a_second_signal_ends_them_at_once(tmp_path):
    again = (WRITE_STEP % 2).strip()
    script = f"import signal\nsignal.signal(signal.SIGTERM, lambda *_: {again})\n" + WRITE_STEP % 1 + FOR_EVER
    with pytest.raises(InterruptedRun):
        launch(a_job(tmp_path, script), on_step=lambda _line: os.kill(os.getpid(), signal.SIGTERM))
    assert children() == []


def test_none_outlives_a_launcher_that_was_killed(tmp_path):
    job = a_job(tmp_path, WRITE_STEP % 1 + FOR_EVER)
    job.write()
    script = (
        "import sys; from pathlib import Path; from isogloss.methods import launch; "
        "from isogloss.methods.job import Job; launch.ENTRY = 'fake_worker'; "
        "launch.launch(Job.read(Path(sys.argv[1])), on_step=lambda line: print('begun', flush=True))"
    )
    launcher = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    with launcher:
        assert launcher.stdout is not None
        assert launcher.stdout.readline() == "begun\n"
        (child,) = psutil.Process(launcher.pid).children()
        launcher.kill()
    _, alive = psutil.wait_procs([child], timeout=30)
    assert alive == []


def test_gpus_that_are_not_there():
    assert processes_per_node(LaunchSpec(processes="auto", device="cpu")) == 1
    assert processes_per_node(LaunchSpec(processes=3, device="cpu")) == 3
    with pytest.raises(UserError, match="asks for 512 GPUs, this machine has"):
        processes_per_node(LaunchSpec(processes=512, device="cuda"))


def test_a_log_that_is_cut_back_is_followed_from_there(tmp_path):
    path = tmp_path / "log.jsonl"

    def write(*steps, torn=""):
        aside = tmp_path / "aside"
        aside.write_text("".join(json.dumps({"step": step, "run": run}) + "\n" for step, run in steps) + torn)
        aside.replace(path)

    log = LogFollower(path)
    assert log.new() == []
    write((1, "a"), (2, "a"), (3, "a"))
    log = LogFollower(path)
    assert log.new() == []  # written before
    write((1, "a"), (2, "a"), (3, "b"), (4, "b"), torn='{"st')
    assert log.new() == [{"step": 3, "run": "b"}, {"step": 4, "run": "b"}]
    with path.open("a") as file:
        file.write('ep": 5}\n')
    assert log.new() == [{"step": 5}]
    assert log.new() == []


# The YAML.


@pytest.mark.parametrize("path", SHAPES, ids=lambda path: path.stem)
def test_the_shapes_that_come_with_the_project(path):
    shape = load_launch(path)
    text = path.read_text(encoding="utf-8")
    assert f"--set align.launch={path.stem}\n" in text.partition("processes:")[0], "headed by its command"
    assert shape.engine == ("deepspeed" if "zero" in path.stem else "none")
    if shape.engine == "deepspeed":
        assert path.stem.startswith(f"zero{shape.zero}")


def test_there_are_twelve_shapes():
    assert len(SHAPES) == 12


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("procesess: 2", "procesess: unknown setting (did you mean 'processes'?)"),
        ("processes: none", "processes: should be 'auto' or a number from 1 on, not 'none'"),
        ("zero: 4", "zero: input should be 0, 1, 2 or 3, not 4"),
        ("nodes: 2", "several nodes need rendezvous: HOST:PORT"),
        ("{nodes: 2, rendezvous: 'a:1', node_rank: 2}", "node_rank 2 is outside the 2 nodes"),
        ("- 1", "a launch shape is a mapping of settings"),
        ("a: [", "not valid YAML"),
    ],
)
def test_wrong_settings_are_named(tmp_path, text, message):
    path = tmp_path / "shape.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_launch(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_shape_suggests_its_neighbour(tmp_path):
    (tmp_path / "zero2.yaml").write_text("", encoding="utf-8")
    assert load_launch(tmp_path / "zero2.yaml") == LaunchSpec()
    with pytest.raises(UserError, match=r"no such launch shape \(did you mean 'zero2'\?\); in .* there are zero2$"):
        load_launch(tmp_path / "zero3.yaml")
    with pytest.raises(UserError, match="a name alone is looked for in launch/ beside the pipeline"):
        load_launch(tmp_path / "launch" / "zero3.yaml")
