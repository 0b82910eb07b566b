"""Registered versions by reference: find `models:/NAME@alias` or `models:/NAME/3`, and fetch its files.

A version comes from a local store or a server. Its folder gets its name only after every file was verified.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from filelock import FileLock
from pydantic import ValidationError

from isogloss.errors import RefusedError, UserError, did_you_mean
from isogloss.files import MANIFEST, damage, read_json, read_manifest, sha256_file, sync_folder
from isogloss.models.hub import cache_dir, writable_cache_dir
from isogloss.models.reference import parse_model_ref
from isogloss.registry.bundle import BUNDLE, SCORES, Bundle, climbs_out, read_bundle, read_bundle_manifest
from isogloss.registry.contents import BUNDLE_FOLDER, MANIFEST_TAG, POINT_TAG, BundleManifest, BundleScores

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient


#: The longest silence of a server while it takes or gives a file, in seconds: a model's weights take time.
TRANSFER_SECONDS = 300

_TIMEOUT = "MLFLOW_HTTP_REQUEST_TIMEOUT"
_BAR = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"
_ARTIFACTS = "/mlruns/artifacts"


@dataclass(frozen=True, eq=False, kw_only=True)
class Fetched:
    """A verified bundle on this machine. `new` is False where the same one was there already."""

    name: str
    version: str
    bundle: Bundle
    new: bool


@dataclass(frozen=True, kw_only=True)
class VersionSummary:
    """Manifest and scores of a registered version, without its weights."""

    name: str
    version: int
    manifest: BundleManifest
    scores: BundleScores


def fetch(ref: str, dest: Path, *, client: MlflowClient) -> Fetched:
    """Fetch the version that `ref` names to the folder `dest`: complete and verified, or not at all.

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
    """The verified folder of a version in the cache, fetched if it is not there yet. Raises as :func:`fetch`."""
    version = find_version(ref, client=client)
    folder = _cached_folder(writable_cache_dir(), version)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if folder.is_dir() and damage(folder) is not None:
            shutil.rmtree(folder)  # everything in the cache can be made again
        fetch(f"models:/{version.name}/{version.version}", folder, client=client)
    return folder


def fetch_manifest(ref: str, *, client: MlflowClient) -> tuple[BundleManifest, Path | None]:
    """`bundle.json` of a version, and its folder if it is complete in the cache. Keeps nothing. Raises as :func:`fetch`."""
    version = find_version(ref, client=client)
    folder = _cached_folder(cache_dir(), version)
    if damage(folder, checksums=False) is None:
        return read_bundle(folder).manifest, folder
    repository = artifacts_of(version, client=client)
    with tempfile.TemporaryDirectory() as aside, transfers():
        _get_first(repository, BUNDLE, Path(aside), version, client=client)
        try:
            return read_bundle_manifest(Path(aside) / BUNDLE_FOLDER), None
        except RefusedError as error:
            text = f"{_called(version)}, from {version.source}: {error}"
            raise RefusedError(text.replace(f"{aside}/", "")) from error


def read_summary(ref: str, *, client: MlflowClient) -> VersionSummary:
    """Read a version's manifest and scores without downloading its weights. Checksums are verified.

    Raises:
        UserError: no such version.
        RefusedError: its files are not what was registered.
    """
    version = find_version(ref, client=client)
    repository = artifacts_of(version, client=client)
    with tempfile.TemporaryDirectory() as aside, transfers():
        for name in (MANIFEST, BUNDLE, SCORES):
            _get(repository, name, Path(aside))
        folder = Path(aside) / BUNDLE_FOLDER
        files = _registered_files(folder, version)
        for name in (BUNDLE, SCORES):
            if sha256_file(folder / name) != files.get(name, {}).get("sha256"):
                raise RefusedError(
                    f"{_called(version)}: its {name} is not the one that was registered ({version.source})"
                )
        try:
            manifest = BundleManifest.model_validate(read_json(folder / BUNDLE))
            scores = BundleScores.model_validate(read_json(folder / SCORES))
        except ValidationError as error:
            raise RefusedError(f"{_called(version)}: {error.title} is of another version of isogloss") from error
    return VersionSummary(name=version.name, version=int(version.version), manifest=manifest, scores=scores)


# --------------------------------------------------------------------------------------------------------------------
# Finding a version


def find_version(ref: str, *, client: MlflowClient) -> ModelVersion:
    """The registered version that `ref` names.

    Raises:
        UserError: it is no registry reference, there is no such model, alias or version, or it is not one of ours.
    """
    from mlflow.exceptions import MlflowException

    named = parse_model_ref(ref)
    if named.kind != "registry" or named.revision is None:
        raise UserError(f"'{ref}' is not in the registry; a registered model is models:/NAME@alias or models:/NAME/3")
    try:
        if "@" in named.text:
            version = client.get_model_version_by_alias(named.name, named.revision)
        else:
            version = client.get_model_version(named.name, named.revision)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        raise UserError(_unknown(named.name, named.revision, named.text, client)) from error
    if POINT_TAG not in version.tags or MANIFEST_TAG not in version.tags:
        raise UserError(
            f"{named.text}: version {version.version} was registered by something else (no tag {POINT_TAG})"
        )
    return version


