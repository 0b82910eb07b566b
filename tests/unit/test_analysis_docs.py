"""The page of methods names files and tests that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
METHODS = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
TESTS = sorted(set(re.findall(r"`(tests/[a-z0-9_/]+\.py)::(test_[a-z0-9_]+)`", METHODS)))


@pytest.mark.parametrize(("path", "name"), TESTS, ids=lambda one: one.rsplit("/", 1)[-1])
def test_a_named_test_is_there(path: str, name: str) -> None:
    assert re.search(rf"^def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.M)


def test_every_line_of_the_papers_table_has_a_module_a_command_and_a_test() -> None:
    table = METHODS.split("## The paper, item by item")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("|")][2:]
    assert len(rows) > 15
    for item, _, module, command, test in rows:
        assert "src/isogloss/" in module or "the same" in module, item
        assert command.strip(), item
        assert "::test_" in test, item


def test_every_numbered_equation_figure_and_table_has_a_line() -> None:
    items = " ".join(re.findall(r"^\| ((?:equation|figures?|table) [^|]*)\|", METHODS, re.M))
    found = set(re.findall(r"\b\d+[ab]?\b", items))
    assert {"2", "3", "4b", "5a", "5b", "6", "9", "10", "11", "12", "13"} <= found


def test_stages_named_as_commands_are_stages_of_the_embedded_pipeline() -> None:
    from isogloss.spec import load_spec
    from isogloss.stages.graph import stages_of

    stages = {one.name for one in stages_of(load_spec(ROOT / "pipelines" / "embedded.yaml"))}
    named = set()
    for cell in re.findall(r"stages? ((?:`[a-z-]+`(?:, )?)+)", METHODS.split("## The paper, item by item")[1]):
        named |= set(re.findall(r"`([a-z-]+)`", cell))
    assert len(named) > 8
    assert named - stages == set()
