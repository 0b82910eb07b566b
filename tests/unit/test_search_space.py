"""Points are canonical, and a space leads from a point to a study's parameters and back."""

from __future__ import annotations

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FixedTrial

from isogloss.errors import UserError
from isogloss.search.space import UNSTEERED, SearchSpace, Steering, SteeringPoint, paper_point, suggest

EVERY_LAYER = tuple(range(1, 19))


def space(**changes: object) -> SearchSpace:
    settings = {
        "en_layers": EVERY_LAYER,
        "loc_layers": EVERY_LAYER,
        "en_gammas": (0.0, 1.0),
        "loc_gammas": (0.5, 3.0),
    }
    return SearchSpace.model_validate({**settings, **changes})


def test_points_that_steer_alike_are_equal() -> None:
    one = SteeringPoint.everywhere(en_layer=3, en_gamma=0.0, loc_layer=9, loc_gamma=1.00004)
    other = SteeringPoint.everywhere(en_layer=7, en_gamma=-0.0, loc_layer=9, loc_gamma=1.0)
    assert one == other
    assert one.digest == other.digest
    assert one.steerings[0].en_layer is None
    assert one.digest != SteeringPoint.everywhere(loc_layer=9, loc_gamma=1.0002).digest
    assert SteeringPoint.everywhere(en_layer=3, loc_layer=9) == UNSTEERED
    assert UNSTEERED.unsteered
    assert not one.unsteered


def test_a_point_survives_json() -> None:
    point = SteeringPoint.by_language(
        [Steering(language="ko", loc_layer=9, loc_gamma=1.5), Steering(language="es", en_layer=2, en_gamma=-0.5)]
    )
    again = SteeringPoint.model_validate_json(point.model_dump_json())
    assert again == point
    assert again.digest == point.digest
    assert [each.language for each in again.steerings] == ["es", "ko"]
    assert str(again) == "es: EN layer 2 γ -0.5; ko: LOC layer 9 γ 1.5"


def test_languages_steered_alike_are_one_steering_for_all() -> None:
    alike = [Steering(language=code, loc_layer=9, loc_gamma=1.5) for code in ("es", "ko")]
    assert SteeringPoint.by_language(alike) == SteeringPoint.everywhere(loc_layer=9, loc_gamma=1.5)


def test_the_steering_of_a_language() -> None:
    own = SteeringPoint(steerings=(Steering(language="ko", loc_layer=9, loc_gamma=1.5),))
    steering = own.of("ko")
    assert steering is not None
    assert steering.loc_gamma == 1.5
    assert own.of("es") is None
    assert UNSTEERED.of("es") == Steering()


