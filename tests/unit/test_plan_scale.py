"""Plans for GPUs: sizes of published models, memory by rank, what is refused and which change is proposed."""

import json
import re
from pathlib import Path

import pytest
from transformers import Gemma3TextConfig

from command_line import isogloss
from isogloss.errors import UserError
from isogloss.methods.distributed import check_optimizer
from isogloss.methods.job import CHECKPOINTS
from isogloss.methods.launch import launch
from isogloss.models.config import Kept, kept_for_backward, outline_of, published_config, published_names, read_config
from isogloss.planning.estimate import forward_flops
from isogloss.planning.fitting import smallest_change
from isogloss.planning.forecast import TrainingCase, checkpoint_bytes, forecast, planned_machines
from isogloss.planning.memory import GPUS, MicroBatch, gpu_named, training_memory
from isogloss.spec import load_spec
from isogloss.spec.align import LaunchSpec, TrainSection
from training_jobs import make_job

ROOT = Path(__file__).parents[2]
RECIPES = [ROOT / "pipelines" / "paper.yaml", *sorted((ROOT / "pipelines" / "recipes").glob("*.yaml"))]
#: Billions of parameters, as the publishers count them.
BILLIONS = {
    "google/gemma-3-270m": 0.268, "google/gemma-3-1b": 1.000, "google/gemma-3-4b": 4.300, "google/gemma-3-12b": 12.187,
    "google/gemma-3-27b": 27.432, "meta-llama/Llama-3.1-8B": 8.030, "meta-llama/Llama-3.2-1B": 1.236,
    "Qwen/Qwen2.5-7B": 7.616, "Qwen/Qwen3-8B": 8.191, "CohereLabs/aya-expanse-8b": 8.028,
}  # fmt: skip


@pytest.fixture(scope="module")
def twelve():
    return outline_of(published_config("google/gemma-3-12b-pt"))


@pytest.mark.parametrize("name", BILLIONS)
def test_published_shapes_have_the_published_number_of_parameters(name):
    assert outline_of(published_config(name)).parameters / 1e9 == pytest.approx(BILLIONS[name], rel=0.005)


def test_every_shape_is_counted_and_versions_share_one():
    assert set(BILLIONS) == set(published_names())
    assert published_config("google/gemma-3-12b-it").to_dict() == published_config("google/gemma-3-12b").to_dict()
    assert published_config("someone/else") is None


def zero(stage, processes, **more):
    return LaunchSpec(engine="deepspeed", zero=stage, processes=processes, **more)


def memory(outline, shape, *, parameters="full", dtype="bfloat16", **more):
    processes = shape.processes * shape.nodes
    return training_memory(
        outline, shape, TrainSection(parameters=parameters), batch=MicroBatch(rows=1, time=8, read=8), kept=Kept(0.0, 0.0),
        processes=processes, dtype=dtype, **more,
    )  # fmt: skip


def test_sixteen_bytes_a_parameter_are_divided_as_zero_divides_them(twelve):
    """Weights and gradients of 2 bytes, and 12 of master weights and moments; the image encoder has weights alone."""
    all_, text = twelve.parameters, twelve.trained
    for stage, weights, gradients, optimizer in ((1, 1, 1, 8), (2, 1, 8, 8), (3, 8, 8, 8)):
        found = memory(twelve, zero(stage, 8))
        assert found.parameters == pytest.approx(2 * all_ / weights)
        assert found.gradients == pytest.approx(2 * text / gradients)
        assert found.optimizer == pytest.approx(12 * text / optimizer)
    plain = memory(twelve, LaunchSpec(), dtype="float32")
    assert (plain.parameters, plain.gradients, plain.optimizer) == (4 * all_, 4 * text, 8 * text)


def test_offloading_moves_it_to_the_machine(twelve):
    before, after = memory(twelve, zero(3, 8)), memory(twelve, zero(3, 8, offload="cpu"))
    assert after.optimizer == after.parameters == 0
    assert after.host - before.host == pytest.approx(8 * (before.optimizer + before.gradients + before.parameters))
    two_nodes = memory(twelve, zero(3, 8, nodes=2, rendezvous="a:1", offload="cpu"))
    assert two_nodes.host < after.host


def test_adapters_have_no_gradient_of_the_base(twelve):
    found = memory(twelve, LaunchSpec(), parameters="lora")
    adapters = sum(16 * (one + other) for one, other in twelve.linears)
    assert found.parameters == 2 * twelve.parameters + 4 * adapters
    assert (found.gradients, found.optimizer) == (4 * adapters, 8 * adapters)


def test_what_a_forward_keeps_grows_with_its_tokens_and_not_with_the_vocabulary():
    def kept(rows, vocabulary=1000, dtype="float32"):
        config = Gemma3TextConfig(
            hidden_size=64, num_hidden_layers=2, intermediate_size=128, num_attention_heads=2, num_key_value_heads=1,
            head_dim=32, vocab_size=vocabulary,
        )  # fmt: skip
        return kept_for_backward(outline_of(config), rows=rows, time=32, dtype=dtype, autocast=False)

    assert kept(4).block == pytest.approx(2 * kept(2).block, rel=0.02)
    assert kept(2, vocabulary=4000) == kept(2)
    assert 0.4 * kept(4).block < kept(4, dtype="bfloat16").block < 0.8 * kept(4).block


