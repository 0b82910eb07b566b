"""`isogloss ui`: MLflow's own interface on the right store, with one worker and nothing left behind.

MLflow's launcher starts the server as its child; both get a session of their own, and leaving, by Ctrl-C, SIGTERM, a
closed terminal or an error, ends that whole group.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlencode, urlsplit

from isogloss.data.rows import AXES
from isogloss.errors import UserError
from isogloss.results.names import KINDS, MODELS, UNSTEERED
from isogloss.tracking.client import prepare_environment
from isogloss.tracking.store import artifact_location, database_path, is_initialised, shown_uri, tracking_uri

if TYPE_CHECKING:
    from mlflow.entities import Experiment
    from mlflow.tracking import MlflowClient


# --------------------------------------------------------------------------------------------------------------------
# Saved views: what MLflow's pages of an experiment show at a click, so that nobody has to put columns and charts together.
#
# MLflow keeps a saved view as a tag of the experiment: a name, and the page's state as JSON (its form read from what the pages
# of MLflow 3.17 save). A view that the experiment has stays as it is, for a person may have changed it.

_TAG = "mlflow.sharedViewState."
#: On the runs that have metrics over layers, steps or trials.
CURVES_TAG = "isogloss.curves"
#: Else MLflow's pages open on what they have for traces and judges.
MODEL_TRAINING = "workflowType=machine_learning"


@dataclass(frozen=True, kw_only=True)
class View:
    """A view of the runs that `only` lets through. `sections` are charts by heading; `columns` are as MLflow names them.

    Sorted by `order`: MLflow lists runs without nesting them under their parents when they are sorted by anything but
    time, and only listed runs are drawn.
    """

    key: str
    name: str
    only: str
    order: str
    ascending: bool
    columns: tuple[str, ...]
    sections: dict[str, tuple[dict[str, Any], ...]]


def _bar(metric: str) -> dict[str, Any]:
    return {"type": "BAR", "metricKey": metric, "displayName": metric, "runsCountToCompare": 100}


def _line(*metrics: str) -> dict[str, Any]:
    """Several in one chart: those that a run has are drawn."""
    return {
        "type": "LINE",
        "metricKey": metrics[0],
        "selectedMetricKeys": list(metrics),
        "displayName": metrics[0],
        "runsCountToCompare": 100,
        "lineSmoothness": 0,
        "xAxisKey": "step",
        "xAxisScaleType": "linear",
        "scaleType": "linear",
        "range": {},
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "useGlobalXaxisKey": True,
        "useGlobalLineSmoothing": True,
    }


def _scatter(across: str, up: str) -> dict[str, Any]:
    return {
        "type": "SCATTER",
        "xaxis": {"key": across, "type": "METRIC"},
        "yaxis": {"key": up, "type": "METRIC"},
        "displayName": f"{up} over {across}",
        "runsCountToCompare": 100,
    }


def _params(*names: str) -> tuple[str, ...]:
    return tuple(f"params.`{name}`" for name in names)


def _metrics(*names: str) -> tuple[str, ...]:
    return tuple(f"metrics.`{name}`" for name in names)


def _tags(*names: str) -> tuple[str, ...]:
    return tuple(f"tags.`{name}`" for name in names)


def _of_models(pattern: str) -> dict[str, Any]:
    """A chart of the same metric of every model, unsteered."""
    return _line(*(pattern.format(model) for model in MODELS))


PLANE = View(
    key="isogloss-plane",
    name="Models and steering",
    only="tags.`isogloss.kind` = 'condition'",
    order="metrics.`plane/localization`",
    ascending=False,
    columns=(
        *_params("model", "steering"),
        *_metrics(*(f"plane/{axis}" for axis in AXES), *(f"{axis}/acc/macro" for axis in AXES), "bias/english/macro"),
        *_tags("isogloss.pipeline"),
    ),
    sections={
        "The plane: change against the unaligned model on test": (
            _scatter("plane/localization", "plane/transfer"),
            *(_bar(f"plane/{axis}") for axis in AXES),
        ),
        "Accuracy and English bias": (*(_bar(f"{axis}/acc/macro") for axis in AXES), _bar("bias/english/macro")),
        "What steering does to each model": tuple(_bar(f"own/{axis}") for axis in AXES),
    },
)
CURVES = View(
    key="isogloss-curves",
    name="Layers and training",
    only=f"tags.`{CURVES_TAG}` = 'true'",
    order="tags.`mlflow.runName`",
    ascending=True,
    columns=_tags("isogloss.stage", "isogloss.method", "isogloss.pipeline"),
    sections={
        **{
            f"{kind.upper()}-steering by layer, on dev2": tuple(
                _line(f"sweep/{kind}/{what}") for what in (*AXES, "bias")
            )
            for kind in KINDS
        },
        "Training by optimizer step": (
            _line("train/loss"),
            *(_line(f"dev2/{axis}/acc/macro") for axis in AXES),
            _line("dev2/bias/english/macro"),
        ),
        "Geometry by layer, unsteered": (
            *(_of_models(f"cka/{axis}/{{}}/{UNSTEERED}") for axis in AXES),
            _of_models("perpendicularity/{}"),
            _of_models(f"retrieval/{{}}/{UNSTEERED}"),
        ),
    },
)
TRIALS = View(
    key="isogloss-trials",
    name="Searched points",
    only="tags.`isogloss.kind` = 'trial'",
    order="metrics.`search/localization`",
    ascending=False,
    columns=(
        *_params("checkpoint", "en.layer", "en.gamma", "loc.layer", "loc.gamma"),
        *_metrics("search/transfer", "search/localization", "dev2/english_bias"),
        *_tags("front", "isogloss.pipeline"),
    ),
    sections={
        "On dev2, against the same model unsteered": (
            _scatter("search/localization", "search/transfer"),
            *(_bar(f"search/{axis}") for axis in AXES),
        ),
    },
)
VIEWS = (PLANE, CURVES, TRIALS)


def keep_views(client: MlflowClient, experiment: Experiment, *, views: Sequence[View] = VIEWS) -> None:
    """Give the experiment those views that it has not yet."""
    for number, view in enumerate(views):
        if _TAG + view.key not in experiment.tags:
            # The list of views shows the newest first.
            client.set_experiment_tag(experiment.experiment_id, _TAG + view.key, _saved(view, age=number))


def address_of(experiment_id: str, view: View) -> str:
    """The view's address below that of the MLflow server; charts are shown beside the runs."""
    query = urlencode({"viewStateShareKey": view.key, "compareRunsMode": "CHART"})
    return f"/#/experiments/{experiment_id}/runs?{MODEL_TRAINING}&{query}"


