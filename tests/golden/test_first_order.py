"""The first-order estimate against finite differences of really steered models in float64."""

import copy

import pytest
import torch

from families import made_up_items, tiny
from isogloss.scoring.first_order import Slope, Slopes, first_order
from isogloss.scoring.score import Pass, ScoreSettings, score_items
from isogloss.search.space import SteeringPoint, starting_points, trusted_steps
from isogloss.steering.apply import steer
from isogloss.steering.intervention import single
from isogloss.steering.vectors import Header, SteeringVectors
from tiny_models import HIDDEN_SIZE, NUM_LAYERS

STEP = 1e-3


def vectors(kind, languages):
    generator = torch.Generator().manual_seed(["en", "loc"].index(kind))
    tensors = {one: 0.3 * torch.randn(NUM_LAYERS, HIDDEN_SIZE, generator=generator) for one in languages}
    ones = dict.fromkeys(languages, (1.0,) * NUM_LAYERS)
    header = Header(
        kind=kind, model="tiny", model_digest="0" * 64, num_layers=NUM_LAYERS, hidden_size=HIDDEN_SIZE, token="last",
        scoring="cloze", pairs=dict.fromkeys(languages, 1), data_digest="0" * 64, norms=ones, residual_norms=ones,
    )  # fmt: skip
    return SteeringVectors(header, tensors)


VECTORS = {"en": vectors("en", ("es", "ko", "zh")), "loc": vectors("loc", ("es", "zh", "ar"))}
DIRECTIONS = {kind: own.tensors for kind, own in VECTORS.items()}


def items():
    return [item for item in made_up_items() if item.language != "en"]


def measured(model, tokenizer, settings, positions, kind, layer):
    """(probability, margin) slopes by language, from scores steered by ±γ."""

    def passed(name, gamma):
        intervention = single(VECTORS[kind], layer=layer, gamma=gamma)

        def context(rows):
            return steer(
                model, intervention, languages=rows.languages, positions=positions, missing="unsteered",
                real=rows.real, prompt_ends=rows.prompt_ends,
            )  # fmt: skip

        return Pass(name=name, context=context, first_layer=layer)

    scores = score_items(
        model, tokenizer, items(), settings=settings, passes=[passed("up", STEP), passed("down", -STEP)]
    )
    found = {}
    for language in VECTORS[kind].languages:
        ups = [one for one in scores["up"] if one.language == language]
        downs = [one for one in scores["down"] if one.language == language]
        shares = [(up.probability - down.probability) / (2 * STEP) for up, down in zip(ups, downs, strict=True)]
        margins = [(margin(up) - margin(down)) / (2 * STEP) for up, down in zip(ups, downs, strict=True)]
        found[language] = (sum(shares) / len(shares), sum(margins) / len(margins))
    return found


def margin(score):
    values = torch.tensor(score.option_scores, dtype=torch.float64)
    others = torch.cat([values[: score.answer], values[score.answer + 1 :]])
    return float(values[score.answer] - others.logsumexp(0))


CASES = [
    ("llama", "all", ScoreSettings(padding="right")),
    ("gemma3_text", "all", ScoreSettings(padding="left", normalise="none")),
    ("gemma3_multimodal", "from-prompt-end", ScoreSettings(padding="right")),
    ("qwen3", "all", ScoreSettings(packing="separate", padding="left")),
    ("qwen2", "from-prompt-end", ScoreSettings(packing="separate", token_budget=300)),
    ("gemma3_text", "all", ScoreSettings(scoring="letter", padding="left")),
]


@pytest.mark.parametrize(("family", "positions", "settings"), CASES)
def test_slopes_equal_finite_differences(family, positions, settings):
    loaded, tokenizer = tiny(family)
    # Logits are read in float32 whatever the model: differences of 1e-3 leave three digits of them.
    model = copy.deepcopy(loaded).double()
    slopes = first_order(model, tokenizer, items(), directions=DIRECTIONS, settings=settings, positions=positions)
    own = {(one.kind, one.language): one for one in slopes.slopes}
    assert set(own) == {(kind, language) for kind, each in DIRECTIONS.items() for language in each}
    for kind in VECTORS:
        for layer in range(1, NUM_LAYERS + 1):
            for language, (share, margin_slope) in measured(model, tokenizer, settings, positions, kind, layer).items():
                one = own[kind, language]
                assert one.items == 3
                assert one.probability[layer - 1] == pytest.approx(share, rel=2e-2, abs=2e-3), (kind, layer, language)
                assert one.margin[layer - 1] == pytest.approx(margin_slope, rel=2e-2, abs=4e-3), (kind, layer, language)


def test_starting_points_rank_layers_by_their_own_axis():
    def slope(axis, kind, values):
        return Slope(axis=axis, kind=kind, language="es", probability=values, margin=values, items=1)

    slopes = Slopes(
        (
            slope("transfer", "en", (0.1, 0.4, -0.2)),
            slope("localization", "en", (-0.5, -0.1, 0.0)),
            slope("transfer", "loc", (0.0, -0.1, 0.0)),
            slope("localization", "loc", (0.2, 0.1, 0.3)),
        )
    )
    steps = {"en": (1.0, 0.5, 1.0), "loc": (1.0, 4.0, 1.0)}
    layers = {"en": (1, 2, 3), "loc": (1, 2, 3)}
    points = [point.steerings[0] for point in starting_points(slopes, layers=layers, steps=steps, count=3)]
    assert [(point.en_layer, point.loc_layer) for point in points] == [(2, 2), (1, 3), (1, 1)]
    assert (points[0].en_gamma, points[0].loc_gamma) == (0.5, 4.0)
    (off,) = starting_points(slopes, layers={"en": (3,), "loc": (3,)}, steps=steps)
    assert off == SteeringPoint.everywhere(loc_layer=3, loc_gamma=1.0)


def test_the_trusted_step_is_a_share_of_the_residual_norm():
    norms, residual = {"es": (2.0, 1.0), "ko": (2.0, 3.0)}, {"es": (4.0, 2.0), "ko": (4.0, 2.0)}
    assert trusted_steps(norms, residual, share=0.25) == pytest.approx((0.5, 0.25))
    assert trusted_steps(norms, residual, share=0.25, highest=0.3) == pytest.approx((0.3, 0.25))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_other_dtypes_give_about_the_same_and_leave_no_trace(dtype):
    loaded, tokenizer = tiny("llama")
    model = copy.deepcopy(loaded).to(dtype)
    hooks = [len(module._forward_hooks) for module in model.modules()]
    slopes, exact = (
        first_order(one, tokenizer, items(), directions=DIRECTIONS, settings=ScoreSettings(token_budget=budget))
        for one, budget in ((model, 400), (copy.deepcopy(loaded).double(), 4000))
    )
    found, wanted = (torch.tensor([one.margin for one in each.slopes]) for each in (slopes, exact))
    error = float((found - wanted).norm() / wanted.norm())
    assert error < (1e-4 if dtype is torch.float32 else 0.1)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert [len(module._forward_hooks) for module in model.modules()] == hooks
