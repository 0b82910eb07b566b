"""The code in a stage's key: contents count, places and names do not, and no file is lost without an error."""

import ast
from pathlib import Path

import pytest

import isogloss
from isogloss.pipeline.plan import code_files, code_version
from isogloss.spec import PipelineSpec
from isogloss.stages import graph

PACKAGE = Path(isogloss.__file__).parent
NAMES = ("report", "front")


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
    before = code_version(NAMES, package)
    change()
    return before, code_version(NAMES, package.rename(package.with_name("after")))


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


def test_a_moved_file_is_the_same_version(package, monkeypatch):
    def move():
        (package / "page").mkdir()
        (package / "report/page.py").rename(package / "page/html.py")
        (package / "report").rename(package / "pages")
        monkeypatch.setitem(graph.CODE, "report", ("pages", "page/html.py"))

    before, after = versions(package, move)
    assert before == after


def test_a_file_that_is_not_there_is_an_error(package):
    (package / "search/front.py").unlink()
    with pytest.raises(FileNotFoundError, match=r"front.*search/front\.py"):
        code_version(NAMES, package)


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
def test_what_is_not_among_the_code_makes_no_difference(package, name):
    (package / name).parent.mkdir(exist_ok=True)
    before, after = versions(package, lambda: (package / name).write_text("something"))
    assert before == after


def test_every_name_stands_for_python_files_that_can_be_read():
    for name in graph.CODE:
        modules = [path for path in code_files(name) if path.suffix == ".py"]
        assert modules, name
        for path in modules:
            ast.parse(path.read_text(encoding="utf-8"))


def test_the_packages_own_templates_are_among_the_reports_code():
    assert any(path.suffix == ".html" for path in code_files("report"))


def spec(**settings):
    full = {"align": {"methods": ["clo", "mist"]}, "search": {"checkpoints": ["unaligned", "clo"]}}
    return PipelineSpec.model_validate({"name": "a", "model": "m", **full, **settings})


def test_every_need_in_the_table_is_a_family_of_the_table():
    families = {family.name for family in graph.TABLE}
    assert {need.rstrip("@*") for family in graph.TABLE for need in family.needs} <= families


def test_a_stage_comes_after_what_it_needs():
    seen = set()
    for stage in graph.stages_of(spec()):
        assert set(stage.needs) <= seen, stage.name
        seen.add(stage.name)


def test_a_reader_of_published_sets_is_no_code_of_embedded_questions():
    assert not [stage.name for stage in graph.stages_of(spec()) if "published" in stage.code]
    local = {"choices": ["global-mmlu"], "languages": ["en", "es"]}
    assert "published" in graph.stages_of(spec(data=local))[0].code
