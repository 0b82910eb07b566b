"""What a plan says a pipeline will cost."""

import json
from dataclasses import asdict

import pytest

from isogloss.pipeline.plan import make_plan
from isogloss.planning.estimate import estimate, forwards_by_stage, matmul_flops
from isogloss.spec import STAGES, PipelineSpec, load_spec
from small_data import write_pipeline
from tiny_models import FAMILIES, make_tiny_model


def forwards(layers=4, **settings):
    spec = PipelineSpec.model_validate({"name": "a", "model": "m", **settings})
    return forwards_by_stage(spec, layers)


SMALL = {"languages": ["en", "es", "ko"], "dev1": 10, "dev2": 20, "test": 30}


def test_forwards_are_counted_by_hand():
    found = forwards(data=SMALL, sweep={"layers": [4], "en_gammas": [1.0], "loc_gammas": [1.0]})
    assert found["baseline"] == 3 * (2 * 20 + 2 * 30 + 30)
    # Two languages besides English, both axes, once as they are and two points that recompute a quarter of the layers.
    assert found["sweep"] == 2 * 2 * 20 * (1 + 2 / 4)


def test_more_layers_strengths_or_items_cost_more():
    base = forwards(data=SMALL)
    assert forwards(data=SMALL, layers=8)["sweep"] > base["sweep"]
    assert forwards(data=SMALL, sweep={"en_gammas": [1, 2, 3, 4, 5]})["sweep"] > base["sweep"]
    assert forwards(data={**SMALL, "test": "all"})["evaluate"] > base["evaluate"]
    assert forwards(data=SMALL, sweep={"layers": [3, 4]})["sweep"] < base["sweep"]


def test_the_speed_of_the_machine_is_a_number_of_operations():
    assert 1e8 < matmul_flops("float32") < 1e15


@pytest.fixture
def _here(tmp_path, monkeypatch):
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def costs(folder, model):
    return estimate(make_plan(load_spec(write_pipeline(folder, model)), folder))


@pytest.mark.usefixtures("_here")
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_can_be_planned(tmp_path, family):
    found = costs(tmp_path, make_tiny_model(family, tmp_path / family))
    assert tuple(cost.stage for cost in found.stages) == STAGES
    assert not any(cost.cached or cost.damaged for cost in found.stages)
    assert found.seconds == sum(cost.seconds for cost in found.stages)
    assert min(found.seconds, found.memory_bytes, found.disk_bytes, found.free_bytes) > 0
    assert json.loads(json.dumps(found.as_json())) == json.loads(json.dumps(asdict(found)))


@pytest.mark.usefixtures("_here")
def test_a_config_that_leaves_out_its_familys_defaults_can_be_planned(tmp_path):
    """As the published Gemma 3 models, which name no vocabulary size."""
    model = make_tiny_model("gemma3_multimodal", tmp_path / "model")
    config = json.loads((model / "config.json").read_text())
    del config["text_config"]["vocab_size"]
    (model / "config.json").write_text(json.dumps(config))
    assert costs(tmp_path, model).memory_bytes > 128 * 262_144 * 4
