"""Projecting to a real SQLite store, through MLflow's own client and without one."""

import json
import math
import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from isogloss.tracking import mlflow_sync as project_module
from isogloss.tracking.journal import Journal
from isogloss.tracking.mlflow_sync import SyncResult, sync_journal
from isogloss.tracking.store import artifact_location, connect, default_uri

EXPERIMENT = "plane"


@pytest.fixture(scope="module")
def empty_store(tmp_path_factory):
    """A fresh database; copying it spares each test the seconds that making one takes."""
    root = tmp_path_factory.mktemp("template")
    with connect(default_uri(root)) as client:
        (default,) = client.search_experiments()
    assert default.artifact_location == f"{artifact_location(default_uri(root))}/0"
    return root / "mlflow.db"


@pytest.fixture
def new_store(empty_store, tmp_path):
    """Make stores: `new_store("a")` is the URI of one. Their path has a space and letters beyond ASCII."""

    def make(name):
        folder = tmp_path / f"{name} 한국"
        folder.mkdir(parents=True)
        shutil.copy(empty_store, folder / "mlflow.db")
        return default_uri(folder)

    return make


@pytest.fixture
def journal(tmp_path):
    """A pipeline with a finished and a running stage, and everything a run can have."""
    journal = Journal(tmp_path / "pipeline" / "journal.jsonl")
    folder = journal.path.parent
    (folder / "tables" / "deep").mkdir(parents=True)
    (folder / "plane.csv").write_text("x,y\n1,2\n")
    (folder / "tables" / "deep" / "ko.txt").write_text("하나")
    journal.start_run("p", name="demo", kind="pipeline", tags={"purpose": "test"})
    journal.params("p", {"model": "tiny", "layers": [1, 2]})
    journal.start_run("s", name="sweep", parent="p", kind="stage", tags={})
    for layer in range(1, 4):
        journal.metrics("s", {"sweep/transfer": layer / 8, "transfer/acc/ko": 0.5}, step=layer)
    journal.metrics("s", {"sweep/undefined": math.nan, "sweep/endless": math.inf})
    journal.dataset("s", "choices", "ab" * 32, "evaluation", 77)
    journal.artifact("s", folder / "plane.csv", folder="figures")
    journal.artifact("s", folder / "tables")
    journal.end_run("s", "FINISHED")
    journal.metrics("p", {"plane/transfer": 0.25, "plane/localization": -0.125})
    return journal


def record_of(uri):
    """Everything that an experiment's active runs show, by name, without MLflow's own ids."""
    with connect(uri) as client:
        experiment = client.get_experiment_by_name(EXPERIMENT)
        runs = client.search_runs([experiment.experiment_id])
        names = {run.info.run_id: run.info.run_name for run in runs}
        assert len(set(names.values())) == len(runs)
        shown = {}
        for run in runs:
            tags = run.data.tags
            shown[run.info.run_name] = {
                "status": run.info.status,
                "times": (run.info.start_time, run.info.end_time),
                "params": run.data.params,
                "parent": names.get(tags.get("mlflow.parentRunId")),
                "tags": {name: tags[name] for name in tags if name not in ("mlflow.parentRunId", "isogloss.journal")},
                "metrics": {
                    name: [
                        (point.step, repr(point.value), point.timestamp)
                        for point in client.get_metric_history(run.info.run_id, name)
                    ]
                    for name in run.data.metrics
                },
                "datasets": [
                    (entry.dataset.name, entry.dataset.digest, entry.dataset.profile, [tag.value for tag in entry.tags])
                    for entry in run.inputs.dataset_inputs
                ],
                "artifacts": {
                    path.relative_to(folder).as_posix(): path.read_text()
                    for folder in [Path(unquote(urlsplit(run.info.artifact_uri).path))]
                    for path in folder.rglob("*")
                    if path.is_file()
                },
            }
        return shown


def forget(journal):
    """Lose what is remembered beside the journal, as a kill before it was written would."""
    (journal.path.parent / "journal.projected.json").unlink(missing_ok=True)


