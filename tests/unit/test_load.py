"""Loading any reference: the parts of a loaded model, its digest, and what is said of files that hold none."""

from __future__ import annotations

import json
import os
import shutil
import socket
from pathlib import Path
from typing import Any

import pytest

from isogloss.errors import UserError
from isogloss.models.hub import file_digests
from isogloss.models.load import load_model, model_digest, resolve
from isogloss.models.reference import ModelRef
from tiny_models import BOS_ID, FAMILIES, HIDDEN_SIZE, NUM_LAYERS, make_tiny_model

SENTENCES = {
    "en": "The capital of France is Paris.",
    "es": "¿Cuál es la capital de España?",
    "id": "Ibu kota Indonesia adalah Jakarta.",
    "ko": "대한민국의 수도는 서울이다.",
    "el": "Η πρωτεύουσα της Ελλάδας είναι η Αθήνα.",
    "zh": "中国的首都是哪里？",
    "ar": "عاصمة الجزائر هي",
    "spaces": " a  b   c\n\n\td",
}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model("llama", tmp_path_factory.mktemp("tiny") / "llama")


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    return shutil.copytree(tiny, tmp_path / "copy")


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_loads_ready_for_inference(family: str, tmp_path: Path) -> None:
    import torch

    folder = make_tiny_model(family, tmp_path / family)
    loaded = load_model(str(folder))
    assert (loaded.num_layers, loaded.hidden_size, loaded.dtype) == (NUM_LAYERS, HIDDEN_SIZE, "float32")
    assert loaded.path == folder
    assert loaded.ref.kind == "local"
    assert not loaded.model.training
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())
    assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.float32}
    assert loaded.model.config.get_text_config()._attn_implementation == ("eager" if family == "gemma2" else "sdpa")
    ids = loaded.tokenizer(SENTENCES["ko"], return_tensors="pt").input_ids
    with torch.no_grad():
        logits = loaded.model(input_ids=ids).logits
    assert logits.shape == (1, ids.shape[1], logits.shape[-1])
    assert logits.isfinite().all()
    assert logits.std() > 0.1  # not a model that says the same of everything


def test_the_multimodal_class_stays_whole(tmp_path: Path) -> None:
    loaded = load_model(str(make_tiny_model("gemma3_multimodal", tmp_path / "m")))
    assert type(loaded.model).__name__ == "Gemma3ForConditionalGeneration"


def test_tiny_models_do_not_vary(tmp_path: Path) -> None:
    once, twice = (make_tiny_model("qwen3", tmp_path / name) for name in ("once", "twice"))
    assert model_digest(once) == model_digest(twice)


def test_tiny_tokenizer_spells_any_text(tiny: Path) -> None:
    tokenizer = load_model(str(tiny)).tokenizer
    for text in SENTENCES.values():
        ids = tokenizer(text).input_ids
        assert ids[0] == BOS_ID
        assert tokenizer.decode(ids, skip_special_tokens=True) == text
    assert len(tokenizer(" A", add_special_tokens=False).input_ids) == 1


def test_bfloat16(tiny: Path) -> None:
    import torch

    loaded = load_model(str(tiny), dtype="bfloat16")
    assert loaded.dtype == "bfloat16"
    assert {parameter.dtype for parameter in loaded.model.parameters()} == {torch.bfloat16}


