"""A whole pipeline with the three methods on a tiny random model through the command line. Mechanics only."""

import json

import pytest

from command_line import isogloss
from finished_runs import stage_folder, store_rows
from isogloss.evaluate.results import Comparison
from isogloss.files import damage
from small_align import METHODS, STEPS, write_align_pipeline
from small_data import LANGUAGES
from tiny_models import make_tiny_model

pytestmark = pytest.mark.usefixtures("own_cache_and_store")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    root = tmp_path_factory.mktemp("aligned")
    model = make_tiny_model("gemma3_text", tmp_path_factory.mktemp("models") / "tiny")
    write_align_pipeline(root, model)
    ended = isogloss("run", "small.yaml", "--json", cwd=root)
    assert ended.code == 0, ended.err
    return root, ended


def test_the_first_report_comes_before_any_training(finished):
    ran = finished[1].json["ran"]
    assert ran.index("report-first") < ran.index("align-mist")
    assert ran[-2:] == ["compare", "report"]
    assert (stage_folder(finished[0], "report-first") / "report.html").is_file()


@pytest.mark.parametrize("method", METHODS)
def test_each_method_leaves_a_model_its_snapshots_and_its_log(finished, method):
    out = stage_folder(finished[0], f"align-{method}")
    assert damage(out) is None
    assert json.loads((out / "final" / "checkpoint.json").read_text())["step"] == STEPS
    lines = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, STEPS + 1))
    curve = json.loads((stage_folder(finished[0], f"follow-{method}") / "curve.json").read_text())
    assert [point["step"] for point in curve] == [STEPS // 2, STEPS]


def test_the_comparison_holds_every_model_under_every_steering(finished):
    comparison = Comparison.model_validate(finished[1].json["comparison"])
    assert [model.name for model in comparison.models] == ["unaligned", *METHODS]
    for model in comparison.models:
        names = [one.name for one in model.conditions]
        assert names[0] == "none"
        assert {"en", "loc", "sur"} <= set(names)
        assert set(model.over_own) == set(names[1:])
    trained = comparison.models[1]
    assert [point.step for point in trained.curve] == [0, STEPS // 2, STEPS]
    assert len(trained.losses["loss"]) == STEPS
    assert [step for step, _ in comparison.models[3].losses["alignment"]] == list(range(2, STEPS + 1, 2))


def test_a_trained_model_can_be_evaluated_by_its_folder(finished):
    root, _ = finished
    model = stage_folder(root, "align-mist") / "final"
    ended = isogloss("evaluate", str(model), "items.jsonl", "--json", cwd=root)
    assert ended.code == 0, ended.err
    assert {one["language"] for one in ended.json["results"]} == set(LANGUAGES)


def test_mlflow_has_each_step_of_each_training_once(finished):
    root, _ = finished
    query = (
        "select r.name, m.step, count(*) from metrics m join runs r on r.run_uuid = m.run_uuid "
        "where m.key = 'train/loss' group by r.name, m.step"
    )
    found = {(name, step): count for name, step, count in store_rows(root, query)}
    assert found == {(f"align-{method}", step): 1 for method in METHODS for step in range(1, STEPS + 1)}


def test_another_launch_shape_or_speed_trains_nothing_again(finished):
    root, _ = finished
    (root / "launch.yaml").write_text("{processes: 1, threads: 1, micro_batch: 2}\n")
    ended = isogloss("run", "small.yaml", "--json", "--set", "align.launch=launch.yaml", cwd=root)
    assert ended.code == 0, ended.err
    assert ended.json["ran"] == []


def test_the_plan_knows_what_training_costs(finished):
    root, _ = finished
    ended = isogloss("plan", "small.yaml", "--set", "align.clo.beta=0.3", "--json", cwd=root)
    assert ended.code == 0, ended.err
    cached = {cost["stage"]: cost["cached"] for cost in ended.json["stages"]}
    assert [name for name, known in cached.items() if not known] == [
        "align-clo",
        "follow-clo",
        "vectors-clo",
        "evaluate-clo",
        "compare",
        "report",
    ]


@pytest.mark.parametrize("until", ["align", "align-mist", "follow-clo"])
def test_until_takes_a_family_or_one_of_it(finished, until):
    ended = isogloss("run", "small.yaml", "--until", until, "--json", cwd=finished[0])
    assert ended.code == 0, ended.err
    assert ended.json["ran"] == []


def test_a_stage_that_is_none_is_refused(finished):
    ended = isogloss("run", "small.yaml", "--until", "aling", cwd=finished[0])
    assert ended.code == 2
    assert "did you mean 'align'?" in ended.err
