"""Fetching a registered version: from a local store or a server into a folder that was verified before it has its name."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock
from pydantic import ValidationError

from isogloss.errors import RefusedError, UserError
from isogloss.files import MANIFEST, damage, read_json, read_manifest, sha256_file, sync_folder
from isogloss.models.hub import cache_dir, writable_cache_dir
from isogloss.registry.bundle import BUNDLE, SCORES, Bundle, climbs_out, read_bundle, read_description
from isogloss.registry.contents import BundleManifest, BundleScores
from isogloss.registry.references import BUNDLE_FOLDER, MANIFEST_TAG, POINT_TAG, artifacts_of, find_version, why_gone

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient


# --------------------------------------------------------------------------------------------------------------------
# While files travel to and from a store: longer waits, since a model's weights take time, and no bar for each file.

_TIMEOUT = "MLFLOW_HTTP_REQUEST_TIMEOUT"
_BAR = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"
#: The longest silence of a server while it takes or gives a file, in seconds.
TRANSFER_SECONDS = 300


@contextmanager
def transfers() -> Iterator[None]:
    """While open, MLflow waits `TRANSFER_SECONDS` for a server that is busy with a file, and draws nothing."""
    before = {name: os.environ.get(name) for name in (_TIMEOUT, _BAR)}
    longest = max(TRANSFER_SECONDS, int(before[_TIMEOUT] or 0))
    os.environ.update({_TIMEOUT: str(longest), _BAR: "false"})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


# --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False, kw_only=True)
class Fetched:
    """A verified bundle on this machine. `new` is False where the same one was there already."""

    name: str
    version: str
    bundle: Bundle
    new: bool


def fetch(ref: str, dest: Path, *, client: MlflowClient) -> Fetched:
    """Bring the version that `ref` names to the folder `dest`: whole, verified, or not at all.

    Raises:
        UserError: no such version, or `dest` holds something else.
        RefusedError: the version's files are gone, or not what was registered.
    """
    version = find_version(ref, client=client)
    if dest.is_symlink() or dest.is_file() or (dest.is_dir() and any(dest.iterdir())):
        return Fetched(name=version.name, version=str(version.version), bundle=_same(dest, version), new=False)
    dest = dest.absolute()
    try:
        dest.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=dest.parent, prefix=f".{dest.name}."))
    except OSError as error:  # the destination's, and not the store's
        raise UserError(f"{dest} cannot be made: {error.strerror}: {error.filename}; name another folder") from error
    try:
        folder = download(version, aside, client=client)
        folder.chmod(0o755)
        folder.rename(dest)
        sync_folder(dest.parent)
    finally:
        shutil.rmtree(aside)
    return Fetched(name=version.name, version=str(version.version), bundle=read_bundle(dest), new=True)


def cached(ref: str, *, client: MlflowClient) -> Path:
    """A verified local folder of the version that `ref` names, fetched into the cache where it is not there yet.

    Raises as :func:`fetch`.
    """
    version = find_version(ref, client=client)
    folder = _cached_folder(writable_cache_dir(), version)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if folder.is_dir() and damage(folder) is not None:
            shutil.rmtree(folder)  # what lies in the cache can be made again
        fetch(f"models:/{version.name}/{version.version}", folder, client=client)
    return folder


def described(ref: str, *, client: MlflowClient) -> tuple[BundleManifest, Path | None]:
    """What the version that `ref` names says of itself, and its folder where it is in the cache, whole. Nothing is kept.

    Raises as :func:`fetch`.
    """
    version = find_version(ref, client=client)
    folder = _cached_folder(cache_dir(), version)
    if damage(folder, checksums=False) is None:
        return read_bundle(folder).described, folder
    what = _called(version)
    repository = artifacts_of(version, client=client)
    with tempfile.TemporaryDirectory() as aside, transfers():
        _get_first(repository, BUNDLE, Path(aside), version, client=client)
        try:
            return read_description(Path(aside) / BUNDLE_FOLDER), None
        except RefusedError as error:
            raise RefusedError(f"{what}, from {version.source}: {error}".replace(f"{aside}/", "")) from error


def download(version: ModelVersion, aside: Path, *, client: MlflowClient) -> Path:
    """The files of a version's bundle below `aside`, verified: only what its manifest lists, each where it belongs."""
    what = _called(version)
    repository = artifacts_of(version, client=client)
    folder = aside / BUNDLE_FOLDER
    with transfers():
        _get_first(repository, MANIFEST, aside, version, client=client)
        manifest = read_manifest(folder)
        if manifest is None or sha256_file(folder / MANIFEST) != version.tags[MANIFEST_TAG]:
            raise RefusedError(f"{what}: its {MANIFEST} is not the one that was registered ({version.source})")
        for name in manifest["files"]:
            if wrong := climbs_out(name):
                raise RefusedError(f"{what}: the file name {name!r} in its {MANIFEST} {wrong} ({version.source})")
            if not _lists(repository, name):
                raise RefusedError(f"{what}: its file {name} is gone from {version.source}")
            _get(repository, name, aside)
    try:
        bundle = read_bundle(folder)
    except RefusedError as error:
        raise RefusedError(f"{what}, from {version.source}: {error}".replace(f"{folder}/", "")) from error
    if bundle.point != version.tags[POINT_TAG]:
        raise RefusedError(
            f"{what}: it was registered as point {version.tags[POINT_TAG][:12]} and holds {bundle.point[:12]}"
        )
    return folder


