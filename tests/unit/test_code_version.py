"""The version of the code in a stage's key: whatever the package brings along counts, nothing that running it leaves behind."""

from pathlib import Path

import pytest

import isogloss
from isogloss.pipeline.plan import code_version

SOURCES = ("report", "search/front.py")


@pytest.fixture
def package(tmp_path):
    for name in (
        "report/page.py",
        "report/templates/page.html",
        "report/templates/page.css",
        "search/front.py",
        "search/study.py",
    ):
        path = tmp_path / "before" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "before"


def versions(package, change):
    """The version before and after `change`; under another name, since a process asks for a version once."""
    before = code_version(SOURCES, package)
    change()
    after = package.rename(package.with_name("after"))
    return before, code_version(SOURCES, after)


@pytest.mark.parametrize(
    "name", ["report/page.py", "report/templates/page.html", "report/templates/page.css", "search/front.py"]
)
def test_an_edited_file_is_another_version(package, name):
    before, after = versions(package, lambda: (package / name).write_text("edited"))
    assert before != after


@pytest.mark.parametrize("name", ["report/words.json", "report/templates/more/part.yaml"])
def test_a_new_file_is_another_version(package, name):
    (package / name).parent.mkdir(exist_ok=True)
    before, after = versions(package, lambda: (package / name).write_text("new"))
    assert before != after


@pytest.mark.parametrize(
    "name",
    [
        "search/study.py",
        "report/__pycache__/page.cpython-311.pyc",
        "report/.page.py.swp",
        "report/page.py~",
        "report/.cache/x",
    ],
)
def test_what_is_not_among_the_sources_makes_no_difference(package, name):
    (package / name).parent.mkdir(exist_ok=True)
    before, after = versions(package, lambda: (package / name).write_text("something"))
    assert before == after


def test_the_packages_own_templates_are_among_the_reports_sources():
    report = Path(isogloss.__file__).parent / "report"
    assert list(report.rglob("*.html")), "the templates lie where the stage's sources are"
    assert code_version(("report",)) != code_version(tuple(f"report/{path.name}" for path in report.glob("*.py")))
