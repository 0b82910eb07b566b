"""From a model's reference to files that load as a whole model, for a pipeline that measures, trains and steers it.

A registered version, or the folder of one, gives the trained model: its weights, or its adapter merged into its base. Its
steering is ignored, since a pipeline steers by its own vectors. A version that only steers gives its base.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock

from isogloss.errors import RefusedError, UserError
from isogloss.files import damage, sealed_folder
from isogloss.models.config import is_fetched
from isogloss.models.embedded import NEEDED_BYTES
from isogloss.models.hub import cache_dir, require_space, writable_cache_dir
from isogloss.models.load import ResolvedModel, base_of, is_adapter, load_model, resolve
from isogloss.models.reference import ModelRef, parse_model_ref
from isogloss.registry.bundle import BUNDLE, MERGED, MODEL, Bundle, merged_from, read_bundle
from isogloss.registry.contents import BundleManifest
from isogloss.registry.fetch import cached, fetch_manifest, find_version
from isogloss.results.format import gib
from isogloss.spec import PipelineSpec
from isogloss.tracking.store import URI_VARIABLE, connect, database_path, shown_uri, tracking_uri


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineModel:
    """A model on this machine.

    `ref` loads it here, and `path` holds its config and weights. `base_ref` is its name on other machines: a registered version
    by its number, never a folder of this machine's cache. `notices` are sentences on how the reference was understood.
    """

    ref: str
    base_ref: str
    path: Path
    digest: str
    notices: tuple[str, ...] = ()


def pipeline_model(spec: PipelineSpec, root: Path) -> PipelineModel:
    """Find `spec.model`; a registered one in the store of the pipeline in `root`. Raises as :func:`whole_model`."""
    return whole_model(spec.model, uri=spec.track.uri or tracking_uri(root))


def whole_model(ref: str, *, uri: str) -> PipelineModel:
    """Find the model that `ref` names as files that load without an adapter. Registered versions are in the store at `uri`.

    Raises:
        UserError: there is no such model or version, or no store.
        RefusedError: a version is damaged, or its base is not the one that it was made on.
    """
    bundle, base_ref = _bundle(ref, uri)
    if bundle is None:
        return _without_adapter(resolve(ref), ref, base_ref=base_ref)
    if bundle.weights is None:
        found = whole_model(bundle.base.ref, uri=uri)
        _check(bundle, found)
    else:
        trained = resolve(bundle.model_ref)
        _check_digest(bundle, trained.digest, bundle.model_digest)
        found = _without_adapter(trained, bundle.model_ref, base_ref=base_ref)
    return replace(found, notices=(_notice(ref, bundle),))


def is_base_of(bundle: Bundle, found: PipelineModel) -> bool:
    """True if the model is the base that the bundle was made on: the same files, or merged from the same ones."""
    source = merged_from(found.path)
    return found.digest == bundle.base.digest or (source is not None and source == bundle.base.merged_from)


def _bundle(ref: str, uri: str) -> tuple[Bundle | None, str]:
    """The bundle that `ref` names, verified, or None where it names something else; and its name on other machines."""
    if (Path(ref).expanduser() / BUNDLE).is_file():
        return read_bundle(Path(ref).expanduser()), ref
    if not ref.startswith("models:") or parse_model_ref(ref).kind != "registry":
        return None, ref
    with connect(store_of(ref, uri)) as client:
        version = find_version(ref, client=client)
        numbered = f"models:/{version.name}/{version.version}"
        return read_bundle(cached(numbered, client=client)), numbered


def store_of(ref: str, uri: str) -> str:
    """`uri`, if there is a store. Raises UserError if not, since asking would make an empty one."""
    database = database_path(uri)
    if database is not None and not database.is_file():
        raise UserError(
            f"model '{ref}': there is no MLflow store at {shown_uri(uri)}; go to the project's folder or set {URI_VARIABLE} "
            "(in a pipeline, track.uri)"
        )
    return uri


def _without_adapter(found: ResolvedModel, ref: str, *, base_ref: str) -> PipelineModel:
    if found.base is not None:
        found = _merged(found, ref)
        ref = str(found.path)
    return PipelineModel(ref=ref, base_ref=base_ref, path=found.path, digest=found.digest)


def _check(bundle: Bundle, found: PipelineModel) -> None:
    if not is_base_of(bundle, found):
        _check_digest(bundle, found.digest, bundle.base.digest)


def _check_digest(bundle: Bundle, found: str, expected: str) -> None:
    if found != expected:
        raise RefusedError(
            f"{bundle.folder}: '{bundle.name}' was made on '{bundle.base.ref}' with digest {bundle.base.digest}, and what is "
            f"there now makes a model with digest {found}; name the right model in its place"
        )


def _notice(ref: str, bundle: Bundle) -> str:
    if bundle.weights is None:
        return f"model '{ref}' only steers '{bundle.base.ref}': that is what is measured, its steering left aside"
    what = "adapter on" if bundle.weights == "adapter" else "weights, trained from"
    aside = ", its steering left aside" if bundle.steering.components else ""
    return f"model '{ref}' is measured by its {bundle.checkpoint} {what} '{bundle.base.ref}'{aside}"


def is_merged(found: ResolvedModel) -> bool:
    """True if the adapter's merged model is in the cache."""
    return damage(cache_dir() / MERGED / found.digest[:32], checksums=False) is None


