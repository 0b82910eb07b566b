"""What a registered version says of itself, without its weights: a few kilobytes, verified as the whole would be."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from isogloss.errors import RefusedError
from isogloss.files import MANIFEST, read_json, read_manifest, sha256_file
from isogloss.registry.bundle import BUNDLE, SCORES
from isogloss.registry.contents import BundleScores, Described
from isogloss.registry.references import BUNDLE_FOLDER, MANIFEST_TAG, artifacts_of, find_version
from isogloss.registry.transfers import transfers

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A version of a registered model: what it is, and its scores on test."""

    name: str
    version: int
    described: Described
    scores: BundleScores


def read_standing(ref: str, *, client: MlflowClient) -> Standing:
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
            described = Described.model_validate(read_json(folder / BUNDLE))
            scores = BundleScores.model_validate(read_json(folder / SCORES))
        except ValidationError as error:
            raise RefusedError(f"{what}: {error.title} is of another version of isogloss") from error
    return Standing(name=version.name, version=int(version.version), described=described, scores=scores)
