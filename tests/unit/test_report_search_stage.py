"""The report stage reads the finished searches of a pipeline, and needs them only where there are some."""

from __future__ import annotations

from pathlib import Path

import pytest

from fake_comparison import make_comparison
from fake_search import make_searches, make_study
from isogloss.files import write_json
from isogloss.results.scores import MACRO
from isogloss.spec import PipelineSpec
from isogloss.spec.pipeline import ANALYSES
from isogloss.stages.graph import stages_of
from isogloss.stages.promote import CandidatePoint
from isogloss.stages.report import read_searches

FAKE = make_searches()


def pipeline(*, align: list[str], search: list[str], name: str | None = "some-model") -> PipelineSpec:
    return PipelineSpec.model_validate(
        {
            "name": "searched",
            "model": "embedded",
            "data": {"choices": "embedded", "languages": ["en", "es"]},
            "align": {"methods": align},
            "search": {"checkpoints": search},
            "promote": {"name": name},
        }
    )


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    names = ("search-unaligned", "search-mist", "promote", "compare")
    found = {name: tmp_path / name for name in names}
    for name, folder in found.items():
        folder.mkdir()
        if name.startswith("search-"):
            write_json(folder / "search.json", make_study(name.removeprefix("search-")).model_dump(mode="json"))
    candidates = [
        CandidatePoint.model_validate(
            {
                "name": each.name,
                "checkpoint": each.checkpoint,
                "trial": each.trial,
                "point": each.point.model_dump(),  # type: ignore[attr-defined]
                "condition": each.condition.model_dump(),
                "dominated_by": each.dominated_by,
            }
        ).model_dump(mode="json")
        for each in FAKE.candidates
    ]
    write_json(found["promote"] / "candidates.json", {"candidates": candidates})
    write_json(found["compare"] / "comparison.json", make_comparison().model_dump(mode="json"))
    return found


def test_points_of_a_trained_model_are_compared_with_it_unsteered(folders: dict[str, Path]) -> None:
    spec = pipeline(align=["mist"], search=["unaligned", "mist"])
    searches = read_searches(spec, folders)
    assert searches is not None
    assert [study.label for study in searches.studies] == ["Unaligned", "MIST"]
    assert (searches.knee, searches.model, searches.statistic) == (FAKE.knee, "some-model", "probability")
    mist = next(model for model in make_comparison().models if model.name == "mist")
    plain = next(one for one in mist.conditions if one.name == "none")
    for read, made in zip(searches.candidates, FAKE.candidates, strict=True):
        assert read.dev2 == made.dev2
        for axis in ("transfer", "localization"):
            before = plain.delta[axis][MACRO].value if made.checkpoint == "mist" else 0.0  # type: ignore[index]
            assert read.test[axis] == pytest.approx(made.change(axis).value - before)  # type: ignore[index, arg-type]


def test_what_is_not_finished_is_left_out(folders: dict[str, Path]) -> None:
    spec = pipeline(align=["mist"], search=["unaligned", "mist"], name=None)
    begun = read_searches(spec, {"search-unaligned": folders["search-unaligned"]})
    assert begun is not None
    assert [study.checkpoint for study in begun.studies] == ["unaligned"]
    assert (begun.candidates, begun.knee, begun.model) == ((), None, None)
    assert read_searches(spec, {"compare": folders["compare"]}) is None
    alone = read_searches(spec, {name: folder for name, folder in folders.items() if name != "compare"})
    assert alone is not None
    assert all(bool(each.test) == (each.checkpoint == "unaligned") for each in alone.candidates)


def test_the_report_waits_for_searches_where_there_are_some() -> None:
    without = {stage.name: stage for stage in stages_of(pipeline(align=["mist"], search=[], name=None))}
    with_some = {stage.name: stage for stage in stages_of(pipeline(align=["mist"], search=["unaligned", "mist"]))}
    first = ("analyse", "compare", *ANALYSES)
    assert without["report"].needs == first
    assert with_some["report"].needs == (*first, "search-unaligned", "search-mist", "promote")
    assert with_some["report-first"].needs == ("analyse",)
    for name in ("one", "another"):
        spec = pipeline(align=["mist"], search=["unaligned"], name=name)
        assert with_some["report-first"].settings(spec) is None
        assert with_some["report-first"].settings(spec) is None
        assert with_some["report"].settings(spec) == [name, "probability"]
