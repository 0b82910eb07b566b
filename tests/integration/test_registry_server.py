"""A registry behind a tracking server that keeps the files: registered by one process, fetched by another."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from isogloss.errors import RefusedError
from isogloss.models.load import resolve
from isogloss.registry.bundle import Bundle, read_bundle
from isogloss.registry.fetch import fetch
from isogloss.registry.versions import register
from isogloss.tracking.store import connect
from tiny_bundles import make_bundle
from tiny_models import make_tiny_model

FETCH = """
import sys
from pathlib import Path
from isogloss.cli.registry import fetch
fetch(sys.argv[1], Path(sys.argv[2]), uri=None, as_json=True)
"""


def wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 300
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            with direct.open(f"{address}/health", timeout=5):
                return
        except OSError:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a server that stores artifacts itself, and the folder it does so in."""
    place = tmp_path_factory.mktemp("server")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", f"sqlite:///{place}/mlflow.db"]
    command += ["--artifacts-destination", str(place / "files"), "--port", str(port), "--workers", "1"]
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env={**environment, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"},
            cwd=place,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}", process, place / "log")
        yield f"http://127.0.0.1:{port}", place / "files"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def bundle(server: tuple[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bundle]:
    """A bundle that is registered with the server as champion, twice."""
    place = tmp_path_factory.mktemp("client")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISOGLOSS_CACHE", str(place / "cache"))
        base = make_tiny_model("llama", place / "base")
        made = make_bundle(place / "bundle", digest=resolve(str(base)).digest, ref=str(base))
        with connect(server[0]) as client:
            client.create_experiment("plane")
            for new in (True, False):
                done = register([made], client=client, name="tiny", roles={"knee": made.point}, experiment="plane")
                assert [(one.number, one.new) for one in done.versions] == [(1, new)]
            source = client.get_model_version("tiny", "1").source
        assert source is not None
        assert source.startswith("mlflow-artifacts:/"), "kept by the server"
        yield made


def test_another_process_fetches_it(server: tuple[str, Path], bundle: Bundle, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FETCH, "models:/tiny@champion", str(tmp_path / "dest")],
        env={**os.environ, "MLFLOW_TRACKING_URI": server[0]},
        capture_output=True,
        text=True,
        timeout=240,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["version"], said["point"], said["new"]) == (1, bundle.point, True)
    assert done.stderr.rstrip().splitlines()[-1].startswith("isogloss: next: isogloss generate")
    assert read_bundle(tmp_path / "dest").intervention().digest == bundle.intervention().digest
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dest"]


def test_files_that_the_server_lost_or_changed_are_refused(
    server: tuple[str, Path], bundle: Bundle, tmp_path: Path
) -> None:
    address, files = server
    (scores,) = files.rglob("bundle/scores.json")
    whole = scores.read_bytes()
    try:
        with connect(address) as client:
            scores.write_bytes(whole.replace(b"0.61", b"0.91"))
            with pytest.raises(
                RefusedError, match=r"version 1 of 'tiny', from mlflow-artifacts:.*: scores\.json: content"
            ):
                fetch("models:/tiny@champion", tmp_path / "dest", client=client)
            scores.unlink()
            with pytest.raises(RefusedError, match=r"version 1 of 'tiny': its file scores\.json is gone"):
                fetch("models:/tiny@champion", tmp_path / "dest", client=client)
    finally:
        scores.write_bytes(whole)
    assert list(tmp_path.iterdir()) == []
