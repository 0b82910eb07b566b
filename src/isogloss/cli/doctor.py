"""`isogloss doctor`: packages, machine, model cache, store and pipelines."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
from dataclasses import asdict
from pathlib import Path

import psutil

from isogloss import __version__
from isogloss.cli.shown import print_json
from isogloss.errors import EXIT_DONE, EXIT_USER
from isogloss.files import damage
from isogloss.models.embedded import FOLDER
from isogloss.models.hub import cache_dir
from isogloss.pipeline.plan import STORE
from isogloss.tracking.checks import Finding, check_store, mend_store

#: Of these the version is shown; whether they are there is asked of everything that the package needs.
_PACKAGES = ("torch", "transformers", "mlflow", "evaluate", "babel", "phonenumbers", "holidays")
_MARKS = {"error": "✗", "warning": "!", "info": "·"}


def doctor_command(*, mend: bool, as_json: bool, quick: bool = False) -> int:
    """Print findings; exit code 2 when something stops the tool from working. `quick` reads no file's content."""
    root = Path.cwd()
    mended = mend_store(root) if mend else []
    findings = [*_machine(root), *_folders(root), *_model(quick), *check_store(root), *_stages(root, quick)]
    if as_json:
        print_json({"mended": mended, "findings": [asdict(one) for one in findings]})
    else:
        for line in mended:
            print(f"mended: {line}")
        for one in findings:
            print(f"{_MARKS[one.severity]} {one.what}" + (f"\n    → {one.how_to_mend}" if one.how_to_mend else ""))
        wrong = sum(one.severity != "info" for one in findings)
        print("all is well" if not wrong else f"{wrong} thing{'s' if wrong > 1 else ''} to look at")
    return EXIT_USER if any(one.severity == "error" for one in findings) else EXIT_DONE


def _machine(root: Path) -> list[Finding]:
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
    """Names of the packages that isogloss asks for, without its extras; none where it runs from a checkout alone."""
    try:
        listed = importlib.metadata.requires("isogloss") or []
    except importlib.metadata.PackageNotFoundError:
        return []
    return [re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0] for text in listed if "extra ==" not in text]


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _folders(root: Path) -> list[Finding]:
    """Results and models must have a place: a volume of a container may belong to someone else."""
    findings = []
    for what, folder in (("results", root / STORE), ("the model cache", cache_dir())):
        place = next(one for one in (folder, *folder.absolute().parents) if one.exists())
        if not os.access(place, os.W_OK | os.X_OK):
            mend = f"give it to user {os.getuid()}: chown -R {os.getuid()}:{os.getgid()} {place}"
            findings.append(
                Finding(severity="error", what=f"{place}: {what} cannot be written there", how_to_mend=mend)
            )
    return findings


def _model(quick: bool) -> list[Finding]:
    folder = cache_dir() / FOLDER
    if not folder.exists():
        return [Finding(severity="info", what=f"{folder}: no embedded model yet", how_to_mend="made on first use")]
    if wrong := damage(folder, checksums=not quick):
        return [Finding(severity="warning", what=f"embedded model: {wrong}", how_to_mend="rebuilt on next use")]
    return [Finding(severity="info", what=f"embedded model whole in {folder}", how_to_mend="")]


def _stages(root: Path, quick: bool) -> list[Finding]:
    findings = []
    for folder in sorted((root / STORE / "stages").glob("[!.]*")):
        if wrong := damage(folder, checksums=not quick):
            findings.append(
                Finding(severity="warning", what=f"damaged stage: {wrong}", how_to_mend="the next run makes it again")
            )
    return findings