def test_two_levels_of_runs_with_everything_they_have(journal, new_store):
    uri = new_store("a")
    projection = sync_journal(journal, tracking_uri=uri, experiment=EXPERIMENT)
    assert (projection.pending, projection.problem, projection.missing) == (0, None, ())
    record = record_of(uri)
    events = journal.events()
    pipeline, sweep = record["demo"], record["sweep"]
    assert (pipeline["parent"], sweep["parent"]) == (None, "demo")
    assert (pipeline["status"], sweep["status"]) == ("RUNNING", "FINISHED")
    assert sweep["times"] == (events[3].ms, events[-2].ms)
    assert pipeline["params"] == {"model": "tiny", "layers": "[1, 2]"}
    assert pipeline["tags"]["purpose"] == "test"
    assert pipeline["tags"]["isogloss.kind"] == "pipeline"
    assert sweep["metrics"]["sweep/transfer"] == [
        (1, "0.125", events[4].ms),
        (2, "0.25", events[5].ms),
        (3, "0.375", events[6].ms),
    ]
    assert sweep["metrics"]["sweep/undefined"][0][1] == "nan"
    assert float(sweep["metrics"]["sweep/endless"][0][1]) > 1e308  # MLflow writes infinity as the largest float
    assert sweep["datasets"] == [("choices", ("ab" * 32)[:36], '{"num_rows": 77}', ["evaluation"])]
    assert sweep["artifacts"] == {"figures/plane.csv": "x,y\n1,2\n", "tables/deep/ko.txt": "하나"}
    with connect(uri) as client:
        run = client.get_run(projection.run_ids["s"])
        assert run.info.artifact_uri.startswith(f"{artifact_location(uri)}/")


@pytest.mark.parametrize("remembered", [True, False])
def test_projecting_again_changes_nothing(journal, new_store, remembered):
    uri = new_store("a")
    first = sync_journal(journal, tracking_uri=uri, experiment=EXPERIMENT)
    before = record_of(uri)
    if not remembered:
        forget(journal)
    assert sync_journal(Journal(journal.path), tracking_uri=uri, experiment=EXPERIMENT) == first
    assert record_of(uri) == before


def test_piece_by_piece_gives_the_same_as_all_at_once(journal, new_store):
    whole, pieces = new_store("whole"), new_store("pieces")
    lines = journal.path.read_text().splitlines(keepends=True)
    for count in range(1, len(lines) + 1):
        journal.path.write_text("".join(lines[:count]))
        assert sync_journal(Journal(journal.path), tracking_uri=pieces, experiment=EXPERIMENT).pending == 0
    sync_journal(journal, tracking_uri=whole, experiment=EXPERIMENT)
    assert record_of(pieces) == record_of(whole)


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


def interrupt(monkeypatch, *, at, after):
    """Make the `at`-th change to MLflow the last one: killed before it, or right after it."""
    from mlflow.tracking import MlflowClient

    calls = 0

    def wrap(method):
        def counted(*args, **kwargs):
            nonlocal calls
            calls += 1
            if calls == at and not after:
                raise Killed
            result = method(*args, **kwargs)
            if calls == at:
                raise Killed
            return result

        return counted

    changes = "create_experiment create_run delete_run log_artifact log_artifacts log_batch log_inputs"
    for name in f"{changes} set_tag set_terminated update_run".split():
        monkeypatch.setattr(MlflowClient, name, wrap(getattr(MlflowClient, name)))


def resume_stage(journal, *, shift=0.0):
    """The stage `s` again after a kill, from step 2 on."""
    journal.start_run("s", name="sweep", parent="p", kind="stage", tags={})
    for layer in range(2, 5):
        journal.metrics("s", {"sweep/transfer": layer / 8 + shift, "transfer/acc/ko": 0.5}, step=layer)
    journal.end_run("s", "FINISHED")


