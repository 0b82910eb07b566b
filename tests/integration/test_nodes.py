"""Two nodes on one machine: the same command in one folder, once with each rank."""

import json
import socket

import pytest

from command_line import start
from small_align import write_align_pipeline
from tiny_models import make_tiny_model

STEPS = 2

pytestmark = pytest.mark.usefixtures("own_cache_and_store")


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.mark.slow
def test_the_second_node_lends_its_process_to_the_training(tmp_path):
    model = make_tiny_model("llama", tmp_path / "model")
    root = write_align_pipeline(tmp_path / "run", model, methods=("mist",), steps=STEPS).parent
    port = free_port()
    for rank in (0, 1):
        shape = f"{{device: cpu, threads: 1, nodes: 2, node_rank: {rank}, rendezvous: '127.0.0.1:{port}'}}"
        (root / f"node{rank}.yaml").write_text(shape)
    command = ("run", "small.yaml", "--until", "align", "--json", "--set")
    second = start(*command, "align.launch=node1.yaml", cwd=root)  # It may come first.
    assert second.until(lambda: "node 1 of 2 waits until node 0 has begun it" in second.err), second.err
    first = start(*command, "align.launch=node0.yaml", cwd=root).wait()
    assert first.code == 0, first.err
    assert "mist: PyTorch DDP, 2 processes" in first.err
    ended = second.wait()
    assert ended.code == 0, ended.err
    assert ended.json == {"pipeline": "small", "trained": ["align-mist"]}

    (log,) = (root / "mlruns" / "stages").glob("align-mist-*/log.jsonl")
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == list(range(1, STEPS + 1))
    again = start(*command, "align.launch=node1.yaml", cwd=root).wait()
    assert (again.code, again.json["trained"]) == (0, [])
