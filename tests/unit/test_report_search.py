"""What the report says of searches: sentences, alternative texts, tables and the candidates' plane agree with the data."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import Console

from fake_search import make_searches, make_study, result_of
from isogloss.report.searched import findings
from isogloss.report.searched.figures import candidates_figure, search_drawings
from isogloss.report.searched.findings import (
    Searches,
    Study,
    findings_on_test,
    kind_text,
    point_text,
    shrinkage,
    study_findings,
)
from isogloss.report.searched.page import candidate_lines, candidates_table, fronts_table
from isogloss.results.format import points
from isogloss.results.scores import MACRO
from isogloss.search.result import Constraints
from isogloss.search.space import UNSTEERED, Steering, SteeringPoint
from scenes import fault, records, texts


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


def test_the_findings_of_a_study_count_its_trials_and_name_its_front(searches: Searches) -> None:
    study = searches.studies[0]
    count, front, paper, importances = study_findings(study, statistic="probability")
    inside = sum(each.feasible for each in study.result.trials)
    assert count == (
        f"59 trials (1 more failed) of the unaligned model: {inside} stayed within the constraints (transfer may fall by "
        f"at most 2.0 points), and {len(study.result.front)} are on the front."
    )
    assert study.result.knee is not None
    first, last, knee = (study.trial(n) for n in (study.result.front[0], study.result.front[-1], study.result.knee))
    for each in (first, last, knee):
        assert f"transfer {points(each.transfer)}, localization {points(each.localization)}" in front  # type: ignore[arg-type]
    assert "points of the right option's probability" in front
    assert "points of accuracy" in study_findings(study, statistic="accuracy")[1]
    assert points(study.trial(1).transfer) in paper  # type: ignore[arg-type]
    assert "transfer depends most on LOC γ (48\u202f%)" in importances
    assert "localization depends most on LOC layer (55\u202f%)" in importances


def test_a_study_that_has_just_begun_or_found_nothing() -> None:
    begun = Study(checkpoint="mist", label="MIST", result=make_study("mist", trials=1))
    first, second, third = study_findings(begun, statistic="accuracy")
    assert first.startswith("1 trial of MIST: 1 stayed within")
    assert first.endswith("and 1 is on the front.")
    assert second.startswith("That is unsteered: transfer 0.0, localization 0.0")
    assert third == "Too few trials to tell which parameter matters."
    none = result_of([each.model_copy(update={"feasible": False}) for each in make_study(trials=3).trials])
    none = none.model_copy(update={"constraints": Constraints()})
    found = study_findings(Study(checkpoint="mist", label="MIST", result=none), statistic="accuracy")
    assert found[0] == "3 trials of MIST: 0 are on the front."
    assert len(found) == 2


def test_dev2_and_test_are_compared_over_the_same_model(searches: Searches) -> None:
    means = shrinkage(searches)
    for axis, (before, after) in means.items():
        assert before == pytest.approx(sum(each.dev2[axis] for each in searches.candidates) / len(searches.candidates))
        assert after == pytest.approx(sum(each.test[axis] for each in searches.candidates) / len(searches.candidates))
    (_, sentence, _) = findings_on_test(searches)
    assert f"from {points(means['transfer'][0])} to {points(means['transfer'][1])} in transfer" in sentence
    unknown = replace(searches, candidates=tuple(replace(each, dev2={}) for each in searches.candidates))
    assert shrinkage(unknown) == {}
    assert len(findings_on_test(unknown)) == 2


def test_the_findings_on_test_count_what_is_kept_and_clear(searches: Searches) -> None:
    kept, _, knee = findings_on_test(searches)
    rises = sum((each.change("localization").low or 0) > 0 for each in searches.kept)
    assert kept.startswith(f"Of 8 points taken to test, {len(searches.kept)} are dominated by no other there.")
    assert f"localization clearly rises in {rises}" in kept
    assert searches.knee is not None
    assert f"number {searches.number(searches.knee)}, " in knee
    assert findings_on_test(replace(searches, candidates=())) == []


def test_the_lines_of_the_candidates_hold_dev2_beside_test(searches: Searches) -> None:
    lines = candidate_lines(searches)
    assert [line.number for line in lines] == list(range(1, 9))
    for line, each in zip(lines, searches.candidates, strict=True):
        assert [line.cells[0].value, line.cells[1].value] == [
            points(each.dev2["transfer"]),
            points(each.test["transfer"]),
        ]
        assert line.cells[5].value == points(each.change("localization").value)
        assert line.cells[6].value == points(each.condition.bias_delta[MACRO].value)
        assert line.kept == (each.dominated_by is None)
        if each.dominated_by is not None:
            assert line.standing == f"dominated by {searches.number(each.dominated_by)}"
    assert [line.standing for line in lines].count("kept, knee") == 1


def test_a_candidate_behind_doing_nothing_says_so(searches: Searches) -> None:
    first, *others = searches.candidates
    behind = replace(searches, candidates=(replace(first, dominated_by="unaligned"), *others), knee=None)
    assert findings.standing(behind, behind.candidates[0]) == "dominated by the unaligned model"
    assert "dominated by the unaligned model" in shown(candidates_table(behind), width=140)
    assert search_drawings(behind)


def test_the_tables_of_the_terminal_fit_and_mark_the_knees(searches: Searches) -> None:
    fronts = shown(fronts_table(searches))
    assert max(map(len, fronts.splitlines())) <= 100
    assert fronts.count("knee") == 2
    shown_rows = sum(line.strip().startswith(("Unaligned", "MIST")) for line in fronts.splitlines())
    left = sum(len(study.result.front) for study in searches.studies) - shown_rows
    assert left > 0
    assert f"{left} more on the fronts" in fronts
    table = shown(candidates_table(searches))
    assert "EN layer" in table
    assert table.count("LOC layer") == len(searches.candidates), "points are not broken"
    assert "dominated by" in table


def test_alternatives_and_numbers_of_every_figure(searches: Searches) -> None:
    drawings = {each.name: each for each in search_drawings(searches)}
    figures = [
        f"search-{study}-{what}" for study in ("unaligned", "mist") for what in ("front", "hypervolume", "importances")
    ]
    assert list(drawings) == [*figures, "candidates"]
    for drawing in drawings.values():
        assert all(len(row) == len(drawing.numbers.columns) for row in drawing.numbers.rows), drawing.name
    front = drawings["search-unaligned-front"].numbers
    assert len(front.rows) == 60
    words = [row[1] for row in front.rows]
    study = searches.studies[0]
    assert words.count("front") == len(study.result.front) - 1
    assert words.count("front, knee") == 1
    assert words[17] == "failed"
    assert set(front.rows[17][4:]) == {"–"}
    alternative = drawings["candidates"].alternative
    assert all(f"{number}, " in alternative for number in range(1, 9))
    assert alternative.count("(dominated)") == len(searches.candidates) - len(searches.kept)


def test_the_table_of_trials_does_not_say_accuracy_twice(searches: Searches) -> None:
    study = searches.studies[0]
    assert "Accuracy: transfer Δ" in findings.front_numbers(study, statistic="probability").columns
    assert findings.front_numbers(study, statistic="accuracy").columns[4:] == (
        *("Transfer Δ", "Localization Δ", "English bias Δ"),
    )


def test_the_numbers_of_the_hypervolume_are_its_steps(searches: Searches) -> None:
    study = searches.studies[0]
    rows = findings.hypervolume_numbers(study).rows
    areas = [float(area) for _, area in rows]
    assert areas == sorted(areas)
    assert rows[0][0] == "1"
    assert rows[-1] == ["60", f"{1e4 * study.result.hypervolume[-1]:.2f}"]
    assert len(rows) < 60


def test_candidates_are_told_apart_without_colour(searches: Searches) -> None:
    given = {each.name: (each.checkpoint, each.condition) for each in searches.candidates}
    dominated = [each.name for each in searches.candidates if each.dominated_by is not None]
    figure = candidates_figure(given, dominated=dominated)
    assert not fault(figure)
    points = {each["text"]: each for each in records(figure, "steering", "text")}
    assert list(points) == [str(number) for number in range(1, 9)]
    for each, point in zip(searches.candidates, points.values(), strict=True):
        across, up = each.change("localization"), each.change("transfer")
        assert (point["x"], point["y"]) == pytest.approx((100 * across.value, 100 * up.value), abs=1e-3)
        assert point["hollow"] == (each.name in dominated)
    shapes = {each.label: point["shape"] for each, point in zip(searches.candidates, points.values(), strict=True)}
    assert len(set(shapes.values())) == 2
    assert {"unaligned", "Unaligned", "MIST", "hollow: dominated by another", *points} <= set(texts(figure))


def test_one_point_among_them_is_marked_by_name(searches: Searches) -> None:
    given = {each.name: (each.checkpoint, each.condition) for each in searches.candidates}
    figure = candidates_figure(given, marked=searches.candidates[2].name)
    points = records(figure, "steering")
    assert [point.get("text") for point in points] == [None, None, "this model", None, None, None, None, None]
    assert texts(figure).count("this model") == 1
    sizes = [point["area"] for point in points]
    assert sizes.index(max(sizes)) == 2
    assert sizes.count(max(sizes)) == 1
