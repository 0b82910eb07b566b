"""A registered version as an MLflow pyfunc: loaded in this process, and served by `mlflow models serve`."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException

import isogloss
from isogloss.errors import RefusedError
from isogloss.files import read_json
from isogloss.models.load import resolve
from isogloss.registry.versions import register
from isogloss.tracking.store import artifact_location, connect, default_uri
from tiny_bundles import make_bundle
from tiny_models import make_tiny_model

PROMPTS = ["¿Cuál es la moneda?", "한국의 통화는?", "Ποιο είναι το νόμισμα;"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a tiny model, a bundle of it, and a store in which the bundle is registered."""
    place = tmp_path_factory.mktemp("pyfunc")
    uri = default_uri(place)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISOGLOSS_CACHE", str(place / "cache"))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        base = make_tiny_model("llama", place / "base")
        strong = make_bundle(place / "strong", digest=resolve(str(base)).digest, ref=str(base), gamma=40.0)
        with connect(uri) as client:
            client.create_experiment("plane", artifact_location=artifact_location(uri))
            register([strong], client=client, name="tiny", roles={"knee": strong.point}, experiment="plane")
        mlflow.set_tracking_uri(uri)
        yield place
        # Also takes it out of the environment, where every later test would find it.
        mlflow.set_tracking_uri(None)


@pytest.fixture(scope="module")
def shipped(place: Path) -> set[str]:
    """The endings of a version's files as registered: once it is loaded, Python keeps its bytecode beside the code."""
    return {path.suffix for path in package(place).rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def served(place: Path, shipped: set[str]) -> Any:
    """The version as MLflow loads it."""
    return mlflow.pyfunc.load_model("models:/tiny@champion")


def package(place: Path) -> Path:
    """The version's folder in the store."""
    (found,) = (place / "mlruns" / "artifacts").glob("*/artifacts/versions/*")
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def ask(address: str, body: dict[str, Any]) -> tuple[int, Any]:
    request = urllib.request.Request(
        f"{address}/invocations", data=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(request, timeout=120) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.slow
def test_mlflow_serves_it_in_the_project_s_folder_without_settings(place: Path, served: Any) -> None:
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", "models:/tiny@champion"]
    # MLflow starts its server by name, as in an activated environment.
    searched = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    with (place / "serve.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "--port", str(port), "--env-manager", "local", "--workers", "1"],
            cwd=place,
            env={name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
            | {"PATH": searched},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}", server, place / "serve.log")
        rows = [{"prompt": PROMPTS[0]}, {"prompt": PROMPTS[1], "language": "ko"}]
        status, said = ask(f"http://127.0.0.1:{port}", {"dataframe_records": rows, "params": {"max_new_tokens": 5}})
        assert status == 200, said
        expected = served.predict(pd.DataFrame(rows), params={"max_new_tokens": 5})
        assert said["predictions"] == expected.to_dict("records")
        scored = [{"prompt": PROMPTS[0], "options": ["euro", "peso"]}]
        status, said = ask(f"http://127.0.0.1:{port}", {"dataframe_records": scored, "params": {"task": "score"}})
        assert (status, len(said["predictions"][0]["scores"])) == (200, 2)
        status, said = ask(f"http://127.0.0.1:{port}", {"dataframe_records": rows, "params": {"task": "scor"}})
        assert (status, "did you mean 'score'" in said["message"]) == (400, True)
    finally:
        with contextlib.suppress(ProcessLookupError):  # it ended by itself, which the test has said
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 300
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    while True:
        try:
            with direct.open(f"{address}/ping", timeout=5):
                return
        except OSError:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)


def test_nothing_in_a_version_is_a_pickle_or_names_this_machine(shipped: set[str], place: Path) -> None:
    assert shipped <= {"", ".py", ".yaml", ".txt", ".json", ".md", ".safetensors"}
    described = (package(place) / "MLmodel").read_text()
    assert "cloudpickle" not in described
    assert str(Path(isogloss.__file__).parent) not in described
    needed = {line.partition("==")[0] for line in (package(place) / "requirements.txt").read_text().split()}
    assert needed == {"isogloss", "mlflow"}


def test_a_pyfunc_generates_as_the_library_does(served: Any, place: Path) -> None:
    model = isogloss.load(str(place / "strong"))
    table = pd.DataFrame({"prompt": PROMPTS})
    answers = served.predict(table, params={"max_new_tokens": 6})
    assert list(answers["text"]) == model.generate(PROMPTS, max_new_tokens=6)
    assert list(answers["language"]) == ["es", "ko", "el"]
    off = served.predict(table, params={"max_new_tokens": 6, "loc_gamma": 0.0})
    assert list(off["text"]) == model.generate(PROMPTS, max_new_tokens=6, steering=False) != list(answers["text"])
    as_greek = served.predict(table, params={"max_new_tokens": 6, "language": "el"})
    assert list(as_greek["language"]) == ["el"] * 3
    by_row = served.predict(table.assign(language=["el", None, None]), params={"max_new_tokens": 6})
    assert list(by_row["text"]) == [as_greek["text"][0], *answers["text"][1:]]


def test_a_pyfunc_scores_options(served: Any, place: Path) -> None:
    options = [["euro", "dólar"], ["원", "달러", "엔"], ["ευρώ", "δολάριο"]]
    table = pd.DataFrame({"prompt": PROMPTS, "options": options})
    steered = served.predict(table, params={"task": "score"})
    off = served.predict(table, params={"task": "score", "loc_gamma": 0.0})
    assert [len(scores) for scores in steered["scores"]] == [2, 3, 2]
    assert [scores.index(max(scores)) for scores in steered["scores"]] == list(steered["picked"])
    assert list(steered["scores"]) != list(off["scores"])
    arrays = table.assign(options=[np.array(one) for one in options], language=pd.array([None] * 3, dtype="string"))
    assert list(served.predict(arrays, params={"task": "score"})["scores"]) == list(steered["scores"])
    (alone,) = served.predict(table[1:2].reset_index(drop=True), params={"task": "score"})["scores"]
    assert alone == pytest.approx(steered["scores"][1], abs=1e-4)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"task": "scor"}, "task 'scor' is not known.*did you mean 'score'"),
        ({"task": "score"}, "needs a column `options`"),
        ({"en_gamma": 1.0}, "has no EN-steering"),
        ({"language": "xx"}, "'xx' is not an ISO 639-1 language code"),
    ],
)
def test_what_a_pyfunc_cannot_answer(served: Any, params: dict[str, Any], message: str) -> None:
    with pytest.raises(MlflowException, match=message) as refused:
        served.predict(pd.DataFrame({"prompt": PROMPTS[:1]}), params=params)
    assert refused.value.get_http_status_code() == 400


def test_a_pyfunc_whose_bundle_was_changed_is_not_loaded(place: Path, tmp_path: Path, served: Any) -> None:
    copy = Path(shutil.copytree(package(place), tmp_path / "copy"))
    scores = read_json(copy / "bundle" / "scores.json")
    assert scores["axes"]
    (copy / "bundle" / "scores.json").write_text("{}")
    with pytest.raises(RefusedError, match=r"scores.json: 2 bytes, manifest says"):
        mlflow.pyfunc.load_model(str(copy))
