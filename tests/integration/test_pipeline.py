"""A whole pipeline on a tiny random model through the command line: run, run again, changed, looked at."""

import shutil
import time

import pytest

from command_line import isogloss
from finished_runs import store_rows
from isogloss.results.scores import Results, Scores
from isogloss.spec import STAGES
from isogloss.steering.vectors import SteeringVectors
from small_data import small_items, write_jsonl, write_pipeline
from tiny_models import make_tiny_model

pytestmark = pytest.mark.usefixtures("own_cache_and_store")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_tiny_model("gemma3_text", tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, model):
    """A folder in which the pipeline has run to its end, and what the command said. Copy it before changing it."""
    root = tmp_path_factory.mktemp("finished")
    write_pipeline(root, model)
    ended = isogloss("run", "small.yaml", "--json", cwd=root)
    assert ended.code == 0, ended.err
    return root, ended


@pytest.fixture
def copied(finished, tmp_path, monkeypatch):
    """A copy to change. Its stages are whole; MLflow's store stays with the original, so it writes to its own."""
    root = tmp_path / "copy"
    shutil.copytree(finished[0], root, ignore=shutil.ignore_patterns("mlflow.db*", "artifacts", "pipelines"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    return root


def test_every_stage_leaves_a_sealed_folder_and_the_command_its_results(finished):
    root, ended = finished
    said = ended.json
    assert said["ran"] == list(STAGES)
    assert said["reused"] == []
    assert set(said["stages"]) == set(STAGES)
    for name in STAGES:
        assert list((root / "mlruns" / "stages").glob(f"{name}-*/manifest.json"))
    results = Results.model_validate(said["results"])
    assert results.languages == ("en", "es", "ko")
    layer = {one.kind: one.layer for one in results.choices}
    middle = ["loc_mid"] if layer["en"] != layer["loc"] else []  # LOC in EN's layer, where that is another one
    expected = ["en", *middle, "loc", "sur", "random", "other", "country"]
    assert [one.name for one in results.conditions] == expected
    assert len(results.sweep) == 4 * (1 + 2)
    assert {one.kind for one in results.choices} == {"en", "loc"}
    assert results.counts == {
        "transfer": 15,
        "localization": 15,
        "transfer questions": 5,
        "localization questions": 5,
    }


def test_the_stages_hold_what_the_results_are_made_from(finished):
    stages = finished[0] / "mlruns" / "stages"
    folder = {name: next(stages.glob(f"{name}-*")) for name in STAGES}
    for kind in ("en", "loc"):
        vectors = SteeringVectors.load(folder["vectors"] / kind)
        assert vectors.header.kind == kind
        assert set(vectors.languages) == ({"es", "ko"} if kind == "en" else {"en", "es", "ko"})
    assert len(Scores.load(folder["baseline"] / "baseline.jsonl")) == 30
    assert len(Scores.load(folder["baseline"] / "country-in-prompt.jsonl")) == 15
    for name in ("en", "loc", "sur", "random", "other"):
        assert len(Scores.load(folder["evaluate"] / f"{name}.jsonl")) == 30
    page = (folder["report"] / "report.html").read_text(encoding="utf-8")
    assert "SUR-steering" in page
    assert "Korean" in page
    assert not list(stages.glob(".*.*")), "something half-written was left"
    assert not [path for path in (stages / ".work").iterdir() if path.is_dir()], "partial results were left"


def test_mlflow_shows_a_parent_and_a_run_a_stage(finished):
    root = finished[0]
    named = store_rows(
        root, "SELECT name, run_uuid, value FROM runs JOIN tags USING (run_uuid) WHERE key = 'isogloss.kind'"
    )
    runs = {name: run for name, run, kind in named if kind != "condition"}
    assert set(runs) == {"small", *STAGES}
    assert {status for (status,) in store_rows(root, "SELECT status FROM runs")} == {"FINISHED"}
    parents = store_rows(root, "SELECT run_uuid, value FROM tags WHERE key = 'mlflow.parentRunId'")
    steered = {run: runs["analyse"] for _, run, kind in named if kind == "condition"}
    assert dict(parents) == {run: runs["small"] for name, run in runs.items() if name != "small"} | steered
    assert steered, "the model under each steering"
    assert finished[1].json["mlflow_run"] == runs["small"]
    metrics = {name for (name,) in store_rows(root, f"SELECT key FROM metrics WHERE run_uuid = '{runs['small']}'")}
    assert {"plane/transfer", "plane/localization", "transfer/acc/ko", "bias/english/ko"} <= metrics
    steps = store_rows(root, "SELECT step FROM metrics WHERE key = 'sweep/loc/gamma_0.5/transfer' ORDER BY step")
    assert [step for (step,) in steps] == [1, 2, 3, 4]
    artifacts = {path.name for path in (root / "mlruns" / "artifacts").rglob("*") if path.is_file()}
    assert {"report.html", "results.json", "sweep.json", "choices.jsonl", "pipeline.yaml", "sur.jsonl"} <= artifacts
    assert {"vectors.safetensors", "vectors.json", "interventions.json"} <= artifacts


def times_of_files(root):
    """When each file of the store was written. Some versions of filelock leave their locks lying."""
    files = (path for path in (root / "mlruns").rglob("*") if path.is_file() and path.suffix != ".lock")
    return {path: path.stat().st_mtime_ns for path in files}


def test_the_same_command_again_does_nothing_and_soon(finished):
    root = finished[0]
    before = times_of_files(root)
    started = time.monotonic()
    ended = isogloss("run", "small.yaml", cwd=root)
    assert ended.code == 0
    assert time.monotonic() - started < 10
    assert "finished already; nothing to do" in ended.err
    assert "SUR-steering" in ended.out
    assert "loading" not in ended.err
    assert "report.html" in ended.err
    assert ended.err.endswith("next: isogloss ui\n")
    after = times_of_files(root)
    assert {path for path in before if after[path] != before[path]} <= {root / "mlflow.db"}


def test_what_changes_only_speed_runs_nothing_again(finished):
    changed = ("--set", "compute.token_budget=300", "--set", "compute.threads=2", "--set", "track.experiment=another")
    said = isogloss("plan", "small.yaml", *changed, "--json", cwd=finished[0]).json
    assert all(stage["cached"] for stage in said["stages"])
    ended = isogloss("run", "small.yaml", *changed, "--json", cwd=finished[0])
    assert ended.code == 0
    assert ended.json["ran"] == []
    assert ended.json["reused"] == list(STAGES)


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ("sweep.loc_gammas=[0.25]", ("sweep", "evaluate", "analyse", "report")),
        ("steer.positions=from-prompt-end", ("sweep", "evaluate", "analyse", "report")),
        ("seed=1", ("evaluate", "analyse", "report")),
        ("name=other", ("analyse", "report")),
        ("vectors.pairs=3", ("vectors", "sweep", "evaluate", "analyse", "report")),
        ("scoring.normalise=none", ("baseline", "sweep", "evaluate", "analyse", "report")),
        ("scoring.method=letter", STAGES[1:]),
        ("compute.dtype=bfloat16", STAGES[1:]),
        ("data.seed=3", STAGES),
    ],
)
def test_a_change_reaches_what_it_can_change_and_no_more(finished, change, again):
    said = isogloss("plan", "small.yaml", "--set", change, "--json", cwd=finished[0]).json
    assert tuple(stage["stage"] for stage in said["stages"] if not stage["cached"]) == again


