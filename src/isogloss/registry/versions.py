"""Registering bundles as versions of a model in the MLflow registry, once a point, with the aliases moved last.

A version is made only after all its files are uploaded and read back; an alias moves only after every version exists. So a
kill at any moment leaves the old aliases on complete versions, and the same call completes what is missing.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from filelock import FileLock

from isogloss import __version__
from isogloss.errors import RefusedError, UserError
from isogloss.files import MANIFEST, damage, digest_of, sha256_file
from isogloss.models.hub import writable_cache_dir
from isogloss.registry.bundle import Bundle, read_bundle
from isogloss.registry.card import describe, tags_of
from isogloss.registry.contents import BUNDLE_FOLDER, MANIFEST_TAG, POINT_TAG
from isogloss.registry.fetch import artifacts_of, download, transfers
from isogloss.tracking.journal import Journal
from isogloss.tracking.store import database_path, holds_runs

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient


CHAMPION, KNEE, PREVIOUS = "champion", "knee", "previous"
#: The aliases that a caller may give; `previous` follows from `champion`.
ROLES = (KNEE, "best-transfer", "best-localization", CHAMPION)
#: Tag of the runs that hold nothing but a version's files.
_KIND_TAG, _KIND = "isogloss.kind", "version"
_NAME_TAG = "isogloss.model"
#: Where a run keeps the files of versions.
_FOLDER = "versions"


@dataclass(frozen=True, kw_only=True)
class Version:
    """A registered version of a point.

    `new` is False where the point had been registered before. `source` is the address of its files, `run_id` the run that they
    belong to, and `manifest` the sha256 of their manifest.
    """

    name: str
    number: int
    point: str
    source: str
    run_id: str
    manifest: str
    new: bool

    @property
    def uri(self) -> str:
        return f"models:/{self.name}/{self.number}"


@dataclass(frozen=True, kw_only=True)
class Registered:
    """The versions in the order of the bundles, and the version number of each alias that was set or confirmed."""

    versions: tuple[Version, ...]
    aliases: dict[str, int]


def register(
    bundles: Sequence[Bundle],
    *,
    client: MlflowClient,
    name: str,
    roles: Mapping[str, str],
    experiment: str,
    run_id: str | None = None,
) -> Registered:
    """Make each bundle a version of the model `name` unless its point has one, then move the aliases.

    Args:
        bundles: what to register; each is verified first.
        client: of the store or server, which holds both runs and registry.
        name: the registered model; made where absent.
        roles: alias (of `ROLES`) → point digest of one of the bundles; `champion` is the knee unless given.
        experiment: of the pipeline; a run is made in it for the files of each new version, unless there is a `run_id`.
        run_id: the run that the new versions' files belong to.

    Raises:
        UserError: an unknown role or point, or no such experiment.
        RefusedError: a bundle is damaged, or what was uploaded does not read back as it was.
    """
    wanted = _aliases(bundles, roles)
    for bundle in bundles:
        read_bundle(bundle.folder)
    lock = writable_cache_dir() / "locks" / f"{digest_of([client.tracking_uri, name])[:32]}.lock"
    lock.parent.mkdir(exist_ok=True)
    # Processes of one user on one machine wait for each other; others are caught by the look after each creation.
    with FileLock(lock):
        _make_model(client, name)
        versions = [_version(bundle, client, name, experiment, run_id) for bundle in bundles]
        numbers = {version.point: version.number for version in versions}
        aliases = _move_aliases(client, name, {alias: numbers[point] for alias, point in wanted.items()})
    return Registered(versions=tuple(versions), aliases=aliases)


def _aliases(bundles: Sequence[Bundle], roles: Mapping[str, str]) -> dict[str, str]:
    """Alias → point, the champion last."""
    points = {bundle.point for bundle in bundles}
    for alias, point in roles.items():
        if alias not in ROLES:
            raise UserError(f"'{alias}' is no role of a registered point; the roles are {', '.join(ROLES)}")
        if point not in points:
            raise UserError(f"{alias}: point {point[:12]} is not among the {len(points)} to register")
    wanted = {alias: point for alias, point in roles.items() if alias != CHAMPION}
    champion = roles.get(CHAMPION, roles.get(KNEE))
    return wanted if champion is None else {**wanted, CHAMPION: champion}


def _make_model(client: MlflowClient, name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _version(bundle: Bundle, client: MlflowClient, name: str, experiment: str, run_id: str | None) -> Version:
    if whole := _whole_versions(bundle.point, client, name):
        return _as_version(whole[0], bundle, new=False)
    run = client.get_run(run_id) if run_id is not None else _run_for(bundle, client, name, experiment)
    # One folder for each name: the same point under another name has another card, and would overwrite these files.
    place = f"{_FOLDER}/{digest_of([name, bundle.point])[:16]}"
    _upload(bundle, client, run, place)
    made = client.create_model_version(
        name,
        source=f"{run.info.artifact_uri}/{place}",
        run_id=run.info.run_id,
        tags=tags_of(bundle, manifest=sha256_file(bundle.folder / MANIFEST)),
        description=describe(bundle),
    )
    first = _whole_versions(bundle.point, client, name)[0]
    if first.version != made.version:  # another machine was quicker
        client.delete_model_version(name, made.version)
    return _as_version(first, bundle, new=first.version == made.version)


def _as_version(version: ModelVersion, bundle: Bundle, *, new: bool) -> Version:
    return Version(
        name=version.name,
        number=int(version.version),
        point=bundle.point,
        source=str(version.source),
        run_id=str(version.run_id),
        manifest=version.tags[MANIFEST_TAG],
        new=new,
    )


def _whole_versions(point: str, client: MlflowClient, name: str) -> list[ModelVersion]:
    """The versions of a point whose files are there and as they were registered, the oldest first."""
    versions = client.search_model_versions(f"name = '{name}' and tags.`{POINT_TAG}` = '{point}'")
    oldest_first = sorted(versions, key=lambda version: int(version.version))
    return [version for version in oldest_first if _problem(version, client) is None]


def _problem(version: ModelVersion, client: MlflowClient) -> str | None:
    """What is wrong with a version's files, or None. Where they lie on this machine, they are read in place."""
    from mlflow.store.artifact.local_artifact_repo import LocalArtifactRepository

    repository = artifacts_of(version, client=client)
    if isinstance(repository, LocalArtifactRepository):
        folder = Path(repository.artifact_dir) / BUNDLE_FOLDER
        if not (folder / MANIFEST).is_file() or sha256_file(folder / MANIFEST) != version.tags.get(MANIFEST_TAG):
            return f"{folder}: {MANIFEST} is not there, or not the one that was registered"
        return damage(folder)
    with tempfile.TemporaryDirectory() as aside:
        try:
            download(version, Path(aside), client=client)
        except RefusedError as error:
            return str(error)
    return None


