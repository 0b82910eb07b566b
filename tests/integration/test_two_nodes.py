"""Several nodes on one machine: two launchers that meet under two addresses, and what they refuse."""

import os
import socket
import subprocess
import sys

import pytest

from isogloss.errors import UserError
from isogloss.files import sha256_file
from isogloss.methods import node
from isogloss.methods.hostfile import on_hosts, read_hostfile
from isogloss.methods.job import FINAL
from isogloss.methods.launch import launch
from isogloss.spec.launch import LaunchSpec
from training_jobs import curve, make_job


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["none", "deepspeed"])
def test_two_nodes_train_what_one_with_two_processes_does(tmp_path, engine):
    """Node 0 is met at 127.0.0.1 by itself and at 127.0.0.2 by node 1."""
    shape = {"device": "cpu", "threads": 1, "engine": engine, "zero": 2}
    port = free_port()
    alone = make_job(tmp_path / "one", launch=LaunchSpec(processes=2, **shape))
    launch(alone)
    (tmp_path / "hosts").write_text("127.0.0.1 slots=1\n127.0.0.2 slots=1\n", encoding="utf-8")
    spread = make_job(
        tmp_path / "two", launch=LaunchSpec(hostfile=tmp_path / "hosts", rendezvous=f"127.0.0.1:{port}", **shape)
    )
    code = (
        "import sys; from pathlib import Path; from isogloss.methods.job import Job; "
        "from isogloss.methods.launch import launch; launch(Job.read(Path(sys.argv[1])))"
    )
    first = subprocess.Popen([sys.executable, "-c", code, str(spread.folder)], stderr=subprocess.PIPE, text=True)
    with first:
        assert first.stderr is not None
        said = first.stderr.readline()
        assert f"python -m isogloss.methods.node {spread.folder} --node-rank 1" in said
        join = (sys.executable, "-m", "isogloss.methods.node", str(spread.folder))
        second = subprocess.run(
            [*join, "--node-rank", "1", "--rendezvous", f"127.0.0.2:{port}"],
            capture_output=True,
            text=True,
            timeout=400,
            env=os.environ,
        )
        assert second.returncode == 0, second.stderr
        assert first.wait(timeout=400) == 0, first.stderr.read()
    assert curve(spread) == curve(alone)
    names = [path.name for path in (alone.folder / FINAL).glob("*.safetensors")]
    assert names
    for name in names:
        assert sha256_file(spread.folder / FINAL / name) == sha256_file(alone.folder / FINAL / name)


def test_a_hostfile_says_nodes_and_processes(tmp_path):
    path = tmp_path / "hosts"
    path.write_text("# ours\nworker-1 slots=8\n\nworker-2   slots=8 # the new one\n", encoding="utf-8")
    shape = on_hosts(LaunchSpec(hostfile=path, engine="deepspeed"))
    assert (shape.nodes, shape.processes, shape.rendezvous) == (2, 8, "worker-1:29500")
    assert on_hosts(LaunchSpec(hostfile=path, rendezvous="10.0.0.1:5")).rendezvous == "10.0.0.1:5"
    assert on_hosts(LaunchSpec()) == LaunchSpec()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("worker-1\n", ":1: not a host, which is written as: worker-1 slots=8"),
        ("worker-1 slots=0\n", ":1: not a host"),
        ("a slots=1\na slots=1\n", ":2: a stands twice"),
        ("a slots=1\nb slots=2\n", "all hosts need the same number of slots"),
        ("# none\n", "names no host"),
    ],
)
def test_a_wrong_hostfile_is_named(tmp_path, text, message):
    path = tmp_path / "hosts"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message) as caught:
        read_hostfile(path)
    assert str(caught.value).startswith(f"{path}")


def test_a_node_that_is_none_of_the_trainings(tmp_path, capsys):
    assert node.main([str(tmp_path), "--node-rank", "1"]) == 2
    assert "no job.json there; start the run on node 0 first" in capsys.readouterr().err
    job = make_job(tmp_path, launch=LaunchSpec(nodes=2, rendezvous="127.0.0.1:1", device="cpu"))
    assert node.main([str(job.folder), "--node-rank", "2"]) == 2
    assert "the training has 2 nodes, and those besides node 0 are 1 to 1" in capsys.readouterr().err
