"""Registered versions whose files are gone or damaged, asked of the registry itself: a tracking server's, say.

Files are compared by name and size with the manifest of the version's bundle, which needs none of them but the manifest.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from isogloss.files import MANIFEST

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient

#: Set by a mending on a registered version whose files are gone.
DANGLING_TAG = "isogloss.dangling"
GONE = "its files are gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadVersion:
    """A registered version that stands as READY though its files are gone or damaged, as `problem` says.

    `run_kept`: its run was not deleted; `marked`: a mending has said so in a tag.
    """

    name: str
    version: int
    source: str
    problem: str
    run_kept: bool
    aliases: tuple[str, ...]
    marked: bool


def versions_without_files(client: MlflowClient) -> list[DeadVersion]:
    """The READY versions of every registered model whose files are not what they should be.

    Raises:
        MlflowException: the server refuses, or does not answer.
    """
    found = []
    for model in all_pages(client.search_registered_models):
        aliases: dict[str, list[str]] = {}
        for alias, number in model.aliases.items():
            aliases.setdefault(str(number), []).append(alias)
        for version in all_pages(client.search_model_versions, f"name = '{model.name}'"):
            problem = _problem(version, client) if version.status == "READY" else None
            if problem is not None:
                found.append(
                    DeadVersion(
                        name=version.name,
                        version=int(version.version),
                        source=str(version.source),
                        problem=problem,
                        run_kept=_run_kept(version, client),
                        aliases=tuple(sorted(aliases.get(str(version.version), ()))),
                        marked=DANGLING_TAG in version.tags,
                    )
                )
    return found


def all_pages(search: Any, *arguments: Any) -> list[Any]:
    """Every page of a search."""
    found, token = [], None
    while True:
        page = search(*arguments, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _problem(version: ModelVersion, client: MlflowClient) -> str | None:
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    uri = client.get_model_version_download_uri(version.name, version.version)
    repository = get_artifact_repository(uri, tracking_uri=client.tracking_uri, registry_uri=client.tracking_uri)
    try:
        sizes = _sizes(repository)
    except MlflowException as error:
        # A server answers so for a run's artifacts once the run is deleted and collected.
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        sizes = {}
    if not sizes:
        return GONE
    for path in sizes:
        folder, _, name = path.rpartition("/")
        if name == MANIFEST and folder.count("/") == 0 and (lost := _lost(repository, folder, sizes)):
            return lost
    return None


def _sizes(repository: Any, folder: str | None = None) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for one in repository.list_artifacts(folder):
        found |= _sizes(repository, one.path) if one.is_dir else {one.path: one.file_size}
    return found


def _lost(repository: Any, folder: str, sizes: dict[str, int | None]) -> str | None:
    """What the manifest in `folder` names and `sizes` has not, or has in another size."""
    below = f"{folder}/" if folder else ""
    with tempfile.TemporaryDirectory() as aside:
        path = Path(repository.download_artifacts(f"{below}{MANIFEST}", aside))
        try:
            expected = {
                name: one["size"] for name, one in json.loads(path.read_text(encoding="utf-8"))["files"].items()
            }
        except (ValueError, KeyError, TypeError):
            return f"{below}{MANIFEST} cannot be read"
    for name, size in expected.items():
        if f"{below}{name}" not in sizes:
            return f"{below}{name} is missing"
        if sizes[f"{below}{name}"] not in (None, size):
            return f"{below}{name} has {sizes[f'{below}{name}']} bytes, not {size}"
    return None


def _run_kept(version: ModelVersion, client: MlflowClient) -> bool:
    from mlflow.exceptions import MlflowException

    try:
        return version.run_id is not None and client.get_run(version.run_id).info.lifecycle_stage == "active"
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return False
