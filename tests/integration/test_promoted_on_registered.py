"""What is promoted on a registered version names that version as its base, and is used where no cache of ours is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

import isogloss
from command_line import isogloss as command
from finished_runs import stage_folder
from isogloss.errors import RefusedError
from isogloss.files import read_json
from isogloss.models.hub import writable_cache_dir
from isogloss.models.load import load_model
from isogloss.registry.bundle import BUNDLE, Bundle, merged_from
from isogloss.registry.contents import Base
from isogloss.registry.resolve import PipelineModel, whole_model
from isogloss.registry.versions import register
from isogloss.tracking.store import artifact_location, connect, default_uri
from promoted import promote_tiny, surgery
from small_search import write_search_pipeline
from tiny_bundles import trained_folder
from tiny_models import HIDDEN_SIZE, NUM_LAYERS
from training_jobs import tiny_folder


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project whose registry holds `tiny`: version 1 only steers, 2 is an adapter and the champion, 3 a whole model."""
    root = tmp_path_factory.mktemp("project")
    base = tiny_folder("llama")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ISOGLOSS_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        bundles = [promote_tiny(root / "steered", base, name="one")]
        for weights, parameters in (("adapter", "lora"), ("full", "full")):
            folder = trained_folder(root / weights, parameters=parameters, moved=0.2)
            bundles.append(
                promote_tiny(
                    root / f"{weights}-bundle",
                    base,
                    name=weights,
                    intervention=surgery(load_model(str(folder)).digest),
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


def found(root: Path, ref: str) -> PipelineModel:
    return whole_model(ref, uri=default_uri(root))


def promoted_on(root: Path, folder: Path, model: PipelineModel, **changes: str) -> Bundle:
    """A bundle as the stage writes it, on that model."""
    base = Base(
        ref=model.base_ref, digest=model.digest, num_layers=NUM_LAYERS, hidden_size=HIDDEN_SIZE,
        architecture="LlamaForCausalLM", merged_from=merged_from(model.path),
    ).model_copy(update=changes)  # fmt: skip
    return promote_tiny(folder, tiny_folder("llama"), base=base, intervention=surgery(base.digest))


def test_a_base_is_named_for_other_machines(root: Path) -> None:
    assert found(root, "models:/tiny@champion").base_ref == "models:/tiny/2", "the alias may move, the number stays"
    assert found(root, "models:/tiny/3").base_ref == "models:/tiny/3"
    assert found(root, "models:/tiny/1").base_ref == str(tiny_folder("llama"))
    assert found(root, "./adapter-bundle").base_ref == "./adapter-bundle"
    assert found(root, "./adapter/trained").base_ref == "./adapter/trained"


@pytest.mark.parametrize("number", [2, 3])
def test_it_loads_where_nothing_is_cached(root: Path, number: int, tmp_path: Path, monkeypatch) -> None:
    here = found(root, f"models:/tiny/{number}")
    bundle = promoted_on(root, tmp_path / "bundle", here)
    expected = load_model(here.ref).model.state_dict()
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "other"))
    model = isogloss.load(str(bundle.folder))
    got = model.loaded.model.state_dict()
    assert got.keys() == expected.keys()
    assert all(torch.equal(got[name], expected[name]) for name in got)
    assert len(model.generate(["¿Qué?"], languages="es", max_new_tokens=3)) == 1
    assert found(root, str(bundle.folder)).base_ref == f"models:/tiny/{number}", "and is a pipeline's model itself"


def test_what_was_merged_from_the_same_is_the_same_base(root: Path, tmp_path: Path) -> None:
    here = found(root, "models:/tiny/2")
    bundle = promoted_on(root, tmp_path / "bundle", replace(here, digest="a" * 64))
    assert isogloss.load(str(bundle.folder)).loaded.digest == "a" * 64, "its vectors were made on that one"
    other = promoted_on(root, tmp_path / "other", replace(here, digest="a" * 64), merged_from="b" * 64)
    with pytest.raises(RefusedError, match="was made on 'models:/tiny/2'"):
        isogloss.load(str(other.folder))


@pytest.mark.slow
def test_a_pipeline_on_a_version_promotes_what_names_it(root: Path, monkeypatch, tmp_path: Path) -> None:
    write_search_pipeline(root, tiny_folder("llama"), checkpoints=("unaligned",), trials=4)
    ended = command("run", "small.yaml", "--set", "model=models:/tiny@champion", "--until", "promote", cwd=root)
    assert ended.code == 0, ended.err
    folders = sorted((stage_folder(root, "promote") / "bundles").glob("*/"))
    assert folders, "a point was promoted"
    cache = str(writable_cache_dir())
    for folder in folders:
        assert read_json(folder / BUNDLE)["base"]["ref"] == "models:/tiny/2"
        texts = [path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.suffix in (".json", ".md")]
        assert not any(cache in text for text in texts)
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "other"))
    assert isogloss.load(str(folders[0])).loaded.num_layers == NUM_LAYERS
