"""Sentences claim what their intervals allow: a gain, a loss, or no clear change. Whole sentences: the page's snapshot."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fake_comparison import make_comparison
from fake_results import make_results
from isogloss.data.rows import Axis
from isogloss.report.findings import comparison_findings, control_findings, effects_of, findings
from isogloss.results.format import duration, interval, language_name, percent, points
from isogloss.results.scores import MACRO, Comparison, Condition, Estimate, Results, TrainedModel, headline, verdict

GAIN = Estimate(value=0.05, low=0.02, high=0.08, n=100, groups=20)
LOSS = Estimate(value=-0.04, low=-0.06, high=-0.02, n=100, groups=20)
UNCLEAR = Estimate(value=0.03, low=-0.01, high=0.07, n=100, groups=20)
LONE = Estimate(value=0.5, low=None, high=None, n=2, groups=1)
UP, DOWN, OPEN = "by 5.0 points [+2.0,", "by 4.0 points [−6.0,", "(+3.0 points [−1.0,"


def with_delta(results: Results, name: str, **macro: Estimate) -> Results:
    """`results` with other macro differences for one condition."""
    delta = {axis: {MACRO: value} for axis, value in macro.items()}
    conditions = tuple(
        each.model_copy(update={"delta": delta}) if each.name == name else each for each in results.conditions
    )
    return results.model_copy(update={"conditions": conditions})


def trained(
    transfer: Estimate, localization: Estimate, *, bias: Estimate, steered: Mapping[Axis, Estimate]
) -> list[str]:
    """What is said of one trained model, MIST, with these macro values; `steered` is what SUR changes in it."""
    comparison = make_comparison()
    deltas: dict[Axis, dict[str, Estimate]] = {"transfer": {MACRO: transfer}, "localization": {MACRO: localization}}
    plain = Condition(
        name="none", label="MIST", role="method", accuracy={}, delta=deltas, bias={}, bias_delta={MACRO: bias}
    )
    model = TrainedModel(
        name="mist",
        label="MIST",
        conditions=(plain, plain.model_copy(update={"name": "sur", "label": "MIST + SUR-steering"})),
        over_own={"sur": {axis: {MACRO: one} for axis, one in steered.items()}},
    )
    return comparison_findings(comparison.model_copy(update={"models": (comparison.models[0], model)}))


@pytest.mark.parametrize(
    ("estimate", "expected"),
    [(GAIN, "gain"), (LOSS, "loss"), (UNCLEAR, "no clear change"), (LONE, "no interval")],
)
def test_verdict_is_the_side_of_zero_on_which_the_interval_lies(estimate: Estimate, expected: str) -> None:
    assert verdict(estimate) == expected


@pytest.mark.parametrize("edge", [(0.0, 0.04), (-0.04, 0.0), (0.0, 0.0)])
def test_an_interval_that_touches_zero_is_no_clear_change(edge: tuple[float, float]) -> None:
    assert verdict(Estimate(value=sum(edge) / 2, low=edge[0], high=edge[1], n=9, groups=9)) == "no clear change"


@pytest.mark.parametrize(
    ("transfer", "localization", "claims"),
    [
        (GAIN, GAIN, [f"raises transfer {UP}", f"raises localization {UP}", "gain on both axes"]),
        (GAIN, LOSS, [f"raises transfer {UP}", f"lowers localization {DOWN}", "erasure"]),
        (LOSS, GAIN, [f"lowers transfer {DOWN}", f"raises localization {UP}", "bought with transfer"]),
        (LOSS, LOSS, [f"lowers transfer {DOWN}", f"lowers localization {DOWN}", "loss on both axes"]),
        (UNCLEAR, LOSS, [f"no clear change in transfer {OPEN}", f"lowers localization {DOWN}"]),
        (UNCLEAR, UNCLEAR, ["no clear change", f"transfer {OPEN}", f"localization {OPEN}"]),
        (LONE, GAIN, ["transfer by +50.0 points (too few questions", f"raises localization {UP}"]),
    ],
)
def test_the_first_sentence_says_what_the_combined_method_does(
    transfer: Estimate, localization: Estimate, claims: list[str]
) -> None:
    found = findings(with_delta(make_results(), "sur", transfer=transfer, localization=localization))[0]
    assert all(claim in found for claim in ["SUR-steering", *claims])
    quadrants = {"gain on both axes", "erasure", "bought with transfer", "loss on both axes"} - {*claims}
    assert not [quadrant for quadrant in quadrants if quadrant in found]


def test_unclear_bias_is_not_called_a_fall() -> None:
    results = make_results()
    conditions = tuple(
        each.model_copy(update={"bias_delta": {MACRO: UNCLEAR}}) if each.name == "sur" else each
        for each in results.conditions
    )
    last = findings(results.model_copy(update={"conditions": conditions}))[-1]
    assert "no clear change" in last
    assert "lowers" not in last


def test_the_last_method_leads_where_the_combined_one_is_missing_and_without_any_nothing_is_found() -> None:
    results = make_results()
    controls = results.model_copy(update={"conditions": results.conditions[3:]})
    assert (findings(controls), headline(controls)) == ([], None)
    head = headline(results.model_copy(update={"conditions": results.conditions[:2]}))
    assert head is not None
    assert head.name == "loc"


def test_the_share_of_the_ceiling_needs_two_clear_gains() -> None:
    results = make_results()
    assert "reaches 38\u202f%" in control_findings(results)[0]
    unclear = with_delta(results, "sur", transfer=GAIN, localization=UNCLEAR)
    assert "reaches" not in control_findings(unclear)[0]


def test_the_comparison_claims_no_more_than_its_intervals() -> None:
    transfer, cost, steering = trained(UNCLEAR, LOSS, bias=UNCLEAR, steered={"transfer": LOSS, "localization": UNCLEAR})
    assert f"no clear change in transfer {OPEN}" in transfer
    assert f"lowers localization {DOWN}" in cost
    assert f"no clear change in it {OPEN}" in cost
    assert "erasure" not in cost, "no transfer was bought"
    assert f"lowers transfer {DOWN}" in steering
    assert "which had lost" not in steering


def test_a_gain_on_both_axes_is_said_and_gives_nothing_back() -> None:
    _, cost, steering = trained(GAIN, GAIN, bias=LOSS, steered={"transfer": UNCLEAR, "localization": GAIN})
    assert "gains on both axes" in cost
    assert "erasure" not in cost
    assert f"lowers it {DOWN}" in cost
    assert "which had lost" not in steering
    (_, _, back) = trained(GAIN, LOSS, bias=LOSS, steered={"transfer": UNCLEAR, "localization": GAIN})
    assert "MIST (which had lost 4.0)" in back


def test_effects_are_grouped_by_what_is_clear() -> None:
    text = effects_of([("A", GAIN), ("B", LOSS), ("C", UNCLEAR), ("D", UNCLEAR), ("E", GAIN), ("F", LONE)], "transfer")
    raised, lowered, unclear, lone = text.split("; ")
    assert raised.count(UP) == 2
    assert ["A" in raised, "E" in raised, "B" in lowered, DOWN in lowered] == [True] * 4
    assert [f"C {OPEN}" in unclear, f"D {OPEN}" in unclear, "F" in lone, "interval" in lone] == [True] * 4


def test_without_trained_models_there_is_nothing_to_find() -> None:
    comparison: Comparison = make_comparison()
    assert comparison_findings(comparison.model_copy(update={"models": comparison.models[:1]})) == []


def test_numbers_are_written_in_points_and_percent() -> None:
    assert points(0.0312) == "+3.1"
    assert points(-0.0312) == "−3.1"
    assert points(-0.0001) == "0.0"
    assert percent(0.362) == "36.2\u202f%"
    assert interval(LONE) == "[no interval]"
    assert [duration(each) for each in (4.21, 215, 7_500)] == ["4.2 s", "3 min 35 s", "2 h 5 min"]
    assert (language_name("ko"), language_name(MACRO), language_name("qq")) == ("Korean", "Macro mean", "qq")
