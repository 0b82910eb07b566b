"""A set's files on the Hugging Face Hub: which there are, and fetching those that are needed into its cache.

Whole files are fetched, at one commit, so that a file is either there and checked or not there at all; what the cache has is
not fetched again, and needs no connection.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from isogloss.data.sets.catalogue import PublishedSet
from isogloss.errors import UserError


class Unreachable(Exception):
    """The Hub did not answer, or is not to be asked."""


def looked_up(published: PublishedSet, revision: str) -> str | None:
    """The hash of the commit that a branch or tag stands for now, None where the Hub cannot be reached."""
    try:
        return _info(published, revision)[0]
    except Unreachable:
        return None


def listed(published: PublishedSet, commit: str) -> dict[str, int]:
    """Size in bytes of each file at that commit. Raises Unreachable, and UserError as :func:`fetched`."""
    return _info(published, commit)[1]


def cached(published: PublishedSet, commit: str) -> Path | None:
    """The folder of that commit in the cache, whatever it holds; None where there is none."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    repository = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=published.repo, repo_type="dataset")
    folder = repository / "snapshots" / commit
    return folder if folder.is_dir() else None


def fetched(published: PublishedSet, commit: str, sizes: Mapping[str, int]) -> Path:
    """The folder of that commit in the cache, with the files named in `sizes` (bytes) in it.

    Raises:
        Unreachable: no connection.
        UserError: gated, no such set or revision, too little disk.
    """
    import huggingface_hub as hub

    _require_space(published, commit, sizes)
    with _explained(published, commit):
        return Path(
            hub.snapshot_download(
                published.repo, repo_type="dataset", revision=commit, allow_patterns=[_literal(name) for name in sizes]
            )
        )


def _literal(name: str) -> str:
    """A file's name as a pattern that means it alone."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _info(published: PublishedSet, revision: str) -> tuple[str, dict[str, int]]:
    import huggingface_hub as hub

    with _explained(published, revision):
        info = hub.HfApi().dataset_info(published.repo, revision=revision, files_metadata=True)
    return str(info.sha), {file.rfilename: file.size or 0 for file in info.siblings or ()}


def _require_space(published: PublishedSet, commit: str, sizes: Mapping[str, int]) -> None:
    import huggingface_hub as hub

    cache = Path(hub.constants.HF_HUB_CACHE)
    missing = sum(
        size
        for name, size in sizes.items()
        if not isinstance(
            hub.try_to_load_from_cache(published.repo, name, revision=commit, repo_type="dataset"), str | Path
        )
    )
    place = next(folder for folder in (cache, *cache.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if free < missing:
        raise UserError(
            f"{published.title} needs {missing / 1e6:,.0f} MB more in {cache}, and {free / 1e6:,.0f} MB are free. "
            "Free some, or set HF_HOME to a folder on a larger disk"
        )


@contextmanager
def _explained(published: PublishedSet, revision: str) -> Iterator[None]:
    """The Hub's errors in words that a person can act on."""
    from huggingface_hub import constants, errors

    name = f"{published.title} ({published.repo})"
    try:
        yield
    except errors.GatedRepoError as error:
        raise UserError(
            f"{name} is gated: accept its terms at {published.page}, then log in (hf auth login) and run the same command "
            f"again; or fetch it into a mirror: {published.download(revision=revision)}"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise UserError(
            f"{name} has no revision '{revision}'; {published.revision} is the one that this version was made for"
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise UserError(f"{name} is not at {published.page}, or is private: log in (hf auth login)") from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled, ConnectionError) as error:
        raise Unreachable(" (HF_HUB_OFFLINE is set)" if constants.HF_HUB_OFFLINE else "") from error
    except errors.HfHubHTTPError as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{name}: the Hugging Face Hub did not give it: {reason[:300]}") from error
    except errors.HTTPError as error:  # Nothing answered.
        raise Unreachable("") from error
    except OSError as error:
        cache = constants.HF_HUB_CACHE
        if error.errno == errno.ENOSPC:
            raise UserError(
                f"{name}: the disk of the Hugging Face cache is full ({cache}); free some, or set HF_HOME to a folder on a "
                "larger one. What was fetched is kept"
            ) from error
        if error.errno is None:  # A file of another size than the Hub said.
            raise Unreachable(", or sends files that are cut off") from error
        raise UserError(
            f"{name}: the Hugging Face cache ({cache}) cannot be written ({error.strerror}); make it writable, or set HF_HOME "
            "to a folder that is. Files that are already there can be read with HF_HUB_OFFLINE=1"
        ) from error
