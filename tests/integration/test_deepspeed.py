"""Real launches on several processes of this machine: MIDALIGN under ZeRO 1, 2 and 3, followed, killed and resumed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

from isogloss.errors import UserError
from isogloss.files import read_json
from isogloss.methods import launch as processes
from isogloss.methods.callbacks import read_log
from isogloss.methods.job import CHECKPOINTS, FINAL, LOG
from isogloss.methods.launch import launch
from isogloss.methods.midalign import train
from isogloss.models.load import load_model
from isogloss.spec.align import LaunchSpec, LoraSection, MidalignSection
from training_jobs import make_job, tiny_folder

STEPS = 24
ONE = LaunchSpec(device="cpu", threads=1)


def shape(zero=None, processes=2, **more):
    engine = {} if zero is None else {"engine": "deepspeed", "zero": zero}
    return LaunchSpec(**{"device": "cpu", "threads": 1, "processes": processes, **engine, **more})


def a_job(folder, launch_shape, **settings):
    section = MidalignSection(temperature=0.1, layer=2)
    fields = {"batch": 8, "steps": STEPS, "checks": 0, "learning_rate": 1e-3, "save_every": 2, **settings}
    return make_job(folder, method="midalign", section=section, launch=launch_shape, **fields)


def result(job):
    (weights,) = (job.folder / FINAL).glob("*.safetensors")
    return read_log(job.folder / LOG), load_file(weights)


def said(job, rank=0):
    return (job.folder / "workers" / f"{rank}.log").read_text(encoding="utf-8")


def assert_same(one, other, *, loss=1e-4, weights=1e-4):
    assert [line["step"] for line in one[0]] == [line["step"] for line in other[0]] == list(range(1, STEPS + 1))
    for line, same in zip(one[0], other[0], strict=True):
        assert line["loss"] == pytest.approx(same["loss"], abs=loss)
        assert line["tokens"] == same["tokens"]
    assert one[1].keys() == other[1].keys()
    for name, weight in one[1].items():
        assert torch.allclose(weight.float(), other[1][name].float(), atol=weights, rtol=0), name


@pytest.fixture(autouse=True)
def extensions(tmp_path, monkeypatch):
    """Where DeepSpeed would put what it compiles; empty afterwards."""
    folder = tmp_path / "extensions"
    folder.mkdir()
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(folder))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    yield
    assert list(folder.iterdir()) == []


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """(log, weights) of one plain process."""
    job = a_job(tmp_path_factory.mktemp("plain"), ONE)
    train(job)
    return result(job)


def test_zero_2_with_checkpointing_and_accumulation_equals_one_process(tmp_path, plain):
    job = a_job(tmp_path, shape(2, gradient_checkpointing=True, micro_batch=2))
    steps = []
    launch(job, on_step=steps.append)
    assert "midalign: DeepSpeed ZeRO-2, 2 processes, fp32" in said(job)
    assert_same(result(job), plain)
    assert steps == result(job)[0]


@pytest.mark.slow
def test_zero_3_in_bfloat16_with_checkpointing_is_near_one_process(tmp_path, plain):
    job = a_job(tmp_path, shape(3, gradient_checkpointing=True), dtype="bfloat16")
    launch(job)
    assert "midalign: DeepSpeed ZeRO-3, 2 processes, bf16" in said(job)
    assert_same(result(job), plain, loss=0.05, weights=0.02)


def shares(job, monkeypatch):
    """What each of two processes holds of the job's model once it has loaded it."""
    monkeypatch.setattr(processes, "ENTRY", "sharded_load")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]), prepend=os.pathsep)
    launch(job)
    return [read_json(job.folder / f"share-{rank}.json") for rank in range(2)]


def test_zero_3_loads_no_process_the_whole_model(tmp_path, monkeypatch):
    base = load_model(str(tiny_folder("llama"))).model.num_parameters()
    for share in shares(a_job(tmp_path / "full", shape(3)), monkeypatch):
        assert share["whole"] == base
        assert base / 2 <= share["share"] < base / 2 + 100  # a parameter of odd size is filled up
        assert share["held"] == 0
        assert share["dtypes"] == ["torch.float32"]


@pytest.mark.slow
def test_zero_3_divides_the_base_of_adapters(tmp_path, monkeypatch):
    base = load_model(str(tiny_folder("llama"))).model.num_parameters()
    lora = a_job(tmp_path / "lora", shape(3), dtype="bfloat16", parameters="lora", lora=LoraSection(rank=4))
    for share in shares(lora, monkeypatch):
        assert share["whole"] == base
        assert share["share"] < base / 2 + 100
        assert 0 < share["held"] < base, "the adapters, which the engine divides"
        assert share["dtypes"] == ["torch.bfloat16"]


