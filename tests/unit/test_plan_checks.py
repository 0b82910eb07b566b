"""What a plan refuses before anything is run, because only the model's config shows it to be wrong."""

import pytest

from isogloss.errors import UserError
from isogloss.pipeline.steps import check_settings
from isogloss.spec import PipelineSpec
from tiny_models import make_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_tiny_model("gemma3_multimodal", tmp_path_factory.mktemp("models") / "tiny")


def spec(**settings):
    return PipelineSpec.model_validate({"name": "a", "model": "m", **settings})


def test_layers_inside_the_model_pass(model):
    check_settings(spec(sweep={"layers": [1, 2]}), model)
    check_settings(spec(align={"methods": ["midalign"], "midalign": {"layer": 2}}), model)


def test_layers_outside_the_model_are_named(model):
    with pytest.raises(UserError, match=r"sweep.layers: 77, 99 is outside the model; m has layers 1 to \d+$"):
        check_settings(spec(sweep={"layers": [1, 77, 99]}), model)
    with pytest.raises(UserError, match=r"align.midalign.layer: 77 is outside the model"):
        check_settings(spec(align={"methods": ["midalign"], "midalign": {"layer": 77}}), model)
    with pytest.raises(UserError, match=r"search.loc_layers: 77 is outside the model"):
        check_settings(spec(search={"checkpoints": ["unaligned"], "loc_layers": [1, 77]}), model)
    check_settings(spec(search={"loc_layers": [77]}), model)


def test_a_method_that_is_not_trained_is_not_checked(model):
    check_settings(spec(align={"midalign": {"layer": 77}}), model)


def test_english_alone_has_nothing_to_compare(model):
    with pytest.raises(UserError, match=r"data.languages: at least one language besides English is needed"):
        check_settings(spec(data={"languages": ["en"]}), model)
