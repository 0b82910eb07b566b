"""Sentences claim what their intervals allow: a gain, a loss, or no clear change."""

from __future__ import annotations

import pytest

from fake_results import make_results
from isogloss.data.rows import Axis
from isogloss.report.findings import control_findings, findings
from isogloss.results.format import duration, interval, language_name, percent, points
from isogloss.results.scores import MACRO, Estimate, Results, headline, verdict

GAIN = Estimate(value=0.05, low=0.02, high=0.08, n=100, groups=20)
LOSS = Estimate(value=-0.04, low=-0.06, high=-0.02, n=100, groups=20)
UNCLEAR = Estimate(value=0.03, low=-0.01, high=0.07, n=100, groups=20)
LONE = Estimate(value=0.5, low=None, high=None, n=2, groups=1)


def with_delta(results: Results, name: str, **macro: Estimate) -> Results:
    """`results` with other macro differences for one condition."""
    deltas: dict[str, dict[Axis, dict[str, Estimate]]] = {
        name: {axis: {MACRO: value} for axis, value in macro.items()}  # type: ignore[misc]
    }
    return results.model_copy(
        update={
            "conditions": tuple(
                each.model_copy(update={"delta": deltas[each.name]}) if each.name in deltas else each
                for each in results.conditions
            )
        }
    )


@pytest.mark.parametrize(
    ("estimate", "expected"),
    [(GAIN, "gain"), (LOSS, "loss"), (UNCLEAR, "no clear change"), (LONE, "no interval")],
)
def test_verdict_is_the_side_of_zero_on_which_the_interval_lies(estimate: Estimate, expected: str) -> None:
    assert verdict(estimate) == expected


@pytest.mark.parametrize("edge", [(0.0, 0.04), (-0.04, 0.0), (0.0, 0.0)])
def test_an_interval_that_touches_zero_is_no_clear_change(edge: tuple[float, float]) -> None:
    assert verdict(Estimate(value=sum(edge) / 2, low=edge[0], high=edge[1], n=9, groups=9)) == "no clear change"


UP, DOWN, OPEN = "by 5.0 points [+2.0, +8.0]", "by 4.0 points [−6.0, −2.0]", "(+3.0 points [−1.0, +7.0])"


@pytest.mark.parametrize(
    ("transfer", "localization", "expected"),
    [
        (GAIN, GAIN, f"raises transfer {UP} and raises localization {UP}: a gain on both axes."),
        (GAIN, LOSS, f"raises transfer {UP} and lowers localization {DOWN}: transfer bought with erasure."),
        (LOSS, GAIN, f"lowers transfer {DOWN} and raises localization {UP}: localization bought with transfer."),
        (LOSS, LOSS, f"lowers transfer {DOWN} and lowers localization {DOWN}: a loss on both axes."),
        (UNCLEAR, LOSS, f"shows no clear change in transfer {OPEN} and lowers localization {DOWN}."),
        (UNCLEAR, UNCLEAR, f"shows no clear change in transfer {OPEN} or localization {OPEN}."),
        (
            LONE,
            GAIN,
            f"moves transfer by +50.0 points (too few questions for an interval) and raises localization {UP}.",
        ),
    ],
)
def test_the_first_sentence_says_what_the_combined_method_does(
    transfer: Estimate, localization: Estimate, expected: str
) -> None:
    results = with_delta(make_results(), "sur", transfer=transfer, localization=localization)
    assert findings(results)[0].replace("\u00a0", " ") == f"SUR-steering {expected}"


def test_three_sentences_headline_singles_bias() -> None:
    first, second, third = findings(make_results())
    assert first.startswith("SUR-steering ")
    assert second.startswith("Alone, EN-steering raises transfer")
    assert "; alone, LOC-steering" in second
    assert third.startswith("Where an option is true of the US or Great Britain but wrong here")
    assert "30.8" in third
    assert "SUR-steering lowers that rate by" in third


def test_unclear_bias_is_not_called_a_fall() -> None:
    results = make_results()
    conditions = tuple(
        each.model_copy(update={"bias_delta": {MACRO: UNCLEAR}}) if each.name == "sur" else each
        for each in results.conditions
    )
    assert "shows no clear change in that rate" in findings(results.model_copy(update={"conditions": conditions}))[-1]


def test_without_methods_there_is_nothing_to_find() -> None:
    results = make_results()
    controls = tuple(each for each in results.conditions if each.role == "control")
    assert findings(results.model_copy(update={"conditions": controls})) == []
    assert headline(results.model_copy(update={"conditions": controls})) is None


def test_the_last_method_leads_where_the_combined_one_is_missing() -> None:
    results = make_results()
    single = results.model_copy(update={"conditions": results.conditions[:2]})
    found = headline(single)
    assert found is not None
    assert found.name == "loc"


def test_each_control_has_its_sentence_and_the_share_of_the_ceiling_needs_two_clear_gains() -> None:
    results = make_results()
    country, random, other = control_findings(results)
    assert country.startswith("Naming the country in the prompt")
    assert random.startswith("Steering with random vectors shows no clear change in transfer")
    assert "SUR-steering reaches 38\u202f% of that localization gain" in country
    assert "lowers localization" in other
    unclear = with_delta(results, "sur", transfer=GAIN, localization=UNCLEAR)
    assert "reaches" not in control_findings(unclear)[0]


def test_numbers_are_written_in_points_and_percent() -> None:
    assert points(0.0312) == "+3.1"
    assert points(-0.0312) == "−3.1"
    assert points(-0.0001) == "0.0"
    assert percent(0.362) == "36.2\u202f%"
    assert interval(LONE) == "[no interval]"
    assert [duration(each) for each in (4.21, 215, 7_500)] == ["4.2 s", "3 min 35 s", "2 h 5 min"]
    assert (language_name("ko"), language_name(MACRO), language_name("qq")) == ("Korean", "Macro mean", "qq")
