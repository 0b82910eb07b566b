"""Model references: the few ways to name a model, read without loading anything.

=====================  =============================================================================================
`embedded`             Gemma-3-270M, carried by a package
a directory            absolute, starting with `./`, `../` or `~`, or any existing directory; a whole model, or an
                       adapter with the `checkpoint.json` that names its base
`org/name[@revision]`  the Hugging Face Hub; a directory of that name below the working directory comes first, and
                       naming a revision (`org/name@main`) always means the Hub
`models:/NAME@alias`   the MLflow registry; also `models:/NAME/3` for version 3
=====================  =============================================================================================
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from isogloss.errors import UserError, did_you_mean

EMBEDDED = "embedded"
#: In a trained model's folder: method, settings, base model's reference and digest, step, digests of the data.
DESCRIPTION = "checkpoint.json"
WAYS = "'embedded', a directory, org/name[@revision] from the Hugging Face Hub, or models:/NAME@alias"

_HUB = re.compile(r"(?P<name>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(@(?P<revision>[^@\s]+))?")
_REGISTRY = re.compile(r"models:/(?P<name>[^@/:]+)(@(?P<alias>[^@/:\s]+)|/(?P<version>\d+))")
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRef:
    """A model by name. `name` is `embedded`, an absolute path, `org/name`, or the registered name.

    `revision` is the Hub's branch, tag or commit, or the registry's alias or version number; None where none was
    named. `text` is the reference as it was written.
    """

    kind: Literal["embedded", "local", "hub", "registry"]
    name: str
    revision: str | None
    text: str

    def __str__(self) -> str:
        return self.text


def parse_model_ref(text: str) -> ModelRef:
    """Read a reference; a local directory is checked for a config and safetensors.

    Raises:
        UserError: nothing of the kind can be meant, or the directory holds no model that may be loaded.
    """
    text = text.strip()
    if not text:
        raise UserError(f"the model reference is empty; it takes {WAYS}")
    if text == EMBEDDED:
        return ModelRef(kind="embedded", name=EMBEDDED, revision=None, text=text)
    if text.startswith("models:"):
        return _registry_ref(text)

    path = Path(os.path.expanduser(text))  # noqa: PTH111 - leaves the ~ of an unknown user as it is
    if text.startswith(("/", "./", "../", "~")) or text in (".", "..") or path.exists():
        check_model_folder(path, text=text)
        return ModelRef(kind="local", name=str(path.resolve()), revision=None, text=text)
    if match := _HUB.fullmatch(text):
        if text.endswith(".gguf"):
            raise UserError(_no_gguf(text))
        return ModelRef(kind="hub", name=match["name"], revision=match["revision"], text=text)
    if "/" in text:
        raise UserError(f"model '{text}': no such directory, and not an org/name from the Hugging Face Hub")
    if text.endswith(".gguf"):
        raise UserError(_no_gguf(text))
    raise UserError(f"model '{text}' is not known{did_you_mean(text.lower(), [EMBEDDED])}; a model is {WAYS}")


def _registry_ref(text: str) -> ModelRef:
    match = _REGISTRY.fullmatch(text)
    if match is None:
        raise UserError(f"model '{text}': a registered model is models:/NAME@alias or models:/NAME/3")
    return ModelRef(kind="registry", name=match["name"], revision=match["alias"] or match["version"], text=text)


def check_model_folder(folder: Path, *, text: str) -> None:
    """Raise UserError unless `folder` holds a config and all its safetensors; `text` is how the user named it."""
    where = f"model '{text}'"
    if not folder.exists():
        raise UserError(f"{where}: no such directory")
    if folder.suffix == ".gguf":
        raise UserError(_no_gguf(text))
    if not folder.is_dir():
        raise UserError(f"{where} is a file; name the directory that holds config.json and the safetensors")

    names = {path.name for path in folder.iterdir()}
    if "adapter_config.json" in names:
        if DESCRIPTION in names:
            return
        raise UserError(
            f"{where} is a PEFT adapter, not a model, and no {DESCRIPTION} names its base. Merge it into that first: "
            "PeftModel.from_pretrained(base, adapter).merge_and_unload().save_pretrained(DIRECTORY), "
            "save the tokenizer there too, and name that directory"
        )
    has_weights = any(name.endswith(".safetensors") for name in names)
    pickles = sorted(name for name in names if name.endswith(_PICKLES))
    if not has_weights and pickles:
        raise UserError(
            f"{where}: refused, the weights are pickles ({', '.join(pickles[:3])}), which can run code when they are "
            "read. Only safetensors are loaded. If you trust the files, convert them: "
            "AutoModelForCausalLM.from_pretrained(DIRECTORY, use_safetensors=False).save_pretrained(NEW_DIRECTORY)"
        )
    if "config.json" not in names:
        also_hub = f"; for the Hub's model of that name write '{text}@main'" if _HUB.fullmatch(text) else ""
        raise UserError(f"{where}: no config.json in {folder}, so this is not a model's directory{also_hub}")
    if not has_weights:
        gguf = " GGUF files are not read." if any(name.endswith(".gguf") for name in names) else ""
        raise UserError(f"{where}: no *.safetensors in {folder}; only safetensors are loaded.{gguf}")
    if missing := _missing_shards(folder):
        raise UserError(f"{where}: the weights are incomplete, {folder} lacks {', '.join(missing)}; fetch them again")


def _missing_shards(folder: Path) -> list[str]:
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return []
    try:
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{index}: not an index of safetensors ({error}); fetch it again") from error
    return sorted(name for name in shards if not (folder / name).is_file())


def _no_gguf(text: str) -> str:
    return (
        f"model '{text}': GGUF files are not read. Convert it to safetensors: AutoModelForCausalLM.from_pretrained("
        "DIRECTORY, gguf_file=FILE), or name the original model on the Hugging Face Hub"
    )