def test_zero_3_saves_the_names_that_it_loaded(tmp_path):
    fields = {"family": "gemma3_multimodal", "batch": 8, "steps": 2, "checks": 0}
    section = MidalignSection(temperature=0.1, layer=2)
    job = make_job(tmp_path, method="midalign", section=section, launch=shape(3), **fields)
    launch(job)
    load_model(str(job.folder / FINAL))
    (base,) = tiny_folder("gemma3_multimodal").glob("*.safetensors")
    assert result(job)[1].keys() == load_file(base).keys()


def command_of(process):
    """A process's command line; empty once it has ended, waited for or not."""
    try:
        return process.cmdline()
    except (psutil.ZombieProcess, psutil.NoSuchProcess):
        return []


def workers():
    """The training processes that this one has started, the last rank last."""
    return [child for child in psutil.Process().children() if "isogloss.methods.worker" in command_of(child)]


def test_killed_under_zero_it_goes_on_to_the_same_end(tmp_path, plain):
    job = a_job(tmp_path, shape(1))

    def kill(line):
        if line["step"] >= 3:
            for child in workers()[1:]:
                child.kill()

    with pytest.raises(RuntimeError, match="training process 1 of 2 was killed by SIGKILL"):
        launch(job, on_step=kill)
    assert workers() == []
    assert len(read_log(job.folder / LOG)) < STEPS

    # The shards belong to two processes: another number is refused in one sentence.
    with pytest.raises(UserError, match=r"shards of 2 processes and cannot be resumed on 1") as refused:
        launch(job.model_copy(update={"launch": shape(1, processes=1)}))
    assert "\n" not in str(refused.value)

    again = []
    launch(job, on_step=again.append)
    assert 1 < again[0]["step"] <= STEPS, "went on from a checkpoint"
    assert_same(result(job), plain)


@pytest.mark.slow
def test_plain_processes_asked_to_stop_and_finished_by_three(tmp_path):
    script = (
        "import sys; from pathlib import Path; from isogloss.methods.job import Job; from isogloss.methods.launch import "
        "launch; launch(Job.read(Path(sys.argv[1])), on_step=lambda line: print(line['step'], flush=True))"
    )
    job = a_job(tmp_path / "parts", shape(), batch=12)
    launcher = subprocess.Popen(
        [sys.executable, "-c", script, str(job.folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert launcher.stdout is not None
    launcher.stdout.readline()
    launcher.send_signal(signal.SIGTERM)
    _, err = launcher.communicate(timeout=120)
    assert "InterruptedRun" in err.splitlines()[-1]
    done = len(read_log(job.folder / LOG))
    assert 0 < done < STEPS
    assert (job.folder / CHECKPOINTS / f"checkpoint-{done}" / "manifest.json").is_file()

    launch(job.model_copy(update={"launch": shape(processes=3)}))
    assert "midalign: PyTorch DDP, 3 processes, fp32" in said(job)
    whole = a_job(tmp_path / "whole", ONE, batch=12)
    launch(whole)
    assert "midalign: PyTorch, 1 process, fp32" in said(whole)
    assert_same(result(job), result(whole))


@pytest.mark.slow
@pytest.mark.parametrize("zero", [1, 2, 3])
@pytest.mark.parametrize("processes", [1, 2, 3])
def test_every_stage_equals_one_process(tmp_path, zero, processes):
    settings = {"parameters": "lora", "lora": LoraSection(rank=4), "batch": 12}
    one, many = a_job(tmp_path / "one", ONE, **settings), a_job(tmp_path / "many", shape(zero, processes), **settings)
    launch(one)
    launch(many)
    assert f"midalign: DeepSpeed ZeRO-{zero}, {processes} process" in said(many)
    assert_same(result(many), result(one))


@pytest.mark.slow
def test_adapters_in_bfloat16_over_a_base_that_is_divided(tmp_path):
    settings = {"parameters": "lora", "lora": LoraSection(rank=4), "dtype": "bfloat16"}
    one, many = a_job(tmp_path / "one", ONE, **settings), a_job(tmp_path / "many", shape(3), **settings)
    launch(one)
    launch(many)
    assert_same(result(many), result(one), loss=0.1, weights=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("zero", [1, 2, 3])
def test_every_stage_in_bfloat16_checkpointed(tmp_path, plain, zero):
    job = a_job(tmp_path, shape(zero, gradient_checkpointing=True, micro_batch=2), dtype="bfloat16")
    launch(job)
    assert f"midalign: DeepSpeed ZeRO-{zero}, 2 processes, bf16" in said(job)
    assert_same(result(job), plain, loss=0.1, weights=0.05)


@pytest.mark.slow
def test_offloaded_to_the_processor_compiles_nothing_without_a_gpu(tmp_path, plain):
    job = a_job(tmp_path, shape(3, offload="cpu"))
    launch(job)
    assert "midalign: DeepSpeed ZeRO-3 offloaded, 2 processes, fp32" in said(job)
    assert_same(result(job), plain)
