"""The cpu image, made step by step in folders of its own, and what then runs in it. Needs a package index, and minutes."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dockerfile_steps import Build, Stage, can_build, context

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not can_build(), reason="needs root and mount namespaces; CI has an engine (make image)"),
]

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built() -> Iterator[tuple[Build, Stage]]:
    # Not pytest's own folder, which is closed to the image's user.
    place = Path(tempfile.mkdtemp(prefix="isogloss-image-"))
    place.chmod(0o755)
    try:
        context(ROOT, place / "context")
        build = Build(ROOT / "Dockerfile", place / "context", place)
        yield build, build.make("cpu")
    finally:
        shutil.rmtree(place)


def test_the_image_is_healthy_by_its_own_check(built: tuple[Build, Stage]) -> None:
    build, image = built
    assert image.user == "1000:1000"
    assert "all is well" in build.run(image, image.settings["HEALTHCHECK"])


def test_the_entry_point_is_isogloss_and_runs_as_an_ordinary_user(built: tuple[Build, Stage]) -> None:
    build, image = built
    assert build.run(image, [*image.settings["ENTRYPOINT"], "--version"]).startswith("isogloss ")
    assert "Exit codes" in build.run(image, [*image.settings["ENTRYPOINT"], *image.settings["CMD"]])
    assert build.run(image, ["id", "--user"]).strip() == "1000"
    with pytest.raises(AssertionError, match="denied"):
        build.run(image, ["touch", "/opt/isogloss/written"])


def test_the_image_plans_a_pipeline_and_keeps_results_in_its_volume(built: tuple[Build, Stage]) -> None:
    build, image = built
    # A plan needs no weights: the model is known by its package.
    planned = json.loads(build.run(image, ["isogloss", "plan", "pipelines/smoke.yaml", "--json"]))
    assert planned["stages"]
    build.run(image, ["touch", "mlruns/written", "/cache/written", "/artifacts/written"])


def test_another_user_works_in_folders_of_its_own(built: tuple[Build, Stage]) -> None:
    """`--user` with a number that the image does not know, as docs/container.md tells."""
    build, image = built
    mounts = {}
    for target in ("/work/mlruns", "/cache"):
        folder = build.place / f"of-another-{Path(target).name}"
        folder.mkdir()
        shutil.chown(folder, 4321, 4321)
        mounts[target] = str(folder)
    with pytest.raises(AssertionError, match="chown -R 4321:4321 /cache"):
        build.run(image, ["isogloss", "doctor", "--quick"], user="4321:4321")
    assert "all is well" in build.run(image, ["isogloss", "doctor", "--quick"], user="4321:4321", **mounts)
    # What libraries ask for: a name, and a home that can be written.
    asked = "import getpass, pathlib; getpass.getuser(); (pathlib.Path.home() / 'written').touch()"
    build.run(image, ["python", "-c", asked], user="4321:4321", **mounts)


def test_the_code_is_the_context_s_and_the_packages_are_the_constraints_(built: tuple[Build, Stage]) -> None:
    build, image = built
    where = build.run(image, ["python", "-c", "import isogloss; print(isogloss.__file__)"]).strip()
    assert where.startswith("/opt/isogloss/")
    own = (ROOT / "src" / "isogloss" / "errors.py").read_bytes()
    assert (image.root / where.lstrip("/")).with_name("errors.py").read_bytes() == own
    listed = json.loads(build.run(image, ["pip", "list", "--format=json"]))
    pins = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")
    )
    there = {one["name"].lower().replace("_", "-").replace(".", "-"): one["version"] for one in listed}
    apart = {name: one for name, one in there.items() if name in pins and one.partition("+")[0] != pins[name]}
    assert not apart
    assert "pytest" not in there