def _run_for(bundle: Bundle, client: MlflowClient, name: str, experiment: str) -> Run:
    """The run that holds a version's files: the one an interrupted registration left, or a new one."""
    found = client.get_experiment_by_name(experiment)
    if found is None or found.lifecycle_stage != "active":
        raise UserError(f"no experiment '{experiment}' in the store; `isogloss run` of the pipeline makes it")
    tags = {_KIND_TAG: _KIND, POINT_TAG: bundle.point, _NAME_TAG: name}
    mine = " and ".join(f"tags.`{tag}` = '{value}'" for tag, value in tags.items())
    if left := client.search_runs([found.experiment_id], mine, max_results=1):
        return left[0]
    run = client.create_run(found.experiment_id, tags=tags, run_name=f"{name} {bundle.point[:8]}")
    # It computes nothing: finished at once, so that a kill leaves no run that stands as running.
    client.set_terminated(run.info.run_id, "FINISHED")
    return run


def _upload(bundle: Bundle, client: MlflowClient, run: Run, place: str) -> None:
    with tempfile.TemporaryDirectory() as aside, transfers():
        package = Path(aside) / "package"
        write_package(bundle, package)
        client.log_artifacts(run.info.run_id, str(package), place)
        client.log_artifacts(run.info.run_id, str(bundle.folder), f"{place}/{BUNDLE_FOLDER}")
        back = Path(aside) / "back"
        back.mkdir()
        for folder, path in ((package, place), (bundle.folder, f"{place}/{BUNDLE_FOLDER}")):
            _compare(folder, path, client, run.info.run_id, back)


