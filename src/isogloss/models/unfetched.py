"""A model of the Hugging Face Hub before it is here: whether it is, and its config without its weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from isogloss.errors import UserError
from isogloss.models.outline import read_config
from isogloss.models.published import published_config
from isogloss.models.reference import ModelRef, check_model_folder

if TYPE_CHECKING:
    from transformers import PretrainedConfig


def is_fetched(ref: ModelRef) -> bool:
    """Whether a Hub model's files are whole in the cache. Asks no network."""
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
    """The config of a Hub model: from the table of published ones, else its config.json alone, fetched or cached.

    Raises UserError where it is in neither and the Hub does not give it.
    """
    if (known := published_config(ref.name)) is not None:
        return known
    from isogloss.models.hub import snapshot

    return read_config(snapshot(ref, fetch=("config.json",), leave=("*/*",)))
