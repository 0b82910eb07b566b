"""A finished run again: the journal of registrations answers without MLflow, unless anything differs."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from isogloss.files import read_json
from isogloss.registry.bundle import Bundle, read_bundle
from isogloss.registry.versions import Registered, note_registered, register, registered_before
from isogloss.tracking.journal import Journal
from isogloss.tracking.store import artifact_location, connect, default_uri
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
        note_registered(registered, journal_of(root), uri=uri, name="tiny")
        assert len(registered.versions) == 2
        yield root


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    """A copy of it, noted as registered there."""
    root = tmp_path / "project"
    shutil.copytree(template, root)
    noted = asked(template)
    assert noted is not None
    places = (str(template), str(root))
    moved = [replace(version, source=version.source.replace(*places)) for version in noted.versions]
    note_registered(replace(noted, versions=tuple(moved)), journal_of(root), uri=default_uri(root), name="tiny")
    return root


def journal_of(root: Path) -> Journal:
    return Journal(root / "mlruns" / "registrations.jsonl")


def database(root: Path) -> closing[sqlite3.Connection]:
    return closing(sqlite3.connect(root / "mlflow.db"))


def aliases(bundles: list[Bundle]) -> dict[str, str]:
    weak, strong = (one.point for one in bundles)
    return {"knee": weak, "champion": weak, "best-localization": strong}


def asked(root: Path, *, name: str = "tiny") -> Registered | None:
    bundles = [read_bundle(root / one) for one in ("weak", "strong")]
    return registered_before(bundles, journal_of(root), uri=default_uri(root), name=name, aliases=aliases(bundles))


def files_of(root: Path, number: int) -> Path:
    registered = asked(root)
    assert registered is not None
    return Path(registered.versions[number - 1].source.removeprefix("file://")) / "bundle"


def test_it_says_what_the_registration_says(template: Path) -> None:
    bundles = [read_bundle(template / one) for one in ("weak", "strong")]
    with connect(default_uri(template)) as client:
        again = register(bundles, client=client, name="tiny", roles=aliases(bundles), experiment=EXPERIMENT)
    assert asked(template) == again
    assert [(one.number, one.new) for one in again.versions] == [(1, False), (2, False)]


def run_collected(root: Path) -> None:
    with database(root) as connection, connection:
        connection.execute("DELETE FROM runs WHERE run_uuid = (SELECT run_id FROM model_versions WHERE version = 2)")


def other_aliases(root: Path) -> None:
    """As another pipeline's promotion to the same model notes it."""
    noted = asked(root)
    assert noted is not None
    note_registered(replace(noted, aliases={"champion": 2}), journal_of(root), uri=default_uri(root), name="tiny")


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
        other_aliases,
        run_collected,
        shortened,
        resealed,
        lambda root: shutil.rmtree(files_of(root, 1)),
        lambda root: (root / "mlflow.db").unlink(),
        lambda root: (root / "mlruns" / "registrations.jsonl").unlink(),
    ],
    ids=["other aliases", "no run", "shorter", "resealed", "gone", "no store", "not noted"],
)
def test_whatever_differs_is_left_to_the_registration(root: Path, change: Callable[[Path], object]) -> None:
    assert asked(root) is not None
    change(root)
    assert asked(root) is None


def test_another_model_a_server_and_a_new_point_are_left_to_it_too(root: Path, tmp_path: Path) -> None:
    assert asked(root, name="other") is None
    bundles = [read_bundle(root / one) for one in ("weak", "strong")]
    journal = journal_of(root)
    assert registered_before(bundles, journal, uri="http://127.0.0.1:1", name="tiny", aliases=aliases(bundles)) is None
    new = make_bundle(tmp_path / "new", gamma=3.0, name="new")
    assert registered_before([new], journal, uri=default_uri(root), name="tiny", aliases={}) is None


def test_it_does_not_start_mlflow(root: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from isogloss.pipeline.promote import read_bundle, registered_before; "
        "from isogloss.tracking.journal import Journal; from isogloss.tracking.store import default_uri; "
        "root = Path(sys.argv[1]); journal = Journal(root / 'mlruns' / 'registrations.jsonl'); "
        "found = registered_before("
        "[read_bundle(root / 'weak')], journal, uri=default_uri(root), name='tiny', aliases={}); "
        "assert found is not None; assert 'mlflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(root)], check=True)
