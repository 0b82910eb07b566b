"""A whole pipeline with the three methods on a tiny random model through the command line. Mechanics only."""

import json
import re
import shutil

import numpy as np
import pytest

from command_line import isogloss
from finished_runs import stage_folder, store_rows
from isogloss.files import damage, read_json
from isogloss.results.scores import Comparison
from isogloss.spec.pipeline import ANALYSES
from small_align import METHODS, STEPS, write_align_pipeline
from small_data import LANGUAGES
from tiny_models import make_tiny_model

pytestmark = pytest.mark.usefixtures("own_cache_and_store")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    root = tmp_path_factory.mktemp("aligned")
    model = make_tiny_model("gemma3_text", tmp_path_factory.mktemp("models") / "tiny")
    write_align_pipeline(root, model, groups=4, analyses=True)
    ended = isogloss("run", "small.yaml", "--json", cwd=root)
    assert ended.code == 0, ended.err
    return root, ended


def test_the_first_report_comes_before_any_training(finished):
    ran = finished[1].json["ran"]
    assert ran.index("report-first") < ran.index("align-mist")
    models = ["", *(f"-{method}" for method in METHODS)]
    assert ran[-len(ANALYSES) - len(models) - 2 :] == [
        "compare",
        *(f"states{model}" for model in models),
        *ANALYSES,
        "report",
    ]
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
        "states-clo",
        *ANALYSES,
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


def test_every_analysis_has_every_model_and_steering(finished):
    root, _ = finished
    models = ["unaligned", *METHODS]
    panels = [(model, condition) for model in models for condition in ("none", "en", "loc", "sur")]
    for name in ("convergence", "retrieval", "agreement"):
        values = read_json(stage_folder(root, name) / f"{name}.json")
        found = [(one["panel"]["model"], one["panel"]["condition"]) for one in values]
        assert list(dict.fromkeys(found)) == panels
    assert [
        one["model"] for one in read_json(stage_folder(root, "perpendicularity") / "perpendicularity.json")
    ] == models
    pca = read_json(stage_folder(root, "pca") / "pca.json")
    assert [(one["panel"]["model"], one["panel"]["condition"]) for one in pca["panels"]] == panels


def test_what_an_analysis_says_can_be_recomputed_from_the_saved_states(finished):
    root, _ = finished
    folder = stage_folder(root, "states-mist") / "sentences"
    rows = read_json(folder / "states.json")["rows"]
    states = np.load(folder / "none" / "mean-003.npy")
    at = {(row["question"], row["language"]): state for row, state in zip(rows, states, strict=True)}
    questions = sorted({question for question, _ in at})
    english, spanish = (np.stack([at[question, language] for question in questions]) for language in ("en", "es"))
    cosine = english @ spanish.T / np.outer(np.linalg.norm(english, axis=1), np.linalg.norm(spanish, axis=1))
    own = np.arange(len(questions))
    hits = ((cosine.argmax(1) == own).mean() + (cosine.argmax(0) == own).mean()) / 2
    values = read_json(stage_folder(root, "retrieval") / "retrieval.json")
    said = next(one for one in values if (one["panel"]["model"], one["panel"]["condition"]) == ("mist", "none"))
    assert said["by_language"]["es"]["values"][2]["value"] == pytest.approx(hits)


def test_mlflow_draws_analyses_over_layers(finished):
    root, _ = finished
    query = (
        "select m.key, m.step from metrics m join runs r on r.run_uuid = m.run_uuid "
        "where r.name in ('convergence', 'retrieval', 'perpendicularity')"
    )
    steps = {}
    for key, step in store_rows(root, query):
        steps.setdefault(key, []).append(step)
    assert {"cka/transfer/clo/sur", "cosine/localization/unaligned/none", "retrieval/mist/en"} <= set(steps)
    assert sorted(steps["perpendicularity/midalign"]) == [1, 2, 3, 4]


def test_the_page_shows_why(finished):
    page = (stage_folder(finished[0], "report") / "report.html").read_text(encoding="utf-8")
    for figure in ("pca", "pca-steered", "convergence", "retrieval", "perpendicularity", "agreement"):
        assert f'id="figure-{figure}"' in page


@pytest.mark.parametrize("way", [pytest.param("small.yaml", marks=pytest.mark.slow), "small", "run id"])
def test_a_report_is_written_for_a_run_under_any_of_its_names(finished, tmp_path, way):
    root, ended = finished
    name = ended.json["mlflow_run"] if way == "run id" else way
    told = isogloss("report", name, "--out", str(tmp_path / "page"), "--json", cwd=root)
    assert told.code == 0, told.err
    assert told.json["missing"] == []
    # The same numbers give the same page, the one that the pipeline has.
    assert (tmp_path / "page" / "report.html").read_bytes() == (
        stage_folder(root, "report") / "report.html"
    ).read_bytes()


@pytest.mark.parametrize("lost", [("convergence",), ("compare", "pca"), ("sweep", "evaluate", "analyse", "compare")])
def test_a_report_of_half_a_run_gives_what_there_is_and_says_what_is_missing(finished, tmp_path, lost):
    root = shutil.copytree(finished[0], tmp_path / "half", symlinks=True)
    for name in lost:
        shutil.rmtree(stage_folder(root, name))
    told = isogloss("report", "small", "--json", cwd=root)
    assert told.code == 0, told.err
    page = (root / told.json["report"]).read_text(encoding="utf-8")
    assert "This run is not finished" in page
    for name in lost:
        assert re.search(rf"\b{name}\b", " ".join(told.json["missing"]))
    assert ("figure-plane" in page) == ("figure-methods" in page) == ("analyse" not in lost)
    assert ("figure-convergence" in page) == ("convergence" not in lost)


def test_a_report_of_nothing_says_so(finished, tmp_path):
    root = shutil.copytree(finished[0], tmp_path / "none", symlinks=True)
    shutil.rmtree(stage_folder(root, "baseline"))
    shutil.rmtree(stage_folder(root, "analyse"))
    told = isogloss("report", "small", cwd=root)
    assert (told.code, "baseline did not finish" in told.err) == (2, True), told.err
    told = isogloss("report", "smal", cwd=root)
    assert (told.code, "no run of that name" in told.err) == (2, True), told.err
