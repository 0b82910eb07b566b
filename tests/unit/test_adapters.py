"""Trained folders as model references: adapters merged into their base, and whole checkpoints."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from transformers import PreTrainedTokenizerBase

from isogloss.errors import RefusedError, UserError
from isogloss.files import damage, read_json, write_json
from isogloss.methods.model import load_trainable, save_trained
from isogloss.models.load import load_model, resolve
from isogloss.spec.align import LoraSection
from tiny_models import FAMILIES, make_tiny_model
from training_jobs import make_job, tiny_folder

IDS = torch.tensor([[2, 40, 41, 42, 43]])


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ISOGLOSS_CACHE", str(tmp_path / "cache"))


def trained_folder(tmp_path: Path, *, family: str = "gemma3_text", **settings: object) -> tuple[Path, torch.Tensor]:
    """A sealed folder with weights that differ from the base, and the logits they gave where they were trained."""
    job = make_job(tmp_path / "training", family=family, **{"parameters": "lora", **settings})
    model, tokenizer = load_trainable(job)
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter += 0.05 * torch.randn(parameter.shape, generator=draw)
        logits = model.eval()(input_ids=IDS).logits
    folder = tmp_path / "trained"
    save_trained(model, tokenizer, folder, job=job, step=7)
    return folder, logits


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("parameters", ["lora", "full"])
def test_a_trained_folder_loads_as_what_it_was(family: str, parameters: str, tmp_path: Path) -> None:
    folder, logits = trained_folder(tmp_path, family=family, parameters=parameters)
    loaded = load_model(str(folder))
    assert type(loaded.model) is type(load_model(str(tiny_folder(family))).model)
    with torch.no_grad():
        torch.testing.assert_close(loaded.model(input_ids=IDS).logits, logits, rtol=1e-4, atol=1e-4)
        base = load_model(str(tiny_folder(family))).model(input_ids=IDS).logits
    assert not torch.allclose(base, logits, atol=0.1)
    assert loaded.digest == resolve(str(folder)).digest != resolve(str(tiny_folder(family))).digest
    assert damage(folder) is None
    said = read_json(folder / "checkpoint.json")
    assert said["base"] == {
        "name": str(tiny_folder(family).resolve()),
        "digest": resolve(str(tiny_folder(family))).digest,
    }
    assert (said["method"], said["step"]) == ("mist", 7)
    assert said["settings"]["train"]["parameters"] == parameters


@pytest.mark.parametrize("parameters", ["lora", "full"])
def test_a_trained_model_can_share_its_base_s_tokenizer(parameters: str, tmp_path: Path) -> None:
    folder, _ = trained_folder(tmp_path, parameters=parameters)
    tokenizers: dict[str, PreTrainedTokenizerBase] = {}
    base = load_model(str(tiny_folder("gemma3_text")), tokenizers=tokenizers)
    other = load_model(str(tiny_folder("llama")), tokenizers=tokenizers)
    trained = load_model(str(folder), tokenizers=tokenizers)
    alone = load_model(str(folder))
    assert alone.tokenizer is not base.tokenizer is not other.tokenizer
    assert trained.tokenizer in tokenizers.values()
    assert trained.tokenizer is base.tokenizer or parameters == "full"
    for text in ("a b", "Qué?", "电话"):
        assert trained.tokenizer(text).input_ids == alone.tokenizer(text).input_ids


def test_the_digest_is_the_same_wherever_the_folder_lies(tmp_path: Path) -> None:
    folder, _ = trained_folder(tmp_path)
    shutil.copytree(folder, tmp_path / "moved")
    assert resolve(str(folder)).digest == resolve(str(tmp_path / "moved")).digest


def test_a_base_that_changed_is_refused(tmp_path: Path) -> None:
    base = make_tiny_model("llama", tmp_path / "base")
    job = make_job(tmp_path, parameters="lora").model_copy(
        update={"model_name": str(base), "model_path": base, "model_digest": resolve(str(base)).digest}
    )
    model, tokenizer = load_trainable(job)
    save_trained(model, tokenizer, tmp_path / "adapter", job=job, step=1)
    make_tiny_model("smollm", base)
    now = resolve(str(base)).digest
    with pytest.raises(RefusedError, match=f"with digest {job.model_digest}, and .* now has {now}"):
        resolve(str(tmp_path / "adapter"))
    with pytest.raises(RefusedError, match="the files changed in between"):
        load_trainable(job)


def test_folders_that_are_not_whole(tmp_path: Path) -> None:
    folder, _ = trained_folder(tmp_path)
    said = read_json(folder / "checkpoint.json")
    write_json(folder / "checkpoint.json", {"method": "mist"})
    with pytest.raises(UserError, match="names no base model"):
        resolve(str(folder))
    write_json(folder / "checkpoint.json", said)
    (folder / "adapter_model.safetensors").unlink()
    with pytest.raises(UserError, match=r"lacks adapter_model\.safetensors"):
        resolve(str(folder))
    (folder / "checkpoint.json").unlink()
    with pytest.raises(UserError, match=r"a PEFT adapter, not a model, and no checkpoint\.json"):
        resolve(str(folder))


def test_training_goes_on_from_a_trained_folder(tmp_path: Path) -> None:
    folder, logits = trained_folder(tmp_path)
    found = resolve(str(folder))
    job = make_job(tmp_path / "second", parameters="lora").model_copy(
        update={"model_name": str(folder), "model_path": folder, "model_digest": found.digest}
    )
    model, tokenizer = load_trainable(job)
    torch.testing.assert_close(model.eval()(input_ids=IDS).logits, logits, rtol=1e-4, atol=1e-4)
    save_trained(model, tokenizer, tmp_path / "twice", job=job, step=1)
    torch.testing.assert_close(
        load_model(str(tmp_path / "twice")).model(input_ids=IDS).logits, logits, rtol=1e-4, atol=1e-4
    )


def test_what_is_trained(tmp_path: Path) -> None:
    def names(trainable: str = "all", **settings: object) -> set[str]:
        model, _ = load_trainable(make_job(tmp_path, family="gemma3_multimodal", **settings), trainable=trainable)
        return {name for name, parameter in model.named_parameters() if parameter.requires_grad}

    everything = names()
    assert not any("vision" in name or "projector" in name for name in everything)
    assert any("embed_tokens" in name for name in everything)
    attention = names("attention")
    assert {name.split(".")[-2] for name in attention} == {"q_proj", "k_proj", "v_proj", "o_proj"}
    adapters = names(parameters="lora")
    assert not any("vision" in name or "lm_head" in name or "embed" in name for name in adapters)
    assert len(adapters) == 2 * 7 * 4
    assert len(names("attention", parameters="lora")) == 2 * 4 * 4
    assert len(names(parameters="lora", lora=LoraSection(targets=("down_proj",)))) == 2 * 4
    with pytest.raises(UserError, match=r"'q_prj' is no linear layer .*did you mean 'q_proj'"):
        names(parameters="lora", lora=LoraSection(targets=("q_prj",)))


def test_adapters_begin_alike_whatever_was_drawn_before(tmp_path: Path) -> None:
    job = make_job(tmp_path, parameters="lora")
    torch.manual_seed(1)
    first = dict(load_trainable(job).model.named_parameters())
    torch.manual_seed(2)
    second = dict(load_trainable(job).model.named_parameters())
    assert any("lora_A" in name for name in first)
    assert all(torch.equal(parameter, second[name]) for name, parameter in first.items())
