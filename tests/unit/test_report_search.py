"""What the report says of searches: sentences and tables agree with the data."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import Console

from fake_search import make_searches, make_study, result_of
from isogloss.report.search_figures import search_figures
from isogloss.report.searches import (
    SearchedModel,
    Searches,
    candidate_lines,
    candidates_table,
    findings_on_test,
    fronts_table,
    kind_text,
    point_text,
    shrinkage,
    study_findings,
)
from isogloss.results.format import points
from isogloss.results.scores import MACRO
from isogloss.search.result import Constraints
from isogloss.search.space import UNSTEERED, Steering, SteeringPoint


@pytest.fixture(scope="module")
def searches() -> Searches:
    return make_searches()


def shown(table: object, width: int = 100) -> str:
    console = Console(width=width, color_system=None)
    with console.capture() as captured:
        console.print(table)
    return captured.get()


def test_a_point_in_words_rounds_and_spans_languages() -> None:
    one = SteeringPoint.everywhere(en_layer=8, en_gamma=0.5812, loc_layer=13, loc_gamma=2.0)
    assert point_text(one) == "EN layer 8 γ 0.58 + LOC layer 13 γ 2"
    several = SteeringPoint.by_language(
        [
            Steering(language="ko", loc_layer=9, loc_gamma=-0.5),
            Steering(language="es", loc_layer=13, loc_gamma=1.5),
            Steering(language="zh"),
        ]
    )
    assert point_text(several) == "LOC layer 9 to 13 γ −0.5 to 1.5"
    assert kind_text(several, "en") == ""
    assert point_text(UNSTEERED) == "unsteered"
    assert kind_text(SteeringPoint.everywhere(en_layer=3, en_gamma=0.0042), "en") == "layer 3 γ 0.004"


def test_the_findings_of_a_study_hold_its_numbers(searches: Searches) -> None:
    result = searches.studies[0].result
    count, front, paper, importances = study_findings(searches.studies[0], statistic="probability")
    inside = sum(trial.feasible for trial in result.trials)
    for number in ("59 trials", "1 more failed", f"{inside} stayed", "2.0 points", f"{len(result.front)} are on"):
        assert number in count
    assert result.knee is not None
    for number in (result.front[0], result.front[-1], result.knee):
        trial = result.trial(number)
        assert f"transfer {points(trial.transfer or 0)}, localization {points(trial.localization or 0)}" in front
    assert points(result.trial(1).transfer or 0) in paper
    assert "LOC γ (48\u202f%)" in importances
    assert "LOC layer (55\u202f%)" in importances


def test_a_study_that_has_just_begun_or_found_nothing() -> None:
    begun = SearchedModel(checkpoint="mist", label="MIST", result=make_study("mist", trials=1))
    first, second, third = study_findings(begun, statistic="accuracy")
    assert "1 trial of MIST: 1 stayed" in first
    assert "unsteered: transfer 0.0, localization 0.0" in second
    assert "Too few trials" in third
    none = result_of([trial.model_copy(update={"feasible": False}) for trial in make_study(trials=3).trials])
    unbounded = none.model_copy(update={"constraints": Constraints()})
    found = study_findings(SearchedModel(checkpoint="mist", label="MIST", result=unbounded), statistic="accuracy")
    assert ["3 trials" in found[0], "0 are on" in found[0], "constraints" in found[0], len(found)] == [
        True,
        True,
        False,
        2,
    ]


def test_dev2_and_test_are_compared_over_the_same_model(searches: Searches) -> None:
    means = shrinkage(searches)
    count = len(searches.candidates)
    for axis, (before, after) in means.items():
        assert before == pytest.approx(sum(candidate.dev2[axis] for candidate in searches.candidates) / count)
        assert after == pytest.approx(sum(candidate.test[axis] for candidate in searches.candidates) / count)
    (_, sentence, _) = findings_on_test(searches)
    assert f"from {points(means['transfer'][0])} to {points(means['transfer'][1])} in transfer" in sentence
    unknown = replace(searches, candidates=tuple(replace(each, dev2={}) for each in searches.candidates))
    assert shrinkage(unknown) == {}
    assert len(findings_on_test(unknown)) == 2


def test_the_findings_on_test_count_what_is_kept_and_clear(searches: Searches) -> None:
    kept, _, knee = findings_on_test(searches)
    rises = sum((candidate.change("localization").low or 0) > 0 for candidate in searches.kept)
    for number in (
        "8 points",
        f"{len(searches.kept)} are dominated by no other",
        f"localization clearly rises in {rises}",
    ):
        assert number in kept
    assert searches.knee is not None
    assert f"number {searches.number(searches.knee)}, " in knee
    assert findings_on_test(replace(searches, candidates=())) == []


def test_the_lines_of_the_candidates_hold_dev2_beside_test(searches: Searches) -> None:
    lines = candidate_lines(searches)
    assert [line.number for line in lines] == list(range(1, 9))
    for line, candidate in zip(lines, searches.candidates, strict=True):
        values = [candidate.dev2["transfer"], candidate.test["transfer"]]
        assert [cell.value for cell in line.cells[:2]] == [points(value) for value in values]
        assert line.cells[5].value == points(candidate.change("localization").value)
        assert line.cells[6].value == points(candidate.condition.bias_delta[MACRO].value)
        assert line.kept == (candidate.dominated_by is None)
        if candidate.dominated_by is not None:
            assert line.outcome == f"dominated by {searches.number(candidate.dominated_by)}"
    assert [line.outcome for line in lines].count("kept, knee") == 1


def test_a_candidate_behind_doing_nothing_says_so(searches: Searches) -> None:
    first, *others = searches.candidates
    behind = replace(searches, candidates=(replace(first, dominated_by="unaligned"), *others), knee=None)
    assert behind.outcome(behind.candidates[0]) == "dominated by the unaligned model"
    assert search_figures(behind)


def test_the_tables_of_the_terminal_fit_and_mark_the_knees(searches: Searches) -> None:
    fronts = shown(fronts_table(searches))
    assert max(map(len, fronts.splitlines())) <= 100
    assert fronts.count("knee") == 2
    rows = sum(line.strip().startswith(("Unaligned", "MIST")) for line in fronts.splitlines())
    left = sum(len(study.result.front) for study in searches.studies) - rows
    assert left > 0
    assert f"{left} more on the fronts" in fronts
    table = shown(candidates_table(searches))
    assert "EN layer" in table
    assert table.count("LOC layer") == len(searches.candidates), "points are not broken"
    assert "dominated by" in table
