"""Steering vectors on disk: what is saved is loaded, and what is damaged or of another model is refused."""

import json

import pytest
import torch
from safetensors.torch import save_file

from isogloss.errors import RefusedError, UserError
from isogloss.files import seal
from isogloss.steering.vectors import HEADER, TENSORS, Header, SteeringVectors

LAYERS, WIDTH = 3, 5


def make(*, seed=0, languages=("es", "ko"), **changes):
    generator = torch.Generator().manual_seed(seed)
    tensors = {one: torch.randn(LAYERS, WIDTH, generator=generator) for one in languages}
    facts = {
        "kind": "loc",
        "model": "tiny",
        "model_digest": "a" * 64,
        "num_layers": LAYERS,
        "hidden_size": WIDTH,
        "token": "last",
        "scoring": "cloze",
        "pairs": dict.fromkeys(languages, 7),
        "data_digest": "d" * 64,
        "norms": {one: tuple(tensor.norm(dim=-1).tolist()) for one, tensor in tensors.items()},
        "residual_norms": dict.fromkeys(languages, (1.0,) * LAYERS),
    }
    return SteeringVectors(Header(**{**facts, **changes}), tensors)


@pytest.fixture
def saved(tmp_path):
    make().save(tmp_path / "v")
    return tmp_path / "v"


def test_what_is_saved_is_loaded(saved):
    vectors, loaded = make(), SteeringVectors.load(saved)
    assert loaded.header == vectors.header
    assert set(loaded.languages) == {"es", "ko"}
    for language in vectors.languages:
        assert torch.equal(loaded.tensors[language], vectors.tensors[language])
        assert loaded.tensors[language].dtype == torch.float32
    assert loaded.digest == vectors.digest
    assert "layer l is the output of decoder block l" in loaded.header.layer_convention


def test_layer_l_is_row_l_minus_one():
    vectors = make()
    for layer in range(1, LAYERS + 1):
        assert torch.equal(vectors.at("ko", layer), vectors.tensors["ko"][layer - 1])


def test_the_digest_is_of_the_content():
    assert make().digest == make().digest
    assert make(languages=("ko", "es"), seed=0).digest != make().digest
    assert make(seed=1).digest != make().digest
    assert make(token="mean").digest != make().digest
    reordered = SteeringVectors(make().header, dict(reversed(make().tensors.items())))
    assert reordered.digest == make().digest


def test_a_save_replaces_whole(saved):
    make(seed=5).save(saved)
    assert SteeringVectors.load(saved).digest == make(seed=5).digest
    assert sorted(path.name for path in saved.parent.iterdir()) == ["v"]


def test_no_vectors_there(tmp_path):
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(UserError, match=r"no steering vectors there \(vectors.json is missing\)"):
            SteeringVectors.load(folder)


def test_damage_is_refused(saved):
    content = bytearray((saved / TENSORS).read_bytes())
    content[-1] ^= 1
    (saved / TENSORS).write_bytes(content)
    with pytest.raises(RefusedError, match=r"damaged steering vectors: .*content differs.*Extract them again"):
        SteeringVectors.load(saved)


@pytest.mark.parametrize("name", [TENSORS, "manifest.json"])
def test_a_missing_part_is_refused(saved, name):
    (saved / name).unlink()
    with pytest.raises(RefusedError, match="damaged steering vectors"):
        SteeringVectors.load(saved)


@pytest.mark.parametrize("content", ["{}", "[]", "{", '{"format": "isogloss-vectors-9"}'])
def test_a_header_of_something_else_is_refused(saved, content):
    (saved / HEADER).write_text(content)
    seal(saved)
    with pytest.raises(RefusedError, match="not a header of steering vectors"):
        SteeringVectors.load(saved)


def test_tensors_that_do_not_fit_the_header_are_refused(saved):
    header = json.loads((saved / HEADER).read_text())
    (saved / HEADER).write_text(json.dumps({**header, "num_layers": LAYERS + 1}))
    seal(saved)
    with pytest.raises(RefusedError, match=r"is \(3, 5\), the header says \(4, 5\)"):
        SteeringVectors.load(saved)


@pytest.mark.parametrize("tensors", [{}, {"es": torch.ones(LAYERS, WIDTH)}])
def test_languages_that_the_header_names_and_the_tensors_lack_are_refused(saved, tensors):
    save_file(tensors, saved / TENSORS)
    seal(saved)
    with pytest.raises(RefusedError, match="ko"):
        SteeringVectors.load(saved)


def test_tensors_that_are_none_are_refused(saved):
    (saved / TENSORS).write_bytes(b"no safetensors")
    seal(saved)
    with pytest.raises(RefusedError, match=r"vectors.safetensors: cannot be read"):
        SteeringVectors.load(saved)


def test_only_the_model_they_were_taken_from():
    vectors = make()
    vectors.check_model("a" * 64, num_layers=LAYERS, hidden_size=WIDTH)
    vectors.check_model(None, num_layers=LAYERS, hidden_size=WIDTH)
    with pytest.raises(RefusedError) as caught:
        vectors.check_model("b" * 64, num_layers=LAYERS, hidden_size=WIDTH, where="'other'")
    assert "a" * 64 in str(caught.value)
    assert "b" * 64 in str(caught.value)
    assert caught.value.exit_code == 3
    with pytest.raises(RefusedError, match=r"have 3 layers of width 5; this model .*has 4 of 5"):
        vectors.check_model(None, num_layers=LAYERS + 1, hidden_size=WIDTH)


def test_only_some_languages():
    vectors = make(languages=("es", "ko", "el"))
    fewer = vectors.only(["ko"])
    assert fewer.languages == ("ko",)
    assert torch.equal(fewer.at("ko", 2), vectors.at("ko", 2))
    assert set(fewer.header.norms) == set(fewer.header.pairs) == set(fewer.header.residual_norms) == {"ko"}
    assert fewer.digest != vectors.digest
    with pytest.raises(UserError, match="no LOC vector for language 'kp'"):
        vectors.only(["kp"])
