"""Control vectors for llama.cpp: read back and applied as llama.cpp does, they give the steered model's logits."""

import re

import pytest
import torch
from gguf import GGMLQuantizationType, GGUFReader

from families import tiny
from isogloss.errors import RefusedError, UserError
from isogloss.export.control_vectors import direction, export_control_vectors, model_hint
from isogloss.export.huggingface import additions, steered_languages
from isogloss.files import damage
from isogloss.models.layers import decoder_blocks
from isogloss.steering.apply import steer
from isogloss.steering.intervention import Component, Intervention
from promoted import random_vectors, surgery
from tiny_models import FAMILIES, HIDDEN_SIZE, NUM_LAYERS

DIGEST = "0" * 64


def export(folder, intervention, **changes):
    facts = {
        "name": "tiny sur", "intervention": intervention, "positions": "all", "languages": steered_languages(intervention),
        "architecture": "LlamaForCausalLM", "trained": False,
    }  # fmt: skip
    return export_control_vectors(folder, folder / "out", **{**facts, **changes})


def directions(path):
    """{N: vector} of a file's tensors `direction.N`, which must be one-dimensional float32, as llama.cpp insists."""
    found = {}
    for tensor in GGUFReader(path).tensors:
        assert tensor.tensor_type == GGMLQuantizationType.F32
        assert list(tensor.shape) == [HIDDEN_SIZE]
        number = int(re.fullmatch(r"direction\.(\d+)", tensor.name)[1])
        found[number] = torch.from_numpy(tensor.data.copy())
    return found


def as_llama_cpp(model, ids, found):
    """Logits with `direction.N` added to the output of the block with index N, as llama.cpp's `build_cvec` does; N ≥ 1."""
    assert min(found) >= 1
    handles = []
    for number, vector in found.items():

        def add(_module, _inputs, output, vector=vector):
            return (output[0] + vector, *output[1:]) if isinstance(output, tuple) else output + vector

        handles.append(decoder_blocks(model)[number].register_forward_hook(add))
    with torch.no_grad():
        logits = model(input_ids=ids).logits
    for handle in handles:
        handle.remove()
    return logits


@pytest.mark.parametrize("family", FAMILIES)
def test_applied_as_llama_cpp_does_they_give_the_steered_logits(family, tmp_path):
    model, tokenizer = tiny(family)
    intervention = surgery(DIGEST, en_layer=2, loc_layer=NUM_LAYERS)
    files = export(tmp_path, intervention)
    ids = tokenizer("¿Qué? 수도", return_tensors="pt")["input_ids"]
    for language, file in zip(("es", "ko"), files, strict=True):
        with torch.no_grad(), steer(model, intervention, languages=language):
            steered = model(input_ids=ids).logits
        found = directions(tmp_path / "out" / file)
        assert set(found) == {1, NUM_LAYERS - 1}
        assert torch.allclose(as_llama_cpp(model, ids, found), steered, atol=1e-5)


def test_one_file_a_language_with_gamma_multiplied_in(tmp_path):
    intervention = surgery(DIGEST)
    files = export(tmp_path, intervention)
    assert files == ("tiny-sur-es.gguf", "tiny-sur-ko.gguf")
    en, _, loc = (one.vectors for one in intervention.components)
    found = directions(tmp_path / "out" / files[1])
    assert torch.equal(found[1], 0.7 * en.tensors["ko"][1])
    assert torch.equal(found[2], 2.0 * loc.tensors["ko"][2])
    fields = GGUFReader(tmp_path / "out" / files[1]).fields
    assert fields["general.architecture"].contents() == "controlvector"
    assert fields["controlvector.model_hint"].contents() == "llama"
    assert fields["controlvector.layer_count"].contents() == 2
    assert damage(tmp_path / "out") is None
    assert "--control-vector tiny-sur-es.gguf" in (tmp_path / "out" / "README.md").read_text()


def test_components_in_one_layer_are_added_up(tmp_path):
    files = export(tmp_path, surgery(DIGEST, en_layer=3, loc_layer=3), languages=["es"])
    expected = additions(surgery(DIGEST, en_layer=3, loc_layer=3), "es")
    found = directions(tmp_path / "out" / files[0])
    assert list(found) == [2]
    assert torch.equal(found[2], expected[3])


def test_gamma_zero_adds_nothing():
    off = Intervention((Component(vectors=random_vectors("loc", DIGEST), layer=2, gamma=0.0),))
    assert additions(off, "es") == {}
    assert steered_languages(off) == ()


def test_what_llama_cpp_cannot_do_is_refused(tmp_path):
    with pytest.raises(RefusedError, match="steered in layer 1"):
        export(tmp_path, surgery(DIGEST, en_layer=1))
    with pytest.raises(UserError, match="layer 2"):
        direction(1)
    with pytest.raises(RefusedError, match="from-prompt-end"):
        export(tmp_path, surgery(DIGEST), positions="from-prompt-end")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "out").mkdir()
    with pytest.raises(UserError, match="is there already"):
        export(tmp_path, surgery(DIGEST))


@pytest.mark.parametrize(
    ("architecture", "hint"),
    [
        ("Gemma3ForCausalLM", "gemma3"),
        ("gemma3_text", "gemma3"),
        ("Gemma3ForConditionalGeneration", "gemma3"),
        ("LlamaForCausalLM", "llama"),
        ("qwen3", "qwen3"),
        ("NobodysForCausalLM", None),
    ],
)
def test_the_hint_is_llama_cpps_name(architecture, hint):
    assert model_hint(architecture) == hint