def test_a_changed_strength_runs_the_sweep_and_what_follows(copied):
    ended = isogloss("run", "small.yaml", "--set", "sweep.loc_gammas=[0.25]", "--json", cwd=copied)
    assert ended.code == 0, ended.err
    assert ended.json["ran"] == ["sweep", "evaluate", "analyse", "report"]
    assert {one["gamma"] for one in ended.json["results"]["sweep"] if one["kind"] == "loc"} == {0.25}


def test_other_items_are_other_results(copied):
    write_jsonl(copied / "items.jsonl", small_items(groups=3))
    said = isogloss("plan", "small.yaml", "--json", cwd=copied).json
    assert not any(stage["cached"] for stage in said["stages"])


def test_until_stops_there_and_the_rest_follows(tmp_path, model, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    write_pipeline(tmp_path, model)
    ended = isogloss("run", "small.yaml", "--until", "vectors", "--json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert ended.json["ran"] == ["data", "vectors"]
    assert ended.json["results"] is None
    again = isogloss("run", "small.yaml", "--until", "vectors", cwd=tmp_path)
    assert "finished already up to vectors; nothing to do" in again.err
    assert "goes on with baseline" in again.err
    wrong = isogloss("run", "small.yaml", "--until", "sweeep", cwd=tmp_path)
    assert wrong.code == 2
    assert "did you mean 'sweep'?" in wrong.err


def test_plan_before_and_after(finished, tmp_path, model):
    write_pipeline(tmp_path, model)
    before = isogloss("plan", "small.yaml", cwd=tmp_path)
    assert before.code == 0
    assert before.out.count("to do") == len(STAGES) + 1
    assert "next: isogloss run small.yaml" in before.err
    assert not (tmp_path / "mlruns").exists(), "a plan writes nothing"
    after = isogloss("plan", "small.yaml", cwd=finished[0])
    assert after.out.count("cached") == len(STAGES) + 1
    assert "to do: about 0 s" in after.out


def test_status_of_never_run_finished_and_all(finished, tmp_path, model):
    write_pipeline(tmp_path, model)
    never = isogloss("status", "small.yaml", cwd=tmp_path)
    assert (never.code, never.out) == (0, "")
    assert "never run with these settings. next: isogloss run small.yaml" in never.err
    assert isogloss("status", "small.yaml", "--json", cwd=tmp_path).json == []
    nothing = isogloss("status", cwd=tmp_path)
    assert "no pipeline has been run in this folder" in nothing.err
    (state,) = isogloss("status", "small.yaml", "--json", cwd=finished[0]).json
    assert state["state"] == "finished"
    assert state["stages"] == dict.fromkeys(STAGES, "finished")
    assert "sweep:finished" in isogloss("status", cwd=finished[0]).out


def test_a_failed_pipeline_says_so_and_runs_when_mended(tmp_path, model, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    write_pipeline(tmp_path, model)
    write_jsonl(tmp_path / "items.jsonl", small_items(splits=("dev1", "test")))
    ended = isogloss("run", "small.yaml", cwd=tmp_path)
    assert ended.code == 2
    assert "no items besides English in dev2/transfer (layers are chosen on it), dev2/localization" in ended.err
    assert "Traceback" not in ended.err
    (state,) = isogloss("status", "small.yaml", "--json", cwd=tmp_path).json
    assert (state["state"], state["stages"]) == ("failed", {"data": "failed"})
    assert not list((tmp_path / "mlruns" / "stages").glob("*-*")), "a failed stage leaves no folder"
    write_pipeline(tmp_path, model)
    assert isogloss("run", "small.yaml", "--until", "data", cwd=tmp_path).code == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("data.languages=[en,es,kr]", "no item is in 'kr'; the data has en, es, ko"),
        ("data.languages=[en]", "at least one language besides English is needed"),
        ("data.choices=[missing.jsonl]", "no such file: missing.jsonl"),
        ("model=./nowhere", "nowhere"),
        ("sweep.layers=[9]", "layers 1 to 4"),
        ("steer.position=all", "steer.position: unknown setting (did you mean 'positions'?)"),
    ],
)
def test_what_cannot_work_is_said_once_and_plainly(tmp_path, model, monkeypatch, change, said):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    write_pipeline(tmp_path, model)
    ended = isogloss("run", "small.yaml", "--set", change, cwd=tmp_path)
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert ended.out == ""


def test_doctor_on_a_finished_folder(finished):
    ended = isogloss("doctor", "--json", cwd=finished[0])
    assert ended.code == 0
    assert [one for one in ended.json["findings"] if one["severity"] != "info"] == []
    assert "all is well" in isogloss("doctor", cwd=finished[0]).out


def test_results_do_not_depend_on_the_batches(copied):
    before = Results.model_validate_json(
        next((copied / "mlruns" / "stages").glob("analyse-*/results.json")).read_text()
    )
    shutil.rmtree(copied / "mlruns")
    ended = isogloss("run", "small.yaml", "--set", "compute.token_budget=70", "--json", cwd=copied)
    assert ended.code == 0, ended.err
    after = Results.model_validate(ended.json["results"])
    assert (after.baseline, after.conditions, after.choices) == (before.baseline, before.conditions, before.choices)
    assert [one.relative_norm for one in after.sweep] == pytest.approx(
        [one.relative_norm for one in before.sweep], abs=1e-6
    )
