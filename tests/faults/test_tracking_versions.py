"""Registered versions behind a tracking server whose files are gone, cut or without a run: seen and mended from afar."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from isogloss.files import seal
from isogloss.processes import HOST_TAG, PID_TAG, identity
from isogloss.tracking.checks import check_store, mend_store
from isogloss.tracking.store import connect


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """(address, folder) of a server that keeps the files itself."""
    place = tmp_path_factory.mktemp("server")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{place}/mlflow.db"]
    command += ["--artifacts-destination", str(place / "files"), "--port", str(port), "--workers", "1"]
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    environment |= {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=place, stdout=log, stderr=log, start_new_session=True)
    address, direct = f"http://127.0.0.1:{port}", urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        deadline = time.monotonic() + 300
        while True:
            try:
                direct.open(f"{address}/health", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None, (place / "log").read_text()
                assert time.monotonic() < deadline, (place / "log").read_text()
                time.sleep(0.2)
        yield address, place / "files"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture
def version(server, tmp_path, monkeypatch):
    """A new registered version with the alias `champion`: (its number, its files on the server, its run)."""
    address, files = server
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setenv("no_proxy", "*")
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "vectors.bin").write_bytes(b"0123456789")
    seal(bundle)
    with connect(address) as client:
        experiment = client.get_experiment_by_name("x")
        run = client.create_run(experiment.experiment_id if experiment else client.create_experiment("x"))
        client.log_artifacts(run.info.run_id, str(bundle), "versions/bundle")
        if "m" not in [model.name for model in client.search_registered_models()]:
            client.create_registered_model("m")
        made = client.create_model_version("m", f"{run.info.artifact_uri}/versions", run.info.run_id)
        client.set_registered_model_alias("m", "champion", made.version)
    (stored,) = files.rglob(f"{run.info.run_id}/artifacts/versions")
    yield int(made.version), stored, run.info.run_id
    with connect(address) as client:
        client.delete_model_version("m", made.version)


def test_a_whole_version_is_well(version, tmp_path):
    assert check_store(tmp_path) == []
    assert mend_store(tmp_path) == []


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda stored: shutil.rmtree(stored), "its files are gone"),
        (lambda stored: (stored / "bundle" / "vectors.bin").unlink(), "bundle/vectors.bin is missing"),
        (
            lambda stored: (stored / "bundle" / "vectors.bin").write_bytes(b"01"),
            "bundle/vectors.bin has 2 bytes, not 10",
        ),
        (lambda stored: (stored / "bundle" / "manifest.json").write_text("{"), "bundle/manifest.json cannot be read"),
    ],
)
def test_a_version_with_lost_or_cut_files_is_seen_and_mended(version, tmp_path, harm, said):
    number, stored, _ = version
    harm(stored)
    (finding,) = check_store(tmp_path)
    assert finding.severity == "warning"
    assert f"version {number} of 'm' (champion) stands as READY, but {said}" in finding.what
    assert mend_store(tmp_path) == [
        f"version {number} of 'm' lost its aliases (champion) and is marked isogloss.dangling: {said}"
    ]
    assert [one.severity for one in check_store(tmp_path)] == ["info"]
    assert mend_store(tmp_path) == []


def test_a_deleted_run_is_told(version, server, tmp_path):
    number, stored, run_id = version
    shutil.rmtree(stored)
    with connect(server[0]) as client:
        client.delete_run(run_id)
    (finding,) = check_store(tmp_path)
    assert (
        f"version {number} of 'm' (champion) stands as READY, but its files are gone; its run was deleted"
        in finding.what
    )


def test_a_run_left_open_behind_a_server_is_seen_and_ended(server, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server[0])
    monkeypatch.setenv("no_proxy", "*")
    ended = subprocess.Popen(["true"])
    ended.wait()
    with connect(server[0]) as client:
        gone = {**identity(), PID_TAG: str(ended.pid)}
        left, going, other = (
            client.create_run("0", run_name=name, tags=tags).info.run_id
            for name, tags in (("left", gone), ("going", identity()), ("other", {**gone, HOST_TAG: "elsewhere"}))
        )
        (finding,) = check_store(tmp_path)
        assert finding.what == f"run 'left' ({left}) stands as RUNNING, but its process is gone"
        assert mend_store(tmp_path) == [f"run 'left' ({left}) is now KILLED: its process is gone"]
        assert check_store(tmp_path) == mend_store(tmp_path) == []
        assert [client.get_run(one).info.status for one in (left, going, other)] == ["KILLED", "RUNNING", "RUNNING"]


def test_a_server_that_does_not_answer_is_one_finding(tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
    (finding,) = check_store(tmp_path)
    assert "no answer" in finding.what
