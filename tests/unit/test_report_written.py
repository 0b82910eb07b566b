"""What a report's page holds: complete, self-contained, repeatable, with a word for whatever is missing."""

from __future__ import annotations

import html
import json
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fake_comparison import make_comparison
from fake_geometry import make_geometry
from fake_results import make_results
from fake_search import make_searches
from isogloss.report.geometry import Geometry
from isogloss.report.page import scripts, write_report
from isogloss.report.tables import comparison_csv, results_csv
from isogloss.results.scores import Comparison, Results


class Page(HTMLParser):
    """What the tests ask of a page: tags with their attributes, and whether every element is closed."""

    VOID = frozenset({"meta", "link", "br", "img", "hr", "input"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def figures(self) -> list[str]:
        """The names of the figures, in their order."""
        found = [str(attributes["id"]) for attributes in self.all("figure") if "data-chart" in attributes]
        return [name.removeprefix("figure-") for name in found]


FIRST_RUN = ("plane", "sweep", "languages")


def written(folder: Path) -> set[str]:
    """The files of a report besides its figures; each figure is there as PNG and SVG."""
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    page = Page((folder / "report.html").read_text(encoding="utf-8"))
    figures = {f"figures/{name}.{end}" for name in page.figures() for end in ("png", "svg")}
    assert figures <= names
    return names - figures


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_report(make_results(), folder)
    return folder


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


def test_everything_is_written(folder: Path) -> None:
    assert written(folder) == {"report.html", "table.csv", "results.json"}
    assert Results.model_validate(json.loads((folder / "results.json").read_text())) == make_results()
    assert (folder / "table.csv").read_text() == results_csv(make_results())


def self_contained(text: str) -> Page:
    """The page, whose elements are closed, ids its own, and which loads nothing: scripts are its own, and data."""
    page = Page(text)
    assert page.open == []
    assert not page.all("link") + page.all("img") + page.all("iframe")
    attributes = [pair for _, attrs in page.tags for pair in attrs.items()]
    addresses = [value for name, value in attributes if name in ("src", "href", "xlink:href", "action")]
    assert all(value is not None and value.startswith("#") for value in addresses)
    assert not [name for name, _ in attributes if name.startswith("on")], "no script in an attribute"
    style = text[text.index("<style>") : text.index("</style>")]
    assert not re.findall(r"@import|url\(", style)
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    bare = [attrs for attrs in page.all("script") if not attrs]
    assert len(bare) == 2
    assert all(attrs["type"] == "application/json" for attrs in page.all("script") if attrs)
    for still in page.all("svg"):
        assert still["role"] == "img"
        assert len(still["aria-label"] or "") > 60
    assert len(page.all("figure")) == len(page.all("svg")) == len(page.all("details"))
    return page


def test_the_page_is_well_formed_and_needs_nothing_from_outside(text: str) -> None:
    page = self_contained(text)
    (policy,) = [attrs["content"] for attrs in page.all("meta") if attrs.get("http-equiv")]
    assert policy == scripts().policy
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy


def test_controls_are_native_and_named(text: str) -> None:
    page = self_contained(text)
    boxes = page.all("input")
    assert boxes
    assert {box["type"] for box in boxes} == {"checkbox"}
    assert len(page.all("label")) == len(boxes)
    assert len(page.all("legend")) == len(page.all("fieldset"))


def test_the_page_leads_with_the_plane_and_has_the_facts(text: str) -> None:
    assert Page(text).figures() == [*FIRST_RUN]
    for fact in ("6f1c0b3d" * 8, "a47e95c2" * 8, "2,100", "8 min 14 s", "2 cores, 8 GB, no GPU"):
        assert fact in text


def test_names_from_data_are_escaped(tmp_path: Path) -> None:
    results = make_results()
    sly = results.conditions[2].model_copy(update={"label": "<script>alert(1)</script>"})
    page = write_report(results.model_copy(update={"conditions": (sly,), "sweep": ()}), tmp_path)
    text = page.read_text(encoding="utf-8")
    self_contained(text)
    assert "<script>alert" not in text
    assert "\\u003cscript>alert" in text, "in the data of the plane"


def test_the_same_results_give_the_same_page(folder: Path, tmp_path: Path, text: str) -> None:
    assert write_report(make_results(), tmp_path).read_text(encoding="utf-8") == text


def test_a_page_of_a_baseline_alone(tmp_path: Path) -> None:
    bare = make_results().model_copy(update={"conditions": (), "sweep": (), "choices": (), "seconds": {}, "counts": {}})
    text = write_report(bare, tmp_path).read_text(encoding="utf-8")
    assert "No method was compared" in text
    assert Page(text).figures() == ["languages"]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of results, a comparison of trained models and two searches."""
    folder = tmp_path_factory.mktemp("searched")
    write_report(make_results(), folder, comparison=make_comparison(), searches=make_searches())
    return folder


COMPARED = ("methods", "methods-languages", "bias", "curves", "curves-languages", "loss")
SEARCHED = [
    f"search-{name}-{what}" for name in ("unaligned", "mist") for what in ("front", "hypervolume", "importances")
]


def test_a_comparison_and_searches_lead_the_page_and_add_their_files(searched: Path) -> None:
    page = self_contained((searched / "report.html").read_text(encoding="utf-8"))
    assert page.figures() == [*COMPARED, *SEARCHED, "candidates", *FIRST_RUN]
    assert written(searched) == {"report.html", "table.csv", "results.json", "comparison.csv", "comparison.json"}
    comparison = json.loads((searched / "comparison.json").read_text())
    assert Comparison.model_validate(comparison) == make_comparison()
    assert (searched / "comparison.csv").read_text() == comparison_csv(make_comparison())


#: What the page says besides its tables; rewritten where ISOGLOSS_SNAPSHOTS is set.
SNAPSHOT = Path(__file__).parent / "report_page.txt"


def test_what_the_whole_page_says(tmp_path: Path) -> None:
    page = write_report(
        make_results(), tmp_path, comparison=make_comparison(), searches=make_searches(), geometry=make_geometry()
    )
    text = re.sub(r"<(script|style|svg|details|form|tbody)\b.*?</\1>", "", page.read_text(encoding="utf-8"), flags=re.S)
    lines = (" ".join(html.unescape(re.sub(r"<[^>]+>", " ", line)).split()) for line in text.splitlines())
    said = "".join(f"{line}\n" for line in lines if line)
    if "ISOGLOSS_SNAPSHOTS" in os.environ:
        SNAPSHOT.write_text(said, encoding="utf-8")
    assert said == SNAPSHOT.read_text(encoding="utf-8")


def test_a_search_without_a_name_to_register_says_how_to_promote(tmp_path: Path, text: str) -> None:
    """Of the unaligned model alone, without trained ones; a page without searches does not mention any."""
    whole = make_searches(model=None)
    points = tuple(each for each in whole.candidates if each.checkpoint == "unaligned")
    searches = replace(
        whole,
        studies=whole.studies[:1],
        candidates=tuple(replace(each, dominated_by=None) for each in points),
        knee=points[0].name,
    )
    page = write_report(make_results(), tmp_path, searches=searches).read_text(encoding="utf-8")
    assert Page(page).figures() == ["plane", "sweep", *SEARCHED[:3], "candidates", "languages"]
    assert "isogloss promote PIPELINE --name NAME" in page
    assert "Hollow: another is at least as good" not in page
    for word in ("Hypervolume", "isogloss fetch"):
        assert word in page
        assert word not in text


def test_the_caption_of_the_layers_names_the_statistic_of_the_choice(text: str, tmp_path: Path) -> None:
    assert "goes by the right option&#39;s probability" in text
    results = make_results()
    by_accuracy = tuple(choice.model_copy(update={"rule": "highest gain, by accuracy"}) for choice in results.choices)
    page = write_report(results.model_copy(update={"choices": by_accuracy, "conditions": ()}), tmp_path)
    assert "goes by accuracy" in page.read_text(encoding="utf-8")


def test_what_the_analyses_lack_is_said(tmp_path: Path) -> None:
    """One language only and one model: no convergence, no retrieval; what there is is drawn."""
    whole = make_geometry(labelled=False)
    few = Geometry(
        perpendicularity=whole.perpendicularity[:1],
        agreement=tuple(each.model_copy(update={"missing": ("3 items only",)}) for each in whole.agreement[:1]),
        missing=("retrieval: not finished", "projections need two languages"),
    )
    text = write_report(make_results(), tmp_path, geometry=few).read_text(encoding="utf-8")
    page = self_contained(text)
    assert page.figures() == ["plane", "sweep", "perpendicularity", "agreement", "languages"]
    for sentence in few.absent():
        assert sentence in text
    assert "projections.csv" not in text
    assert not (tmp_path / "coordinates.npy").exists()
    nothing = write_report(
        make_results().model_copy(update={"conditions": (), "sweep": (), "choices": ()}),
        tmp_path / "nothing",
        geometry=Geometry(missing=("no state was captured",)),
    )
    text = nothing.read_text(encoding="utf-8")
    self_contained(text)
    assert "No state was captured." in text  # as a sentence


def test_a_run_that_failed_half_way_says_so_first(tmp_path: Path) -> None:
    bare = make_results().model_copy(update={"conditions": (), "sweep": (), "choices": ()})
    text = write_report(bare, tmp_path, missing=["evaluate failed: no space left"]).read_text(encoding="utf-8")
    self_contained(text)
    assert text.index("evaluate failed: no space left") < text.index("No method was compared")
