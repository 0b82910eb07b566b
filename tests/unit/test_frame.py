"""The project's frame: what README, constraints, docs and workflows say is how it is."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from isogloss.data.rows import ChoiceItem, InstructionRow, ParallelRow

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "mlruns" / "README.md"])
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REQUIREMENTS = [
    one
    for text in [*PROJECT["dependencies"], *(one for some in PROJECT["optional-dependencies"].values() for one in some)]
    if (one := Requirement(text)).marker is None or one.marker.evaluate()
]
COMMANDS = (
    *("run", "plan", "status", "evaluate", "vectors", "analyse", "report", "summary"),
    *("search-worker", "promote", "fetch", "recheck", "generate", "export"),
    *("datasets", "localize", "translate", "ui", "doctor"),
)


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    """Files of the checkout, without what git ignores."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")
    return sorted(name for name in listed.stdout.splitlines() if (ROOT / name).is_file())


def tree() -> set[str]:
    """Paths below src/isogloss/ in the README's tree: a line is `├── name  words`, or `├── name, name  words`."""
    block = re.search(r"```\nsrc/isogloss/\n(.*?)```", README, re.S)
    assert block
    lines = [re.fullmatch(r"[├└]── (\S+(?:, \S+)*)\s{2,}\S.*", line) for line in block[1].splitlines()]
    assert all(lines), block[1]
    return {name.rstrip("/") for line in lines if line for name in line[1].split(", ")}


def test_the_tree_of_the_package_is_complete(tracked: list[str]) -> None:
    package = {name.split("/")[2] for name in tracked if name.startswith("src/isogloss/")}
    assert tree() == package - {"__init__.py", "__main__.py", "py.typed"}


def test_the_readme_fits_on_a_few_screens_and_names_the_two_commands() -> None:
    assert len(README.splitlines()) <= 150
    assert {"make run", "make test"} <= set(re.findall(r"`(make [a-z-]+)`", README))


def test_the_readme_lists_every_command() -> None:
    table = README.split("\n## Commands\n")[1].split("\n## ")[0]
    assert set(re.findall(r"`isogloss ([a-z-]+)", table)) == set(COMMANDS)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_and_named_files_are_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if not link.startswith("http")]
    named = re.findall(r"`((?:src|tests|docs|pipelines|benchmarks)/[a-z0-9_./-]+)`", text)
    missing = [link for link in links if not (document.parent / link).exists()]
    missing += [name for name in named if not (ROOT / name).exists()]
    assert not missing


def test_commands_in_the_documents_exist() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)
    used = set(re.findall(r"(?:^|`|/bin/|\$ )isogloss ([a-z][a-z-]*)", text, re.M))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert used
    assert used <= set(COMMANDS)
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.M)) <= targets


def test_the_command_line_has_these_commands() -> None:
    from isogloss.cli.main import app

    assert tuple(one.name or one.callback.__name__ for one in app.registered_commands if one.callback) == COMMANDS


def test_examples_of_rows_follow_their_formats() -> None:
    text = (ROOT / "docs" / "data-formats.md").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in text.splitlines() if line.startswith('{"id"')]
    assert [InstructionRow.model_validate(row).id for row in rows if "prompt" in row] == ["thanks"]
    assert [ParallelRow.model_validate(row).id for row in rows if "text" in row] == ["rain"]
    items = [ChoiceItem.model_validate(row) for row in rows if "options" in row]
    assert [item.axis for item in items] == ["transfer", "localization"]
    assert items[1].english_options() == (0,)


def test_the_documented_json_has_the_fields_of_evaluate() -> None:
    from isogloss.cli.evaluate import summarise
    from isogloss.results.scores import ItemScore, Scores

    score = ItemScore(
        id="i",
        group="g",
        language="ko",
        axis="localization",
        answer=0,
        picked=1,
        english=True,
        option_scores=(0.0, 1.0),
    )
    real = summarise(Scores(condition="scores", items=(score,)))
    text = (ROOT / "docs" / "json.md").read_text(encoding="utf-8")
    shown = json.loads(next(block for block in text.split("```json\n") if block.startswith('{"model"')).split("```")[0])
    assert list(shown) == ["model", "model_digest", "scoring", *real]
    assert list(shown["results"][0]) == list(real["results"][0])
    assert list(shown["macro"]["localization"]) == list(real["macro"]["localization"])


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found = {}
    for line in lines:
        if not line.startswith("#"):
            match = re.fullmatch(r"([a-z0-9-]+)==([0-9][0-9A-Za-z.]*)", line)
            assert match, f"constraints.txt: not an exact version: {line!r}"
            found[match[1]] = match[2]
    return found


def test_constraints_meet_every_range_of_the_project() -> None:
    versions = pins()
    for requirement in REQUIREMENTS:
        version = versions.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not in constraints.txt"
        assert requirement.specifier.contains(version), f"{requirement} does not allow {version}"


def test_constraints_hold_everything_that_the_project_needs_in_turn() -> None:
    import importlib.metadata

    versions, unpinned = pins(), set()
    installed = {canonicalize_name(one.name): importlib.metadata.version(one.name) for one in REQUIREMENTS}
    others = [name for name, version in installed.items() if Version(version).public != Version(versions[name]).public]
    if others:
        pytest.skip(f"other versions than those of constraints.txt are installed: {', '.join(others)}")
    todo = [(one, extra) for one in REQUIREMENTS for extra in ("", *one.extras)]
    seen = set()
    while todo:
        requirement, extra = todo.pop()
        name = canonicalize_name(requirement.name)
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        if name not in versions:
            # torch pins the CUDA libraries of its own builds.
            if not re.match(r"nvidia-|cuda-|triton$", name):
                unpinned.add(name)
            continue
        for text in importlib.metadata.requires(name) or ():
            one = Requirement(text)
            if one.marker is None or one.marker.evaluate({"extra": extra}):
                todo += [(one, of) for of in ("", *one.extras)]
    assert not unpinned
    assert sorted(set(versions) - {name for name, _ in seen}) == [], "pinned, but nothing needs it"


def test_no_tracked_file_names_a_package_host_or_a_folder_of_ours(tracked: list[str]) -> None:
    # Written apart, so that this file does not name what it looks for.
    hosts = [".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("download.pytorch", "org"))]
    hosts += [".".join(parts) for parts in (("ghcr", "io"), ("docker", "io"), ("conda", "anaconda", "org"))]
    paths = ["/".join(("", *parts)) for parts in (("work", "main"), ("work", "env"), ("work", "shared"), ("root", ""))]
    found = []
    for name in tracked:
        try:
            text = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        found += [f"{name}: {word}" for word in (*hosts, *paths) if word in text]
    assert not found


def test_ci_runs_the_readme_s_test_command() -> None:
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert "set -euo pipefail" in lines
    assert any(line.split("<")[0].strip() == "make test" for line in lines)
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))
    assert any(step.get("run") == ".ci/run" for step in workflow["jobs"]["test"]["steps"])


def test_the_version_is_one() -> None:
    from isogloss import __version__

    assert PROJECT["version"] == __version__
    assert __version__ in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
