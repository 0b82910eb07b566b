"""Where a set's files are read from: a local mirror where one is named, else the Hugging Face Hub and its cache.

A mirror is a folder with `ORG/NAME/…` as on the Hub. Nothing that a mirror lacks is fetched behind its back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from isogloss.data.sets.catalogue import PublishedSet
from isogloss.data.sets.hub import Unreachable, cached, fetched, listed
from isogloss.data.sets.names import data_files
from isogloss.data.sets.revisions import commit_of, is_commit
from isogloss.data.sets.whole import changed, kept_listing, noted_commit, parts_lacking, unfetched
from isogloss.errors import UserError
from isogloss.files import sha256_file

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
