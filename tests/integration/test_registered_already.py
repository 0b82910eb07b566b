"""A finished run again: what the store holds already is told without MLflow, and as soon as anything differs it is not."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from isogloss.files import read_json
from isogloss.registry.bundle import Bundle, read_bundle
from isogloss.registry.versions import Registered, register, registered_already
from isogloss.tracking.client import connect
from isogloss.tracking.store import artifact_location, default_uri
from tiny_bundles import make_bundle

EXPERIMENT = "plane"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with two bundles, both registered: `weak` is the knee and champion, `strong` the best in localization."""
    root = tmp_path_factory.mktemp("template")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISOGLOSS_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        bundles = [make_bundle(root / name, gamma=gamma, name=name) for name, gamma in (("weak", 0.5), ("strong", 2.0))]
        uri = default_uri(root)
        with connect(uri) as client:
            client.create_experiment(EXPERIMENT, artifact_location=artifact_location(uri))
            registered = register(bundles, client=client, name="tiny", roles=aliases(bundles), experiment=EXPERIMENT)
        assert len(registered.versions) == 2
        yield root


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    """A copy of it, moved as `isogloss doctor --mend` moves a store."""
    root = tmp_path / "project"
    shutil.copytree(template, root)
    with database(root) as connection, connection:
        connection.execute("UPDATE model_versions SET source = replace(source, ?, ?)", (str(template), str(root)))
    return root


def database(root: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(root / "mlruns" / "mlflow.db"))


def aliases(bundles: list[Bundle]) -> dict[str, str]:
    weak, strong = (one.point for one in bundles)
    return {"knee": weak, "champion": weak, "best-localization": strong}


def asked(root: Path, *, name: str = "tiny") -> Registered | None:
    bundles = [read_bundle(root / one) for one in ("weak", "strong")]
    return registered_already(bundles, uri=default_uri(root), name=name, aliases=aliases(bundles))


def files_of(root: Path, number: int) -> Path:
    with database(root) as connection:
        ((source,),) = connection.execute("SELECT source FROM model_versions WHERE version = ?", (number,)).fetchall()
    return Path(source.removeprefix("file://")) / "bundle"


def test_it_says_what_the_registration_says(template: Path) -> None:
    bundles = [read_bundle(template / one) for one in ("weak", "strong")]
    with connect(default_uri(template)) as client:
        again = register(bundles, client=client, name="tiny", roles=aliases(bundles), experiment=EXPERIMENT)
    assert asked(template) == again
    assert [(one.number, one.new) for one in again.versions] == [(1, False), (2, False)]


def sql(statement: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        with database(root) as connection, connection:
            connection.execute(statement)

    return change


def shortened(root: Path) -> None:
    path = files_of(root, 2) / "vectors" / "loc" / "vectors.safetensors"
    path.write_bytes(path.read_bytes()[:-1])


def resealed(root: Path) -> None:
    path = files_of(root, 1) / "manifest.json"
    assert read_json(path)
    path.write_text(path.read_text() + " ")


@pytest.mark.parametrize(
    "change",
    [
        sql("UPDATE registered_model_aliases SET version = 2 WHERE alias = 'champion'"),
        sql("DELETE FROM registered_model_aliases WHERE alias = 'best-localization'"),
        sql("UPDATE model_versions SET current_stage = 'Deleted_Internal' WHERE version = 2"),
        sql("UPDATE model_versions SET source = 'mlflow-artifacts:/1' WHERE version = 2"),
        sql("DELETE FROM model_version_tags WHERE key = 'isogloss.manifest'"),
        sql("DROP TABLE registered_model_aliases"),
        shortened,
        resealed,
        lambda root: shutil.rmtree(files_of(root, 1)),
        lambda root: (root / "mlruns" / "mlflow.db").unlink(),
    ],
    ids=["moved alias", "no alias", "deleted", "elsewhere", "no tag", "no table", "shorter", "resealed", "gone", "no store"],
)  # fmt: skip
def test_whatever_differs_is_left_to_the_registration(root: Path, change: Callable[[Path], object]) -> None:
    assert asked(root) is not None
    change(root)
    assert asked(root) is None


def test_another_model_a_server_and_a_new_point_are_left_to_it_too(root: Path, tmp_path: Path) -> None:
    assert asked(root, name="other") is None
    bundles = [read_bundle(root / one) for one in ("weak", "strong")]
    assert registered_already(bundles, uri="http://127.0.0.1:1", name="tiny", aliases=aliases(bundles)) is None
    new = make_bundle(tmp_path / "new", gamma=3.0, name="new")
    assert registered_already([new], uri=default_uri(root), name="tiny", aliases={}) is None


def test_it_does_not_start_mlflow(root: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from isogloss.pipeline.promote import registered_already, read_bundle; "
        "from isogloss.tracking.store import default_uri; root = Path(sys.argv[1]); "
        "found = registered_already([read_bundle(root / 'weak')], uri=default_uri(root), name='tiny', aliases={}); "
        "assert found is not None; assert 'mlflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(root)], check=True)
