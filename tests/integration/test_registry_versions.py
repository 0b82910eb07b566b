"""Versions in a local MLflow store: one a point, aliases moved last, fetched whole or not at all."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import isogloss
from isogloss.cli import registry
from isogloss.errors import RefusedError, UserError
from isogloss.models.load import resolve
from isogloss.registry.bundle import Bundle, read_bundle
from isogloss.registry.fetch import cached, fetch
from isogloss.registry.versions import Registered, register
from isogloss.steering.intervention import Component, Intervention, single
from isogloss.tracking.store import artifact_location, connect, default_uri
from tiny_bundles import make_bundle, make_vectors, trained_folder
from tiny_models import make_tiny_model
from training_jobs import tiny_folder

EXPERIMENT = "plane"
REGISTER = """
import sys
from pathlib import Path
from isogloss.registry.bundle import read_bundle
from isogloss.registry.versions import register
from isogloss.tracking.store import connect
uri, *folders = sys.argv[1:]
bundles = [read_bundle(Path(folder)) for folder in folders]
with connect(uri) as client:
    done = register(bundles, client=client, name="tiny", roles={"knee": bundles[0].point}, experiment="plane")
print([(one.number, one.new) for one in done.versions])
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a tiny model, three bundles of it, and an empty store with the pipeline's experiment."""
    place = tmp_path_factory.mktemp("registry")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISOGLOSS_CACHE", str(place / "cache"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        base = make_tiny_model("llama", place / "base")
        digest = resolve(str(base)).digest
        for name, gamma in (("weak", 0.5), ("middle", 1.0), ("strong", 40.0)):
            make_bundle(place / name, digest=digest, ref=str(base), gamma=gamma, name=f"tiny-{name}")
        with connect(default_uri(place / "empty")):
            yield place


def make_store(root: Path, template: Path) -> None:
    """A copy of an empty store, with the pipeline's experiment."""
    uri = default_uri(root)
    root.mkdir(parents=True)
    shutil.copy(template / "mlflow.db", root)
    with closing(sqlite3.connect(root / "mlflow.db")) as database, database:
        database.execute("UPDATE experiments SET artifact_location = ?", (f"{artifact_location(default_uri(root))}/0",))
    with connect(uri) as client:
        client.create_experiment(EXPERIMENT, artifact_location=artifact_location(uri))