def _unknown(name: str, revision: str, text: str, client: MlflowClient) -> str:
    names = [model.name for model in client.search_registered_models()]
    if name not in names:
        there = f"there are {', '.join(sorted(names))}" if names else "it is empty; `isogloss promote` fills it"
        return f"{text}: no model '{name}' in the registry{did_you_mean(name, names)}; {there}"
    aliases = client.get_registered_model(name).aliases
    numbers = [version.version for version in client.search_model_versions(f"name = '{name}'")]
    known = [*(f"@{alias}" for alias in sorted(aliases)), *(f"/{number}" for number in sorted(map(int, numbers)))]
    return f"{text}: '{name}' has no '{revision}'{did_you_mean(revision, aliases)}; it has {', '.join(known)}"


def _called(version: ModelVersion) -> str:
    return f"version {version.version} of '{version.name}'"


def _cached_folder(cache: Path, version: ModelVersion) -> Path:
    return cache / "registry" / version.name / version.tags[MANIFEST_TAG][:32]


def _same(dest: Path, version: ModelVersion) -> Bundle:
    """The bundle in `dest` where it is that version. Raises UserError where it is something else."""
    manifest = dest / MANIFEST
    if dest.is_symlink() or not manifest.is_file() or sha256_file(manifest) != version.tags[MANIFEST_TAG]:
        raise UserError(f"{dest} is there already and is not {_called(version)}; name a new folder, or remove it")
    return read_bundle(dest)


# --------------------------------------------------------------------------------------------------------------------
# Getting its files


@contextmanager
def transfers() -> Iterator[None]:
    """While open, MLflow waits `TRANSFER_SECONDS` for a server that is busy with a file, and draws no progress bars."""
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


def artifacts_of(version: ModelVersion, *, client: MlflowClient) -> Any:
    """MLflow's repository of the version's files."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    uri = client.get_model_version_download_uri(version.name, version.version)
    return get_artifact_repository(uri, tracking_uri=client.tracking_uri, registry_uri=client.tracking_uri)


def download(version: ModelVersion, aside: Path, *, client: MlflowClient) -> Path:
    """Get the files of a version's bundle below `aside`, and verify them: only those that its manifest lists.

    Raises:
        RefusedError: files are gone, changed, or would be written outside the folder.
    """
    what = _called(version)
    repository = artifacts_of(version, client=client)
    folder = aside / BUNDLE_FOLDER
    with transfers():
        _get_first(repository, MANIFEST, aside, version, client=client)
        for name in _registered_files(folder, version):
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


def _registered_files(folder: Path, version: ModelVersion) -> dict[str, Any]:
    """The files of the manifest in `folder`. Raises RefusedError where it is not the one that was registered."""
    manifest = read_manifest(folder)
    if manifest is None or sha256_file(folder / MANIFEST) != version.tags[MANIFEST_TAG]:
        raise RefusedError(f"{_called(version)}: its {MANIFEST} is not the one that was registered ({version.source})")
    return dict(manifest["files"])


def _get_first(repository: Any, name: str, aside: Path, version: ModelVersion, *, client: MlflowClient) -> None:
    """Get a file that every version has. Raises RefusedError where it is gone, and the others with it."""
    if not _lists(repository, name):
        raise RefusedError(
            f"{_called(version)} is registered, but its files are gone: {_why_gone(version, client=client)}"
        )
    _get(repository, name, aside)


def _lists(repository: Any, name: str) -> bool:
    path = f"{BUNDLE_FOLDER}/{name}"
    return path in {file.path for file in repository.list_artifacts(path.rpartition("/")[0]) if not file.is_dir}


def _get(repository: Any, name: str, aside: Path) -> None:
    repository.download_artifacts(f"{BUNDLE_FOLDER}/{name}", dst_path=str(aside))


def _why_gone(version: ModelVersion, *, client: MlflowClient) -> str:
    """Why the files of a version are not where the registry has them, and what to do."""
    from mlflow.exceptions import MlflowException

    assert version.run_id is not None, "every version of ours has a run"
    assert version.source is not None
    again = "promote the point again, and let `isogloss doctor --mend` take the dead version's aliases away"
    try:
        run = client.get_run(version.run_id)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return f"its run {version.run_id} was deleted and collected; {again}"
    if run.info.lifecycle_stage == "deleted":
        return f"its run {version.run_id} was deleted; {again}"
    root, found, _ = version.source.partition(_ARTIFACTS)
    if found and version.source.startswith("file:") and not Path(unquote(urlsplit(root + found).path)).exists():
        return f"the store has moved: they are looked for in {root + found}; `isogloss doctor --mend` mends that"
    return f"they were removed from {version.source}; {again}"
