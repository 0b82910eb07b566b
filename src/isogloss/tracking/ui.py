"""MLflow's interface: `isogloss ui` starts its server, and each experiment has saved views for it.

Plain `mlflow ui` in the project's folder shows the same store. `isogloss ui` also takes a free port, prints the addresses of the
runs and of the comparison, and starts one worker only.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from isogloss.data.rows import AXES
from isogloss.errors import UserError
from isogloss.processes import STOP_SIGNALS, caught_signals, last_lines
from isogloss.results.names import KINDS, MODELS, UNSTEERED
from isogloss.tracking.store import (
    artifact_location,
    database_path,
    is_initialised,
    prepare_environment,
    shown_uri,
    tracking_uri,
)

if TYPE_CHECKING:
    from mlflow.entities import Experiment
    from mlflow.tracking import MlflowClient


_logger = logging.getLogger(__name__)

# --------------------------------------------------------------------------------------------------------------------
# Saved views: columns and charts of an experiment's pages, so that nobody has to put them together.
#
# MLflow keeps a saved view as a tag of the experiment: a name, and the page's state as JSON (in the form that the pages of MLflow
# 3.17 save). A view that the experiment has is left as it is, for a person may have changed it.

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
    """Give the experiment the views that it does not have yet. A store that refuses them costs a warning."""
    from mlflow.exceptions import MlflowException

    missing = [(number, view) for number, view in enumerate(views) if _TAG + view.key not in experiment.tags]
    try:
        for number, view in missing:
            # The list of views shows the newest first.
            client.set_experiment_tag(experiment.experiment_id, _TAG + view.key, _saved(view, age=number))
    except MlflowException as error:
        _logger.warning("MLflow took no saved views for '%s': %s", experiment.name, str(error).partition("\n")[0])


def address_of(experiment_id: str, view: View) -> str:
    """The view's address below that of the MLflow server; charts are shown beside the runs."""
    query = urlencode({"viewStateShareKey": view.key, "compareRunsMode": "CHART"})
    return f"/#/experiments/{experiment_id}/runs?{MODEL_TRAINING}&{query}"


def _saved(view: View, *, age: int) -> str:
    charts, sections = [], []
    for number, (heading, drawn) in enumerate(view.sections.items()):
        section = f"{view.key}-{number}"
        sections.append({"uuid": section, "name": heading, "display": True, "isReordered": False, **_KEPT})
        charts += [
            {"uuid": f"{section}-{place}", "metricSectionId": section, **_KEPT, **chart}
            for place, chart in enumerate(drawn)
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
# The server

DEFAULT_PORT = 5000
_PORTS_TRIED = 20
_START_SECONDS = 180.0
_STOP_SECONDS = 5.0
_POLL_SECONDS = 0.2
#: For our own server: never through a proxy that the environment may name.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def serve_ui(root: Path, *, host: str = "127.0.0.1", port: int | None = None) -> None:
    """Serve the MLflow interface until a signal ends it; prints its address on stdout once it answers.

    Args:
        root: the project whose store is shown (or the store that `MLFLOW_TRACKING_URI` names).
        host: where to listen; the default is this machine only.
        port: a given port must be free. The default is 5000, or the next free one, with a notice on stderr.

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
    address = f"http://{_reachable(host)}:{chosen}"
    # SIGHUP is ignored under nohup, and meant so.
    hang_up = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    with (
        caught_signals((*STOP_SIGNALS, *hang_up)) as received,
        tempfile.TemporaryDirectory() as aside,
        _server(uri, host, chosen, log := Path(aside) / "log") as server,
    ):
        deadline = time.monotonic() + _START_SECONDS
        while not received and not _answers(address):
            if server.poll() is not None or time.monotonic() > deadline:
                raise UserError(f"MLflow did not start on {address}:\n{last_lines(log, count=15)}")
            time.sleep(_POLL_SECONDS)
        if not received:
            _print_addresses(address)
        while not received:
            if server.poll() is not None:
                raise UserError(f"MLflow ended by itself (exit code {server.returncode}):\n{last_lines(log, count=15)}")
            time.sleep(_POLL_SECONDS)


def _free_port(host: str, port: int | None) -> int:
    if port is not None:
        if not _is_free(host, port):
            raise UserError(f"port {port} on {host} is in use: end what uses it, or choose another with --port")
        return port
    ports = range(DEFAULT_PORT, DEFAULT_PORT + _PORTS_TRIED)
    free = next((port for port in ports if _is_free(host, port)), None)
    if free is None:
        raise UserError(f"ports {ports[0]} to {ports[-1]} on {host} are in use: give a --port")
    if free != DEFAULT_PORT:
        print(f"Port {DEFAULT_PORT} is in use; taking {free}.", file=sys.stderr, flush=True)
    return free


def _is_free(host: str, port: int) -> bool:
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except socket.gaierror as error:
        raise UserError(f"host {host!r}: {error.strerror}") from error
    except PermissionError as error:
        raise UserError(f"port {port}: not allowed for this user; choose one above 1023") from error
    except OSError:
        return False
    return True


@contextmanager
def _server(uri: str, host: str, port: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Start MLflow's server, a launcher with one worker, in a session of its own; end all of that session after."""
    prepare_environment()
    # Job execution brings a dozen helper processes for features that are not used here.
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", uri, "--workers", "1"]
    if location := artifact_location(uri):
        command += ["--default-artifact-root", location]
    command += ["--host", host, "--port", str(port)]
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield server
    finally:
        deadline = time.monotonic() + _STOP_SECONDS
        with suppress(ProcessLookupError):  # raised once the group is empty
            os.killpg(server.pid, signal.SIGTERM)
            while time.monotonic() < deadline:
                server.poll()
                os.killpg(server.pid, 0)
                time.sleep(0.05)
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def _print_addresses(address: str) -> None:
    print(f"MLflow is at {address}  (Ctrl-C ends it)", flush=True)
    query = json.dumps({"max_results": 1, "order_by": ["last_update_time DESC"]}).encode()
    request = urllib.request.Request(
        f"{address}/api/2.0/mlflow/experiments/search", data=query, headers={"Content-Type": "application/json"}
    )
    with _DIRECT.open(request, timeout=30) as reply:
        experiments = json.load(reply).get("experiments", [])
    if experiments:
        last_used = str(experiments[0]["experiment_id"])
        print(f"the runs: {address}/#/experiments/{last_used}/runs?{MODEL_TRAINING}", flush=True)
        print(f"models and steering compared: {address}{address_of(last_used, PLANE)}", flush=True)


def _answers(address: str) -> bool:
    try:
        with _DIRECT.open(f"{address}/health", timeout=2):
            return True
    except OSError:
        return False


def _reachable(host: str) -> str:
    """The address under which a server listening on `host` answers this machine."""
    if host in ("0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host
