"""The team server's parts as compose.yaml starts them, on a real PostgreSQL: both databases, MLflow, and who it answers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from isogloss.search.study import open_storage
from isogloss.tracking.store import connect
from postgres_server import postgres_server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

COMPOSE = yaml.safe_load((Path(__file__).parents[2] / "compose.yaml").read_text(encoding="utf-8"))
#: How the services name the database, which is a socket here.
INSIDE = "isogloss@database/"


@pytest.fixture(scope="module")
def databases() -> Iterator[dict[str, str]]:
    """The parts after `postgresql://` of both databases' URLs, made as the database's container makes them."""
    psycopg = pytest.importorskip("psycopg")
    with postgres_server() as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {COMPOSE['services']['database']['environment']['POSTGRES_DB']}")
            connection.execute(COMPOSE["configs"]["databases"]["content"])
        place = url.removeprefix("postgresql://")
        yield {name: place.replace("/postgres?", f"/{name}?") for name in ("mlflow", "search")}


@pytest.fixture(scope="module")
def server(databases: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the MLflow service's own command."""
    service, place = COMPOSE["services"]["mlflow"], tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = {
        f"{INSIDE}mlflow": databases["mlflow"],
        "=/artifacts": f"={place / 'artifacts'}",
        "--host=0.0.0.0": "--host=127.0.0.1",
        ":5000": f":{port}",
        "--port=5000": f"--port={port}",
    }
    command = list(service["command"])
    for written, here in given.items():
        assert any(written in one for one in command)
        command = [one.replace(written, here) for one in command]
    environment = {name: str(value) for name, value in service["environment"].items() if name != "PGPASSWORD"}
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *service["entrypoint"], *command],
            cwd=place,
            env={**os.environ, **environment},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + 300
            while not healthy(address):
                assert process.poll() is None, (place / "log").read_text()
                assert time.monotonic() < deadline, (place / "log").read_text()
                time.sleep(0.2)
            yield address
        finally:
            # As an engine stops a container: asked, and after a while made to.
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def healthy(address: str) -> bool:
    """By the service's own health check, at this address."""
    *_, code = COMPOSE["services"]["mlflow"]["healthcheck"]["test"]
    own = code.replace("http://127.0.0.1:5000", address)
    assert own != code
    return subprocess.run([sys.executable, "-c", own], capture_output=True).returncode == 0


def answer(address: str, host: str) -> int:
    """The status of a request that names `host`, as a browser or a worker would."""
    request = urllib.request.Request(
        f"{address}/api/2.0/mlflow/experiments/search?max_results=1", headers={"Host": host}
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=60) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_mlflow_answers_the_worker_and_this_machine_and_no_other_name(server: str) -> None:
    port = server.rpartition(":")[2]
    assert answer(server, f"mlflow:{port}") == 200
    assert answer(server, f"127.0.0.1:{port}") == 200
    assert answer(server, f"localhost:{port}") == 200
    assert answer(server, "elsewhere.example") == 403


def test_runs_and_files_go_to_the_server(server: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<p>")
    with connect(server) as client:
        run = client.create_run("0")
        client.log_metric(run.info.run_id, "plane/transfer", 0.1)
        client.log_artifact(run.info.run_id, str(tmp_path / "page.html"))
        assert client.get_run(run.info.run_id).data.metrics == {"plane/transfer": 0.1}
        assert [one.path for one in client.list_artifacts(run.info.run_id)] == ["page.html"]


def test_a_search_keeps_its_study_beside_mlflow_s_tables(databases: dict[str, str], server: str) -> None:
    storage = COMPOSE["services"]["worker"]["command"][-1].removeprefix("search.storage=")
    assert storage == COMPOSE["services"]["search-worker"]["command"][-1].removeprefix("search.storage=")
    assert f"{INSIDE}search" in storage
    opened = open_storage(storage.replace(f"{INSIDE}search", databases["search"]), "any")
    assert opened.backend.get_all_studies() == []
