"""A finished small pipeline in MLflow: the same names for every model, data sets on the runs that used them, nothing twice,
and the comparison as a person makes it, in a real browser on a real server."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections import defaultdict

import pytest

from command_line import isogloss
from finished_runs import store_rows
from isogloss.tracking.ui import VIEWS
from small_search import TRIALS, write_search_pipeline
from tiny_models import make_tiny_model

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_cache_and_store")]

#: The names that a searched point has in the comparison too.
STEERINGS = {"none", "EN", "LOC at EN's layer", "LOC", "SUR"}
CONTROLS = {"random vectors", "another language's vectors", "country in the prompt"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    root = tmp_path_factory.mktemp("story")
    model = make_tiny_model("gemma3_text", tmp_path_factory.mktemp("models") / "tiny")
    write_search_pipeline(root, model, checkpoints=("unaligned", "mist", "clo"))
    ended = isogloss("run", "small.yaml", cwd=root)
    assert ended.code == 0, ended.err
    return root


def by_run(root, table, value):
    """`{run name: {key: value}}` of the runs of a table."""
    found = defaultdict(dict)
    for name, key, one in store_rows(root, f"SELECT name, key, {value} FROM {table} JOIN runs USING (run_uuid)"):
        found[name][key] = one
    return found


def conditions(root):
    """The params of the runs of models under a steering, by name."""
    tags, params = by_run(root, "tags", "tags.value"), by_run(root, "params", "params.value")
    return {name: params[name] for name, own in tags.items() if own["isogloss.kind"] == "condition"}


def test_every_model_under_every_steering_has_the_same_names(finished):
    runs = conditions(finished)
    told = {(own["model"], own["steering"]) for own in runs.values() if not own["steering"].startswith("searched")}
    # The small sweep may choose the same layer for both kinds.
    expected = STEERINGS if ("MIST", "LOC at EN's layer") in told else STEERINGS - {"LOC at EN's layer"}
    assert {steering for model, steering in told if model == "MIST"} == expected
    assert {steering for model, steering in told if model == "CLO"} == expected
    assert {steering for model, steering in told if model == "Unaligned"} == expected | CONTROLS
    metrics = by_run(finished, "latest_metrics", "latest_metrics.value")
    first = metrics["MIST + SUR"]
    for one in (
        "plane/transfer",
        "plane/transfer/low",
        "plane/transfer/high",
        "plane/ko/localization",
        "transfer/acc/macro",
    ):
        assert one in first
    assert set(metrics["CLO + SUR"]) == set(first)
    assert set(metrics["Unaligned + SUR"]) == {name for name in first if not name.startswith("own/")}
    assert runs["MIST + SUR"].keys() == runs["CLO + SUR"].keys() == {
        "model", "steering", "base", "en.layer", "en.gamma", "loc.layer", "loc.gamma"
    }  # fmt: skip
    assert (metrics["Unaligned"]["plane/transfer"], metrics["Unaligned"]["plane/localization"]) == (0, 0)


@pytest.mark.parametrize("family", ["align", "follow", "vectors", "evaluate"])
def test_the_stages_of_every_method_have_the_same_names(finished, family):
    metrics = by_run(finished, "latest_metrics", "latest_metrics.value")
    parts = {"nll", "preference", "contrastive", "preferred", "sft"}
    mist, clo = (
        {name for name in metrics[f"{family}-{one}"] if name.split("/")[-1] not in parts} for one in ("mist", "clo")
    )
    if family == "align":
        assert {"train/loss"} <= mist & clo
    else:
        assert mist == clo
        assert len(mist) > 1
    if family == "evaluate":
        assert mist <= set(metrics["evaluate"]), "the unaligned model's too"


def test_few_parameters_and_a_description(finished):
    counts = store_rows(finished, "SELECT count(*) FROM params GROUP BY run_uuid")
    assert max(count for (count,) in counts) <= 16
    notes = dict(
        store_rows(
            finished, "SELECT name, value FROM tags JOIN runs USING (run_uuid) WHERE key = 'mlflow.note.content'"
        )
    )
    assert "points" in notes["small"]
    assert re.match(r"MIST \+ SUR, .*: transfer [+-]\d", notes["MIST + SUR"])
    assert {"data", "baseline", "sweep", "align-clo", "analyse", "compare", "search-mist", "promote"} <= set(notes)


def test_data_sets_stand_on_the_runs_that_used_them(finished):
    query = (
        "SELECT runs.name, datasets.name, input_tags.value FROM inputs "
        "JOIN datasets ON datasets.dataset_uuid = inputs.source_id JOIN runs ON runs.run_uuid = inputs.destination_id "
        "JOIN input_tags USING (input_uuid) WHERE input_tags.name = 'mlflow.data.context'"
    )
    found = defaultdict(set)
    for run, name, context in store_rows(finished, query):
        found[run].add((name, context))
    dev1, dev2, test = (("choices-" + split, split) for split in ("dev1", "dev2", "test"))
    training = {("instructions", "training"), ("parallel", "training")}
    assert found["data"] == {dev1, dev2, test}
    assert found["baseline"] == {dev2, test}
    for name in ("vectors", "vectors-mist", "vectors-clo"):
        assert found[name] == {dev1}
    for name in ("sweep", "follow-mist", "follow-clo", "search-unaligned", "search-clo"):
        assert found[name] == {dev2}
    for name in ("evaluate", "evaluate-mist", "analyse", "compare", "promote", "MIST + SUR", "Unaligned"):
        assert found[name] == {test}
    assert found["align-mist"] == found["align-clo"] == training
    assert found["small"] == {dev1, dev2, test} | training


def test_saved_views_show_what_is_there(finished):
    saved = dict(store_rows(finished, "SELECT key, value FROM experiment_tags"))
    metrics = {name for (name,) in store_rows(finished, "SELECT DISTINCT key FROM metrics")}
    params = {name for (name,) in store_rows(finished, "SELECT DISTINCT key FROM params")}
    tags = {name for (name,) in store_rows(finished, "SELECT DISTINCT key FROM tags")}
    for view in VIEWS:
        assert f"mlflow.sharedViewState.{view.key}" in saved
        # This pipeline runs no analyses.
        charts = [chart for heading, own in view.sections.items() if "Geometry" not in heading for chart in own]
        drawn = {chart["metricKey"] for chart in charts if "metricKey" in chart}
        drawn |= {chart[axis]["key"] for chart in charts if chart["type"] == "SCATTER" for axis in ("xaxis", "yaxis")}
        drawn |= {column.split("`")[1] for column in view.columns if column.startswith("metrics.")}
        assert drawn <= metrics
        assert {column.split("`")[1] for column in view.columns if column.startswith("params.")} <= params
        assert {column.split("`")[1] for column in view.columns if column.startswith("tags.")} <= tags


def test_every_run_says_which_pipeline_stage_and_method_it_is_of(finished):
    tags = by_run(finished, "tags", "tags.value")
    registered = {name for name, own in tags.items() if own["isogloss.kind"] == "version"}
    assert {own["isogloss.pipeline"] for name, own in tags.items() if name not in registered} == {"small"}
    assert (tags["align-clo"]["isogloss.stage"], tags["align-clo"]["isogloss.method"]) == ("align", "clo")
    assert "isogloss.method" not in tags["sweep"]


def test_run_again_and_projected_again_nothing_is_there_twice(finished):
    def counts():
        tables = ("runs", "metrics", "params", "tags", "inputs", "datasets", "experiment_tags")
        return {table: store_rows(finished, f"SELECT count(*) FROM {table}") for table in tables}

    before = counts()
    for path in (finished / "mlruns" / "pipelines").glob("*/journal.projected.json"):
        path.unlink()
    assert isogloss("run", "small.yaml", cwd=finished).code == 0
    assert counts() == before
    assert store_rows(finished, "SELECT 1 FROM metrics GROUP BY run_uuid, key, step HAVING count(*) > 1") == []
    trials = "SELECT count(*) FROM tags WHERE key = 'isogloss.kind' AND value = 'trial'"
    assert store_rows(finished, trials) == [(3 * TRIALS,)]


@pytest.fixture(scope="module")
def page(finished):
    """A page of a headless browser, and the address that `isogloss ui` prints for the comparison."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        pytest.skip("there is no Chromium to open the page in")
    server = subprocess.Popen(
        [sys.executable, "-m", "isogloss", "ui"],
        cwd=finished,
        env={name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        lines = [server.stdout.readline() for _ in range(3)]
        address = re.search(r"http://\S+", lines[-1]).group()
        with playwright.sync_playwright() as driver:
            opened = driver.chromium.launch(executable_path=browser, args=["--no-sandbox", "--disable-gpu"])
            page = opened.new_page(viewport={"width": 2200, "height": 1100})
            page.set_default_timeout(120_000)
            yield page, address
            opened.close()
    finally:
        server.send_signal(signal.SIGTERM)
        server.communicate(timeout=60)


def test_the_comparison_opens_with_its_charts(page):
    page, address = page
    page.goto(address)
    page.get_by_text("The plane: change against the unaligned model on test").wait_for()
    for name in ("MIST + SUR", "CLO + SUR", "Unaligned + SUR"):
        page.get_by_role("link", name=name, exact=True).first.wait_for()
    page.locator(".js-plotly-plot .scatterlayer .point, .js-plotly-plot canvas").first.wait_for()
    assert page.get_by_text("plane/localization", exact=True).count() >= 1
    assert "Models and steering" in page.get_by_test_id("saved-views-trigger").inner_text()


def test_selected_runs_compare_side_by_side(page):
    page, address = page
    page.goto(address.replace("&compareRunsMode=CHART", ""))
    page.get_by_role("columnheader", name="steering").first.wait_for()
    for name in ("MIST + SUR", "CLO + SUR"):
        row = page.locator("[role=row]", has=page.get_by_text(name, exact=True)).first
        row.locator("input.ag-checkbox-input").click(force=True)
    page.get_by_role("button", name="Compare").click()
    page.get_by_text("Comparing 2 Runs from 1 Experiment").wait_for()
    # Of the metrics, the page has only those rows that stand in their box; it scrolls by its values, not by its names.
    first = page.get_by_text("bias/english/macro", exact=True)
    first.scroll_into_view_if_needed()
    place = first.bounding_box()
    page.mouse.move(place["x"] + 500, place["y"])
    text = page.locator("body").inner_text()
    for _ in range(300):
        if "transfer/acc/macro" in text:
            break
        page.mouse.wheel(0, 60)
        text += page.locator("body").inner_text()
    for one in ("MIST", "CLO", "SUR", "en.layer", "loc.gamma", "plane/transfer/low", "transfer/acc/macro"):
        assert one in text