@pytest.fixture
def root(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder with a fresh store of its own."""
    monkeypatch.setenv("ISOGLOSS_CACHE", str(place / "cache"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    make_store(tmp_path / "project", place / "empty")
    return tmp_path / "project"


def bundle(place: Path, name: str) -> Bundle:
    return read_bundle(place / name)


def registered(root: Path, *bundles: Bundle, knee: Bundle | None = None, **roles: str) -> Registered:
    with connect(default_uri(root)) as client:
        given = {"knee": (knee or bundles[0]).point, **{name.replace("_", "-"): point for name, point in roles.items()}}
        return register(bundles, client=client, name="tiny", roles=given, experiment=EXPERIMENT)


def test_versions_with_lineage_and_aliases(place: Path, root: Path) -> None:
    weak, strong = bundle(place, "weak"), bundle(place, "strong")
    done = registered(root, weak, strong, best_transfer=weak.point, best_localization=strong.point)
    assert [(one.number, one.point, one.new) for one in done.versions] == [
        (1, weak.point, True),
        (2, strong.point, True),
    ]
    assert done.aliases == {"knee": 1, "champion": 1, "best-transfer": 1, "best-localization": 2}
    with connect(default_uri(root)) as client:
        version = client.get_model_version_by_alias("tiny", "best-localization")
        assert version.tags["isogloss.point"] == strong.point
        assert version.tags["isogloss.base_digest"] == strong.base.digest
        assert version.tags["isogloss.git_commit"] == "c" * 40
        assert version.tags["plane/localization"] == "+0.0600"
        assert "localization +6.0 [+4.0, +8.0] points" in version.description
        assert version.run_id is not None
        run = client.get_run(version.run_id)
        assert (run.info.status, run.data.tags["isogloss.kind"]) == ("FINISHED", "version")
        assert not [one for one in client.search_runs(["1"]) if one.info.status == "RUNNING"]


def test_the_same_point_makes_no_new_version_and_the_old_champion_is_kept(place: Path, root: Path) -> None:
    weak, strong = bundle(place, "weak"), bundle(place, "strong")
    registered(root, weak)
    again = registered(root, weak)
    assert [(one.number, one.new) for one in again.versions] == [(1, False)]
    assert again.aliases == {"knee": 1, "champion": 1}
    after = registered(root, weak, strong, knee=strong)
    assert [(one.number, one.new) for one in after.versions] == [(1, False), (2, True)]
    assert after.aliases == {"knee": 2, "champion": 2, "previous": 1}
    assert registered(root, strong).aliases["previous"] == 1, "nothing changed, so nothing came before"


def test_the_run_of_the_pipeline_may_hold_the_files(place: Path, root: Path) -> None:
    weak = bundle(place, "weak")
    with connect(default_uri(root)) as client:
        run_id = client.create_run("1", run_name="pipeline").info.run_id
        register([weak], client=client, name="tiny", roles={}, experiment=EXPERIMENT, run_id=run_id)
        assert client.get_model_version("tiny", "1").run_id == run_id
        assert client.get_registered_model("tiny").aliases == {}


def test_the_same_point_under_another_name_has_files_of_its_own(place: Path, root: Path) -> None:
    weak, strong = bundle(place, "weak"), bundle(place, "strong")
    with connect(default_uri(root)) as client:
        run_id = client.create_run("1", run_name="pipeline").info.run_id
        for point, run in ((weak, None), (strong, run_id)):
            for name in ("tiny", "other"):
                register([point], client=client, name=name, roles={}, experiment=EXPERIMENT, run_id=run)
        versions = [client.get_model_version(name, number) for name in ("tiny", "other") for number in ("1", "2")]
    assert len({version.source for version in versions}) == 4


def test_what_cannot_be_registered_says_why(place: Path, root: Path) -> None:
    weak = bundle(place, "weak")
    with connect(default_uri(root)) as client:
        for roles, message in (
            ({"winner": weak.point}, "'winner' is no role"),
            ({"knee": "f" * 64}, "knee: point ffffffffffff is not among the 1"),
        ):
            with pytest.raises(UserError, match=message):
                register([weak], client=client, name="tiny", roles=roles, experiment=EXPERIMENT)
        with pytest.raises(UserError, match="no experiment 'other'"):
            register([weak], client=client, name="tiny", roles={}, experiment="other")


def test_two_processes_at_once_make_one_version(place: Path, root: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", REGISTER, default_uri(root), str(place / "weak")],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=240) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert sorted(out for out, _ in said) == ["[(1, False)]\n", "[(1, True)]\n"]


def test_another_machine_that_is_quicker_keeps_its_version(
    place: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No lock is shared between machines: the look after the creation settles it."""
    weak = bundle(place, "weak")
    with connect(default_uri(root)) as client:
        create = client.create_model_version

        def overtaken(*arguments: Any, **settings: Any) -> Any:
            with pytest.MonkeyPatch.context() as elsewhere:
                elsewhere.setenv("ISOGLOSS_CACHE", str(tmp_path / "elsewhere"))
                elsewhere.setattr(client, "create_model_version", create)
                (other,) = register([weak], client=client, name="tiny", roles={}, experiment=EXPERIMENT).versions
            assert (other.number, other.new) == (1, True)
            return create(*arguments, **settings)

        monkeypatch.setattr(client, "create_model_version", overtaken)
        done = register([weak], client=client, name="tiny", roles={"knee": weak.point}, experiment=EXPERIMENT)
        assert [(one.number, one.new) for one in done.versions] == [(1, False)]
        assert [version.version for version in client.search_model_versions("name = 'tiny'")] in (["1"], [1])
        assert fetch("models:/tiny@champion", tmp_path / "dest", client=client).bundle.point == weak.point


def test_fetching_from_a_local_store(
    place: Path, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weak, strong = bundle(place, "weak"), bundle(place, "strong")
    registered(root, weak, strong)
    dest = tmp_path / "dest"
    with connect(default_uri(root)) as client:
        found = fetch("models:/tiny@champion", dest, client=client)
        assert (found.version, found.new, found.bundle.point) == ("1", True, weak.point)
        assert read_bundle(dest).intervention().digest == weak.intervention().digest
        assert fetch("models:/tiny/1", dest, client=client).new is False
        with pytest.raises(UserError, match="is there already and is not version 2 of 'tiny'"):
            fetch("models:/tiny/2", dest, client=client)
        assert read_bundle(dest).point == weak.point
        with pytest.raises(
            UserError, match=r"cannot be made: (File exists|Not a directory): .*README\.md; name another"
        ):
            fetch("models:/tiny/2", dest / "README.md" / "below", client=client)
        (dest / "README.md").write_text("changed")
        with pytest.raises(RefusedError, match=r"README\.md"):
            fetch("models:/tiny/1", dest, client=client)
        first = cached("models:/tiny/2", client=client)
        (first / "README.md").write_text("changed")
        assert cached("models:/tiny/2", client=client) == first
        assert read_bundle(first).point == strong.point, "made again in the cache"
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".dest")] == []
    registry.fetch("models:/tiny/2", tmp_path / "two", uri=default_uri(root), as_json=True)
    shown = capsys.readouterr()
    assert f'"folder": "{tmp_path / "two"}"' in shown.out
    assert shown.err.endswith(f"next: isogloss generate {tmp_path / 'two'} PROMPT\n")


