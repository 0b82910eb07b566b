"""Registered versions under a kill, a change, a collection, a move: old aliases stay, nothing unverified is used."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from isogloss.errors import RefusedError
from isogloss.files import MANIFEST, read_json, seal, write_json
from isogloss.models.load import resolve
from isogloss.registry.bundle import Bundle, read_bundle
from isogloss.registry.fetch import fetch
from isogloss.registry.versions import Registered, register
from isogloss.tracking.checks import check_store, mend_store
from isogloss.tracking.store import artifact_location, connect, default_uri
from tiny_bundles import make_bundle
from tiny_models import make_tiny_model

KILLED = """
import os, signal, sys
from pathlib import Path
from mlflow.tracking import MlflowClient
from isogloss.registry.bundle import read_bundle
from isogloss.registry.versions import register
from isogloss.tracking.store import connect
uri, where, count, folder = sys.argv[1:]
left = int(count)
step = getattr(MlflowClient, where)
def killed(*arguments, **settings):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(*arguments, **settings)
setattr(MlflowClient, where, killed)
bundle = read_bundle(Path(folder))
with connect(uri) as client:
    register([bundle], client=client, name="tiny", roles={"knee": bundle.point}, experiment="plane")
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A tiny model, two bundles of it, and a store in which the weak one is champion."""
    place = tmp_path_factory.mktemp("registry")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISOGLOSS_CACHE", str(place / "cache"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        base = make_tiny_model("llama", place / "base")
        for name, gamma in (("weak", 0.5), ("strong", 2.0)):
            make_bundle(place / name, digest=resolve(str(base)).digest, ref=str(base), gamma=gamma)
        with connect(default_uri(place / "empty")):
            yield place


@pytest.fixture
def root(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder in whose store the weak bundle is champion."""
    monkeypatch.setenv("ISOGLOSS_CACHE", str(place / "cache"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    root = tmp_path / "project"
    root.mkdir(parents=True)
    shutil.copy(place / "empty" / "mlflow.db", root)
    with closing(sqlite3.connect(root / "mlflow.db")) as database, database:
        database.execute("UPDATE experiments SET artifact_location = ?", (f"{artifact_location(default_uri(root))}/0",))
    with connect(default_uri(root)) as client:
        client.create_experiment("plane", artifact_location=artifact_location(default_uri(root)))
    registered(root, read_bundle(place / "weak"))
    return root


def registered(root: Path, bundle: Bundle) -> Registered:
    with connect(default_uri(root)) as client:
        return register([bundle], client=client, name="tiny", roles={"knee": bundle.point}, experiment="plane")


def aliases(root: Path) -> dict[str, int]:
    with connect(default_uri(root)) as client:
        found = client.get_registered_model("tiny").aliases
        return {alias: int(number) for alias, number in found.items()}


def package(root: Path) -> Path:
    """Where the store keeps the only version."""
    (found,) = (root / "mlruns" / "artifacts").glob("*/artifacts/versions/*")
    return found


def refused(root: Path, tmp_path: Path, ref: str = "models:/tiny@champion") -> str:
    """Why a fetch is refused; it leaves nothing behind."""
    with connect(default_uri(root)) as client, pytest.raises(RefusedError) as why:
        fetch(ref, tmp_path / "dest", client=client)
    assert not [path for path in tmp_path.iterdir() if "dest" in path.name]
    return str(why.value)


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("log_artifacts", 1),  # half uploaded
        ("create_model_version", 0),  # all uploaded
        ("set_registered_model_alias", 0),  # a version without aliases
        ("set_registered_model_alias", 2),  # all but the champion
    ],
)
def test_killed_while_registering(root: Path, place: Path, tmp_path: Path, where: str, count: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", KILLED, default_uri(root), where, str(count), str(place / "strong")],
        capture_output=True,
        timeout=240,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert aliases(root)["champion"] == 1
    with connect(default_uri(root)) as client:
        assert fetch("models:/tiny@champion", tmp_path / "before", client=client).version == "1"
    after = registered(root, read_bundle(place / "strong"))
    assert after.aliases == aliases(root) == {"knee": 2, "champion": 2, "previous": 1}
    assert after.versions[0].new is (where != "set_registered_model_alias")
    with connect(default_uri(root)) as client:
        assert len(client.search_model_versions("name = 'tiny'")) == 2
        assert len(client.search_runs(["1"])) == 2, "the run that was left is used again"
        fetch("models:/tiny@champion", tmp_path / "after", client=client)
    assert check_store(root) == []


def test_a_changed_byte_in_the_store(root: Path, tmp_path: Path) -> None:
    vectors = package(root) / "bundle" / "vectors" / "loc" / "vectors.safetensors"
    content = bytearray(vectors.read_bytes())
    content[-1] ^= 1
    vectors.write_bytes(content)
    why = refused(root, tmp_path)
    assert "version 1 of 'tiny', from file:" in why
    assert "vectors/loc/vectors.safetensors: content differs" in why


def test_another_bundle_that_is_whole_in_its_place(root: Path, place: Path, tmp_path: Path) -> None:
    shutil.rmtree(package(root) / "bundle")
    shutil.copytree(place / "strong", package(root) / "bundle")
    assert "its manifest.json is not the one that was registered" in refused(root, tmp_path)


@pytest.mark.parametrize("name", ["../../escaped", "/tmp/escaped"])
def test_a_path_that_climbs_out_is_not_written(root: Path, tmp_path: Path, name: str) -> None:
    bundle = package(root) / "bundle"
    manifest = read_json(bundle / MANIFEST)
    manifest["files"][name] = {"size": 1, "sha256": "0"}
    write_json(bundle / MANIFEST, manifest)
    vouch_for(root, bundle)
    assert f"the file name {name!r} in its manifest.json" in refused(root, tmp_path)


def test_a_pickle_that_the_registry_vouches_for(root: Path, tmp_path: Path) -> None:
    bundle = package(root) / "bundle"
    (bundle / "extra.dat").write_bytes(pickle.dumps(print))
    seal(bundle)
    vouch_for(root, bundle)
    assert "extra.dat: a pickle, which can run code" in refused(root, tmp_path)


def vouch_for(root: Path, bundle: Path) -> None:
    """Write the manifest's digest into the version's tag, as someone could who may write to the registry."""
    from isogloss.files import sha256_file
    from isogloss.registry.contents import MANIFEST_TAG

    with connect(default_uri(root)) as client:
        client.set_model_version_tag("tiny", "1", MANIFEST_TAG, sha256_file(bundle / MANIFEST))


def test_a_version_whose_run_was_deleted_and_collected(root: Path, place: Path, tmp_path: Path) -> None:
    with connect(default_uri(root)) as client:
        run_id = client.get_model_version("tiny", "1").run_id
        assert run_id is not None
        client.delete_run(run_id)
    collected = subprocess.run(
        [sys.executable, "-m", "mlflow", "gc", "--backend-store-uri", default_uri(root), "--run-ids", run_id],
        env={**os.environ, "MLFLOW_TRACKING_URI": default_uri(root)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert collected.returncode == 0, collected.stderr
    why = refused(root, tmp_path)
    assert (
        f"version 1 of 'tiny' is registered, but its files are gone: its run {run_id} was deleted and collected" in why
    )

    (finding,) = check_store(root)
    assert finding.severity == "warning"
    assert (
        "version 1 of 'tiny' (champion, knee) stands as READY, but its files are gone; its run was deleted"
        in finding.what
    )
    (done,) = mend_store(root)
    assert (
        done
        == "version 1 of 'tiny' lost its aliases (champion, knee) and is marked isogloss.dangling: its files are gone"
    )
    assert aliases(root) == {}
    assert [one.severity for one in check_store(root)] == ["info"]
    assert mend_store(root) == []

    after = registered(root, read_bundle(place / "weak"))
    assert [(one.number, one.new) for one in after.versions] == [(2, True)], (
        "a dead version does not stand for its point"
    )
    assert after.aliases == {"knee": 2, "champion": 2}


def test_a_moved_store(root: Path, tmp_path: Path) -> None:
    moved = root.rename(root.with_name("moved"))
    why = refused(moved, tmp_path)
    assert f"the store has moved: they are looked for in {root.as_uri()}/mlruns/artifacts" in why
    assert "isogloss doctor --mend" in why
    (finding,) = check_store(moved)
    assert "the store has moved" in finding.what
    assert any("are now looked for in" in done for done in mend_store(moved))
    assert check_store(moved) == []
    with connect(default_uri(moved)) as client:
        assert fetch("models:/tiny@champion", tmp_path / "dest", client=client).new
