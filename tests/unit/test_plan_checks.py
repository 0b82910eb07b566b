"""What a plan refuses before anything is run, because only the model's config shows it to be wrong."""

import pytest

from isogloss.errors import UserError
from isogloss.pipeline.plan import check_settings
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


def test_layers_of_one_kind_stand_in_the_place_of_both(model):
    one = spec(sweep={"layers": [1], "loc_layers": [2]})
    assert (one.sweep.layers_of("en"), one.sweep.layers_of("loc")) == ((1,), (2,))
    with pytest.raises(UserError, match=r"sweep.loc_layers: 77 is outside the model"):
        check_settings(spec(sweep={"loc_layers": [2, 77]}), model)


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


@pytest.mark.parametrize(
    ("methods", "said"), [(["clo"], "clo pairs each"), (["clo", "midalign"], "clo and midalign pair each")]
)
def test_methods_that_pair_languages_need_english(model, methods, said):
    with pytest.raises(UserError, match=f"^align.methods: {said} language with English, which is not among"):
        check_settings(spec(data={"languages": ["es", "ko"]}, align={"methods": methods}), model)
    check_settings(spec(data={"languages": ["es", "ko"]}, align={"methods": ["mist"]}), model)


def test_a_contrastive_loss_needs_two_pairs_in_each_process(model, tmp_path):
    align = {"methods": ["midalign"], "train": {"batch": 1}}
    with pytest.raises(UserError, match=r"^align.midalign.batch: 1 sentence pair an alignment step; .* to 2 or more$"):
        check_settings(spec(align=align), model)
    check_settings(spec(align={**align, "midalign": {"batch": 2}}), model)
    check_settings(spec(align={**align, "methods": ["mist"]}), model)

    shape = tmp_path / "two.yaml"
    shape.write_text("{processes: 2, device: cpu}")
    local = {"methods": ["midalign"], "launch": shape, "midalign": {"batch": 3, "negatives": "local"}}
    with pytest.raises(
        UserError, match=r"3 sentence pairs an alignment step, which 2 processes divide .* to 4 or more$"
    ):
        check_settings(spec(align=local), model)
    check_settings(spec(align={**local, "midalign": {"batch": 4, "negatives": "local"}}), model)


def test_english_alone_has_nothing_to_compare(model):
    with pytest.raises(UserError, match=r"data.languages: at least one language besides English is needed"):
        check_settings(spec(data={"languages": ["en"]}), model)
