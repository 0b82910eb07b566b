"""`serve_ui` as people use it, a real server, and projecting through it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.parse
import urllib.request

import psutil
import pytest

from isogloss.tracking.journal import Journal
from isogloss.tracking.mlflow_sync import sync_journal
from isogloss.tracking.store import default_uri, tracking_uri

SERVE = """
import sys
from pathlib import Path
from isogloss.errors import UserError
from isogloss.tracking.ui import serve_ui
try:
    serve_ui(Path(sys.argv[1]), port=int(sys.argv[2]) if len(sys.argv) > 2 else None)
except UserError as error:
    sys.exit(f"refused: {error}")
"""


def serve(root, *arguments, **options):
    environment = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    environment |= {"http_proxy": "http://127.0.0.1:9", "no_proxy": ""}  # it must not ask a proxy for its own server
    return subprocess.Popen(
        [sys.executable, "-c", SERVE, str(root), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        start_new_session=True,
        **options,
    )


def address_of(process):
    """The URL that the process prints once the server answers."""
    line = process.stdout.readline()
    found = re.search(r"http://\S+", line)
    assert found, f"{line!r} {process.stderr.read()}"
    return found.group()


def call(address, body=None):
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(address, data=data, headers={"Content-Type": "application/json"})
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(request, timeout=60) as answer:
        return answer.read().decode()


def children(process):
    return psutil.Process(process.pid).children(recursive=True)


def end(process, number):
    """Signal the process and wait for it; which processes of the sessions that it opened are still running then."""
    sessions = {os.getsid(child.pid) for child in children(process)} - {os.getsid(process.pid)}
    assert sessions
    process.send_signal(number)
    process.communicate(timeout=60)
    return [
        other.cmdline()
        for other in psutil.process_iter()
        if other.status() != psutil.STATUS_ZOMBIE and os.getsid(other.pid) in sessions
    ]


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A store with one projected run, and its running interface: (root, projection, address, process)."""
    root = tmp_path_factory.mktemp("served")
    (root / "p").mkdir()
    (root / "p" / "plane.csv").write_text("x,y\n1,2\n")
    journal = Journal(root / "p" / "journal.jsonl")
    journal.start_run("p", name="demo", kind="pipeline")
    journal.metrics("p", {"plane/transfer": 0.25})
    journal.artifact("p", root / "p" / "plane.csv", folder="figures")
    projection = sync_journal(journal, tracking_uri=default_uri(root), experiment="plane")
    assert projection.pending == 0
    process = serve(root)
    try:
        yield root, projection, address_of(process), process
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_health_and_search(served):
    _, _, address, process = served
    assert call(f"{address}/health") == "OK"
    found = json.loads(call(f"{address}/api/2.0/mlflow/experiments/search", {"max_results": 10}))
    assert "plane" in {experiment["name"] for experiment in found["experiments"]}
    assert len(children(process)) == 2, "MLflow's launcher and one worker"


def test_the_page_itself_is_served(served):
    assert "<title>MLflow</title>" in call(served[2] + "/")


def test_artifacts_can_be_viewed(served):
    _, projection, address, _ = served
    run_id = projection.run_ids["p"]
    listed = json.loads(call(f"{address}/ajax-api/2.0/mlflow/artifacts/list?run_id={run_id}&path=figures"))
    assert [file["path"] for file in listed["files"]] == ["figures/plane.csv"]
    query = urllib.parse.urlencode({"path": "figures/plane.csv", "run_uuid": run_id})
    assert call(f"{address}/get-artifact?{query}") == "x,y\n1,2\n"


def test_projecting_through_a_server_is_idempotent_too(served, tmp_path):
    address = served[2]
    (tmp_path / "note.txt").write_text("hello")
    journal = Journal(tmp_path / "journal.jsonl")
    journal.start_run("p", name="remote", kind="pipeline", tags={"a": "b"})
    journal.start_run("s", name="stage", parent="p", kind="stage")
    for step in range(20):
        journal.metrics("s", {"train/loss": 1 / (step + 1)}, step=step)
    journal.dataset("s", "choices", "ab" * 32, "evaluation", 77)
    journal.artifact("s", tmp_path / "note.txt")
    journal.end_run("s", "FINISHED")
    journal.end_run("p", "FINISHED")
    first = sync_journal(journal, tracking_uri=address, experiment="remote")
    assert (first.pending, first.problem) == (0, None)
    (tmp_path / "journal.projected.json").unlink()
    assert sync_journal(journal, tracking_uri=address, experiment="remote") == first
    run_id = first.run_ids["s"]
    history = json.loads(call(f"{address}/api/2.0/mlflow/metrics/get-history?run_id={run_id}&metric_key=train/loss"))[
        "metrics"
    ]
    assert [point.get("step", 0) for point in history] == list(range(20))
    run = json.loads(call(f"{address}/api/2.0/mlflow/runs/get?run_id={run_id}"))["run"]
    assert {"key": "mlflow.parentRunId", "value": first.run_ids["p"]} in run["data"]["tags"]
    assert [entry["dataset"]["name"] for entry in run["inputs"]["dataset_inputs"]] == ["choices"]
    query = urllib.parse.urlencode({"path": "note.txt", "run_uuid": run_id})
    assert call(f"{address}/get-artifact?{query}") == "hello"


def test_a_second_one_takes_another_port_or_refuses_the_given_one(served):
    root, _, address, _ = served
    port = address.rsplit(":", 1)[1]
    refused = serve(root, port)
    _, message = refused.communicate(timeout=60)
    assert f"refused: port {port} on 127.0.0.1 is in use" in message
    assert refused.returncode == 1


def test_a_hung_server_costs_seconds_not_minutes(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    journal = Journal(tmp_path / "journal.jsonl")
    journal.start_run("p", name="p", kind="pipeline")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        accepted = []
        threading.Thread(target=lambda: accepted.append(silent.accept()), daemon=True).start()
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        projection = sync_journal(journal, tracking_uri=uri, experiment="x")
        assert (projection.pending, projection.problem) == (1, f"{uri}: no answer from the server")
        assert len(accepted) == 1, "asked once, not again and again"
        accepted[0][0].close()


def test_the_user_s_server_is_where_runs_go(monkeypatch, served, tmp_path):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", served[2])
    assert tracking_uri(tmp_path) == served[2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_nothing_is_left_behind_when_it_is_ended_while_starting(served, number):
    """Even with SIGINT ignored by the parent, as for a background job of a shell."""
    before = {signal.SIGINT: signal.signal(signal.SIGINT, signal.SIG_IGN)}
    before[signal.SIGHUP] = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    try:
        process = serve(served[0], str(free_port()))
    finally:
        for changed, handler in before.items():
            signal.signal(changed, handler)
    wait_for_launcher(process)
    assert end(process, number) == []
    assert process.returncode == 0


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def wait_for_launcher(process):
    """Until MLflow's launcher runs; our own process has set its handlers by then."""
    while not any("mlflow" in child.cmdline() for child in children(process)):
        assert process.poll() is None, process.stderr.read()


def test_ctrl_c_ends_the_running_one(served):
    process = served[3]
    assert end(process, signal.SIGINT) == []
    assert process.returncode == 0
