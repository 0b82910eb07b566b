"""`isogloss ui` and `doctor`: MLflow on this folder's store, and a check of packages, machine, caches and results."""

from __future__ import annotations

import os
import platform
import re
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from isogloss import __version__
from isogloss.cli.console import Json, print_json
from isogloss.errors import EXIT_DONE, EXIT_USER

if TYPE_CHECKING:
    from isogloss.tracking.checks import Finding

#: Packages whose versions are shown. Every package that isogloss requires is checked.
_PACKAGES = ("torch", "transformers", "mlflow", "evaluate", "babel", "phonenumbers", "holidays")
_MARKS = {"error": "✗", "warning": "!", "info": "·"}


def ui(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help="Port (default 5000, or the next free one).")] = None,
) -> None:
    """Open MLflow on this folder's store."""
    from isogloss.tracking.ui import serve_ui

    serve_ui(Path.cwd(), host=host, port=port)


def doctor(
    mend: Annotated[bool, typer.Option("--mend", help="Mend what can be mended.")] = False,
    quick: Annotated[
        bool, typer.Option("--quick", help="Look at names and sizes of files, not at what is in them: seconds.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Check packages, the embedded model, the store and the pipelines, and say what is wrong."""
    from isogloss.tracking.checks import check_store, mend_store

    root = Path.cwd()
    mended = mend_store(root) if mend else []
    findings = [*_machine(root), *_folders(root), *_model(quick), *check_store(root), *_stages(root, quick)]
    if as_json:
        print_json({"mended": mended, "findings": [asdict(finding) for finding in findings]})
    else:
        for line in mended:
            print(f"mended: {line}")
        for finding in findings:
            advice = f"\n    → {finding.how_to_mend}" if finding.how_to_mend else ""
            print(f"{_MARKS[finding.severity]} {finding.what}{advice}")
        wrong = sum(finding.severity != "info" for finding in findings)
        print("all is well" if not wrong else f"{wrong} thing{'s' if wrong > 1 else ''} to look at")
    # 2 if something stops the tool from working.
    raise typer.Exit(EXIT_USER if any(finding.severity == "error" for finding in findings) else EXIT_DONE)


def _machine(root: Path) -> list[Finding]:
    """Check installed packages, free memory and free disk."""
    import importlib.metadata

    import psutil

    from isogloss.tracking.checks import Finding

    findings = [
        Finding(severity="error", what=f"{name} is not installed", how_to_mend="pip install -c constraints.txt .")
        for name in sorted({*_needs(), *_PACKAGES})
        if not _installed(name)
    ]
    versions = [f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES if _installed(name)]
    memory, free = psutil.virtual_memory().available / 2**30, shutil.disk_usage(root).free / 2**30
    here = f"isogloss {__version__}, Python {platform.python_version()}, {psutil.cpu_count()} cores"
    findings.insert(0, Finding(severity="info", what=f"{here}; {', '.join(versions)}", how_to_mend=""))
    for what, amount, need in (("memory", memory, 4), ("disk", free, 2)):
        severity = "warning" if amount < need else "info"
        mend = f"the embedded pipeline wants {need} GiB" if amount < need else ""
        findings.append(Finding(severity=severity, what=f"{amount:.1f} GiB of {what} free", how_to_mend=mend))  # type: ignore[arg-type]
    return findings


def _needs() -> list[str]:
    """Return the names of the packages that isogloss requires, without extras; empty if it is not installed itself."""
    import importlib.metadata

    try:
        requirements = importlib.metadata.requires("isogloss") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    return [re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0] for text in requirements if "extra ==" not in text]


def _installed(name: str) -> bool:
    import importlib.metadata

    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _folders(root: Path) -> list[Finding]:
    """Check that results and models can be written: a container's volume may belong to another user."""
    from isogloss.models.hub import cache_dir
    from isogloss.pipeline.plan import STORE
    from isogloss.tracking.checks import Finding

    findings = []
    for what, folder in (("results", root / STORE), ("the model cache", cache_dir())):
        place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        if not os.access(place, os.W_OK | os.X_OK):
            mend = f"give it to user {os.getuid()}: chown -R {os.getuid()}:{os.getgid()} {place}"
            findings.append(
                Finding(severity="error", what=f"{place}: {what} cannot be written there", how_to_mend=mend)
            )
    return findings


def _model(quick: bool) -> list[Finding]:
    """Check the files of the embedded model."""
    from isogloss.files import damage
    from isogloss.models.embedded import FOLDER
    from isogloss.models.hub import cache_dir
    from isogloss.tracking.checks import Finding

    folder = cache_dir() / FOLDER
    if not folder.exists():
        return [Finding(severity="info", what=f"{folder}: no embedded model yet", how_to_mend="made on first use")]
    if wrong := damage(folder, checksums=not quick):
        return [Finding(severity="warning", what=f"embedded model: {wrong}", how_to_mend="rebuilt on next use")]
    return [Finding(severity="info", what=f"embedded model whole in {folder}", how_to_mend="")]


def _stages(root: Path, quick: bool) -> list[Finding]:
    """Check the files of every finished stage."""
    from isogloss.files import damage
    from isogloss.pipeline.plan import STORE
    from isogloss.tracking.checks import Finding

    findings = []
    for folder in sorted((root / STORE / "stages").glob("[!.]*")):
        if wrong := damage(folder, checksums=not quick):
            findings.append(
                Finding(severity="warning", what=f"damaged stage: {wrong}", how_to_mend="the next run makes it again")
            )
    return findings
