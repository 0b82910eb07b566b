"""The report page: self-contained, complete, repeatable, and drawn whole by a browser on a telephone and a desk."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from fake_comparison import make_comparison
from fake_results import make_results
from fake_search import make_searches
from isogloss.evaluate.results import Comparison, Results
from isogloss.report.comparison import comparison_csv
from isogloss.report.page import write_report
from isogloss.report.table import results_csv

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)


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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    write_report(make_results(), folder)
    return folder


@pytest.fixture(scope="module")
def text(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


def test_everything_is_written(folder: Path) -> None:
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    figures = {f"figures/{name}.{end}" for name in ("plane", "sweep", "languages") for end in ("png", "svg")}
    assert names == {"report.html", "table.csv", "results.json", *figures}
    assert Results.model_validate(json.loads((folder / "results.json").read_text())) == make_results()
    assert (folder / "table.csv").read_text() == results_csv(make_results())


def test_the_page_is_well_formed_and_needs_nothing_from_outside(text: str) -> None:
    page = Page(text)
    assert page.open == []
    assert not page.all("script")
    assert not page.all("link")
    assert not page.all("img")
    addresses = [
        value for _, attrs in page.tags for name, value in attrs.items() if name in ("src", "href", "xlink:href")
    ]
    assert addresses
    assert all(value is not None and value.startswith("#") for value in addresses)
    assert not re.findall(r"@import|url\((?!#)", text)


def test_ids_are_unique_and_drawings_have_alternatives(text: str) -> None:
    page = Page(text)
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    drawings = page.all("svg")
    assert len(drawings) == 6  # three figures, for wide and for narrow screens
    assert all(len(drawing["aria-label"] or "") > 60 for drawing in drawings)
    assert len(page.all("figure")) == len(page.all("details")) == 3


def test_the_page_leads_with_the_plane_and_the_findings(text: str) -> None:
    order = [
        text.index(part) for part in ('id="plane-', "Alone, EN-steering", "<h2>Results", "<h2>Layers", "<h2>Languages")
    ]
    order += [text.index(part) for part in ("<h2>Controls", "<h2>Data and model", "<h2>Time")]
    assert order == sorted(order)
    for fact in ("6f1c0b3d" * 8, "a47e95c2" * 8, "2,100", "8 min 14 s", "2 cores, 8 GB, no GPU"):
        assert fact in text


def test_names_from_data_are_escaped(tmp_path: Path) -> None:
    results = make_results()
    sly = results.conditions[2].model_copy(update={"label": "<script>alert(1)</script>"})
    page = write_report(results.model_copy(update={"conditions": (sly,), "sweep": ()}), tmp_path)
    assert not Page(page.read_text(encoding="utf-8")).all("script")


def test_the_same_results_give_the_same_page(folder: Path, tmp_path: Path, text: str) -> None:
    assert write_report(make_results(), tmp_path).read_text(encoding="utf-8") == text


def test_a_page_of_a_baseline_alone(tmp_path: Path) -> None:
    bare = make_results().model_copy(update={"conditions": (), "sweep": (), "choices": (), "seconds": {}, "counts": {}})
    text = write_report(bare, tmp_path).read_text(encoding="utf-8")
    assert "No method was compared" in text
    assert "<h2>Layers" not in text
    assert not (tmp_path / "figures" / "plane.png").exists()


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of results and of a comparison of trained models."""
    folder = tmp_path_factory.mktemp("compared")
    write_report(make_results(), folder, comparison=make_comparison())
    return folder


def test_a_comparison_adds_its_files(compared: Path) -> None:
    names = {path.relative_to(compared).as_posix() for path in compared.rglob("*") if path.is_file()}
    figures = {
        f"figures/{name}.{end}"
        for name in (
            "plane",
            "sweep",
            "languages",
            "methods",
            "methods-languages",
            "curves",
            "curves-languages",
            "loss",
        )
        for end in ("png", "svg")
    }
    files = {"report.html", "table.csv", "results.json", "comparison.csv", "comparison.json"}
    assert names == {*files, *figures}
    written = json.loads((compared / "comparison.json").read_text())
    assert Comparison.model_validate(written) == make_comparison()
    assert (compared / "comparison.csv").read_text() == comparison_csv(make_comparison())


