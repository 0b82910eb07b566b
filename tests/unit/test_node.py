"""A node that lends its processes: when it waits, when it takes part, what its processes see. Stand-ins for everything else."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from isogloss.errors import InterruptedRun
from isogloss.files import seal
from isogloss.methods import launch
from isogloss.methods.job import JOB, Job
from isogloss.pipeline import nodes
from isogloss.pipeline.plan import Step
from isogloss.spec import PipelineSpec
from isogloss.spec.align import LaunchSpec, MistSection
from isogloss.stages.align import TRAINING

HERE = Path(__file__).parent.parent
SHAPE = "{device: cpu, processes: 2, nodes: 2, node_rank: RANK, rendezvous: '127.0.0.2:29500'}"


@pytest.fixture
def plan(tmp_path):
    """A pipeline on node 1 whose one training node 0 has prepared."""
    shape = tmp_path / "shape.yaml"
    shape.write_text(SHAPE.replace("RANK", "1"))
    align = {"methods": ["mist"], "launch": shape}
    stage = SimpleNamespace(name="align-mist", family="align", variant="mist")
    step = Step(stage=stage, key="0", folder=tmp_path / "align-mist-0", missing="not made yet")
    training = step.work / TRAINING
    training.mkdir(parents=True)
    first = LaunchSpec(device="cpu", processes=2, nodes=2, rendezvous="127.0.0.2:29500")
    Job(
        method="mist", model_name="m", model_path=tmp_path, model_digest="0", languages=("en",), instructions=(),
        instructions_digest="0", mist=MistSection(), launch=first, folder=training,
    ).write()  # fmt: skip
    spec = PipelineSpec.model_validate({"name": "a", "model": "m", "align": align})
    return SimpleNamespace(spec=spec, until=lambda _: (step,), step=step, training=training, shape=shape)


def test_it_takes_part_while_the_first_node_trains(plan, monkeypatch):
    monkeypatch.setattr(launch, "ENTRY", "fake_worker")
    monkeypatch.setenv("PYTHONPATH", str(HERE), prepend=os.pathsep)
    names = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    seen = f"open(folder / f'{{rank}}.json', 'w').write(__import__('json').dumps([os.environ[n] for n in {names}]))"
    (plan.training / "script.py").write_text(seen)
    before = (plan.training / JOB).read_text()
    said = []
    with FileLock(plan.step.lock):
        assert nodes.lend(plan, nodes.lent(plan, None), say=said.append) == ["align-mist"]
    assert [json.loads((plan.training / f"{rank}.json").read_text()) for rank in (2, 3)] == [
        ["2", "0", "4", "127.0.0.2", "29500"],
        ["3", "1", "4", "127.0.0.2", "29500"],
    ]
    assert (plan.training / JOB).read_text() == before, "the first node's"
    assert said[-1] == "align-mist: node 1 takes part"


def test_what_an_earlier_attempt_left_is_waited_with(plan, monkeypatch):
    def stop(_seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr(nodes.time, "sleep", stop)
    with pytest.raises(InterruptedRun, match="stopped while waiting for align-mist"):
        nodes.lend(plan, nodes.lent(plan, None), say=lambda _: None)


def test_a_finished_training_needs_nobody(plan):
    plan.step.folder.mkdir()
    seal(plan.step.folder)
    assert nodes.lend(plan, nodes.lent(plan, None), say=lambda _: None) == []


def test_the_first_node_lends_nothing(plan):
    plan.shape.write_text(SHAPE.replace("RANK", "0"))
    assert nodes.lent(plan, None) == ()
