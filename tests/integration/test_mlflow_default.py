"""MLflow without settings, started in the project's folder, uses the project's store; one of an earlier version is moved."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from isogloss.models.load import resolve
from isogloss.registry.versions import register
from isogloss.tracking.journal import Journal
from isogloss.tracking.mlflow_sync import sync_journal
from isogloss.tracking.store import connect, default_uri
from tiny_bundles import make_bundle
from tiny_models import make_tiny_model

#: Prints what a client without settings sees in the working directory.
CLIENT = """
import json, mlflow
client = mlflow.MlflowClient()
(run,) = client.search_runs([client.get_experiment_by_name("plane").experiment_id], "tags.`isogloss.kind` = 'pipeline'")
version = client.get_model_version_by_alias("tiny", "champion")
print(json.dumps({
    "uri": mlflow.get_tracking_uri(), "registry": mlflow.get_registry_uri(), "run": run.info.run_name,
    "metric": run.data.metrics["plane/transfer"], "id": run.info.run_id,
    "file": open(client.download_artifacts(run.info.run_id, "figures/plane.csv")).read(),
    "version": int(version.version), "point": version.tags["isogloss.point"],
    "model": mlflow.pyfunc.load_model("models:/tiny@champion").metadata.metadata["isogloss"]["point"],
}))
"""


def plain(cache: Path) -> dict[str, str]:
    """The environment without MLflow's variables, as a person has it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return {**kept, "ISOGLOSS_CACHE": str(cache), "no_proxy": "*"}


def ran(command: list[str], root: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, *command], cwd=root, env=plain(cache), capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def root(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a run, its figure, and a champion."""
    root = tmp_path_factory.mktemp("project")
    folder = root / "mlruns" / "pipelines" / "demo"
    folder.mkdir(parents=True)
    (folder / "plane.csv").write_text("x,y\n1,2\n")
    journal = Journal(folder / "journal.jsonl", base=root / "mlruns")
    journal.start_run("pipeline", name="demo", kind="pipeline")
    journal.metrics("pipeline", {"plane/transfer": 0.25})
    journal.artifact("pipeline", folder / "plane.csv", folder="figures")
    journal.end_run("pipeline", "FINISHED")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISOGLOSS_CACHE", str(cache))
        assert sync_journal(journal, tracking_uri=default_uri(root), experiment="plane").pending == 0
        base = make_tiny_model("llama", root / "base")
        bundle = make_bundle(root / "bundle", digest=resolve(str(base)).digest, ref=str(base))
        with connect(default_uri(root)) as client:
            register([bundle], client=client, name="tiny", roles={"knee": bundle.point}, experiment="plane")
    return root


@pytest.fixture(scope="module")
def seen(root: Path, cache: Path) -> dict[str, Any]:
    return dict(json.loads(ran(["-c", CLIENT], root, cache).stdout.splitlines()[-1]))


def test_a_client_sees_runs_files_and_versions(root: Path, seen: dict[str, Any]) -> None:
    assert (seen["uri"], seen["registry"]) == (default_uri(root), default_uri(root))
    assert (seen["run"], seen["metric"], seen["file"]) == ("demo", 0.25, "x,y\n1,2\n")
    assert (seen["version"], seen["model"]) == (1, seen["point"])
    assert sorted(path.name for path in root.iterdir()) == ["base", "bundle", "mlflow.db", "mlruns"]


@pytest.fixture
def interface(root: Path, cache: Path) -> Iterator[str]:
    """The address of plain `mlflow ui`."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "ui", "--port", str(port), "--workers", "1"],
        cwd=root,
        env=plain(cache) | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 300
        while True:
            try:
                call(f"http://127.0.0.1:{port}/health")
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def call(address: str, body: dict[str, Any] | None = None) -> str:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data=data, headers={"Content-Type": "application/json"})
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(request, timeout=60) as answer:
        return str(answer.read().decode())


def test_plain_mlflow_ui_shows_them(interface: str, seen: dict[str, Any]) -> None:
    found = json.loads(call(f"{interface}/api/2.0/mlflow/experiments/search", {"max_results": 10}))["experiments"]
    (experiment,) = [one["experiment_id"] for one in found if one["name"] == "plane"]
    runs = json.loads(call(f"{interface}/api/2.0/mlflow/runs/search", {"experiment_ids": [experiment]}))["runs"]
    assert "demo" in {run["info"]["run_name"] for run in runs}
    query = urllib.parse.urlencode({"path": "figures/plane.csv", "run_uuid": seen["id"]})
    assert call(f"{interface}/get-artifact?{query}") == "x,y\n1,2\n"
    models = json.loads(call(f"{interface}/api/2.0/mlflow/registered-models/search"))
    assert [model["name"] for model in models["registered_models"]] == ["tiny"]


def test_a_store_of_an_earlier_version_is_moved_once_with_everything_in_it(
    root: Path, cache: Path, tmp_path: Path, seen: dict[str, Any]
) -> None:
    (root / "mlflow.db").rename(root / "mlruns" / "mlflow.db")  # artifacts were in the same place
    fetched = [
        ran(["-m", "isogloss", "fetch", "models:/tiny@champion", str(tmp_path / "dest")], root, cache) for _ in range(2)
    ]
    moved = [[line for line in done.stderr.splitlines() if "moved from" in line] for done in fetched]
    assert [len(lines) for lines in moved] == [1, 0]
    assert not (root / "mlruns" / "mlflow.db").exists()
    assert json.loads(ran(["-c", CLIENT], root, cache).stdout.splitlines()[-1]) == seen
    findings = json.loads(ran(["-m", "isogloss", "doctor", "--quick", "--json"], root, cache).stdout)["findings"]
    assert [finding for finding in findings if str(root / "mlflow.db") in finding["what"]] == []
