"""Folders that hold a LoRA adapter made by this project: `adapter_config.json`, safetensors and `checkpoint.json`.

Such a folder is a model reference. Its digest is over the base's digest and the adapter's files, and it loads as its base
with the adapter merged into the weights, in float32, before they are cast.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from isogloss.errors import RefusedError, UserError
from isogloss.files import digest_of, read_json
from isogloss.models.cache import file_digests
from isogloss.models.quiet import quiet_transformers
from isogloss.models.reference import DESCRIPTION

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"


class Base(NamedTuple):
    """The model an adapter was trained on: its reference and the digest it had then."""

    name: str
    digest: str


def is_adapter(folder: Path) -> bool:
    """Whether `folder` holds an adapter that says what it was made from."""
    return (folder / CONFIG).is_file() and (folder / DESCRIPTION).is_file()


def base_of(folder: Path) -> Base:
    """The base named in the adapter's `checkpoint.json`. Raises UserError where it names none."""
    try:
        base = read_json(folder / DESCRIPTION)["base"]
        return Base(str(base["name"]), str(base["digest"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{folder / DESCRIPTION}: names no base model ({error!r}); train or fetch it again") from error


def adapter_digest(folder: Path, base_digest: str) -> str:
    """Hex sha256 over the base's digest and the names and contents of the adapter's files."""
    if not (folder / WEIGHTS).is_file():
        raise UserError(f"{folder}: the adapter lacks {WEIGHTS}; train or fetch it again")
    return digest_of({"base": base_digest, "adapter": file_digests(folder, [CONFIG, WEIGHTS])})


def check_base(folder: Path, base: Base, found_digest: str) -> None:
    """Raise RefusedError unless the base found under the recorded name is the one the adapter was trained on."""
    if found_digest != base.digest:
        raise RefusedError(
            f"{folder}: its adapter was trained on '{base.name}' with digest {base.digest}, and '{base.name}' now has "
            f"{found_digest}; an adapter fits its own base alone"
        )


def merged(model: Any, folder: Path) -> Any:
    """`model` (float32) with the adapter added into its weights; a plain model again."""
    from peft import PeftModel
    from safetensors import SafetensorError

    with quiet_transformers():
        try:
            return PeftModel.from_pretrained(model, str(folder)).merge_and_unload()
        except (SafetensorError, OSError, RuntimeError, ValueError, TypeError, KeyError) as error:
            raise UserError(f"{folder}: the adapter cannot be loaded onto its base: {error}") from error
