"""A model before it is here: whether it is, and its config without its weights. The embedded one before it is converted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from isogloss.errors import UserError
from isogloss.models.embedded import is_converted
from isogloss.models.outline import read_config
from isogloss.models.published import published_config
from isogloss.models.reference import ModelRef, check_model_folder

if TYPE_CHECKING:
    from transformers import PretrainedConfig


#: The embedded model among the published ones.
_EMBEDDED = "google/gemma-3-270m"


def is_fetched(ref: ModelRef) -> bool:
    """Whether a model's files are whole on this machine, in the form in which they load. Asks no network."""
    if ref.kind == "embedded":
        return is_converted()
    if ref.kind != "hub":
        return True
    import huggingface_hub as hub
    from huggingface_hub import errors

    try:
        folder = hub.snapshot_download(ref.name, revision=ref.revision, local_files_only=True)
    except (errors.LocalEntryNotFoundError, errors.HFValidationError):
        return False
    try:
        check_model_folder(Path(folder), text=ref.text)
    except UserError:
        return False
    return True


def config_of_unfetched(ref: ModelRef) -> PretrainedConfig:
    """The config of a model: of a directory its own; of a Hub model, or the embedded one, that of the table of published
    ones, else the model's config.json alone, fetched or cached.

    Raises UserError where it is in neither and the Hub does not give it.
    """
    if ref.kind == "local":
        return read_config(Path(ref.name))
    if (known := published_config(_EMBEDDED if ref.kind == "embedded" else ref.name)) is not None:
        return known
    from isogloss.models.hub import snapshot

    return read_config(snapshot(ref, fetch=("config.json",), leave=("*/*",)))
