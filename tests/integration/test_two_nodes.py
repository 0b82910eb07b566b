"""Several nodes on one machine: they meet under two addresses, started by the same command or by torchrun; what is refused."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from command_line import start
from isogloss.errors import EXIT_INTERRUPTED, UserError
from isogloss.files import read_json, sha256_file
from isogloss.methods.job import FINAL
from isogloss.methods.launch import launch, placed
from isogloss.spec.align import LaunchSpec
from small_align import write_align_pipeline
from tiny_models import make_tiny_model
from training_jobs import curve, make_job


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def torchrun(folder):
    """Train the job in `folder` as docs/scale.md has it, on two nodes of one process, at 127.0.0.1 and at 127.0.0.2."""
    port = free_port()
    nodes = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "torch.distributed.run", "--nnodes", "2", "--nproc_per_node", "1"),
                *("--rdzv_backend", "c10d", "--rdzv_endpoint", f"{address}:{port}"),
                *("-m", "isogloss.methods.worker", str(folder)),
            ],
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ,
        )
        for address in ("127.0.0.1", "127.0.0.2")
    ]
    for node in nodes:
        _, said = node.communicate(timeout=400)
        assert node.returncode == 0, said


@pytest.mark.slow
@pytest.mark.usefixtures("own_cache_and_store")
def test_the_same_command_on_a_second_node_lends_its_processes(tmp_path, monkeypatch):
    """Node 0 is met at 127.0.0.1 by itself and, as its launch shape says, at 127.0.0.2 by node 1. Either may come first."""
    model = make_tiny_model("llama", tmp_path / "model")
    root = write_align_pipeline(tmp_path / "run", model, methods=("mist",), steps=2).parent
    port = free_port()
    for name, address in (("near", "127.0.0.1"), ("far", "127.0.0.2")):
        shape = f"{{device: cpu, threads: 1, nodes: 2, rendezvous: '{address}:{port}'}}"
        (root / f"{name}.yaml").write_text(shape)
    command = ("run", "small.yaml", "--until", "align", "--json", "--set")
    monkeypatch.setenv("NODE_RANK", "1")
    second = start(*command, "align.launch=far.yaml", cwd=root)
    assert second.until(lambda: "node 1 of 2 waits until node 0 has begun it" in second.err), second.err
    monkeypatch.delenv("NODE_RANK")
    first = start(*command, "align.launch=near.yaml", cwd=root).wait()
    assert first.code == 0, first.err
    assert "mist: waits for node 1; there the same command in this folder, with NODE_RANK=1" in first.err
    assert "mist: PyTorch DDP, 2 processes" in first.err
    ended = second.wait()
    assert ended.code == 0, ended.err
    assert ended.json == {"pipeline": "small", "trained": ["align-mist"]}

    (log,) = (root / "mlruns" / "stages").glob("align-mist-*/log.jsonl")
    assert len(log.read_text().splitlines()) == 2
    monkeypatch.setenv("NODE_RANK", "1")
    again = start(*command, "align.launch=far.yaml", cwd=root).wait()
    assert (again.code, again.json["trained"]) == (0, [])


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["none", "deepspeed"])
def test_torchrun_on_two_nodes_trains_what_one_with_two_processes_does(tmp_path, engine):
    shape = {"device": "cpu", "threads": 1, "engine": engine, "zero": 2}
    alone = make_job(tmp_path / "one", launch=LaunchSpec(processes=2, **shape))
    launch(alone)
    spread = make_job(tmp_path / "two", launch=LaunchSpec(nodes=2, rendezvous="127.0.0.1:1", **shape))
    torchrun(spread.folder)
    assert curve(spread) == curve(alone)
    names = [path.name for path in (alone.folder / FINAL).glob("*.safetensors")]
    assert names
    for name in names:
        assert sha256_file(spread.folder / FINAL / name) == sha256_file(alone.folder / FINAL / name)
    assert read_json(spread.folder / FINAL / "checkpoint.json")["step"] == alone.train.steps


@pytest.mark.slow
@pytest.mark.usefixtures("own_cache_and_store")
def test_a_run_that_was_stopped_for_torchrun_goes_on_with_what_it_trained(tmp_path):
    """As docs/scale.md has it: Ctrl-C while node 0 waits, torchrun with the job's folder, and the same command again."""
    model = make_tiny_model("llama", tmp_path / "model")
    root = write_align_pipeline(tmp_path / "run", model, methods=("mist",), steps=2).parent
    (root / "far.yaml").write_text(f"{{device: cpu, threads: 1, nodes: 2, rendezvous: '127.0.0.1:{free_port()}'}}")
    command = ("run", "small.yaml", "--until", "follow-mist", "--json", "--set", "align.launch=far.yaml")
    waiting = start(*command, cwd=root)
    said = re.compile(r"the job is in (\S+)\)")
    assert waiting.until(lambda: said.search(waiting.err) is not None), waiting.err
    waiting.signal(signal.SIGINT)
    assert waiting.wait().code == EXIT_INTERRUPTED
    torchrun(Path(said.search(waiting.err).group(1)))
    ended = start(*command, cwd=root).wait()
    assert ended.code == 0, ended.err
    assert "waits for node 1" not in ended.err
    (log,) = (root / "mlruns" / "stages").glob("align-mist-*/log.jsonl")
    assert len(log.read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("nodes", "first"),
    [("gpu[03-05,9],cpu1", "gpu03"), ("one,two", "one"), ("rack-2", "rack-2"), ("r[1-2]n[07,8]", "r1n07")],
)
def test_slurms_nodes_meet_on_the_first_of_them(monkeypatch, nodes, first):
    shape = LaunchSpec(nodes=2, rendezvous="slurm", engine="deepspeed")
    monkeypatch.delenv("SLURM_STEP_NODELIST", raising=False)
    monkeypatch.setenv("SLURM_JOB_NODELIST", nodes)
    assert placed(shape) == LaunchSpec(nodes=2, rendezvous=f"{first}:29500", engine="deepspeed", node_rank=0)
    monkeypatch.setenv("SLURM_STEP_NODELIST", "other[1-2]")
    assert placed(shape).rendezvous == "other1:29500"


def test_slurms_rendezvous_needs_a_job_of_slurm(monkeypatch):
    for name in ("SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match="SLURM_JOB_NODELIST"):
        placed(LaunchSpec(nodes=2, rendezvous="slurm"))
    assert placed(LaunchSpec()) == LaunchSpec(node_rank=0)


def test_which_node_this_is_follows_from_the_environment(monkeypatch):
    two = LaunchSpec(nodes=2, rendezvous="a:1")
    for name in ("NODE_RANK", "SLURM_NODEID"):
        monkeypatch.delenv(name, raising=False)
    assert placed(two).node_rank == 0
    monkeypatch.setenv("SLURM_NODEID", "1")
    assert placed(two).node_rank == 1
    monkeypatch.setenv("NODE_RANK", "0")
    assert placed(two).node_rank == 0
    assert placed(two.model_copy(update={"node_rank": 1})).node_rank == 1
    monkeypatch.setenv("NODE_RANK", "2")
    assert placed(LaunchSpec()).node_rank == 0
    with pytest.raises(UserError, match="NODE_RANK: 2 is none of the 2 nodes, which are 0 to 1"):
        placed(two)
