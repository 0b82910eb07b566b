"""Whether the files of a set are all there, as they were fetched: a download that broke off leaves a set that reads well.

Three things tell. huggingface_hub keeps the listing of a commit beside what it fetches of it, and notes the commit and, for a
large file, the sha256; and a file that is one of several has their number in its name (`test-00000-of-00002.parquet`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from isogloss.data.sets.catalogue import PublishedSet
from isogloss.files import sha256_file

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
