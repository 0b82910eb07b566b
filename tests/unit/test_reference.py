"""What each way of naming a model means, and what is said of names that mean nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from isogloss.errors import UserError
from isogloss.models.reference import ModelRef, parse_model_ref


def model_folder(path: Path, *names: str) -> Path:
    path.mkdir(parents=True)
    for name in names:
        (path / name).write_text("{}")
    return path


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    return model_folder(tmp_path / "whole", "config.json", "model.safetensors")


def test_embedded() -> None:
    assert parse_model_ref(" embedded ") == ModelRef(kind="embedded", name="embedded", revision=None, text="embedded")


@pytest.mark.parametrize(
    ("text", "name", "revision"),
    [
        ("google/gemma-3-12b-pt", "google/gemma-3-12b-pt", None),
        ("Qwen/Qwen3-0.6B@main", "Qwen/Qwen3-0.6B", "main"),
        ("org/name@refs/pr/3", "org/name", "refs/pr/3"),
    ],
)
def test_hub(text: str, name: str, revision: str | None) -> None:
    assert parse_model_ref(text) == ModelRef(kind="hub", name=name, revision=revision, text=text)


@pytest.mark.parametrize(
    ("text", "name", "revision"),
    [("models:/steered@champion", "steered", "champion"), ("models:/steered/3", "steered", "3")],
)
def test_registry(text: str, name: str, revision: str) -> None:
    assert parse_model_ref(text) == ModelRef(kind="registry", name=name, revision=revision, text=text)


@pytest.mark.parametrize("text", ["models:/steered", "models:/", "models:steered@champion", "models:/a/b/c"])
def test_registry_without_a_version_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="models:/NAME@alias"):
        parse_model_ref(text)


def test_local_paths(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(whole.parent)
    monkeypatch.setenv("HOME", str(whole.parent))
    for text in (str(whole), "./whole", "whole", "~/whole", "../" + whole.parent.name + "/whole"):
        assert parse_model_ref(text) == ModelRef(kind="local", name=str(whole), revision=None, text=text)


def test_an_existing_directory_comes_before_the_hub_and_a_revision_means_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model_folder(tmp_path / "org" / "name", "config.json", "model.safetensors")
    monkeypatch.chdir(tmp_path)
    assert parse_model_ref("org/name").kind == "local"
    assert parse_model_ref("org/name@main").kind == "hub"
    (tmp_path / "org" / "name" / "config.json").unlink()
    with pytest.raises(UserError, match=r"no config\.json.*write 'org/name@main'"):
        parse_model_ref("org/name")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("embeded", "did you mean 'embedded'"),
        ("Embedded", "did you mean 'embedded'"),
        ("gpt2", "org/name"),
        ("/nowhere/at/all", "no such directory"),
        ("./nowhere", "no such directory"),
        ("~nobody-of-that-name/model", "no such directory"),
        ("a/b/c", "no such directory"),
        ("org/name with space", "no such directory"),
        ("model.gguf", "GGUF files are not read"),
        ("org/model.gguf", "GGUF files are not read"),
    ],
)
def test_bad_names_say_what_to_do(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        parse_model_ref(text)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "no config.json"),
        (["model.safetensors"], "no config.json"),
        (["config.json"], "no *.safetensors"),
        (["config.json", "m.gguf"], "GGUF files are not read"),
        (["config.json", "pytorch_model.bin"], "refused, the weights are pickles (pytorch_model.bin)"),
        (["config.json", "consolidated.00.pth"], "refused, the weights are pickles"),
        (["adapter_config.json", "adapter_model.safetensors"], "is a PEFT adapter, not a model"),
        (["adapter_config.json", "config.json", "model.safetensors"], "is a PEFT adapter, not a model"),
    ],
)
def test_folders_without_a_model_that_may_be_loaded(tmp_path: Path, names: list[str], said: str) -> None:
    folder = model_folder(tmp_path / "model", *names)
    with pytest.raises(UserError) as caught:
        parse_model_ref(str(folder))
    assert said in str(caught.value)
    assert str(folder) in str(caught.value)


def test_pickles_beside_safetensors_do_no_harm(whole: Path) -> None:
    (whole / "training_args.bin").write_bytes(b"")
    assert parse_model_ref(str(whole)).kind == "local"


def test_files_are_not_models(whole: Path) -> None:
    with pytest.raises(UserError, match="is a file; name the directory"):
        parse_model_ref(str(whole / "model.safetensors"))
    gguf = whole / "m.gguf"
    gguf.write_bytes(b"GGUF")
    with pytest.raises(UserError, match="GGUF files are not read"):
        parse_model_ref(str(gguf))


def test_missing_shards_are_named(tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "model", "config.json", "model-00001-of-00002.safetensors")
    index = folder / "model.safetensors.index.json"
    index.write_text(
        '{"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}'
    )
    with pytest.raises(UserError, match=r"lacks model-00002-of-00002\.safetensors"):
        parse_model_ref(str(folder))
    index.write_text('["not an index"]')
    with pytest.raises(UserError, match="not an index of safetensors"):
        parse_model_ref(str(folder))


def test_references_are_read_without_heavy_imports() -> None:
    heavy = {"torch", "transformers", "numpy", "gguf", "mlflow", "huggingface_hub"}
    code = (
        "import sys, isogloss.models.load; from isogloss.models import parse_model_ref; parse_model_ref('a/b');"
        f"print(*sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
