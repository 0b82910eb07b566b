"""Search, promotion and use, on the command line: what is found is registered, and what is registered is what was measured."""

import json
import sqlite3
from contextlib import closing

import pytest

import isogloss
from command_line import isogloss as command
from finished_runs import stage_folder, store_rows
from isogloss.data.rows import read_choices
from isogloss.scoring.score import ScoreSettings
from isogloss.scoring.statistics import accuracies
from isogloss.search.result import SearchResult
from small_search import CHECKPOINTS, NAME, TRIALS, write_search_pipeline
from tiny_models import make_tiny_model

pytestmark = pytest.mark.usefixtures("own_cache_and_store")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    root = tmp_path_factory.mktemp("searched")
    model = make_tiny_model("gemma3_text", tmp_path_factory.mktemp("models") / "tiny")
    write_search_pipeline(root, model, workers=2)
    ended = command("run", "small.yaml", "--json", cwd=root)
    assert ended.code == 0, ended.err
    return root, ended


@pytest.mark.parametrize("checkpoint", CHECKPOINTS)
def test_a_study_of_each_checkpoint(finished, checkpoint):
    out = stage_folder(finished[0], f"search-{checkpoint}")
    result = SearchResult.model_validate(json.loads((out / "search.json").read_text()))
    assert TRIALS <= result.counts.complete <= TRIALS + 1
    by_number = sorted(result.trials, key=lambda trial: trial.number)[:TRIALS]
    assert [trial.source for trial in by_number] == ["zero", "paper", "sweep", "sweep", "sweep", "first-order"]
    assert (by_number[0].transfer, by_number[0].localization) == (0, 0)
    assert set(result.front) <= {trial.number for trial in result.trials if trial.feasible}
    assert (out / "front.svg").stat().st_size > 0
    with closing(sqlite3.connect(out / "study.db")) as connection:
        assert connection.execute("SELECT count(*) FROM trials WHERE state = 'COMPLETE'").fetchone() == (
            result.counts.complete,
        )


def test_every_trial_is_a_run_below_its_study(finished):
    query = (
        "SELECT parent.name, count(*) FROM runs JOIN tags AS below ON below.run_uuid = runs.run_uuid "
        "JOIN runs AS parent ON parent.run_uuid = below.value JOIN tags AS kind ON kind.run_uuid = runs.run_uuid "
        "WHERE below.key = 'mlflow.parentRunId' AND kind.key = 'isogloss.kind' AND kind.value = 'trial' GROUP BY parent.name"
    )
    studies = finished[1].json["searches"]["studies"]
    assert dict(store_rows(finished[0], query)) == {
        f"search-{one}": studies[one]["trials"]["complete"] for one in CHECKPOINTS
    }


def test_the_points_on_test_are_registered_with_their_aliases(finished):
    promotion = finished[1].json["promotion"]
    assert promotion["name"] == NAME
    assert 1 <= len(promotion["versions"]) <= 2
    aliases = [alias for version in promotion["versions"] for alias in version["aliases"]]
    assert sorted(aliases) == ["best-localization", "best-transfer", "champion", "knee"]
    candidates = json.loads((stage_folder(finished[0], "promote") / "candidates.json").read_text())["candidates"]
    kept = {one["name"] for one in candidates if one["dominated_by"] is None}
    assert {version["bundle"].removeprefix("small-") for version in promotion["versions"]} <= kept


def test_the_json_of_a_run_says_what_was_searched(finished):
    root, ended = finished
    searches = ended.json["searches"]
    assert list(searches["studies"]) == list(CHECKPOINTS)
    for checkpoint, study in searches["studies"].items():
        result = SearchResult.model_validate(
            json.loads((stage_folder(root, f"search-{checkpoint}") / "search.json").read_text())
        )
        assert [one["trial"] for one in study["front"]] == list(result.front)
        assert study["knee"]["trial"] == result.knee
        assert study["hypervolume"] == result.hypervolume[-1]
        assert study["trials"] == result.counts.model_dump()
    measured = json.loads((stage_folder(root, "promote") / "candidates.json").read_text())["candidates"]
    shown = {one["name"]: one for one in searches["candidates"]}
    assert {one["name"] for one in measured} == set(shown)
    for one in measured:
        assert shown[one["name"]]["localization"] == one["condition"]["delta"]["localization"]["macro"]
    promoted = {one["bundle"]: (one["version"], one["aliases"]) for one in ended.json["promotion"]["versions"]}
    assert promoted == {
        f"small-{name}": (one["version"], one["aliases"]) for name, one in shown.items() if one["version"] is not None
    }


