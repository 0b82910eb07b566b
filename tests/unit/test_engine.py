"""DeepSpeed's settings for a launch shape, and the proof that the engine asked for is in charge."""

import importlib.util
from types import SimpleNamespace

import pytest
import torch

from isogloss.errors import UserError
from isogloss.methods.distributed import check_engine, deepspeed_config, engine_line
from isogloss.methods.job import Job
from isogloss.methods.model import loads_sharded
from isogloss.spec.align import LaunchSpec, MistSection, TrainSection


def a_job(folder, *, dtype="float32", **shape):
    return Job(
        method="mist", model_name="m", model_path=folder, model_digest="0", languages=("en",), instructions=(),
        instructions_digest="0", mist=MistSection(train=TrainSection(max_grad_norm=0.5)), dtype=dtype,
        launch=LaunchSpec(**shape), folder=folder,
    )  # fmt: skip


def test_only_zero_3_loads_a_share(tmp_path):
    assert loads_sharded(a_job(tmp_path, engine="deepspeed", zero=3))
    assert not loads_sharded(a_job(tmp_path, engine="deepspeed", zero=2))
    assert not loads_sharded(a_job(tmp_path, engine="none", zero=3))
    for name in ("adapter_config.json", "checkpoint.json"):
        (tmp_path / name).write_text("{}")
    assert not loads_sharded(a_job(tmp_path, engine="deepspeed", zero=3)), "adapters are merged into a whole base"


def test_without_deepspeed_there_are_no_settings(tmp_path):
    assert deepspeed_config(a_job(tmp_path)) is None


@pytest.mark.parametrize("zero", [1, 2, 3])
def test_settings_follow_from_the_shape(tmp_path, zero):
    settings = deepspeed_config(a_job(tmp_path, engine="deepspeed", zero=zero, dtype="bfloat16"))
    assert settings["zero_optimization"]["stage"] == zero
    assert settings["bf16"] == {"enabled": True}
    assert settings["fp16"] == {"enabled": False}  # activations of Gemma 3 overflow in it
    assert settings["gradient_clipping"] == 0.5
    assert "optimizer" not in settings
    assert ("stage3_gather_16bit_weights_on_model_save" in settings["zero_optimization"]) == (zero == 3)


def test_offload_and_settings_of_ones_own(tmp_path):
    own = {"zero_optimization": {"reduce_bucket_size": 1000}, "wall_clock_breakdown": True}
    settings = deepspeed_config(a_job(tmp_path, engine="deepspeed", zero=3, offload="cpu", deepspeed=own))
    zero = settings["zero_optimization"]
    assert (zero["stage"], zero["reduce_bucket_size"]) == (3, 1000)
    assert zero["offload_optimizer"]["device"] == zero["offload_param"]["device"] == "cpu"
    assert settings["wall_clock_breakdown"] is True


@pytest.mark.skipif(torch.cuda.is_available(), reason="about machines without a GPU")
def test_nothing_is_compiled_without_a_gpu(tmp_path):
    import deepspeed.ops

    settings = deepspeed_config(a_job(tmp_path, engine="deepspeed", zero=1, offload="cpu"))
    assert deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] is False
    assert settings["zero_force_ds_cpu_optimizer"] is False


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ({"zero": 0, "offload": "cpu"}, "offload: cpu needs zero: 1, 2 or 3"),
        ({"deepspeed": {"optimizer": {"type": "Adam"}}}, "take them out of the launch shape"),
    ],
)
def test_what_cannot_be(shape, message):
    with pytest.raises(UserError, match=message):
        check_engine(LaunchSpec(engine="deepspeed", **shape))


def test_deepspeed_that_is_not_installed(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"pip install 'isogloss\[deepspeed\]'"):
        check_engine(LaunchSpec(engine="deepspeed"))
    check_engine(LaunchSpec())


def a_trainer(model, *, world_size=1):
    return SimpleNamespace(model_wrapped=model, args=SimpleNamespace(world_size=world_size))


def test_an_engine_that_was_dropped_is_noticed(tmp_path):
    job = a_job(tmp_path, engine="deepspeed")
    with pytest.raises(RuntimeError, match="asks for DeepSpeed, but Linear is in charge"):
        engine_line(a_trainer(torch.nn.Linear(1, 1)), job)


def test_processes_that_do_not_know_of_each_other_are_noticed(tmp_path, monkeypatch):
    assert engine_line(a_trainer(torch.nn.Linear(1, 1)), a_job(tmp_path)) == "PyTorch, 1 process, fp32"
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(RuntimeError, match="2 processes were started, but the trainer works with 1 of 1"):
        engine_line(a_trainer(torch.nn.Linear(1, 1)), a_job(tmp_path))
