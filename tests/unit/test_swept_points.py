"""The sweep's choice among the points that a search tries first: whole where the space holds it, else left out with a word."""

from types import SimpleNamespace

import pytest

from isogloss.files import write_json
from isogloss.search.space import SearchSpace, SteeringPoint
from isogloss.stages.search import swept_points

EN, LOC = {"en_layer": 7, "en_gamma": 0.5}, {"loc_layer": 13, "loc_gamma": 2.0}


@pytest.fixture
def stage(tmp_path):
    choices = [{"kind": "en", "layer": 7, "gamma": 0.5}, {"kind": "loc", "layer": 13, "gamma": 2.0}]
    write_json(tmp_path / "sweep.json", {"points": [], "choices": choices})
    said = []
    return SimpleNamespace(inputs={"sweep": tmp_path}, say=said.append, said=said)


def space(**changes):
    every = tuple(range(1, 19))
    facts = {"en_layers": every, "loc_layers": every, "en_gammas": (0.0, 1.0), "loc_gammas": (0.0, 3.0)}
    return SearchSpace(**{**facts, **changes})


def test_both_together_and_each_alone(stage):
    found = swept_points(stage, space(), checkpoint="mist")
    assert found == tuple(SteeringPoint.everywhere(**one) for one in (EN | LOC, EN, LOC))
    assert stage.said == []


@pytest.mark.parametrize(
    "changes",
    [{"en_layers": (4, 8)}, {"en_gammas": (0.0, 0.4)}, {"en_gammas": (0.0, 0.0)}],
    ids=["no such layer", "too strong", "no EN at all"],
)
def test_what_lies_outside_is_left_out_and_said(stage, changes):
    assert swept_points(stage, space(**changes), checkpoint="mist") == (SteeringPoint.everywhere(**LOC),)
    assert len(stage.said) == 2
    assert "search of mist: the sweep's choice EN layer 7 γ 0.5 + LOC layer 13 γ 2 lies outside" in stage.said[0]


def test_a_search_for_each_language_tries_it_for_all(stage):
    own = space(per_language="all", languages=("es", "ko"))
    assert len(swept_points(stage, own, checkpoint="unaligned")) == 3
