"""The Markdown of a run: its chart, its tables, and what it says of the champion. And what counts as a drift."""

from __future__ import annotations

import re

import pytest

from fake_comparison import make_comparison
from fake_results import estimate, make_results
from fake_search import make_searches
from isogloss.cli.evaluate import Rechecked, compare
from isogloss.report.summary import Champion, champion_table, compared_points, plane_chart, summary_markdown
from isogloss.results.scores import MACRO, Estimate, ItemScore, Scores

CHAMPION = Champion(
    ref="models:/m@champion",
    version=3,
    change={"transfer": estimate(-0.01, 0.02), "localization": estimate(0.05, 0.02)},
)
POINT = re.compile(r'    "([\d, ]+)": \[(\d\.\d{3}), (\d\.\d{3})\]')


def test_the_chart_has_the_origin_in_its_middle_and_one_scale_for_both_axes() -> None:
    lines = plane_chart({"none": (0.0, 0.0), "far": (0.1, -0.05), "none again": (0.0, 0.0)}).splitlines()
    assert lines[:2] == ["```mermaid", "quadrantChart"]
    assert lines[-3:] == ["```", "", "1 none · 2 far · 3 none again"]
    assert "from -11 to +11" in lines[2]
    found = {match[1]: (float(match[2]), float(match[3])) for line in lines if (match := POINT.fullmatch(line))}
    assert found["1, 3"] == (0.5, 0.5)
    assert found["2"] == pytest.approx((0.5 + 50 * 0.1 / 11, 0.5 - 50 * 0.05 / 11), abs=1e-3)


def test_the_chart_takes_any_label_and_never_magnifies_noise() -> None:
    chart = plane_chart({'a "b"\n```': (0.001, 0.0)})
    assert "from -5 to +5" in chart
    assert chart.count("```") == 2
    assert '"1": [0.510, 0.500]' in chart
    assert chart.endswith("""1 a "b" '''""")
    assert plane_chart({}) == ""


def test_a_comparison_is_shown_with_its_models_and_the_searched_points_that_are_kept() -> None:
    comparison, searches = make_comparison(), make_searches()
    shown = compared_points(make_results(), comparison, searches)
    assert list(shown)[:4] == ["Unaligned + SUR", "MIST", "MIST + SUR", "CLO"]
    assert len(shown) == 7 + len(searches.kept)
    assert len(searches.kept) < len(searches.candidates)


def test_without_training_the_methods_are_shown_and_no_control() -> None:
    results = make_results()
    labels = [one.label for one in results.conditions if one.role == "method"]
    assert list(compared_points(results, None, None)) == labels


def test_a_summary_has_chart_tables_and_what_is_missing() -> None:
    text = summary_markdown(
        make_results(),
        comparison=make_comparison(),
        searches=make_searches(),
        champion=CHAMPION,
        missing=["failed: search-clo"],
    )
    assert text.startswith("## embedded: `embedded (Gemma-3-270M)`\n\n- ")
    assert "> **Not finished**\n> - failed: search-clo" in text
    assert len(POINT.findall(text)) > 7
    assert "1 Unaligned + SUR · 2 MIST · 3 MIST + SUR" in text
    assert "| **MIST** |" in text
    opened, closed = text.index("<details>"), text.index("</details>")
    assert text.index("| **MIST** |") < opened < text.index("### Transfer by language") < closed
    assert closed < text.index("models:/m@champion")
    # Every line of a table has the cells of its head, or a host shows none of it.
    for block in re.findall(r"(?:^\|.*\n)+", text, re.M):
        assert len({line.count("|") for line in block.splitlines()}) == 1


def test_a_summary_of_an_untrained_run_says_why_there_is_no_champion() -> None:
    text = summary_markdown(make_results(), comparison=None, searches=None, champion=None, no_champion="None yet.")
    assert "### Against the champion\n\nNone yet." in text
    assert "<details>" not in text
    assert "Transfer Δ" in text


def test_the_distance_from_the_champion_is_in_points_and_only_where_both_can_be_compared() -> None:
    shown = {"mine": {"transfer": estimate(0.01, 0.02), "localization": estimate(0.045, 0.02)}}
    table = champion_table(CHAMPION, shown)
    assert "| transfer +2.0, localization −0.5 |" in table
    apart = Champion(**{**CHAMPION.__dict__, "apart": "the champion was measured on other questions"})
    table = champion_table(apart, shown)
    assert "+2.0" not in table
    assert "Not subtracted: the champion was measured on other questions." in table


def test_names_cannot_break_the_markdown() -> None:
    results = make_results().model_copy(update={"model": "a|b`c\n# d"})
    text = summary_markdown(results, comparison=None, searches=None, champion=None)
    assert text.startswith("## embedded: `a/b'c # d`\n")


def scores(right: int, of: int = 20, language: str = "ko") -> Scores:
    """`right` of `of` localized items answered rightly."""
    items = tuple(
        ItemScore(
            id=f"{language}{number}",
            group=f"g{number}",
            language=language,
            axis="localization",
            answer=0,
            picked=0 if number < right else 1,
            english=False,
            option_scores=(0.0, 1.0),
        )
        for number in range(of)
    )
    return Scores(condition="scores", items=items)


def recorded(low: float | None, high: float | None) -> dict[str, dict[str, Estimate]]:
    one = Estimate(value=0.5, low=low, high=high, n=20, groups=20)
    return {"localization": {"ko": one, MACRO: one}}


@pytest.mark.parametrize(("right", "drifted"), [(8, False), (7, True), (12, False), (13, True)])
def test_an_accuracy_drifts_where_it_leaves_its_interval(right: int, drifted: bool) -> None:
    cells = compare(scores(right), recorded(0.4, 0.6), same_items=True)
    assert [(cell.language, cell.drifted) for cell in cells] == [("ko", drifted), (MACRO, drifted)]
    assert str(cells[0]) == f"localization/ko is {5 * right:.1f} % and was 50.0 % [40.0, 60.0]"


def test_on_other_items_the_macro_mean_alone_is_judged() -> None:
    cells = compare(scores(20), recorded(0.4, 0.6), same_items=False)
    assert [(cell.language, cell.judged, cell.drifted) for cell in cells] == [
        ("ko", False, False),
        (MACRO, True, True),
    ]


def test_what_has_no_interval_or_was_not_recorded_is_left_out() -> None:
    assert compare(scores(20), recorded(None, None), same_items=True) == []
    assert [cell.language for cell in compare(scores(20, language="el"), recorded(0.4, 0.6), same_items=True)] == [
        MACRO
    ]
    assert not Rechecked(axis="transfer", language="ko", now=0.9, recorded=0.5, low=0.4, high=0.6, judged=False).drifted
