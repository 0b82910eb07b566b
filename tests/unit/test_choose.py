"""The rule that chooses a layer and strength on dev2, by examples made by hand."""

import pytest

from isogloss.results.scores import Estimate, SweepPoint
from isogloss.stages.sweep import choose


def value(number):
    return Estimate(value=number, low=None, high=None, n=100, groups=50)


def point(layer, *, transfer, localization, kind="en", gamma=1.0):
    return SweepPoint(
        kind=kind,
        layer=layer,
        gamma=gamma,
        transfer=value(transfer),
        localization=value(localization),
        bias=None,
        transfer_probability=transfer,
        localization_probability=localization,
        relative_norm=0.1,
    )


def chosen(*points, kind="en", tolerance=0.02):
    choice = choose(points, kind, tolerance=tolerance)
    return choice.layer, choice.gamma


def test_en_takes_the_highest_transfer_among_those_that_keep_localization():
    points = [
        point(1, transfer=0.01, localization=0.00),
        point(2, transfer=0.05, localization=-0.02),
        point(3, transfer=0.09, localization=-0.03),
    ]
    assert chosen(*points) == (2, 1.0)
    assert chosen(*points, tolerance=0.03) == (3, 1.0)
    assert chosen(*points, tolerance=0.0) == (1, 1.0)


def test_loc_takes_the_highest_localization_among_those_that_keep_transfer():
    points = [
        point(1, kind="loc", transfer=-0.05, localization=0.30),
        point(2, kind="loc", transfer=0.00, localization=0.10),
        point(3, kind="loc", transfer=-0.01, localization=0.20),
        point(4, kind="en", transfer=0.50, localization=0.50),
    ]
    assert chosen(*points, kind="loc") == (3, 1.0)


def test_a_loss_of_exactly_the_tolerance_is_allowed():
    """0.1 + 0.2 − 0.3 is not 0 in floating point; a loss on the line must not depend on that."""
    on_the_line = -(0.1 + 0.2 - 0.28)
    assert on_the_line < -0.02
    assert chosen(point(1, transfer=0.0, localization=0.0), point(2, transfer=0.1, localization=on_the_line)) == (
        2,
        1.0,
    )


def test_where_all_lose_more_the_one_that_loses_least():
    points = [
        point(1, transfer=0.30, localization=-0.30),
        point(2, transfer=0.01, localization=-0.05),
        point(3, transfer=0.20, localization=-0.06),
    ]
    assert chosen(*points) == (2, 1.0)
    assert "0 of 3 points allowed" in choose(points, "en", tolerance=0.02).reason


def test_equals_go_to_the_smaller_strength_then_the_lower_layer():
    points = [
        point(4, transfer=0.05, localization=0.0, gamma=2.0),
        point(3, transfer=0.05, localization=0.0, gamma=0.5),
        point(2, transfer=0.05, localization=0.0, gamma=0.5),
        point(1, transfer=0.05, localization=0.0, gamma=1.0),
    ]
    assert chosen(*points) == (2, 0.5)
    assert chosen(*points[::-1]) == (2, 0.5)
    losing = [one.model_copy(update={"localization_probability": -0.5}) for one in points]
    assert chosen(*losing) == (2, 0.5)


def test_a_difference_that_is_rounding_is_none():
    points = [point(1, transfer=0.05, localization=0.0), point(2, transfer=0.05 + 1e-12, localization=0.0)]
    assert chosen(*points) == (1, 1.0)


def test_a_negative_strength_is_compared_by_its_size():
    points = [
        point(1, transfer=0.05, localization=0.0, gamma=-2.0),
        point(1, transfer=0.05, localization=0.0, gamma=1.0),
    ]
    assert chosen(*points) == (1, 1.0)


def test_the_choice_tells_its_rule_and_reason():
    choice = choose([point(2, transfer=0.05, localization=-0.01)], "en", tolerance=0.02)
    assert choice.rule == (
        "highest transfer gain on dev2 among points that lose at most 2 points of localization, "
        "by the right option's probability"
    )
    assert choice.reason == (
        "transfer +5.0, localization -1.0 points of the right option's probability on dev2 "
        "(accuracy +5.0 and -1.0); 1 of 1 points allowed"
    )


def test_the_statistic_decides():
    by_accuracy = point(3, transfer=0.09, localization=0.0).model_copy(update={"transfer_probability": 0.01})
    by_probability = point(4, transfer=0.01, localization=0.0).model_copy(update={"transfer_probability": 0.05})
    points = [by_accuracy, by_probability]
    assert choose(points, "en", tolerance=0.02).layer == 4
    assert choose(points, "en", tolerance=0.02, statistic="accuracy").layer == 3
    assert "by accuracy" in choose(points, "en", tolerance=0.02, statistic="accuracy").rule


@pytest.mark.parametrize("kind", ["en", "loc"])
def test_one_point_is_the_choice(kind):
    assert chosen(point(7, kind=kind, transfer=-1.0, localization=-1.0), kind=kind) == (7, 1.0)