@pytest.mark.parametrize(
    ("dtype", "said"), [("float16", "overflows"), ("bfloat", "did you mean 'bfloat16'"), ("int8", "not known")]
)
def test_other_dtypes_are_refused(tiny: Path, dtype: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        load_model(str(tiny), dtype=dtype)


def test_unknown_devices_are_refused(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    with pytest.raises(UserError, match="'gpu' is not known"):
        load_model(str(tiny), device="gpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="no CUDA"):
        load_model(str(tiny), device="cuda:0")


def test_pad_falls_back_to_eos(copy: Path) -> None:
    config = json.loads((copy / "tokenizer_config.json").read_text())
    config.pop("pad_token")
    (copy / "tokenizer_config.json").write_text(json.dumps(config))
    assert load_model(str(copy)).tokenizer.pad_token == "<eos>"
    config.pop("eos_token")
    (copy / "tokenizer_config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match="neither a pad nor an eos token"):
        load_model(str(copy))


def test_digest_is_of_what_the_model_is(tiny: Path, copy: Path) -> None:
    digest = resolve(str(tiny)).digest
    assert resolve(str(copy)).digest == digest
    (copy / "README.md").write_text("notes")
    (copy / "generation_config.json").write_text("{}")
    assert resolve(str(copy)).digest == digest
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        whole = (copy / name).read_bytes()
        (copy / name).write_bytes(whole + b" ")
        assert resolve(str(copy)).digest != digest, name
        (copy / name).write_bytes(whole)
    assert resolve(str(copy)).digest == digest


def test_known_files_are_not_hashed_again(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(path: Path) -> str:
        read.append(path.name)
        return "0" * 64

    monkeypatch.setattr("isogloss.models.hub.sha256_file", counted)
    names = ["config.json", "model.safetensors"]
    file_digests(copy, names)
    file_digests(copy, names)
    assert read == names
    stat = (copy / "config.json").stat()
    os.utime(copy / "config.json", ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    file_digests(copy, names)
    assert read == [*names, "config.json"]


@pytest.mark.parametrize("damage", ["garbage", "unwritable"])
def test_the_digest_memo_is_only_a_help(
    copy: Path, damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = model_digest(copy)
    if damage == "garbage":
        (memo,) = Path(os.environ["ISOGLOSS_CACHE"], "digests").iterdir()
        memo.write_text("{")
    else:
        (tmp_path / "file").touch()
        monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "file" / "below"))
    assert model_digest(copy) == digest


def test_cut_off_weights_are_said_so(copy: Path) -> None:
    weights = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    with pytest.raises(UserError, match="cannot be loaded"):
        load_model(str(copy))


def test_missing_weights_are_not_made_up(copy: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(copy / "model.safetensors")
    del weights["model.layers.2.mlp.up_proj.weight"]
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"lack 1 of the weights.*layers\.2\.mlp\.up_proj"):
        load_model(str(copy))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model_type": "no-such-architecture"}, "cannot be used"),
        ({"model_type": "t5"}, "not a causal"),
        ({"model_type": "siglip_vision_model"}, "not a causal"),
        ({"hidden_size": 64}, "cannot be loaded"),
    ],
)
def test_configs_that_do_not_fit(copy: Path, change: dict[str, Any], said: str) -> None:
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(UserError, match=said):
        load_model(str(copy))


def test_the_repositorys_own_code_is_not_run(copy: Path) -> None:
    config = json.loads((copy / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}}
    (copy / "config.json").write_text(json.dumps(config))
    (copy / "own.py").write_text(f"open({str(copy / 'ran')!r}, 'w')")
    with pytest.raises(UserError, match="cannot be used"):
        load_model(str(copy))
    assert not (copy / "ran").exists()


def test_no_tokenizer(copy: Path) -> None:
    for path in copy.glob("tokenizer*"):
        path.unlink()
    with pytest.raises(UserError, match="no tokenizer that can be loaded"):
        load_model(str(copy))


def test_a_local_folder_is_checked_again_when_resolved(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    ref = ModelRef(kind="local", name=str(copy), revision=None, text="mine")
    with pytest.raises(UserError, match=r"'mine'.*no \*\.safetensors"):
        resolve(ref)


def test_the_registry_is_not_a_base_model() -> None:
    with pytest.raises(UserError, match="registry cannot be named as a base model"):
        resolve("models:/steered@champion")


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_a_cached_hub_model_loads_offline_and_records_its_commit(tiny: Path, hub_cache: Path) -> None:
    repository = hub_cache / "models--org--name"
    shutil.copytree(tiny, repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    for text in ("org/name", "org/name@main", f"org/name@{COMMIT}"):
        found = resolve(text)
        assert (found.ref.kind, found.ref.name, found.ref.revision) == ("hub", "org/name", COMMIT)
        assert found.digest == resolve(str(tiny)).digest
    assert load_model("org/name").num_layers == NUM_LAYERS


def test_a_translation_model_is_fetched_with_all_its_tokenizers(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub
    from huggingface_hub.utils import filter_repo_objects

    repository = tmp_path / "repository"
    shutil.copytree(tiny, repository)
    marian = ("source.spm", "target.spm", "vocab.json", "target_vocab.json")
    for name in (*marian, "pytorch_model.bin", "README.md"):
        (repository / name).write_text(name)

    def fetch(_repo: str, *, revision: str | None, allow_patterns: list[str], ignore_patterns: list[str]) -> str:
        out = tmp_path / "snapshots" / (revision or COMMIT)
        out.mkdir(parents=True)
        names = [path.name for path in repository.iterdir()]
        for name in filter_repo_objects(names, allow_patterns=allow_patterns, ignore_patterns=ignore_patterns):
            shutil.copy(repository / name, out)
        return str(out)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    found = resolve("org/name")
    names = {path.name for path in found.path.iterdir()}
    assert set(marian) <= names
    assert not names & {"pytorch_model.bin", "README.md"}
    (found.path / "target.spm").write_text("another")
    assert resolve(str(found.path)).digest != found.digest


def test_a_hub_model_out_of_reach_says_how_to_fetch_it(hub_cache: Path) -> None:
    with pytest.raises(UserError, match=r"HF_HUB_OFFLINE is set.*hf download org/name --revision v2"):
        resolve("org/name@v2")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("GatedRepoError", "accept its licence at https://huggingface.co/org/name"),
        ("RepositoryNotFoundError", "no such model at https://huggingface.co/org/name"),
        ("RevisionNotFoundError", "no revision 'v2'"),
        ("HfHubHTTPError", "did not give it"),
    ],
)
def test_what_the_hub_says_is_passed_on(error: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub
    from huggingface_hub import errors

    kind: Any = getattr(errors, error)

    def refuse(*_args: Any, **_kwargs: Any) -> str:
        raise kind.__new__(kind, "refused")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(UserError, match=said):
        resolve("org/name@v2")


def test_a_full_disk_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    import huggingface_hub

    def full(*_args: Any, **_kwargs: Any) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", full)
    with pytest.raises(UserError, match="disk of the Hugging Face cache is full"):
        resolve("org/name")


@pytest.mark.model
def test_the_embedded_model_and_its_tokenizer(embedded: Any) -> None:
    assert (embedded.num_layers, embedded.hidden_size, embedded.ref.kind) == (18, 640, "embedded")
    tokenizer = embedded.tokenizer
    assert (tokenizer.pad_token, tokenizer.pad_token_id) == ("<pad>", 0)
    for text in SENTENCES.values():
        ids = tokenizer(text).input_ids
        assert ids[0] == tokenizer.bos_token_id == 2
        assert tokenizer.decode(ids, skip_special_tokens=True) == text
    for letter in "ABCD":
        assert len(tokenizer(f" {letter}", add_special_tokens=False).input_ids) == 1


@pytest.mark.model
def test_the_embedded_model_knows_something(embedded: Any) -> None:
    import torch

    tokenizer = embedded.tokenizer
    cities = ("Paris", "Berlin", "Madrid", "London", "Rome", "Jakarta", "Seoul", "Athens")
    options = [tokenizer(f" {city}", add_special_tokens=False).input_ids[0] for city in cities]
    for country, city in {"France": "Paris", "Indonesia": "Jakarta", "Greece": "Athens"}.items():
        ids = tokenizer(f"The capital of {country} is", return_tensors="pt").input_ids
        with torch.no_grad():
            logits = embedded.model(input_ids=ids, logits_to_keep=1).logits[0, -1]
        assert cities[int(logits[options].argmax())] == city


def test_loading_touches_no_network(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **_kwargs: Any) -> None:
        raise AssertionError(f"network: {args}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert load_model(str(tiny)).num_layers == NUM_LAYERS