def test_the_same_again_registers_nothing_new(finished):
    root, first = finished
    for again in (
        command("run", "small.yaml", "--json", cwd=root),
        command("promote", "small.yaml", "--json", cwd=root),
    ):
        assert again.code == 0, again.err
        promotion = again.json.get("promotion", again.json)
        assert [version["new"] for version in promotion["versions"]] == [False] * len(promotion["versions"])
    (count,) = store_rows(root, "SELECT count(*) FROM model_versions")[0]
    assert count == len(first.json["promotion"]["versions"])


def test_a_fetched_version_scores_as_it_was_registered(finished):
    root, _ = finished
    ended = command("fetch", f"models:/{NAME}@champion", "champion", cwd=root)
    assert ended.code == 0, ended.err
    assert "next: isogloss generate champion" in ended.err
    model = isogloss.load(str(root / "champion"))
    items = [item for item in read_choices([stage_folder(root, "data") / "choices.jsonl"]).rows if item.split == "test"]
    scores = model.score(items, settings=ScoreSettings(scoring="cloze", normalise="tokens"))
    registered = json.loads((root / "champion" / "scores.json").read_text())["axes"]
    for axis, by_language in registered.items():
        own = accuracies([score for score in scores if score.axis == axis])
        assert {name: one.value for name, one in own.items()} == {
            name: one["value"] for name, one in by_language.items()
        }


def test_a_registered_version_is_evaluated_on_any_file(finished):
    root, first = finished
    name = first.json["promotion"]["versions"][-1]["version"]
    ended = command("evaluate", f"models:/{NAME}/{name}", "items.jsonl", "--split", "test", "--json", cwd=root)
    assert ended.code == 0, ended.err
    versions = {one["version"]: one["bundle"] for one in first.json["promotion"]["versions"]}
    folders = stage_folder(root, "promote") / "bundles"
    (scores,) = (
        json.loads((one / "scores.json").read_text())
        for one in folders.iterdir()
        if json.loads((one / "bundle.json").read_text())["name"] == versions[name]
    )
    for axis, row in ended.json["macro"].items():
        assert row["accuracy"] == scores["axes"][axis]["macro"]["value"]
    plain = command("evaluate", f"models:/{NAME}/{name}", "items.jsonl", "--no-steering", cwd=root)
    assert plain.code == 0, plain.err
    assert "steered" not in plain.out


def test_a_registered_version_answers_by_its_reference(finished):
    prompts = ("¿Cuál es la capital de España?", "Qu'est-ce que tu fais demain soir ?")
    ended = command(
        "generate", f"models:/{NAME}@champion", *prompts, "--max-new-tokens", "3", "--json", cwd=finished[0]
    )
    assert ended.code == 0, ended.err
    assert [one["prompt"] for one in ended.json["results"]] == [*prompts]


def test_what_the_gate_refuses_is_named_and_nothing_is_registered(finished):
    root, _ = finished
    before = store_rows(root, "SELECT name, version FROM model_versions")
    ended = command(
        "promote", "small.yaml", "--name", "other", "--set", "promote.localization_floor=0.9",
        "--set", "promote.min_items=1000", cwd=root,
    )  # fmt: skip
    assert ended.code == 3
    assert "not promoted" in ended.err
    assert "promote.localization_floor" in ended.err
    assert "1000 are needed (promote.min_items)" in ended.err
    assert store_rows(root, "SELECT name, version FROM model_versions") == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("search-worker", "small.yaml"), "search-mist: finished already"),
        (("search-worker", "small.yaml", "--checkpoint", "mst"), "not searched in this pipeline (did you mean 'mist'?)"),
        (("search-worker", "small.yaml", "--set", "search.trials=9"), "no study 'small unaligned"),
        (("run", "small.yaml", "--set", "search.checkpoints=[clo]"), "search.checkpoints: 'clo' is not trained in this pipeline"),
        (("run", "small.yaml", "--set", "search.checkpoints=[]"), "promote.name: only points that a search found are promoted"),
        (("run", "small.yaml", "--set", "search.storage=postgresql://me:secret@db/one"), "holds a password"),
        (("run", "small.yaml", "--set", "search.storage=grpc://db:13000"), "heartbeats"),
        (("fetch", f"models:/{NAME}@champoin", "x"), "champion"),
    ],
)  # fmt: skip
def test_what_a_person_gets_wrong(finished, arguments, message):
    ended = command(*arguments, cwd=finished[0])
    assert ended.code == 2
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert "secret" not in ended.err
