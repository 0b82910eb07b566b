"""Front, hypervolume and knee against naive versions and cases done by hand."""

from __future__ import annotations

import random

import pytest

from isogloss.search.front import MARGIN, hypervolume, hypervolume_curve, knee_of, pareto_front, reference_point

Gains = tuple[float, float]


def clouds() -> list[list[Gains]]:
    """Point clouds with ties and repeated points."""
    generator = random.Random(3)
    return [
        [(generator.randint(-9, 9) / 100, generator.randint(-9, 9) / 100) for _ in range(size)]
        for size in (0, 1, 2, 5, 20, 60)
        for _ in range(10)
    ]


def naive_front(cloud: list[Gains]) -> list[Gains]:
    def beaten(one: Gains) -> bool:
        return any(other != one and other[0] >= one[0] and other[1] >= one[1] for other in cloud)

    return sorted({one for one in cloud if not beaten(one)}, key=lambda one: one[1])


def naive_hypervolume(cloud: list[Gains], reference: Gains) -> float:
    """Cells of a grid of side 1/100 that some point covers."""
    covered = 0
    for across in range(-30, 30):
        for up in range(-30, 30):
            low, left = (up + 0.5) / 100, (across + 0.5) / 100
            inside = low > reference[0] and left > reference[1]
            covered += inside and any(one[0] >= low and one[1] >= left for one in cloud)
    return covered / 100**2


def test_the_front_is_what_nothing_dominates_once_each_by_rising_localization() -> None:
    for cloud in clouds():
        found = pareto_front(cloud)
        assert [cloud[index] for index in found] == naive_front(cloud)
        assert all(cloud.index(cloud[index]) == index for index in found), "of equal points the first"


def test_hypervolume_is_the_area_above_the_reference() -> None:
    for cloud in clouds():
        expected = naive_hypervolume(cloud, (-0.05, -0.05))
        assert hypervolume(cloud, (-0.05, -0.05)) == pytest.approx(expected, abs=1e-12)


def test_the_curve_is_the_hypervolume_of_each_beginning() -> None:
    for cloud in clouds():
        with_gaps = [None if index % 7 == 3 else each for index, each in enumerate(cloud)]
        curve = hypervolume_curve(with_gaps, (-0.05, -0.05))
        for end in range(1, len(cloud) + 1):
            known = [each for each in with_gaps[:end] if each is not None]
            assert curve[end - 1] == pytest.approx(hypervolume(known, (-0.05, -0.05)), abs=1e-12)


def test_the_reference_lies_below_the_unsteered_model() -> None:
    assert reference_point(None) == (-MARGIN, -MARGIN)
    assert reference_point((0.01, -0.02)) == pytest.approx((0.01 - MARGIN, -0.02 - MARGIN))
    assert hypervolume([(0.0, 0.0)], reference_point(None)) == pytest.approx(MARGIN**2)


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        ([], None),
        ([(0.01, 0.02)], 0),
        ([(0.03, 0.00), (0.00, 0.02)], 0),  # the larger sum
        ([(0.02, 0.00), (0.00, 0.03)], 1),
        ([(0.02, 0.00), (0.00, 0.02)], 0),  # equal sums: more transfer
        ([(0.04, 0.00), (0.03, 0.03), (0.00, 0.04)], 1),
        ([(0.04, 0.00), (0.01, 0.03), (0.00, 0.04)], 0),  # all on the chord: the ends tie with it
        ([(0.04, 0.00), (0.01, 0.01), (0.00, 0.05)], 2),  # sags: the better end
        ([(0.04, 0.00), (0.039, 0.02), (0.03, 0.035), (0.00, 0.04)], 2),
    ],
)
def test_the_knee_by_hand(front: list[Gains], expected: int | None) -> None:
    assert knee_of(front) == expected


def test_the_knee_does_not_depend_on_the_axes_units() -> None:
    front = [(0.04, 0.00), (0.035, 0.021), (0.03, 0.029), (0.00, 0.04)]
    stretched = [(transfer * 7, localization * 0.1) for transfer, localization in front]
    assert knee_of(stretched) == knee_of(front) == 2
