"""`isogloss export`: folders that transformers, PEFT and gguf load, whole or not at all."""

import pytest
import torch
import transformers as hf
from gguf import GGUFReader
from huggingface_hub import ModelCard
from peft import PeftModel

import isogloss as package
from command_line import isogloss
from isogloss.files import damage, read_json
from isogloss.models.load import load_model
from isogloss.steering.vectors import SteeringVectors
from promoted import promote_tiny, surgery
from tiny_bundles import trained_folder
from tiny_models import make_tiny_model
from training_jobs import tiny_folder

PROMPT = "¿Cuál es la capital?"


pytestmark = pytest.mark.usefixtures("own_cache_and_store")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return promote_tiny(tmp_path_factory.mktemp("promoted") / "bundle", tiny_folder("llama")).folder


def export(here, *arguments):
    return isogloss("export", *arguments, cwd=here)


def refused(ended, code, *words):
    assert (ended.code, ended.out) == (code, ""), ended.err
    for word in words:
        assert word in ended.err
    assert "Traceback" not in ended.err


def test_hf_of_a_steered_model_has_vectors_and_no_weights(bundle, tmp_path):
    ended = export(tmp_path, bundle, "out")
    assert ended.code == 0, ended.err
    assert "next: hf upload" in ended.err
    out = tmp_path / "out"
    assert damage(out) is None
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert "model.safetensors" not in names
    assert {"README.md", "intervention.json", "scores.json", "vectors/loc/vectors.safetensors"} <= names
    assert SteeringVectors.load(out / "vectors" / "en").languages == ("es", "ko")
    assert ModelCard.load(out / "README.md").data.model_name == "tiny-sur"


@pytest.mark.parametrize("parameters", ["lora", "full"])
def test_hf_of_a_trained_model_loads_with_the_usual_libraries(parameters, tmp_path):
    trained = trained_folder(tmp_path, parameters=parameters, moved=0.2)
    loaded = load_model(str(trained))
    bundle = promote_tiny(
        tmp_path / "bundle",
        tiny_folder("llama"),
        intervention=surgery(loaded.digest),
        model_folder=trained,
        weights="adapter" if parameters == "lora" else "full",
        checkpoint="mist",
    )
    assert export(tmp_path, bundle.folder, "out", "--format", "hf").code == 0
    out = tmp_path / "out"
    plain = hf.AutoModelForCausalLM.from_pretrained(tiny_folder("llama")).eval()
    ids = loaded.tokenizer(PROMPT, return_tensors="pt")
    with torch.no_grad():
        unaligned = plain(**ids).logits
        model = PeftModel.from_pretrained(plain, out) if parameters == "lora" else plain.from_pretrained(out)
        logits, expected = model.eval()(**ids).logits, loaded.model(**ids).logits
    # An adapter beside the weights rounds differently from one merged into them (3e-5 here; in float64 they are equal).
    assert torch.allclose(logits, expected, rtol=0, atol=1e-4 if parameters == "lora" else 1e-6)
    assert (logits - unaligned).abs().max() > 0.5
    # What was exported is still the model that its vectors were taken from.
    vectors = SteeringVectors.load(out / "vectors" / "loc")
    assert load_model(str(out)).digest == vectors.header.model_digest == loaded.digest
    assert damage(out) is None


def test_gguf_writes_a_control_vector_a_language(bundle, tmp_path):
    ended = export(tmp_path, bundle, "out", "--format", "gguf")
    assert ended.code == 0, ended.err
    assert "--control-vector" in ended.err
    files = sorted(path.name for path in (tmp_path / "out").glob("*.gguf"))
    assert files == ["tiny-sur-es.gguf", "tiny-sur-ko.gguf"]
    assert {one.name for one in GGUFReader(tmp_path / "out" / files[0]).tensors} == {"direction.1", "direction.2"}
    assert export(tmp_path, bundle, "one", "--format", "gguf", "--language", "ko").code == 0
    assert [path.name for path in (tmp_path / "one").glob("*.gguf")] == ["tiny-sur-ko.gguf"]


def test_folded_models_answer_as_the_steered_one(bundle, tmp_path):
    ended = export(tmp_path, bundle, "out", "--format", "folded", "--language", "es")
    assert ended.code == 0, ended.err
    assert not (tmp_path / "out" / "ko").exists()
    folded = package.load(str(tmp_path / "out" / "es")).generate(PROMPT, max_new_tokens=12)
    assert folded == package.load(str(bundle)).generate(PROMPT, max_new_tokens=12, languages="es")
    assert read_json(tmp_path / "out" / "es" / "config.json")["mlp_bias"] is True


def test_a_model_with_no_place_for_a_bias_is_refused(tmp_path):
    gemma = make_tiny_model("gemma3_text", tmp_path / "gemma")
    bundle = promote_tiny(tmp_path / "bundle", gemma).folder
    refused(export(tmp_path, bundle, "out", "--format", "folded"), 3, "post_feedforward_layernorm", "hf or gguf")
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_exported_is_refused(bundle, tmp_path):
    refused(export(tmp_path, tiny_folder("llama"), "out"), 2, "is not a promoted model")
    refused(export(tmp_path, bundle, "out", "--language", "es"), 2, "leave out --language")
    refused(export(tmp_path, bundle, "out", "--format", "gguf", "--language", "zh"), 2, "there are es, ko")
    (tmp_path / "there").mkdir()
    refused(export(tmp_path, bundle, "there", "--format", "gguf"), 2, "is there already")
    assert list((tmp_path / "there").iterdir()) == []
    assert not (tmp_path / "out").exists()