def test_a_page_with_a_comparison_leads_with_the_methods_and_then_says_why(compared: Path) -> None:
    text = (compared / "report.html").read_text(encoding="utf-8")
    order = [text.index(part) for part in ('id="methods-', "MIST raises transfer", "<h2>Results", "<h2>By language")]
    order += [text.index(part) for part in ("<h2>Steering on top", "<h2>Over training", 'id="curves-', 'id="loss-')]
    order += [text.index(part) for part in ("<h2>The unaligned model", 'id="plane-', "<h2>Layers", "<h2>Controls")]
    assert order == sorted(order)
    page = Page(text)
    assert page.open == []
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert len(page.all("figure")) == len(page.all("details")) == 8
    assert all(len(drawing["aria-label"] or "") > 60 for drawing in page.all("svg"))
    assert not page.all("script")
    assert not page.all("img")
    assert not page.all("link")


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of results, a comparison and two searches."""
    folder = tmp_path_factory.mktemp("searched")
    write_report(make_results(), folder, comparison=make_comparison(), searches=make_searches())
    return folder


def test_searches_follow_the_methods_and_say_how_to_use_what_they_found(searched: Path) -> None:
    text = (searched / "report.html").read_text(encoding="utf-8")
    parts = ("<h2>Over training", "<h2>Layers and strengths, searched", 'id="search-unaligned-front-')
    order = [text.index(part) for part in (*parts, 'id="search-mist-importances-', "<h2>The points found, on test")]
    order += [text.index(part) for part in ('id="candidates-', "Use one", "<h2>The unaligned model under steering")]
    assert order == sorted(order)
    for command in ("generate", "fetch", "export"):
        assert f"isogloss {command} models:/localized-gemma@champion" in text
    page = Page(text)
    assert page.open == []
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert len(page.all("figure")) == len(page.all("details")) == 15
    assert all(len(drawing["aria-label"] or "") > 60 for drawing in page.all("svg"))
    assert not page.all("script") + page.all("img") + page.all("link")
    written = {path.name for path in (searched / "figures").iterdir()}
    assert {"search-unaligned-front.png", "search-mist-hypervolume.svg", "candidates.png"} <= written


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
    order = [page.index(part) for part in ("<h2>Layers and strengths</h2>", "<h2>Layers and strengths, searched")]
    order += [page.index(part) for part in ("isogloss promote PIPELINE --name NAME", "<h2>Languages")]
    assert order == sorted(order)
    assert "Hollow: another is at least as good" not in page
    for word in ("searched", "Hypervolume", "isogloss fetch"):
        assert word in page
        assert word not in text


def test_the_caption_of_the_layers_names_the_statistic_of_the_choice(text: str, tmp_path: Path) -> None:
    assert "The choice goes by the right option&#39;s probability" in text
    results = make_results()
    by_accuracy = tuple(choice.model_copy(update={"rule": "highest gain, by accuracy"}) for choice in results.choices)
    page = write_report(results.model_copy(update={"choices": by_accuracy, "conditions": ()}), tmp_path)
    assert "The choice goes by accuracy" in page.read_text(encoding="utf-8")


@pytest.mark.skipif(not CHROMIUM, reason="no chromium to draw the page with")
@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize(("report", "figures"), [("folder", 3), ("compared", 8), ("searched", 15)])
def test_a_browser_draws_the_page_without_sideways_scrolling(
    request: pytest.FixtureRequest, report: str, figures: int, tmp_path: Path, width: int
) -> None:
    """The page in a frame of the given width, because a headless window cannot be narrower than 500 pixels."""
    folder = request.getfixturevalue(report)
    frame = tmp_path / "frame.html"
    frame.write_text(
        f'<iframe id="f" src="{(folder / "report.html").as_uri()}" '
        f'style="width:{width}px;height:900px;border:0"></iframe>'
        "<script>onload = () => { const d = f.contentDocument, e = d.documentElement;"
        "const shown = [...d.querySelectorAll('figure svg')].filter(s => s.getBoundingClientRect().width > 200).length;"
        "document.title = JSON.stringify({scroll: e.scrollWidth, client: e.clientWidth, shown}); }</script>"
    )
    done = subprocess.run(
        [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *("--allow-file-access-from-files", f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1500,1000"),
            *("--dump-dom", frame.as_uri()),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    assert title, done.stdout[:500]
    measured = json.loads(title[1])
    assert measured["scroll"] <= measured["client"] <= width
    assert measured["shown"] == figures
