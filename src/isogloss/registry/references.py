"""From `models:/NAME@alias` or `models:/NAME/3` to a version in the registry, and to where its files lie."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from isogloss.errors import UserError, did_you_mean
from isogloss.models.reference import parse_model_ref

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient


POINT_TAG = "isogloss.point"
#: sha256 of the bundle's manifest: ties the version to its files.
MANIFEST_TAG = "isogloss.manifest"
#: Where a version's bundle lies below its artifacts, beside what MLflow needs to load it.
BUNDLE_FOLDER = "bundle"
_ARTIFACTS = "/mlruns/artifacts"


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


def artifacts_of(version: ModelVersion, *, client: MlflowClient) -> Any:
    """MLflow's repository of the version's files."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    uri = client.get_model_version_download_uri(version.name, version.version)
    return get_artifact_repository(uri, tracking_uri=client.tracking_uri, registry_uri=client.tracking_uri)


def why_gone(version: ModelVersion, *, client: MlflowClient) -> str:
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


def _unknown(name: str, revision: str, text: str, client: MlflowClient) -> str:
    names = [model.name for model in client.search_registered_models()]
    if name not in names:
        there = f"there are {', '.join(sorted(names))}" if names else "it is empty; `isogloss promote` fills it"
        return f"{text}: no model '{name}' in the registry{did_you_mean(name, names)}; {there}"
    aliases = client.get_registered_model(name).aliases
    numbers = [version.version for version in client.search_model_versions(f"name = '{name}'")]
    known = [*(f"@{alias}" for alias in sorted(aliases)), *(f"/{number}" for number in sorted(map(int, numbers)))]
    return f"{text}: '{name}' has no '{revision}'{did_you_mean(revision, aliases)}; it has {', '.join(known)}"