def test_operations_are_two_a_weight_and_token(twelve):
    tokens = forward_flops(twelve, tokens=1000, read=0, context=0)
    assert tokens == 2 * 1000 * twelve.body
    assert forward_flops(twelve, tokens=1000, read=10, context=0) - tokens == 2 * 10 * twelve.head
    assert forward_flops(twelve, tokens=1000, read=0, context=640) > tokens


def case(outline, shape, gpu, **train):
    return TrainingCase(
        outline=outline, gpu=gpu_named(gpu), shape=shape, train=TrainSection(**train), method="mist", pairs=16, time=640,
        attention_only=False, second_model=False,
    )  # fmt: skip


RESULT_KEPT = {"gradient_checkpointing": True, "micro_batch": 2}


@pytest.mark.parametrize(
    ("shape", "gpu", "changed"),
    [
        (zero(2, 8, **RESULT_KEPT), "A100-40", {"zero": 3}),
        (zero(3, 8, gradient_checkpointing=True), "A100-80", {}),
        (zero(3, 4, **RESULT_KEPT), "A100-40", {"processes": 8}),
        (zero(3, 8, micro_batch=16), "A100-40", {"gradient_checkpointing": True}),
    ],
)
def test_the_smallest_change_is_found(twelve, shape, gpu, changed):
    now = case(twelve, shape, gpu)
    if not changed:
        assert now.memory().peak <= now.gpu.bytes
        return
    assert now.memory().peak > now.gpu.bytes
    after = smallest_change(now)
    assert after.memory().peak <= now.gpu.bytes
    names = [name for name in LaunchSpec.model_fields if getattr(after.shape, name) != getattr(shape, name)]
    assert {name: getattr(after.shape, name) for name in names} == changed
    assert after.train == now.train


@pytest.mark.parametrize(
    ("gpu", "gpus", "nodes", "said"),
    [
        (
            "H100",
            3,
            1,
            r"processes: 4 in .* \(--gpus 4\); on the same GPUs, processes: 2, offload: cpu in .* \(--gpus 2\)",
        ),
        ("H100", 6, 1, "processes: 4 in "),
        ("H100", 8, 8, r"nodes: 2 in .* \(--gpus 8 --nodes 2\)"),
    ],
)
def test_a_batch_that_cannot_be_shared_out_is_shared_by_fewer(gpu, gpus, nodes, said, monkeypatch):
    """The batch is the training's, and stays."""
    monkeypatch.chdir(ROOT)
    spec = load_spec(Path("pipelines/paper.yaml"))
    outline = outline_of(published_config(spec.model))
    found = forecast(spec, outline, planned_machines(spec, gpu=gpu, gpus=gpus, nodes=nodes), asked=True)
    (problem,) = found.problems
    why = f"align-mist, align-clo, align-midalign: train.batch is 16, which {gpus * nodes} processes cannot share evenly. "
    assert problem.startswith(why)
    assert re.search(f"The smallest change that fits: {said}", problem), problem


def test_one_gpu_is_helped_by_what_one_gpu_can_do(twelve):
    after = smallest_change(case(twelve, zero(3, 1, **RESULT_KEPT), "A100-40"), more_gpus=False)
    assert after.shape.processes == 1
    assert after.shape.offload == "cpu"


def test_nothing_helps_a_gpu_that_is_far_too_small(twelve):
    tiny = case(twelve, zero(3, 1), "T4")
    object.__setattr__(tiny, "gpu", type(tiny.gpu)("toy", 0.5, 1.0, 1.0))
    assert smallest_change(tiny) is None


@pytest.mark.parametrize(
    "shape",
    [
        {},
        pytest.param({"engine": "deepspeed", "zero": 2, "processes": 2}, marks=pytest.mark.slow),
        pytest.param({"engine": "deepspeed", "zero": 3, "processes": 2}, marks=pytest.mark.slow),
    ],
    ids=["plain", "zero-2", "zero-3"],
)
def test_a_checkpoint_takes_the_disk_that_is_planned(shape, tmp_path):
    job = make_job(tmp_path, launch=LaunchSpec(device="cpu", threads=1, **shape), steps=3, save_every=2, checks=0)
    launch(job)
    weights = [".safetensors", ".pt"]
    files = (job.folder / CHECKPOINTS / "checkpoint-2").rglob("*")
    measured = sum(path.stat().st_size for path in files if path.suffix in weights and path.name != "scheduler.pt")
    planned = TrainingCase(
        outline=outline_of(read_config(job.model_path)), gpu=gpu_named("H100"), shape=job.launch,
        train=job.train.model_copy(update={"dtype": "float32"}), method="mist", pairs=6, time=64, attention_only=False,
        second_model=False,
    )  # fmt: skip
    assert checkpoint_bytes(planned) == pytest.approx(measured, rel=0.15)


