"""Interventions as values, and the controls made from real vectors."""

import pytest
import torch
from test_vectors import LAYERS, WIDTH, make

from isogloss.errors import UserError
from isogloss.steering.intervention import Component, Intervention, exchanged, random_control, single, surgical


@pytest.mark.parametrize("layer", [0, -1, LAYERS + 1])
def test_a_layer_outside_the_model_is_refused(layer):
    with pytest.raises(UserError, match=f"layer {layer} is outside the model: it has layers 1 to {LAYERS}"):
        Component(vectors=make(), layer=layer, gamma=1.0)


@pytest.mark.parametrize("gamma", [float("nan"), float("inf"), -float("inf")])
def test_a_strength_is_a_finite_number(gamma):
    with pytest.raises(UserError, match="gamma must be a finite number"):
        single(make(), layer=1, gamma=gamma)


def test_surgical_is_both_in_their_layers():
    sur = surgical(single(make(kind="en"), layer=3, gamma=0.5), single(make(), layer=2, gamma=2.0))
    assert [(one.vectors.header.kind, one.layer, one.gamma) for one in sur.components] == [
        ("en", 3, 0.5),
        ("loc", 2, 2.0),
    ]
    assert sur.first_layer == 2


def test_strength_zero_changes_no_layer():
    assert single(make(), layer=1, gamma=0.0).first_layer is None
    assert Intervention(()).first_layer is None
    assert surgical(single(make(), layer=1, gamma=0.0), single(make(), layer=3, gamma=1.0)).first_layer == 3


def test_relative_norm_is_the_mean_ratio_to_the_residual():
    vectors = make(
        norms={"es": (1.0, 2.0, 3.0), "ko": (3.0, 4.0, 5.0)}, residual_norms={"es": (4.0,) * 3, "ko": (8.0,) * 3}
    )
    assert Component(vectors=vectors, layer=2, gamma=-2.0).relative_norm() == pytest.approx(2 * (2 / 4 + 4 / 8) / 2)


def test_the_digest_tells_interventions_apart():
    one = single(make(), layer=2, gamma=1.0)
    assert one.digest == single(make(), layer=2, gamma=1.0).digest
    others = [
        single(make(), layer=3, gamma=1.0),
        single(make(), layer=2, gamma=1.5),
        single(make(seed=1), layer=2, gamma=1.0),
        single(make(model_digest="b" * 64), layer=2, gamma=1.0),
    ]
    assert len({one.digest, *(other.digest for other in others)}) == 5
    assert one.describe()["components"][0]["vectors"] == make().digest


def test_random_vectors_have_the_norms_of_the_real_ones_and_nothing_else():
    real = make()
    control = random_control(real, seed=3)
    for language, tensor in real.tensors.items():
        other = control.tensors[language]
        assert torch.allclose(other.norm(dim=-1), tensor.norm(dim=-1), rtol=1e-5)
        assert not torch.allclose(other, tensor)
    assert not torch.allclose(control.tensors["es"], control.tensors["ko"])


def test_random_vectors_depend_on_the_seed_alone():
    assert random_control(make(), seed=3).digest == random_control(make(), seed=3).digest
    assert random_control(make(), seed=3).digest != random_control(make(), seed=4).digest
    reordered = make(languages=("ko", "es"))
    swapped = random_control(reordered, seed=3).tensors["es"], random_control(make(), seed=3).tensors["es"]
    directions = [one / one.norm(dim=-1, keepdim=True) for one in swapped]
    assert torch.allclose(*directions, atol=1e-6)


def test_exchanged_gives_each_the_next_ones_direction_at_its_own_norm():
    real = make(languages=("ko", "es", "ar"))
    control, source = exchanged(real)
    assert source == {"ar": "es", "es": "ko", "ko": "ar"}
    cosine = torch.nn.functional.cosine_similarity
    for language, other in source.items():
        assert torch.allclose(control.tensors[language].norm(dim=-1), real.tensors[language].norm(dim=-1), rtol=1e-5)
        assert torch.allclose(cosine(control.tensors[language], real.tensors[other], dim=-1), torch.ones(LAYERS))


def test_exchanged_takes_an_order_and_needs_two():
    _, source = exchanged(make(languages=("ko", "es", "ar")), ("ko", "es", "ar"))
    assert source == {"ko": "es", "es": "ar", "ar": "ko"}
    with pytest.raises(UserError, match="at least two languages"):
        exchanged(make(languages=("ko",)))


def test_exchanged_with_a_zero_vector_stays_finite():
    real = make()
    real.tensors["ko"][1] = 0
    control, _ = exchanged(real)
    assert all(bool(tensor.isfinite().all()) for tensor in control.tensors.values())
    assert torch.equal(control.tensors["ko"][1], torch.zeros(WIDTH))
