"""A pipeline on a registered version: what was trained is the model that is measured, and its steering stays aside."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import isogloss
from command_line import isogloss as command
from finished_runs import stage_folder
from isogloss.errors import RefusedError, UserError
from isogloss.models.load import load_model, resolve
from isogloss.pipeline.plan import Plan, make_plan
from isogloss.registry.versions import register
from isogloss.spec import load_spec
from isogloss.steering.intervention import Intervention
from isogloss.tracking.store import artifact_location, connect, default_uri
from promoted import promote_tiny, surgery
from small_data import write_pipeline
from tiny_bundles import trained_folder
from training_jobs import tiny_folder


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with a small pipeline, and registered: 1 steers alone, 2 is an adapter and steers, 3 is a whole model."""
    root = tmp_path_factory.mktemp("project")
    base = tiny_folder("llama")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISOGLOSS_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        write_pipeline(root, base, groups=2)
        bundles = [promote_tiny(root / "steered", base, name="one")]
        for weights, parameters in (("adapter", "lora"), ("full", "full")):
            folder = trained_folder(root / weights, parameters=parameters, moved=0.2)
            digest = load_model(str(folder)).digest
            bundles.append(
                promote_tiny(
                    root / f"{weights}-bundle",
                    base,
                    name=weights,
                    intervention=surgery(digest) if weights == "adapter" else Intervention(()),
                    model_folder=folder,
                    weights=weights,
                    checkpoint="mist",
                )
            )
        uri = default_uri(root)
        with connect(uri) as client:
            client.create_experiment("plane", artifact_location=artifact_location(uri))
            register(bundles, client=client, name="tiny", roles={"knee": bundles[1].point}, experiment="plane")
        patch.chdir(root)
        yield root


def plan_of(root: Path, model: str) -> Plan:
    return make_plan(load_spec(root / "small.yaml", [f"model={model}"]), root)


def test_a_version_that_only_steers_stands_for_its_base(root: Path) -> None:
    plain = plan_of(root, str(tiny_folder("llama")))
    plan = plan_of(root, "models:/tiny/1")
    assert [step.key for step in plan.steps] == [step.key for step in plain.steps]
    (line,) = plan.model.notices
    assert line.startswith("model 'models:/tiny/1' only steers '")
    assert plain.model.notices == ()


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("/2", ("mist adapter on", ", its steering left aside")),
        ("/3", ("mist weights, trained from", f"'{tiny_folder('llama')}'")),
    ],
)
def test_what_was_trained_is_what_is_measured(root: Path, version: str, words: tuple[str, str]) -> None:
    plan = plan_of(root, f"models:/tiny{version}")
    (line,) = plan.model.notices
    assert words[0] in line
    assert line.endswith(words[1])
    loaded = load_model(plan.model.ref)
    assert loaded.digest == plan.model.digest == resolve(str(plan.model.path)).digest
    found, expected = (one.model.state_dict() for one in (loaded, isogloss.load(f"models:/tiny{version}").loaded))
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    plain = plan_of(root, str(tiny_folder("llama")))
    assert plan.step("data").key == plain.step("data").key
    assert plan.step("baseline").key != plain.step("baseline").key


def test_the_key_is_of_the_version_that_the_alias_names_now(root: Path) -> None:
    second, third = plan_of(root, "models:/tiny/2"), plan_of(root, "models:/tiny/3")
    assert plan_of(root, "models:/tiny@champion").identity == second.identity
    with connect(default_uri(root)) as client:
        client.set_registered_model_alias("tiny", "champion", "3")
        try:
            assert plan_of(root, "models:/tiny@champion").identity == third.identity
        finally:
            client.set_registered_model_alias("tiny", "champion", "2")


def test_the_folder_of_a_version_and_of_an_adapter_do_as_well(root: Path) -> None:
    second = plan_of(root, "models:/tiny/2")
    assert plan_of(root, "./adapter-bundle").identity == second.identity
    assert plan_of(root, "./adapter/trained").identity == second.identity


def test_it_runs(root: Path) -> None:
    ended = command("run", "small.yaml", "--set", "model=models:/tiny@champion", "--until", "baseline", cwd=root)
    assert ended.code == 0, ended.err
    assert "its steering left aside" in ended.err
    assert (stage_folder(root, "baseline") / "baseline.jsonl").is_file()
    again = command("run", "small.yaml", "--set", "model=models:/tiny/2", "--until", "baseline", "--json", cwd=root)
    assert again.json["reused"] == ["data", "baseline"]


def test_what_cannot_be_a_model_says_why(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"'tiny' has no 'chanpion' \(did you mean 'champion'\?\)"):
        plan_of(root, "models:/tiny@chanpion")
    shutil.copy(root / "small.yaml", tmp_path)
    with pytest.raises(UserError, match="there is no MLflow store at"):
        plan_of(tmp_path, "models:/tiny@champion")
    base = shutil.copytree(tiny_folder("llama"), tmp_path / "base")
    promote_tiny(tmp_path / "moved", base, name="moved")
    shutil.rmtree(base)
    shutil.copytree(tiny_folder("qwen2"), base)
    with pytest.raises(RefusedError, match="'moved' was made on"):
        plan_of(root, str(tmp_path / "moved"))


def planned(root: Path, model: str, *more: str, monkeypatch: pytest.MonkeyPatch, cache: Path) -> tuple[str, list[str]]:
    """What `isogloss plan` says of a registered model with an empty cache, and the files that are in the cache then."""
    monkeypatch.setenv("ISOGLOSS_CACHE", str(cache))
    said = command("plan", "small.yaml", "--set", f"model={model}", *more, cwd=root)
    files = [str(one.relative_to(cache)) for one in cache.rglob("*") if one.is_file() and "digests" not in one.parts]
    assert said.code == 0, said.err
    return said.out + said.err, files


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("2", "the adapter is merged into its base first, once, in the cache: "),
        ("3", "the model is not here and will be fetched: "),
    ],
)
@pytest.mark.parametrize("more", [(), ("--gpu", "H100")])
def test_a_plan_fetches_and_merges_nothing(
    root: Path, version: str, words: str, more: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, files = planned(root, f"models:/tiny/{version}", *more, monkeypatch=monkeypatch, cache=tmp_path / "cache")
    assert "next: isogloss run small.yaml" in said
    assert files == []
    assert more or words in said, said


def test_a_plan_knows_what_an_adapter_that_was_merged_has_cached(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = str(root / "adapter" / "trained")
    said, files = planned(root, folder, monkeypatch=monkeypatch, cache=tmp_path / "cache")
    assert files == []
    assert "the adapter is merged into its base first" in said
    plan_of(root, folder)
    said, _ = planned(root, folder, monkeypatch=monkeypatch, cache=tmp_path / "cache")
    assert "merged" not in said