# Recipes.


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_fits_the_hardware_that_it_names(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    relative = path.relative_to(ROOT)
    head = path.read_text(encoding="utf-8").partition("\nname: ")[0]
    for said in (
        f"isogloss plan {relative}\n",
        f"isogloss run {relative}\n",
        "# Hardware: ",
        "# Time: about ",
        "# Expected",
    ):
        assert said in head
    spec = load_spec(relative)
    machines = planned_machines(spec, gpu="H100", gpus=None, nodes=None)
    found = forecast(spec, outline_of(published_config(spec.model)), machines)
    assert found.problems == ()
    assert f"about {found.seconds / 3600:.1f} h on {machines} (" in head


def test_the_paper_is_four_models_on_eight_gpus(monkeypatch):
    monkeypatch.chdir(ROOT)
    spec = load_spec(Path("pipelines/paper.yaml"))
    assert spec.align.methods == ("mist", "clo", "midalign")
    assert set(spec.data.languages) == {"en", "es", "id", "ko", "el", "zh", "ar"}
    trains = {method: spec.align.of(method).train for method in spec.align.methods}
    assert {name: one.learning_rate for name, one in trains.items()} == {"mist": 5e-5, "clo": 5e-4, "midalign": 5e-4}
    assert {(one.batch, one.max_length, one.epochs, one.parameters) for one in trains.values()} == {
        (16, 640, 1.0, "full")
    }
    assert (spec.align.midalign.layer, spec.align.midalign.temperature) == (24, 1.0)
    assert (spec.align.clo.sft_weight, spec.align.clo.beta) == (0.5, 1.0)
    machines = planned_machines(spec, gpu="H100", gpus=None, nodes=None)
    assert (machines.gpus, machines.nodes) == (8, 1)


# The command line.


@pytest.fixture
def plan(monkeypatch, tmp_path):
    """`isogloss plan pipelines/paper.yaml OPTIONS…` without a network and with an empty cache."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    return lambda *options: isogloss("plan", RECIPES[0], *options, cwd=tmp_path)


def test_the_paper_is_planned_before_anything_is_fetched(plan):
    done = plan("--gpu", "H100", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert (found["gpu"], found["gpus"], found["nodes"]) == ("H100", 8, 1)
    trained = next(one for one in found["stages"] if one["stage"] == "align-clo")
    names = {"parameters", "gradients", "optimizer", "activations", "logits", "buffers", "reserve", "peak", "host"}
    assert names < set(trained["memory"])
    assert found["download_bytes"] > 24e9
    assert found["problems"] == []


@pytest.mark.parametrize("options", [[], ["--gpu", "H100"]])
def test_the_embedded_model_is_planned_without_being_converted(options, tmp_path, monkeypatch):
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))
    path = ROOT / "pipelines" / "embedded.yaml"
    done = isogloss("plan", path, *options, "--json", cwd=tmp_path)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["disk_bytes"] > 1.1e9
    assert found.get("download_bytes", 0) == 0
    assert not (tmp_path / "cache").exists()
    wrong = isogloss("plan", path, *options, "--set", "sweep.layers=[19]", cwd=tmp_path)
    assert wrong.code == 2
    assert "sweep.layers: 19 is outside the model; embedded has layers 1 to 18" in wrong.err


def test_what_cannot_fit_is_refused_with_the_change_that_would(plan):
    done = plan("--gpu", "A100-80", "--gpus", "2")
    assert done.code == 3
    (line,) = (one for one in done.err.splitlines() if "align-mist" in one)
    assert "align-mist, align-clo, align-midalign: needs" in line
    assert "GiB on each of 2 × A100-80 (79 GiB)" in line
    assert "The smallest change that fits: processes: 4 in " in line
    assert "; on the same GPUs, offload: cpu in " in line
    assert "align-mist" in done.out


def test_a_gpu_that_is_not_in_the_table():
    assert gpu_named("nvidia h100").name == "H100"
    assert gpu_named("RTX 4090").name == "RTX-4090"
    assert gpu_named("a100").name == "A100-80"
    with pytest.raises(UserError, match=r"--gpu H1000: not in the table \(did you mean 'H100'\?\); it has B200"):
        gpu_named("H1000")
    assert all(gpu_named(gpu.name) is gpu for gpu in GPUS)


# Optimizers.


@pytest.mark.parametrize(
    ("optimizer", "shape", "message"),
    [
        ("adafactor", {"engine": "deepspeed"}, "adafactor needs matrices"),
        ("adamw-8bit", {"engine": "deepspeed", "offload": "cpu"}, "the launch shape offloads it"),
        ("paged-adamw-8bit", {}, r"needs bitsandbytes, which is not installed; pip install bitsandbytes"),
    ],
)
def test_an_optimizer_that_cannot_work_is_refused_before_it_starts(tmp_path, optimizer, shape, message):
    job = make_job(tmp_path, launch=LaunchSpec(device="cpu", **shape), optimizer=optimizer)
    with pytest.raises(UserError, match=message):
        check_optimizer(job)


def test_eight_bits_need_a_gpu(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: object())
    with pytest.raises(UserError, match="needs a CUDA GPU, and the launch shape says device: cpu"):
        check_optimizer(make_job(tmp_path, optimizer="adamw-8bit"))
