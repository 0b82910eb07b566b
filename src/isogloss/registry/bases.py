"""What a bundle stands on where that was itself trained: a registered version whose adapter was merged into its base."""

from __future__ import annotations

from pathlib import Path

from isogloss.files import read_manifest

#: The kind, in its manifest, of a folder that holds a model with its adapter merged in.
MERGED = "merged"


def merged_from(folder: Path) -> str | None:
    """Digest of the base and adapter that the model in `folder` was merged from; None where it was not.

    It is the same on every machine. Merged files need not be: they hold a library's version and the rounding of a processor.
    """
    manifest = read_manifest(folder)
    return str(manifest["digest"]) if manifest is not None and manifest.get("kind") == MERGED else None
