"""Files that are either whole or absent: atomic writes, digests, and folders sealed by a manifest.

A sealed folder holds `manifest.json`, written last, with the size and sha256 of every other file. A folder without a
valid manifest does not count.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"


def sha256_file(path: Path) -> str:
    """Hex sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(value: Any) -> str:
    """Hex sha256 of a JSON-able value; the same for equal values whatever the order of their keys."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def sync_folder(path: Path) -> None:
    """Make a rename or a new name in `path` durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write a whole file or nothing: aside, synced, renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(aside).chmod(0o644)
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_json(path: Path, value: Any) -> None:
    """A value as indented UTF-8 JSON, atomically."""
    write_atomic(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def read_json(path: Path) -> Any:
    """The value of a UTF-8 JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def _content_files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.relative_to(folder).as_posix() != MANIFEST)


def seal(folder: Path, **facts: Any) -> dict[str, Any]:
    """Write the manifest of `folder`: `facts` (JSON-able) and size and sha256 of each file. Returns it."""
    files = {}
    for path in _content_files(folder):
        with path.open("rb") as file:
            os.fsync(file.fileno())
        files[path.relative_to(folder).as_posix()] = {"size": path.stat().st_size, "sha256": sha256_file(path)}
    manifest = {**facts, "files": files}
    write_json(folder / MANIFEST, manifest)
    return manifest


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of a sealed folder, or None where there is none that can be read. Contents are not checked."""
    try:
        manifest = read_json(folder / MANIFEST)
    except (OSError, ValueError):
        return None
    files = manifest.get("files") if isinstance(manifest, dict) else None
    whole = isinstance(files, dict) and all(
        isinstance(one, dict) and {"size", "sha256"} <= one.keys() for one in files.values()
    )
    return manifest if whole else None


def damage(folder: Path, *, checksums: bool = True) -> str | None:
    """What is wrong with a sealed folder, in words, or None when it is whole.

    `checksums=False` compares only names and sizes, which costs no reading.
    """
    manifest = read_manifest(folder)
    if manifest is None:
        return f"{folder}: no readable {MANIFEST}"
    for name, expected in manifest["files"].items():
        path = folder / name
        if not path.is_file():
            return f"{path}: missing"
        if path.stat().st_size != expected["size"]:
            return f"{path}: {path.stat().st_size} bytes, manifest says {expected['size']}"
        if checksums and sha256_file(path) != expected["sha256"]:
            return f"{path}: content differs from its sha256 in the manifest"
    return None


@contextmanager
def sealed_folder(target: Path, **facts: Any) -> Iterator[Path]:
    """Fill a folder aside; on success seal it and rename it to `target` (replacing what was there), else leave nothing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
    try:
        yield aside
        seal(aside, **facts)
        aside.chmod(0o755)
        if target.exists():
            old = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.old."))
            target.rename(old / "old")
            aside.rename(target)
            shutil.rmtree(old)
        else:
            aside.rename(target)
        sync_folder(target.parent)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