def _saved(view: View, *, age: int) -> str:
    charts, sections = [], []
    for number, (heading, own) in enumerate(view.sections.items()):
        section = f"{view.key}-{number}"
        sections.append({"uuid": section, "name": heading, "display": True, "isReordered": False, **_KEPT})
        charts += [
            {"uuid": f"{section}-{place}", "metricSectionId": section, **_KEPT, **chart}
            for place, chart in enumerate(own)
        ]
    state = {
        "searchFilter": view.only,
        "orderByKey": view.order,
        "orderByAsc": view.ascending,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": list(view.columns),
        "runsHiddenMode": "SHOW_ALL",
        "compareRunCharts": charts,
        "compareRunSections": sections,
        "hideEmptyCharts": True,
        "isAccordionReordered": True,
    }
    now = time.time_ns() // 1_000_000 - age
    return json.dumps({"name": view.name, "createdAt": now, "updatedAt": now, "state": json.dumps(state)})


_KEPT = {"deleted": False, "isGenerated": False}


# --------------------------------------------------------------------------------------------------------------------

DEFAULT_PORT = 5000
_PORTS_TRIED = 20
_START_SECONDS = 180.0
_STOP_SECONDS = 5.0
_POLL_SECONDS = 0.2


def serve_ui(root: Path, *, host: str = "127.0.0.1", port: int | None = None) -> None:
    """Serve the MLflow interface until a signal ends it; prints its URL on stdout once it answers.

    Args:
        root: the project whose store is shown (or the store that `MLFLOW_TRACKING_URI` names).
        host: address to listen on.
        port: exactly this port; None takes 5000 or, with a notice on stderr, the next free one.

    Raises:
        UserError: no store yet, the port is busy, or the server does not start (with the end of its log).
    """
    uri = tracking_uri(root)
    if urlsplit(uri).scheme in ("http", "https"):
        print(f"{shown_uri(uri)} is a server with its own interface: open it in a browser.", flush=True)
        return
    database = database_path(uri)
    if database is not None and not is_initialised(database):
        raise UserError(f"{database}: no store yet, so nothing to show; `isogloss run` makes it")
    chosen = _free_port(host, port)
    with _signals() as received, tempfile.TemporaryFile() as log, _server(uri, host, chosen, log) as server:
        address = f"http://{_reachable(host)}:{chosen}"
        deadline = time.monotonic() + _START_SECONDS
        while not received and not _answers(address):
            if server.poll() is not None or time.monotonic() > deadline:
                raise UserError(f"MLflow did not start on {address}:\n{_tail(log)}")
            time.sleep(_POLL_SECONDS)
        if not received:
            print(f"MLflow is at {address}  (Ctrl-C ends it)", flush=True)
            if experiment := _last_used(address):
                print(f"the runs: {address}/#/experiments/{experiment}/runs?{MODEL_TRAINING}", flush=True)
                print(f"models and steering compared: {address}{address_of(experiment, PLANE)}", flush=True)
        while not received:
            if server.poll() is not None:
                raise UserError(f"MLflow ended by itself (exit code {server.returncode}):\n{_tail(log)}")
            time.sleep(_POLL_SECONDS)


