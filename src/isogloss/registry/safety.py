"""What may lie in a bundle's folder: only files that its manifest lists, no link, no pickle, nothing outside the folder."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from isogloss.errors import RefusedError
from isogloss.files import MANIFEST, damage, read_manifest

_PICKLE_NAMES = (".pkl", ".pickle", ".bin", ".pt", ".pth", ".ckpt", ".joblib", ".npy", ".npz", ".dill", ".cloudpickle")
#: How a pickle of protocol 2 to 5 and a zip (what torch.save writes) begin.
_PICKLE_STARTS = (*(bytes([0x80, protocol]) for protocol in range(2, 6)), b"PK\x03\x04")


def check_safe(folder: Path) -> None:
    """Raise RefusedError unless `folder` holds what its manifest lists, byte for byte, and nothing else."""
    again = "fetch the version again, and do not use this copy"
    if wrong := unsafe_file(folder):
        raise RefusedError(f"{wrong}; {again}")
    manifest = read_manifest(folder)
    if manifest is None:
        raise RefusedError(f"{folder}: no readable {MANIFEST}; {again}")
    for name in manifest["files"]:
        if wrong := climbs_out(name):
            raise RefusedError(f"{folder / MANIFEST}: the file name {name!r} {wrong}; {again}")
    if wrong := damage(folder):
        raise RefusedError(f"{wrong}; {again}")
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if unlisted := sorted(there - set(manifest["files"]) - {MANIFEST}):
        raise RefusedError(f"{folder / unlisted[0]}: not in {MANIFEST}; {again}")


def climbs_out(name: str) -> str | None:
    """Why a relative file name from elsewhere is not to be followed, or None for a plain one."""
    path = PurePosixPath(name)
    if path.is_absolute() or "\\" in name or (len(name) > 1 and name[1] == ":"):
        return "is not a plain relative path"
    if not name or ".." in path.parts or path.as_posix() != name:
        return "leads out of the folder"
    return None


def unsafe_file(folder: Path) -> str | None:
    """The first link, special file or pickle below `folder`, in words; None where there is none.

    Links count even where they lead to a harmless place: what they lead to is not what was shipped.
    """
    if folder.is_symlink():
        return f"{folder}: a symbolic link, not a folder"
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            return f"{path}: a symbolic link (to {path.readlink()}), which could lead out of the folder"
        if path.is_dir():
            continue
        if not path.is_file():
            return f"{path}: neither a file nor a folder"
        if is_pickle(path):
            return f"{path}: a pickle, which can run code when it is read; only safetensors are loaded"
    return None


def is_pickle(path: Path) -> bool:
    """Whether a file is a pickle by its name or by its first bytes."""
    if path.suffix in _PICKLE_NAMES:
        return True
    if path.suffix == ".safetensors":  # begins with a length, which may look like anything
        return False
    with path.open("rb") as file:
        return file.read(4).startswith(_PICKLE_STARTS)
