"""A set's files on the Hugging Face Hub: which there are, and fetching those that are needed into its cache.

Whole files are fetched, at one commit, so that a file is either there and checked or not there at all; what the cache has is
not fetched again, and needs no connection.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from isogloss.data.published.catalogue import PublishedSet, data_files
from isogloss.errors import UserError
from isogloss.files import read_json, sha256_file, write_json


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


# --------------------------------------------------------------------------------------------------------------------
# Which commit of a set on the Hub is read: a hash as it stands, a branch or tag looked up once and then kept.
#
# What a branch stood for is kept in `mlruns/datasets.lock.json`, so that a rerun reads the same rows and needs no connection to
# know its stages. To follow the branch, take the entry out; to choose, name a hash.

#: In the folder that a pipeline is run in.
LOCK = Path("mlruns") / "datasets.lock.json"


def is_commit(revision: str) -> bool:
    """Whether a revision is the hash of a commit, written out."""
    return re.fullmatch(r"[0-9a-f]{40}", revision) is not None


def commit_of(published: PublishedSet, revision: str | None = None, *, lock: Path = LOCK) -> str | None:
    """The hash of the commit that `revision` (default: the set's own) names; None where only the Hub could say.

    Raises UserError for a revision that the Hub does not have, and for a lock that cannot be read.
    """
    wanted = revision or published.revision
    if is_commit(wanted):
        return wanted
    entry = f"{published.repo}@{wanted}"
    locked = _locked(lock)
    if entry not in locked:
        found = looked_up(published, wanted)
        if found is None:
            return None
        locked = {**_locked(lock), entry: found}
        write_json(lock, locked)
    return locked[entry]


def _locked(lock: Path) -> dict[str, str]:
    if not lock.is_file():
        return {}
    try:
        entries = read_json(lock)
        if isinstance(entries, dict) and all(is_commit(str(value)) for value in entries.values()):
            return entries
    except ValueError:
        entries = None
    raise UserError(f"{lock}: is no record of data sets' revisions (SET@BRANCH: commit hash); mend it or take it away")


# --------------------------------------------------------------------------------------------------------------------
# Whether the files of a set are all there, as they were fetched: a download that broke off leaves a set that reads well.
#
# Three things tell. huggingface_hub keeps the listing of a commit beside what it fetches of it, and notes the commit and, for a
# large file, the sha256; and a file that is one of several has their number in its name (`test-00000-of-00002.parquet`).

#: Where `hf download --local-dir` notes from which commit each file came.
_NOTES = Path(".cache") / "huggingface" / "download"
_PART = re.compile(r"(.*)(?<!\d)(\d{5})-of-(\d{5})(?!\d)")


def kept_listing(published: PublishedSet, commit: str, *, mirror: Path | None = None) -> dict[str, int] | None:
    """Size in bytes of each file of that commit, as kept in the Hugging Face cache or in the set's folder of a `mirror`.

    None where nothing was kept: files put there by hand, or by a huggingface_hub older than this.
    """
    import huggingface_hub as hub

    if not hasattr(hub, "get_cached_repo_tree"):
        return None
    try:
        entries = hub.get_cached_repo_tree(published.repo, repo_type="dataset", revision=commit, local_dir=mirror)
    except hub.errors.CachedRepoTreeNotFoundError:
        return None
    return {entry.path: entry.size for entry in entries}


def unfetched(folder: Path, sizes: Mapping[str, int]) -> list[str]:
    """Those of the files in `sizes` (bytes, 0 where a listing does not say) that the folder lacks, or has in another size."""
    return [
        name
        for name, size in sizes.items()
        if not (folder / name).is_file() or (size and (folder / name).stat().st_size != size)
    ]


def parts_lacking(names: Iterable[str]) -> list[str]:
    """Names of the parts that are not among `names`, where others of the same file are."""
    numbers: dict[tuple[str, str], set[int]] = defaultdict(set)
    for name in names:
        if found := _PART.match(name):
            numbers[found[1], found[3]].add(int(found[2]))
    return [
        f"{before}{number:05d}-of-{total}"
        for (before, total), there in sorted(numbers.items())
        for number in sorted(set(range(int(total))) - there)
    ]


def noted_commit(folder: Path, name: str) -> str | None:
    """The commit from which `hf download` says that it fetched a file."""
    commit = _note(folder, name)[0]
    return commit if re.fullmatch(r"[0-9a-f]{40}", commit) else None


def changed(folder: Path, name: str) -> bool:
    """Whether a large file's sha256 is another than the one that was noted when it was fetched."""
    content = _note(folder, name)[1]
    return re.fullmatch(r"[0-9a-f]{64}", content) is not None and sha256_file(folder / name) != content


def _note(folder: Path, name: str) -> tuple[str, str]:
    note = folder / _NOTES / f"{name}.metadata"
    lines = note.read_text(encoding="utf-8").split("\n") if note.is_file() else []
    commit, etag = (*(line.strip() for line in lines[:2]), "", "")[:2]
    return commit, etag


# --------------------------------------------------------------------------------------------------------------------
# Where a set's files are read from: a local mirror where one is named, else the Hugging Face Hub and its cache.
#
# A mirror is a folder with `ORG/NAME/…` as on the Hub. Nothing that a mirror lacks is fetched behind its back.

#: Folder of the mirror, where no setting names one.
MIRROR = "ISOGLOSS_MIRROR"

#: What is wanted of a set: files by label (a language, a country), chosen among all names.
Wanted = Mapping[str, Callable[[Sequence[str]], list[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SetFiles:
    """Files of a set by label. `revision` is a commit's hash, None for a mirror that does not say; `mend` fetches them."""

    published: PublishedSet
    folder: Path
    revision: str | None
    parts: dict[str, tuple[Path, ...]]
    mend: str

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every file once."""
        return tuple(dict.fromkeys(path for paths in self.parts.values() for path in paths))

    def digests(self) -> dict[str, str]:
        """sha256 of every file by its name in the set."""
        return {path.relative_to(self.folder).as_posix(): sha256_file(path) for path in self.paths}


def mirror_folder(setting: Path | None) -> Path | None:
    """The mirror that a setting names, else the environment; None for the Hub. Raises UserError where there is none."""
    named = setting or (Path(os.environ[MIRROR]) if os.environ.get(MIRROR) else None)
    if named is None:
        return None
    folder = named.expanduser()
    if not folder.is_dir():
        where = "" if setting is not None else f" ({MIRROR})"
        raise UserError(f"mirror {named}{where}: no such folder; a mirror holds ORG/NAME/… as on the Hugging Face Hub")
    return folder


def open_files(
    published: PublishedSet, wanted: Wanted, *, mirror: Path | None = None, revision: str | None = None
) -> SetFiles:
    """The wanted files, fetched where need be.

    Raises UserError with the command that mends it: not in the mirror, of another revision, gated, no connection, a
    language without a file, too little disk.
    """
    folder = mirror_folder(mirror)
    if folder is not None:
        return _in_mirror(published, wanted, folder, revision or published.revision)
    commit = commit_of(published, revision)
    at = commit or revision or published.revision
    offline = ""
    if commit is not None:
        sizes: Mapping[str, int] | None = None
        try:
            sizes = listed(published, commit)
            parts = _chosen(published, wanted, list(sizes), f"{published.page}/tree/{commit}", at=at)
            needed = {name: sizes[name] for names in parts.values() for name in names}
            return _files(published, fetched(published, commit, needed), parts, commit)
        except Unreachable as error:
            offline = str(error)
            if (files := _in_cache(published, wanted, commit, sizes)) is not None:
                return files
    raise UserError(
        f"{published.title} ({published.repo}) is not whole in the Hugging Face cache, and the Hub cannot be reached{offline}. "
        f"Run the same command again where there is a connection: what was fetched is kept. Or fetch it there into a mirror: "
        f"{published.download(revision=at)}; then set data.mirror (--mirror, or {MIRROR}) to DIR"
    )


def _in_cache(published: PublishedSet, wanted: Wanted, commit: str, sizes: Mapping[str, int] | None) -> SetFiles | None:
    """The wanted files where all of them were fetched before, None where one is missing.

    Which there should be is told by the commit's listing: without it, half of a set looks like a set.
    """
    folder = cached(published, commit)
    if folder is None:
        return None
    sizes = (
        sizes or kept_listing(published, commit) or {name: (folder / name).stat().st_size for name in _names(folder)}
    )
    parts = {label: choose(data_files(sizes)) for label, choose in wanted.items()}
    needed = {name: sizes[name] for names in parts.values() for name in names}
    if not all(parts.values()) or unfetched(folder, needed) or parts_lacking(needed):
        return None
    return _files(published, folder, parts, commit)


def identity(
    published: PublishedSet, wanted: Wanted, *, mirror: Path | None = None, revision: str | None = None
) -> dict[str, object]:
    """What decides which rows are read, without fetching anything: the commit, or the sha256 of a mirror's files.

    The commit of a branch that was never looked up is None where the Hub cannot be reached.
    """
    folder = mirror_folder(mirror)
    if folder is None:
        return {"set": published.name, "revision": commit_of(published, revision)}
    files = _in_mirror(published, wanted, folder, revision or published.revision)
    return {"set": published.name, "files": {label: [*map(sha256_file, paths)] for label, paths in files.parts.items()}}


def _in_mirror(published: PublishedSet, wanted: Wanted, mirror: Path, revision: str) -> SetFiles:
    folder = next((mirror / repo for repo in (published.repo, *published.also) if (mirror / repo).is_dir()), None)
    if folder is None:
        raise UserError(
            f"{mirror}: the mirror has no {published.repo}. Fetch it where there is a connection: "
            f"{published.download(revision=revision, into=str(mirror))}"
        )
    parts = _chosen(published, wanted, _names(folder), str(folder), at=revision, mirror=mirror)
    needed = list(dict.fromkeys(name for names in parts.values() for name in names))
    commits = {commit for name in needed if (commit := noted_commit(folder, name))}
    if is_commit(revision) and (others := commits - {revision}):
        raise UserError(
            f"{folder}: was fetched at revision {', '.join(sorted(others))}, and {revision} is asked for. Fetch that one: "
            f"{published.download(revision=revision, into=str(mirror))}; or say that the other is meant: "
            f"data.revisions: {{{published.name}: {min(others)}}}"
        )
    mend = published.download(revision=revision, into=str(mirror))
    for commit in commits:
        sizes = kept_listing(published, commit, mirror=folder) or {}
        should = {name: sizes[name] for choose in wanted.values() for name in choose(data_files(sizes))}
        if lacking := unfetched(folder, should):
            raise UserError(
                f"{folder}: {_some(lacking)} is missing or cut off, as a download that broke off leaves it (revision {commit} "
                f"has it whole). Fetch the rest: {mend}"
            )
    for name in needed:
        if changed(folder, name):
            raise UserError(f"{folder / name}: is not what was downloaded (its sha256 differs). Fetch it again: {mend}")
    return _files(published, folder, parts, commits.pop() if len(commits) == 1 else None, mend)


def _chosen(
    published: PublishedSet, wanted: Wanted, names: Sequence[str], place: str, *, at: str, mirror: Path | None = None
) -> dict[str, list[str]]:
    readable = data_files(names)
    mend = "" if mirror is None else f" Fetch it: {published.download(revision=at, into=str(mirror))}"
    parts = {label: choose(readable) for label, choose in wanted.items()}
    if lacking := [label for label, found in parts.items() if not found]:
        broken = any(name.endswith(".incomplete") for name in names)
        raise UserError(
            f"{published.title}: no file for {', '.join(lacking)} in {place}"
            + (", where a download broke off" if broken else "")
            + f"; there {'are' if len(readable) > 1 else 'is'} {_some(readable) or _nothing(names)}.{mend}"
        )
    if missing := parts_lacking(name for found in parts.values() for name in found):
        raise UserError(f"{published.title}: {_some(missing)} is missing in {place}, beside its other parts.{mend}")
    return parts


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (" …" if len(names) > 12 else "")


def _nothing(names: Sequence[str]) -> str:
    packed = next(
        (name for name in names if name.endswith((".gz", ".zst", ".bz2", ".xz", ".zip", ".tar", ".tgz"))), None
    )
    return "no Parquet, Arrow, JSON or CSV file" + ("" if packed is None else f"; {packed} has to be unpacked first")


def _files(
    published: PublishedSet, folder: Path, parts: Mapping[str, Sequence[str]], commit: str | None, mend: str = ""
) -> SetFiles:
    return SetFiles(
        published=published,
        folder=folder,
        revision=commit,
        parts={label: tuple(folder / name for name in names) for label, names in parts.items()},
        mend=mend or f"{published.download(revision=commit or published.revision, into=None)} --force-download",
    )


def _names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