def _free_port(host: str, port: int | None) -> int:
    if port is not None:
        if not _is_free(host, port):
            raise UserError(f"port {port} on {host} is in use: end what uses it, or choose another with --port")
        return port
    for candidate in range(DEFAULT_PORT, DEFAULT_PORT + _PORTS_TRIED):
        if _is_free(host, candidate):
            if candidate != DEFAULT_PORT:
                print(f"Port {DEFAULT_PORT} is in use; taking {candidate}.", file=sys.stderr, flush=True)
            return candidate
    raise UserError(f"ports {DEFAULT_PORT} to {DEFAULT_PORT + _PORTS_TRIED - 1} on {host} are in use: give a --port")


def _is_free(host: str, port: int) -> bool:
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise UserError(f"host {host!r}: {error.strerror}") from error
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except PermissionError as error:
            raise UserError(f"port {port}: not allowed for this user; choose one above 1023") from error
        except OSError:
            return False
    return True


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect the signals that mean "end", even where a parent had them ignored, and restore the handlers after."""
    received: list[int] = []
    wanted = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # ignored under nohup, and meant so
        wanted.append(signal.SIGHUP)
    before = {number: signal.signal(number, lambda caught, _frame: received.append(caught)) for number in wanted}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _server(uri: str, host: str, port: int, log: BinaryIO) -> Iterator[subprocess.Popen[bytes]]:
    prepare_environment()
    # Job execution brings a dozen helper processes for features that are not used here.
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri]
    if location := artifact_location(uri):
        command += ["--default-artifact-root", location]
    command += ["--host", host, "--port", str(port), "--workers", "1"]
    server = subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    )
    try:
        yield server
    finally:
        _end_group(server)


def _end_group(server: subprocess.Popen[bytes]) -> None:
    """Ask the server's process group to end, and after `_STOP_SECONDS` make it."""
    deadline = time.monotonic() + _STOP_SECONDS
    _signal_group(server.pid, signal.SIGTERM)
    while _signal_group(server.pid, 0) and time.monotonic() < deadline:
        server.poll()
        time.sleep(0.05)
    _signal_group(server.pid, signal.SIGKILL)
    server.wait()


def _signal_group(group: int, number: int) -> bool:
    """Whether the process group was still there to be signalled."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


def _last_used(address: str) -> str:
    """The id of the experiment that was used last; nothing where there is none yet."""
    query = json.dumps({"max_results": 1, "order_by": ["last_update_time DESC"]}).encode()
    request = urllib.request.Request(
        f"{address}/api/2.0/mlflow/experiments/search", data=query, headers={"Content-Type": "application/json"}
    )
    with _direct().open(request, timeout=30) as reply:
        found = json.load(reply).get("experiments", [])
    return str(found[0]["experiment_id"]) if found else ""


def _direct() -> urllib.request.OpenerDirector:
    """For our own server: never through a proxy that the environment may name."""
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def _answers(address: str) -> bool:
    try:
        with _direct().open(f"{address}/health", timeout=2):
            return True
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def _reachable(host: str) -> str:
    """The address under which a server listening on `host` answers this machine."""
    if host in ("0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _tail(log: BinaryIO, *, lines: int = 15) -> str:
    log.seek(0)
    return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