def _called(version: ModelVersion) -> str:
    return f"version {version.version} of '{version.name}'"


def _cached_folder(cache: Path, version: ModelVersion) -> Path:
    return cache / "registry" / version.name / version.tags[MANIFEST_TAG][:32]


def _get_first(repository: Any, name: str, aside: Path, version: ModelVersion, *, client: MlflowClient) -> None:
    """Get a file that every version has. Raises RefusedError where it is gone, and the others with it."""
    if not _lists(repository, name):
        raise RefusedError(
            f"{_called(version)} is registered, but its files are gone: {why_gone(version, client=client)}"
        )
    _get(repository, name, aside)


def _lists(repository: Any, name: str) -> bool:
    path = f"{BUNDLE_FOLDER}/{name}"
    return path in {file.path for file in repository.list_artifacts(path.rpartition("/")[0]) if not file.is_dir}


def _get(repository: Any, name: str, aside: Path) -> None:
    repository.download_artifacts(f"{BUNDLE_FOLDER}/{name}", dst_path=str(aside))


def _same(dest: Path, version: ModelVersion) -> Bundle:
    """The bundle in `dest` where it is that version. Raises UserError where it is something else."""
    manifest = dest / MANIFEST
    if dest.is_symlink() or not manifest.is_file() or sha256_file(manifest) != version.tags[MANIFEST_TAG]:
        raise UserError(f"{dest} is there already and is not {_called(version)}; name a new folder, or remove it")
    return read_bundle(dest)


# --------------------------------------------------------------------------------------------------------------------
# What a registered version says of itself, without its weights: a few kilobytes, verified as the whole would be.


@dataclass(frozen=True, kw_only=True)
class VersionSummary:
    """A version of a registered model: what it is, and its scores on test."""

    name: str
    version: int
    described: BundleManifest
    scores: BundleScores


def read_summary(ref: str, *, client: MlflowClient) -> VersionSummary:
    """Description and scores of the version that `ref` (`models:/NAME@alias`, `models:/NAME/3`) names.

    Raises:
        UserError: no such version.
        RefusedError: its files are not what was registered.
    """
    version = find_version(ref, client=client)
    what = f"version {version.version} of '{version.name}'"
    repository = artifacts_of(version, client=client)
    with tempfile.TemporaryDirectory() as aside, transfers():
        for name in (MANIFEST, BUNDLE, SCORES):
            repository.download_artifacts(f"{BUNDLE_FOLDER}/{name}", dst_path=aside)
        folder = Path(aside) / BUNDLE_FOLDER
        manifest = read_manifest(folder)
        if manifest is None or sha256_file(folder / MANIFEST) != version.tags[MANIFEST_TAG]:
            raise RefusedError(f"{what}: its {MANIFEST} is not the one that was registered ({version.source})")
        for name in (BUNDLE, SCORES):
            if sha256_file(folder / name) != manifest["files"].get(name, {}).get("sha256"):
                raise RefusedError(f"{what}: its {name} is not the one that was registered ({version.source})")
        try:
            described = BundleManifest.model_validate(read_json(folder / BUNDLE))
            scores = BundleScores.model_validate(read_json(folder / SCORES))
        except ValidationError as error:
            raise RefusedError(f"{what}: {error.title} is of another version of isogloss") from error
    return VersionSummary(name=version.name, version=int(version.version), described=described, scores=scores)