def _merged(found: ResolvedModel, ref: str) -> ResolvedModel:
    """Merge an adapter into its base, in float32, and keep the model in the cache."""
    folder = writable_cache_dir() / MERGED / found.digest[:32]
    folder.parent.mkdir(exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if damage(folder, checksums=False) is not None:
            base = found
            while base.base is not None:
                base = base.base
            weights = sum(path.stat().st_size for path in base.path.glob("*.safetensors"))
            require_space(folder.parent, 2 * weights, purpose=f"merging the adapter of '{ref}'")
            loaded = load_model(ref)
            with sealed_folder(folder, kind="merged", digest=found.digest) as aside:
                loaded.model.save_pretrained(aside)
                loaded.tokenizer.save_pretrained(aside)
    return resolve(str(folder))


# --------------------------------------------------------------------------------------------------------------------
# Models that are not on this machine yet: download, conversion and disk, for a plan


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingModel:
    """A model whose files are not complete on this machine. `base`, below all adapters and versions, has its config."""

    base: ModelRef
    fetch: bool = False
    convert: bool = False
    merge: bool = False

    def bytes_fetched(self, parameters: float) -> float:
        """Bytes to download before the first stage, for a model of that many parameters."""
        return 2 * parameters if self.fetch else 0.0

    def bytes_on_disk(self, parameters: float) -> float:
        """Bytes to write to the disk before the first stage."""
        return sum(size for size, _ in self._steps(parameters))

    def describe(self, parameters: float) -> str:
        """The steps before the first stage, in words."""
        return "; ".join(f"{words}: {gib(size)} GiB" for size, words in self._steps(parameters))

    def _steps(self, parameters: float) -> list[tuple[float, str]]:
        steps = (
            (self.fetch, self.bytes_fetched(parameters), "the model is not here and will be fetched"),
            (self.convert, NEEDED_BYTES, "the embedded model is converted first, once, into the cache"),
            (self.merge, 4 * parameters, "the adapter is merged into its base first, once, in the cache"),
        )
        return [(size, words) for needed, size, words in steps if needed]


def missing_model(spec: PipelineSpec, root: Path) -> MissingModel | None:
    """What `spec.model` needs before it loads as a whole model; None where it is on this machine.

    Of a registered version that is not in the cache, only `bundle.json` is fetched. A version that only steers gives its base.

    Raises:
        UserError: no such version or store, or an adapter that names no base.
        RefusedError: a version whose files are gone, or an adapter whose base is another now.
    """
    found = _needs(spec.model, spec.track.uri or tracking_uri(root))
    return found if found.fetch or found.convert or found.merge else None


def _needs(ref: str, uri: str) -> MissingModel:
    """As :func:`missing_model`; a model that is here needs nothing."""
    manifest, folder = _manifest(ref, uri)
    if manifest is None:
        return _needs_of_files(parse_model_ref(ref), uri)
    if manifest.weights is not None and folder is not None:
        return _needs_of_files(parse_model_ref(str(folder / MODEL)), uri)
    below = _needs(manifest.base.ref, uri)
    if manifest.weights is None:
        return below
    return replace(below, merge=True) if manifest.weights == "adapter" else MissingModel(base=below.base, fetch=True)


def _manifest(ref: str, uri: str) -> tuple[BundleManifest | None, Path | None]:
    """`bundle.json` of the bundle that `ref` names, or None; and its folder, if it is on this machine."""
    folder = Path(ref).expanduser()
    if (folder / BUNDLE).is_file():
        return read_bundle(folder).manifest, folder
    if not ref.startswith("models:"):
        return None, None
    with connect(store_of(ref, uri)) as client:
        return fetch_manifest(ref, client=client)


def _needs_of_files(ref: ModelRef, uri: str) -> MissingModel:
    path = Path(ref.name)
    if ref.kind == "local" and is_adapter(path):
        below = _needs(base_of(path).name, uri)
        made = below == MissingModel(base=below.base) and is_merged(resolve(ref))
        return below if made else replace(below, merge=True)
    here, embedded = is_fetched(ref), ref.kind == "embedded"
    return MissingModel(base=ref, convert=embedded and not here, fetch=not embedded and not here)
