"""Fetch a model's files from the Hugging Face Hub, or find them in its cache."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from isogloss.errors import UserError
from isogloss.files import digest_of, read_json, sha256_file, write_json
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


# --------------------------------------------------------------------------------------------------------------------
# The cache directory: converted models, file digests, the page's library. Everything in it can be made again.
#
# It is `ISOGLOSS_CACHE` where that is set, else the platform's usual place (`~/.cache/isogloss` on Linux).

VARIABLE = "ISOGLOSS_CACHE"


def cache_dir() -> Path:
    """Where the cache is. It need not exist yet."""
    import platformdirs

    return Path(os.environ.get(VARIABLE) or platformdirs.user_cache_dir("isogloss")).expanduser().absolute()


def writable_cache_dir() -> Path:
    """The cache directory, made if need be. Raises UserError where it cannot be written."""
    cache = cache_dir()
    try:
        cache.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(_not_writable(cache, error.strerror)) from error
    if not os.access(cache, os.W_OK | os.X_OK):
        raise UserError(_not_writable(cache, "permission denied"))
    return cache


def require_space(place: Path, need: int, *, purpose: str) -> None:
    """Raise UserError unless `need` bytes are free at `place`."""
    free = shutil.disk_usage(place).free
    if free < need:
        raise UserError(
            f"{purpose} needs {need / 1e9:.1f} GB in {place}, and {free / 1e9:.1f} GB are free. "
            f"Free some, or set {VARIABLE} to a directory on a larger disk"
        )


def file_digests(folder: Path, names: list[str]) -> dict[str, str]:
    """Hex sha256 of each named file; a file whose size and modification time are known is not read again.

    Hashing takes about 0.6 s per GB once a file is in memory, which is long for a model of 24 GB.
    """
    memo = cache_dir() / "digests" / f"{digest_of(str(folder.resolve()))[:32]}.json"
    known = _read_memo(memo)
    fresh: dict[str, dict[str, Any]] = {}
    for name in names:
        stat = (folder / name).stat()
        stamp = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
        entry = known.get(name, {})
        same = all(entry.get(key) == value for key, value in stamp.items())
        fresh[name] = {**stamp, "sha256": entry["sha256"] if same else sha256_file(folder / name)}
    if fresh != known:
        with contextlib.suppress(OSError):  # a cache that cannot be written costs time, nothing else
            write_json(memo, fresh)
    return {name: entry["sha256"] for name, entry in fresh.items()}


def _read_memo(path: Path) -> dict[str, dict[str, Any]]:
    try:
        memo = read_json(path)
    except (OSError, ValueError):
        return {}  # absent or damaged: the files are hashed anew
    return memo if isinstance(memo, dict) else {}


def _not_writable(cache: Path, reason: str | None) -> str:
    return f"the cache directory {cache} cannot be written ({reason}); set {VARIABLE} to a directory that can"


# --------------------------------------------------------------------------------------------------------------------
# Silence for calls into transformers whose bars and warnings say nothing to our users.


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """Without transformers' progress bars and warnings; both are as they were afterwards."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            # What other libraries do with it is theirs to mend.
            warnings.simplefilter("ignore", category=FutureWarning)
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