def _compare(folder: Path, place: str, client: MlflowClient, run_id: str, back: Path) -> None:
    """Raise RefusedError unless every file of `folder` reads back from the run as it is here."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = f"{place}/{path.relative_to(folder).as_posix()}"
            stored = Path(client.download_artifacts(run_id, name, str(back)))
            if sha256_file(stored) != sha256_file(path):
                raise RefusedError(
                    f"{name} of run {run_id} does not read back as it was uploaded; nothing was registered"
                )
            stored.unlink()


def _move_aliases(client: MlflowClient, name: str, wanted: Mapping[str, int]) -> dict[str, int]:
    """Set each alias that is elsewhere, the champion last; what was champion becomes `previous` before that."""
    now = {alias: int(number) for alias, number in client.get_registered_model(name).aliases.items()}
    steps = dict(wanted)
    if CHAMPION in wanted and CHAMPION in now and now[CHAMPION] != wanted[CHAMPION]:
        steps = {PREVIOUS: now[CHAMPION], **wanted}
    for alias, number in steps.items():
        if now.get(alias) != number:
            client.set_registered_model_alias(name, alias, str(number))
    return {**now, **steps}


# --------------------------------------------------------------------------------------------------------------------
# Files of a version besides its bundle: `MLmodel`, a signature, requirements and a few lines of code, so that MLflow can load it
# as a pyfunc. Models from code, safetensors only: nothing of a version is a pickle.

#: The file that MLflow runs, copied into every version.
CODE = Path(__file__).parent / "served.py"


def write_package(bundle: Bundle, folder: Path) -> None:
    """Write MLflow's part of a version into `folder`, which must be absent; the bundle goes to `bundle/` beside it."""
    import mlflow.pyfunc
    from mlflow.models import Model

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*An input example was not provided")  # it would load the model
        mlflow.pyfunc.save_model(
            str(folder),
            python_model=str(CODE),
            signature=signature(),
            pip_requirements=[f"isogloss=={__version__}"],
            model_config={"dtype": "float32", "device": "cpu", "base": None},
            metadata={"isogloss": {"name": bundle.name, "kind": bundle.kind, "point": bundle.point}},
        )
    description = Model.load(str(folder))
    # The bundle is named here instead of being handed over as an artifact, which would copy the weights twice; and no
    # path of this machine goes along.
    flavor = description.flavors[mlflow.pyfunc.FLAVOR_NAME]
    del flavor["cloudpickle_version"]  # nothing was pickled
    flavor.update(
        {"artifacts": {BUNDLE_FOLDER: {"path": BUNDLE_FOLDER, "uri": BUNDLE_FOLDER}}, "model_code_path": CODE.name}
    )
    description.save(str(folder / "MLmodel"))


def signature() -> Any:
    """A table with `prompt` (and `options`, `language`) in; `text`, or `scores` and `picked`, out, with the `language`.

    Parameters: `task` is `generate` or `score`. `language` is that of every prompt; None detects it. `en_gamma` and
    `loc_gamma` take the place of the version's own strengths; None leaves them.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import Array, DataType

    text, number = DataType.string, DataType.double
    return ModelSignature(
        inputs=Schema(
            [
                ColSpec(text, "prompt"),
                ColSpec(Array(text), "options", required=False),
                ColSpec(text, "language", required=False),
            ]
        ),
        outputs=Schema(
            [
                ColSpec(text, "text", required=False),
                ColSpec(Array(number), "scores", required=False),
                ColSpec(DataType.long, "picked", required=False),
                ColSpec(text, "language", required=False),
            ]
        ),
        params=ParamSchema(
            [
                ParamSpec("task", text, "generate"),
                ParamSpec("language", text, None),
                ParamSpec("en_gamma", number, None),
                ParamSpec("loc_gamma", number, None),
                ParamSpec("max_new_tokens", DataType.long, 64),
            ]
        ),
    )


# --------------------------------------------------------------------------------------------------------------------
# A journal of registrations, so that a finished pipeline that is run again need not start MLflow, which takes seconds


def note_registered(registered: Registered, journal: Journal, *, uri: str, name: str) -> None:
    """Write to `journal` what the registry at `uri` has of the model `name`."""
    facts = {
        "store": digest_of(uri),
        "model": name,
        "versions": [asdict(version) | {"new": False} for version in registered.versions],
        "aliases": registered.aliases,
    }
    if _last_noted(journal, uri, name) != facts:
        journal.registered(facts)


def registered_before(
    bundles: Sequence[Bundle], journal: Journal, *, uri: str, name: str, aliases: Mapping[str, str]
) -> Registered | None:
    """The result that registering `bundles` as `name` would have where it would change nothing, else None.

    None unless the last registration that the journal has of this model in this store is of these points and `aliases`
    (alias → point), the store still has its runs, and the files are on this machine: the manifest as it was registered, the
    others of the sizes that it says. A server's registry is not asked, and gives None.
    """
    database, noted = database_path(uri), _last_noted(journal, uri, name)
    if database is None or not database.is_file() or noted is None:
        return None
    versions = {entry["point"]: Version(**entry) for entry in noted["versions"]}
    if not {*aliases.values(), *(bundle.point for bundle in bundles)} <= versions.keys():
        return None
    if any(noted["aliases"].get(alias) != versions[point].number for alias, point in aliases.items()):
        return None
    wanted = tuple(versions[bundle.point] for bundle in bundles)
    if not holds_runs(uri, (version.run_id for version in wanted)):
        return None
    if not all(map(_has_files, wanted)):
        return None
    return Registered(versions=wanted, aliases=noted["aliases"])


def _last_noted(journal: Journal, uri: str, name: str) -> dict[str, Any] | None:
    entries = (event.data for event in reversed(journal.events()) if event.kind == "registered")
    return next((entry for entry in entries if (entry["store"], entry["model"]) == (digest_of(uri), name)), None)


def _has_files(version: Version) -> bool:
    address = urlsplit(version.source)
    folder = Path(unquote(address.path)) / BUNDLE_FOLDER
    if address.scheme != "file" or not (folder / MANIFEST).is_file():
        return False
    return sha256_file(folder / MANIFEST) == version.manifest and damage(folder, checksums=False) is None