def killed_at_every_change(journal, new_store, *, after, before_the_kill=None):
    """The URIs of stores on which a projection was killed at its 1st, 2nd, … change, until there is no such change."""
    at = 0
    while True:
        at += 1
        uri = new_store(f"killed{at}")
        forget(journal)
        if before_the_kill is not None:
            before_the_kill(uri)
        with pytest.MonkeyPatch.context() as patch:
            interrupt(patch, at=at, after=after)
            try:
                sync_journal(journal, tracking_uri=uri, experiment=EXPERIMENT)
                break
            except Killed:
                forget(journal)
        yield uri
    assert at > 8


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_kill_at_any_change_leaves_nothing_double(journal, new_store, after):
    whole = new_store("whole")
    sync_journal(journal, tracking_uri=whole, experiment=EXPERIMENT)
    expected = record_of(whole)
    for uri in killed_at_every_change(journal, new_store, after=after):
        assert sync_journal(journal, tracking_uri=uri, experiment=EXPERIMENT).pending == 0
        assert record_of(uri) == expected


def test_a_kill_at_any_change_while_replacing_a_run(journal, new_store, tmp_path):
    first = Journal(tmp_path / "first" / "journal.jsonl")
    first.path.parent.mkdir()
    shutil.copytree(journal.path.parent / "tables", first.path.parent / "tables")
    shutil.copy(journal.path.parent / "plane.csv", first.path.parent)
    shutil.copy(journal.path, first.path)
    resume_stage(journal, shift=0.5)
    whole = new_store("whole")
    sync_journal(journal, tracking_uri=whole, experiment=EXPERIMENT)
    expected = record_of(whole)

    def project_first(uri):
        forget(first)
        assert sync_journal(first, tracking_uri=uri, experiment=EXPERIMENT).pending == 0

    for uri in killed_at_every_change(journal, new_store, after=True, before_the_kill=project_first):
        assert sync_journal(journal, tracking_uri=uri, experiment=EXPERIMENT).pending == 0
        assert record_of(uri) == expected


def test_other_values_after_a_kill_at_any_change(journal, new_store):
    content = journal.path.read_text()
    for uri in killed_at_every_change(journal, new_store, after=True):
        resume_stage(journal, shift=0.5)
        assert sync_journal(journal, tracking_uri=uri, experiment=EXPERIMENT).pending == 0
        shown = {step: float(value) for step, value, _ in record_of(uri)["sweep"]["metrics"]["sweep/transfer"]}
        assert shown == {1: 0.125, 2: 0.75, 3: 0.875, 4: 1.0}
        assert len(record_of(uri)["sweep"]["metrics"]["sweep/transfer"]) == 4
        journal.path.write_text(content)
        journal = Journal(journal.path)


def test_a_resumed_stage_goes_on_in_its_run_and_shows_each_step_once(journal, new_store):
    uri = new_store("a")
    before = sync_journal(journal, tracking_uri=uri, experiment=EXPERIMENT)
    resume_stage(journal)
    after = sync_journal(journal, tracking_uri=uri, experiment=EXPERIMENT)
    assert after.run_ids == before.run_ids
    sweep = record_of(uri)["sweep"]
    assert [(step, value) for step, value, _ in sweep["metrics"]["sweep/transfer"]] == [
        (1, "0.125"), (2, "0.25"), (3, "0.375"), (4, "0.5"),
    ]  # fmt: skip
    assert (sweep["status"], sweep["times"][1]) == ("FINISHED", journal.events()[-1].ms)


def test_different_values_on_resume_replace_the_run(journal, new_store):
    uri = new_store("a")
    before = sync_journal(journal, tracking_uri=uri, experiment=EXPERIMENT)
    resume_stage(journal, shift=0.5)
    after = sync_journal(journal, tracking_uri=uri, experiment=EXPERIMENT)
    assert after.run_ids["s"] != before.run_ids["s"]
    assert after.run_ids["p"] == before.run_ids["p"]
    sweep = record_of(uri)["sweep"]
    assert [(step, value) for step, value, _ in sweep["metrics"]["sweep/transfer"]] == [
        (1, "0.125"), (2, "0.75"), (3, "0.875"), (4, "1.0"),
    ]  # fmt: skip
    assert sweep["artifacts"].keys() == {"figures/plane.csv", "tables/deep/ko.txt"}


