"""The folder of an export: new, whole or absent, with the papers of the model in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from isogloss.errors import UserError
from isogloss.files import sealed_folder, write_atomic

CARD = "README.md"


@contextmanager
def new_folder(dest: Path, *, form: str) -> Iterator[Path]:
    """Fill `dest`, which must not exist; sealed by a manifest, or nothing is left. Raises UserError where it exists."""
    check_new(dest)
    with sealed_folder(dest, kind="export", form=form) as aside:
        yield aside
        check_new(dest)  # nobody else put something there meanwhile


def check_new(dest: Path) -> None:
    """Raise UserError where something stands at `dest` already."""
    if dest.exists() or dest.is_symlink():
        raise UserError(f"{dest}: is there already; name a new folder or remove it")


def copy_papers(source: Path, folder: Path, names: tuple[str, ...], *, note: str = "") -> None:
    """Copy the files and folders `names` that `source` has, and put `note` behind the model card."""
    for name in names:
        if (source / name).is_dir():
            shutil.copytree(source / name, folder / name)
        elif (source / name).is_file():
            shutil.copy2(source / name, folder / name)
    if note:
        card = folder / CARD
        before = card.read_text(encoding="utf-8").rstrip() + "\n\n" if card.is_file() else ""
        write_atomic(card, f"{before}{note.strip()}\n")
