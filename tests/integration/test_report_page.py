"""The report in a real browser: from disk without a request or an error, live at every width, still without scripts."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fake_comparison import make_comparison
from fake_geometry import LAYERS, make_geometry
from fake_results import LANGUAGES, make_results
from fake_search import make_searches
from isogloss.report.page import write_report

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
FIGURES = 23
WAIT = 60_000
#: Every figure is brought to where it is drawn, one after the other.
DRAW_ALL = """async () => {
  for (const figure of document.querySelectorAll('figure[data-chart]')) {
    figure.scrollIntoView();
    for (let turn = 0; turn < 600 && !figure.dataset.live; turn++) await new Promise((go) => setTimeout(go, 50));
  }
  scrollTo(0, 0);
}"""
MEASURED = """() => {
  const page = document.documentElement, figures = [...document.querySelectorAll('figure[data-chart]')];
  const marks = (figure) => figure.querySelectorAll('.live svg path, .live svg line, .live svg text').length;
  return {
    scroll: page.scrollWidth, client: page.clientWidth, live: figures.filter((one) => one.dataset.live).length,
    fewest: Math.min(...figures.map(marks)),
    wide: figures.filter((one) => one.querySelector('.live svg').getBoundingClientRect().right > innerWidth).map((one) => one.id),
    named: figures.filter((one) => one.querySelector('.live').getAttribute('aria-label').length > 60).length,
  };
}"""
#: The least contrast of the text in figures and around them with the page, by the formula of WCAG 2.
CONTRAST = """() => {
  const light = (color) => {
    const parts = color.match(/[\\d.]+/g).slice(0, 3).map((part) => {
      const one = part / 255;
      return one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const paper = light(getComputedStyle(document.body).backgroundColor);
  const against = (color) => {
    const one = light(color);
    return (Math.max(one, paper) + 0.05) / (Math.min(one, paper) + 0.05);
  };
  const words = [...document.querySelectorAll('.live svg text')].filter((one) => one.getAttribute('stroke') === null);
  const written = words.map((one) => against(getComputedStyle(one).fill));
  const around = [...document.querySelectorAll('p, li, figcaption, td, th, label, legend')];
  return [Math.min(...written), Math.min(...around.map((one) => against(getComputedStyle(one).color))), written.length];
}"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of everything there can be."""
    folder = tmp_path_factory.mktemp("whole")
    return write_report(
        make_results(),
        folder,
        comparison=make_comparison(),
        searches=make_searches(),
        geometry=make_geometry(),
    )


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if not CHROMIUM:
        pytest.skip("there is no Chromium to open the page in")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser: Any, report: Path) -> Iterator[Any]:
    """Opens the report with the network cut; afterwards nothing was asked for but the page, and nothing was complained of."""
    contexts, told, asked = [], [], []

    def opened(**settings: Any) -> Any:
        context = browser.new_context(offline=True, **settings)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        page.on("console", lambda message: told.append(message.text))
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(report.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert told == []
    assert asked == [report.as_uri()] * len(contexts)


def live(page: Any, name: str) -> Any:
    """A figure of the page, once it is drawn."""
    figure = page.locator(f"#figure-{name}")
    figure.scroll_into_view_if_needed()
    page.locator(f"#figure-{name}[data-live]").wait_for()
    return figure


def settled(page: Any, name: str, times: int) -> None:
    """Waits until a figure has followed its controls so many times."""
    page.locator(f'#figure-{name}[data-drawn="{times}"]').wait_for()


def marks(figure: Any) -> list[str]:
    """Where the points of a figure are, as far as they can be seen."""
    found = figure.locator('.live .mark-symbol.role-mark path:not([opacity="0"])')
    return found.evaluate_all("all => all.map((one) => one.getAttribute('transform') + one.getAttribute('d'))")


def keep(page: Any, tmp_path: Path, name: str) -> Path:
    """A picture of the whole page, where artefacts are kept."""
    folder = Path(os.environ.get("ISOGLOSS_ARTEFACTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    page.screenshot(path=path, full_page=True)
    return path


@pytest.mark.parametrize("width", [400, 1400])
def test_all_figures_are_live_and_the_page_never_scrolls_sideways(open_page: Any, tmp_path: Path, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 900})
    page.evaluate(DRAW_ALL)
    found = page.evaluate(MEASURED)
    assert found["scroll"] <= found["client"] <= width
    assert (found["live"], found["named"], found["wide"]) == (FIGURES, FIGURES, [])
    assert found["fewest"] > 15
    shown = page.locator("figure[data-chart]").first.get_attribute("data-live")
    assert shown == ("narrow" if width == 400 else "wide")
    in_figures, around, count = page.evaluate(CONTRAST)
    assert count > 300
    assert in_figures >= 3, "names in their model's colour are bold; all else is darker"
    assert around >= 4.5
    assert keep(page, tmp_path, f"report-{width}").stat().st_size > 200_000


def test_figures_follow_the_width_while_the_page_is_open(open_page: Any) -> None:
    page = open_page(viewport={"width": 1400, "height": 900})
    figure = live(page, "methods")
    wide = figure.locator(".live svg").evaluate("one => one.getAttribute('width')")
    page.set_viewport_size({"width": 400, "height": 900})
    page.locator('#figure-methods[data-live="narrow"]').wait_for()
    assert float(figure.locator(".live svg").evaluate("one => one.getAttribute('width')")) < float(wide)


def test_a_language_and_a_method_can_be_taken_off_the_plane(open_page: Any) -> None:
    page = open_page(viewport={"width": 1400, "height": 900})
    figure = live(page, "plane")
    every = marks(figure)
    figure.get_by_role("checkbox", name="Greek").uncheck()
    settled(page, "plane", 1)
    assert len(marks(figure)) == len(every) - 3  # one a method
    assert "el" not in figure.locator(".live svg text").all_text_contents()
    figure.get_by_role("checkbox", name="EN-steering").uncheck()
    settled(page, "plane", 2)
    assert "EN-steering" not in figure.locator(".live svg text").all_text_contents()
    figure.get_by_role("checkbox", name="Greek").check()
    figure.get_by_role("checkbox", name="EN-steering").check()
    settled(page, "plane", 4)
    assert sorted(marks(figure)) == sorted(every)
    hidden = live(page, "methods")
    assert not [text for text in hidden.locator(".live svg text").all_text_contents() if text.endswith(" el")]
    hidden.get_by_role("checkbox", name="Greek").check()
    settled(page, "methods", 1)
    assert "MIST el" in hidden.locator(".live svg text").all_text_contents()


def test_the_keyboard_alone_moves_through_layers_and_languages(open_page: Any) -> None:
    page = open_page(viewport={"width": 1400, "height": 900})
    figure = live(page, "pca")
    slider = figure.locator("input[type=range]")
    start = marks(figure)
    assert len(start) >= 4 * 2 * 20 * len(LANGUAGES)
    slider.focus()
    page.keyboard.press("ArrowLeft")
    settled(page, "pca", 1)
    assert figure.locator("output").text_content() == "12"
    assert slider.get_attribute("aria-valuetext") == "layer 12"
    moved = marks(figure)
    assert len(moved) == len(start)
    assert moved != start
    page.keyboard.press("Home")
    settled(page, "pca", 2)
    assert figure.locator("output").text_content() == str(LAYERS[0])
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    settled(page, "pca", 3)
    english = page.evaluate("() => [document.activeElement.value, document.activeElement.checked]")
    assert english == ["en", False]
    assert len(marks(figure)) == len(start) - 4 * 2 * (20 + 1)  # and the mean
    assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_a_menu_shows_other_states(open_page: Any) -> None:
    page = open_page(viewport={"width": 1400, "height": 900})
    for name, label, value in (
        ("retrieval", "Language", "ar"),
        ("convergence", "States", "loc"),
        ("bias", "Language", "ko"),
    ):
        figure = live(page, name)
        path = figure.locator(".live svg .mark-symbol path, .live svg .mark-line path")
        before = path.evaluate_all("all => all.map((one) => one.getAttribute('transform') + one.getAttribute('d'))")
        figure.get_by_role("combobox", name=label).select_option(value)
        settled(page, name, 1)
        after = path.evaluate_all("all => all.map((one) => one.getAttribute('transform') + one.getAttribute('d'))")
        assert after != before, name
        assert after, name


def test_a_point_says_what_it_is(open_page: Any) -> None:
    page = open_page(viewport={"width": 1400, "height": 900})
    figure = live(page, "methods")
    points = figure.locator(".live .mark-symbol.role-mark path[aria-label], .live .mark-symbol.role-mark path")
    for index in range(points.count() - 1, -1, -1):
        points.nth(index).dispatch_event("pointermove", {"bubbles": True})
        told = page.locator("#vg-tooltip-element.visible")
        if told.count():
            break
    text = told.text_content()
    for word in ("Method", "Language", "Steering", "Transfer Δ [95 %]", "Items"):
        assert word in text
    assert re.search(r"[+−]\d+\.\d \[", text)


def test_numbers_are_one_click_away(open_page: Any) -> None:
    page = open_page(viewport={"width": 400, "height": 900})
    details = page.locator("figure[data-chart] details")
    assert details.count() == FIGURES
    first = details.first
    assert not first.locator("table").is_visible()
    first.locator("summary").click()
    assert first.locator("table").is_visible()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 400


def test_without_scripts_and_on_paper_the_figures_stand_still(browser: Any, report: Path, open_page: Any) -> None:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 400, "height": 900})
    still = context.new_page()
    still.goto(report.as_uri())
    drawings = still.locator(".still svg")
    assert drawings.count() == FIGURES
    assert all(drawings.nth(index).is_visible() for index in range(FIGURES))
    assert not still.locator("form.set").first.is_visible()
    context.close()
    page = open_page(viewport={"width": 1400, "height": 900})
    figure = live(page, "methods")
    assert not figure.locator(".still").is_visible()
    page.emulate_media(media="print")
    assert figure.locator(".still svg").is_visible()
    assert not figure.locator(".live").is_visible()
    assert not figure.locator("form.set").is_visible()


def test_the_page_is_light_enough_to_send(report: Path) -> None:
    assert report.stat().st_size < 6_000_000