def test_a_replaced_pipeline_run_keeps_its_stages(journal, new_store):
    uri = new_store("a")
    before = sync_journal(journal, tracking_uri=uri, experiment=EXPERIMENT)
    journal.metrics("p", {"plane/transfer": 0.5})
    journal.end_run("p", "FINISHED")
    after = sync_journal(journal, tracking_uri=uri, experiment=EXPERIMENT)
    assert after.run_ids["p"] != before.run_ids["p"]
    assert after.run_ids["s"] == before.run_ids["s"]
    record = record_of(uri)
    assert record["sweep"]["parent"] == "demo"
    assert [value for _, value, _ in record["demo"]["metrics"]["plane/transfer"]] == ["0.5"]


def test_what_the_user_deleted_stays_deleted_until_there_is_news(journal, new_store):
    uri = new_store("a")
    sync_journal(journal, tracking_uri=uri, experiment=EXPERIMENT)
    with connect(uri) as client:
        client.delete_run(sync_journal(journal, tracking_uri=uri, experiment=EXPERIMENT).run_ids["s"])
    journal.metrics("p", {"plane/curvature": 1.0})
    assert sync_journal(journal, tracking_uri=uri, experiment=EXPERIMENT).pending == 0
    assert set(record_of(uri)) == {"demo"}
    resume_stage(journal)
    assert sync_journal(journal, tracking_uri=uri, experiment=EXPERIMENT).pending == 0
    assert set(record_of(uri)) == {"demo", "sweep"}


def test_two_journals_with_the_same_keys_are_two_records(journal, new_store, tmp_path):
    uri = new_store("a")
    other = Journal(tmp_path / "other" / "journal.jsonl")
    other.start_run("p", name="theirs", kind="pipeline")
    first = sync_journal(journal, tracking_uri=uri, experiment=EXPERIMENT)
    second = sync_journal(other, tracking_uri=uri, experiment=EXPERIMENT)
    assert first.run_ids["p"] != second.run_ids["p"]
    assert set(record_of(uri)) == {"demo", "sweep", "theirs"}


def test_a_store_that_was_thrown_away_is_filled_again(journal, new_store, empty_store):
    first = new_store("first")
    sync_journal(journal, tracking_uri=first, experiment=EXPERIMENT)
    expected = record_of(first)
    second = new_store("second")
    memory = journal.path.parent / "journal.projected.json"
    content = json.loads(memory.read_text())
    # The remembered state of a store at the second place, as if the first had been there and was made anew.
    (known,) = content["stores"].values()
    content["stores"] = {project_module.digest_of([second, EXPERIMENT]): known}
    memory.write_text(json.dumps(content))
    assert sync_journal(journal, tracking_uri=second, experiment=EXPERIMENT).pending == 0
    assert record_of(second) == expected


def test_a_missing_artifact_is_told_and_stops_nothing(journal, new_store, caplog):
    (journal.path.parent / "plane.csv").unlink()
    projection = sync_journal(journal, tracking_uri=new_store("a"), experiment=EXPERIMENT)
    assert (projection.pending, projection.missing) == (0, ("plane.csv",))
    assert "plane.csv: gone" in caplog.text


def test_more_metrics_than_fit_in_one_request(tmp_path, new_store):
    journal = Journal(tmp_path / "many" / "journal.jsonl")
    journal.start_run("p", name="demo", kind="pipeline")
    journal.params("p", {f"p{number}": number for number in range(150)})
    for step in range(3):
        journal.metrics("p", {f"m/{number}": number + step for number in range(450)}, step=step)
    uri = new_store("a")
    assert sync_journal(journal, tracking_uri=uri, experiment=EXPERIMENT).pending == 0
    demo = record_of(uri)["demo"]
    assert len(demo["params"]) == 150
    assert sum(len(points) for points in demo["metrics"].values()) == 1350


def test_an_empty_journal_needs_no_store(tmp_path):
    uri = default_uri(tmp_path)
    assert sync_journal(Journal(tmp_path / "j.jsonl"), tracking_uri=uri, experiment="x") == SyncResult(pending=0)
    assert list(tmp_path.iterdir()) == []


def test_a_deleted_experiment_is_left_alone_and_named(journal, new_store):
    uri = new_store("a")
    with connect(uri) as client:
        client.delete_experiment(client.create_experiment(EXPERIMENT))
    projection = sync_journal(journal, tracking_uri=uri, experiment=EXPERIMENT)
    assert projection.pending == len(journal.events()) - 1
    assert "mlflow experiments restore" in projection.problem