@pytest.mark.parametrize(
    ("steerings", "message"),
    [
        ([{"en_gamma": 1.0}], "EN with γ 1 needs a layer"),
        ([{"language": "es"}, {"language": "es"}], "names each language once"),
        ([{"language": "*"}, {"language": "es"}], "one steering for all"),
    ],
)
def test_points_that_make_no_sense_are_refused(steerings: list[dict[str, object]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        SteeringPoint.model_validate({"steerings": steerings})


@pytest.mark.parametrize(("layers", "expected"), [(48, (20, 28)), (18, (8, 10)), (2, (1, 1)), (1, (1, 1))])
def test_the_papers_point_lies_at_the_same_depth(layers: int, expected: tuple[int, int]) -> None:
    one = paper_point(layers).steerings[0]
    assert (one.en_layer, one.loc_layer) == expected
    assert (one.en_gamma, one.loc_gamma) == (2.0, 2.0)


def test_a_point_outside_the_space_is_moved_to_the_nearest_inside() -> None:
    inside = space(loc_layers=(9, 13)).clipped(paper_point(18))
    assert inside == SteeringPoint.everywhere(en_layer=8, en_gamma=1.0, loc_layer=9, loc_gamma=2.0)


def test_every_range_holds_zero() -> None:
    assert space().loc_gammas == (0.0, 3.0)
    assert space(en_gammas=(-2.0, -1.0)).en_gammas == (-2.0, 0.0)
    assert space().clipped(UNSTEERED) == UNSTEERED


@pytest.mark.parametrize(
    ("per_language", "names"),
    [
        ("no", {"en_layer", "loc_layer", "en_gamma", "loc_gamma"}),
        ("gammas", {"en_layer", "loc_layer", "en_gamma.es", "en_gamma.ko", "loc_gamma.es", "loc_gamma.ko"}),
        (
            "all",
            {f"{kind}_{what}.{code}" for kind in ("en", "loc") for what in ("layer", "gamma") for code in ("es", "ko")},
        ),
    ],
)
def test_parameters_lead_to_the_point_and_back(per_language: str, names: set[str]) -> None:
    searched = space(per_language=per_language, languages=("ko", "es"))
    parameters = searched.parameters(paper_point(18))
    assert parameters.keys() == names
    assert searched.point(parameters) == SteeringPoint.everywhere(en_layer=8, en_gamma=1.0, loc_layer=10, loc_gamma=2.0)
    changed = parameters | {name: 0.25 for name in names if name in ("loc_gamma", "loc_gamma.ko")}
    point = suggest(FixedTrial(changed), searched)
    korean, spanish = point.of("ko"), point.of("es")
    assert korean is not None
    assert spanish is not None
    assert korean.loc_gamma == 0.25
    assert spanish.loc_gamma == (0.25 if per_language == "no" else 2.0)
    assert searched.point(searched.parameters(point)) == point


def test_a_kind_whose_range_is_zero_is_left_out() -> None:
    searched = space(en_gammas=(0.0, 0.0))
    assert searched.parameters(paper_point(18)).keys() == {"loc_layer", "loc_gamma"}
    assert searched.clipped(paper_point(18)) == SteeringPoint.everywhere(loc_layer=10, loc_gamma=2.0)


def test_the_sampler_knows_which_layers_are_neighbours() -> None:
    trial = FixedTrial({"en_layer": 6, "loc_layer": 13, "en_gamma": 1.0, "loc_gamma": 1.0})
    point = suggest(trial, space(en_layers=(9, 3, 6), loc_layers=(4, 13, 14)))
    assert point.steerings[0].en_layer == 6
    assert trial.distributions == {
        "en_layer": IntDistribution(3, 9, step=3),
        "loc_layer": CategoricalDistribution((4, 13, 14)),
        "en_gamma": FloatDistribution(0.0, 1.0),
        "loc_gamma": FloatDistribution(0.0, 3.0),
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"en_gammas": (2.0, 1.0)}, "en_gammas: from the lowest"),
        ({"loc_gammas": (0.0, float("inf"))}, "loc_gammas: from the lowest"),
        ({"en_layers": ()}, "en_layers: at least one layer"),
        ({"loc_layers": (0, 1)}, "loc_layers: at least one layer, counted from 1"),
        ({"en_gammas": (0, 0), "loc_gammas": (0, 0)}, "nothing to search"),
        ({"per_language": "all"}, "per_language: all needs the languages"),
    ],
)
def test_spaces_that_cannot_be_searched_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        space(**changes)


def test_a_start_must_fit_what_is_searched() -> None:
    own = SteeringPoint.by_language(
        [Steering(language="es", loc_layer=9, loc_gamma=1.0), Steering(language="ko", loc_layer=11, loc_gamma=1.0)]
    )
    with pytest.raises(UserError, match="loc_layer has one value for all languages"):
        space().parameters(own)
    with pytest.raises(UserError, match=r"en_gamma.el needs one value"):
        space(per_language="all", languages=("el", "es")).parameters(own)


def test_the_digest_tells_spaces_apart() -> None:
    assert space().digest == space(loc_gammas=(0.0, 3.0), en_layers=EVERY_LAYER[::-1]).digest
    assert space().digest != space(loc_gammas=(0.0, 2.0)).digest