@pytest.mark.parametrize(
    ("ref", "message"),
    [
        (
            "models:/tiny@champoin",
            r"'tiny' has no 'champoin' \(did you mean 'champion'\?\); it has @champion, @knee, /1",
        ),
        ("models:/tiny/7", "'tiny' has no '7'; it has @champion, @knee, /1"),
        ("models:/tini@champion", r"no model 'tini' in the registry \(did you mean 'tiny'\?\)"),
        ("embedded", "'embedded' is not in the registry"),
        ("models:/tiny", "a registered model is models:/NAME@alias or models:/NAME/3"),
    ],
)
def test_references_to_nothing(place: Path, root: Path, tmp_path: Path, ref: str, message: str) -> None:
    registered(root, bundle(place, "weak"))
    with connect(default_uri(root)) as client, pytest.raises(UserError, match=message):
        fetch(ref, tmp_path / "dest", client=client)
    assert not (tmp_path / "dest").exists()


def test_a_version_of_something_else_and_a_store_that_is_not_there(place: Path, root: Path, tmp_path: Path) -> None:
    with connect(default_uri(root)) as client:
        client.create_registered_model("other")
        run = client.create_run("1")
        client.create_model_version("other", source=run.info.artifact_uri, run_id=run.info.run_id)
        with pytest.raises(UserError, match="registered by something else"):
            fetch("models:/other/1", tmp_path / "dest", client=client)
    with pytest.raises(UserError, match="no store there"):
        registry.fetch("models:/tiny/1", tmp_path / "dest", uri=default_uri(tmp_path / "nowhere"))
    assert not (tmp_path / "nowhere").exists()


def test_a_trained_version_is_fetched_with_its_weights(root: Path, tmp_path: Path) -> None:
    trained = trained_folder(tmp_path, parameters="lora")
    digest = resolve(str(trained)).digest
    base = resolve(str(tiny_folder("llama")))
    made = make_bundle(
        tmp_path / "b",
        digest=base.digest,
        ref=str(tiny_folder("llama")),
        weights="adapter",
        checkpoint="mist",
        model_folder=trained,
        intervention=single(make_vectors(digest=digest), layer=2, gamma=1.0),
    )
    registered(root, made)
    with connect(default_uri(root)) as client:
        found = fetch("models:/tiny@champion", tmp_path / "dest", client=client).bundle
    assert (found.kind, found.model_digest) == ("trained-steered", digest)
    assert isogloss.load(str(tmp_path / "dest")).loaded.digest == digest


def test_strengths_per_language_survive_the_way(root: Path, place: Path, tmp_path: Path) -> None:
    base = str(place / "base")
    loc = make_vectors(digest=resolve(base).digest)
    parts = Intervention(
        (
            Component(vectors=loc.only(["es"]), layer=2, gamma=1.0),
            Component(vectors=loc.only(["ko", "el"]), layer=3, gamma=2.0),
        )
    )
    made = make_bundle(tmp_path / "b", digest=resolve(base).digest, ref=base, intervention=parts)
    registered(root, made)
    with connect(default_uri(root)) as client:
        found = fetch("models:/tiny@champion", tmp_path / "dest", client=client).bundle
    assert found.intervention().digest == made.intervention().digest
