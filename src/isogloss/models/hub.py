"""Fetch a model's files from the Hugging Face Hub, or find them in its cache."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path

from isogloss.errors import UserError
from isogloss.models.reference import ModelRef


def snapshot(ref: ModelRef, *, fetch: Sequence[str], leave: Sequence[str]) -> Path:
    """The folder `…/snapshots/COMMIT` with the repository's files that match `fetch` and not `leave`.

    Raises:
        UserError: no such repository or revision, no access, no connection and nothing cached, or the disk is full.
    """
    import huggingface_hub as hub
    from huggingface_hub import errors

    where = f"model '{ref.text}'"
    at = f" --revision {ref.revision}" if ref.revision else ""
    beforehand = f"fetch it where there is a connection (hf download {ref.name}{at}), or name a local directory"
    try:
        return Path(
            hub.snapshot_download(
                ref.name, revision=ref.revision, allow_patterns=list(fetch), ignore_patterns=list(leave)
            )
        )
    except errors.GatedRepoError as error:
        raise UserError(
            f"{where} is gated: accept its licence at https://huggingface.co/{ref.name}, then log in (hf auth login)"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise UserError(f"{where}: {ref.name} has no revision '{ref.revision}'") from error
    except errors.RepositoryNotFoundError as error:
        raise UserError(
            f"{where}: no such model at https://huggingface.co/{ref.name}, or it is private (hf auth login), "
            "and no such directory here"
        ) from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled, ConnectionError) as error:
        offline = " (HF_HUB_OFFLINE is set)" if hub.constants.HF_HUB_OFFLINE else ""
        raise UserError(
            f"{where} is no directory here and not whole in the Hugging Face cache, and the Hub cannot be reached"
            f"{offline}; {beforehand}"
        ) from error
    except (errors.HFValidationError, errors.HTTPError) as error:
        raise UserError(f"{where}: the Hugging Face Hub did not give it: {error}") from error
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise UserError(f"{where}: the disk of the Hugging Face cache is full; free some, or set HF_HOME") from error
