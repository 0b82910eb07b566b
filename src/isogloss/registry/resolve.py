"""The model that a pipeline measures, trains and steers, from its reference: files that load as a whole model.

A registered version, or the folder of one, stands for what was trained: its weights, or its adapter merged into its base. Its
steering is left aside, since a pipeline steers by vectors of its own. A version that only steers stands for its base.
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
from isogloss.registry.fetch import described
from isogloss.spec import PipelineSpec
from isogloss.tracking.client import connect
from isogloss.tracking.store import URI_VARIABLE, database_path, shown_uri, tracking_uri


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineModel:
    """`ref` loads it here, `path` holds its config and weights; `notices` say what became of the reference in the settings.

    `base_ref` is what it is called elsewhere: a registered version by its number, and no place in this machine's cache.
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
    """Find what `ref` names, a registered version in the store at `uri`, as files that load without an adapter.

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
    """Whether the model is the base that the bundle was made on: the same files, or merged from the same."""
    source = merged_from(found.path)
    return found.digest == bundle.base.digest or (source is not None and source == bundle.base.merged_from)


def _bundle(ref: str, uri: str) -> tuple[Bundle | None, str]:
    """The version that `ref` names, read and verified, None where it names something else; and its lasting name."""
    if (Path(ref).expanduser() / BUNDLE).is_file():
        return read_bundle(Path(ref).expanduser()), ref
    if not ref.startswith("models:") or parse_model_ref(ref).kind != "registry":
        return None, ref
    from isogloss.registry.fetch import cached
    from isogloss.registry.references import find_version
    from isogloss.tracking.client import connect

    with connect(store_of(ref, uri)) as client:
        version = find_version(ref, client=client)
        numbered = f"models:/{version.name}/{version.version}"
        return read_bundle(cached(numbered, client=client)), numbered


def store_of(ref: str, uri: str) -> str:
    """`uri`, where the store that `ref` is in is. Raises UserError where there is none: asking would make an empty one."""
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
    """Whether the adapter's whole model is in the cache."""
    return damage(cache_dir() / MERGED / found.digest[:32], checksums=False) is None


def _merged(found: ResolvedModel, ref: str) -> ResolvedModel:
    """The whole model that an adapter makes of its base, in float32, kept in the cache: training needs one."""
    folder = writable_cache_dir() / MERGED / found.digest[:32]
    folder.parent.mkdir(exist_ok=True)
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        if damage(folder, checksums=False) is not None:
            whole = found
            while whole.base is not None:
                whole = whole.base
            weights = sum(path.stat().st_size for path in whole.path.glob("*.safetensors"))
            require_space(folder.parent, 2 * weights, purpose=f"merging the adapter of '{ref}'")
            loaded = load_model(ref)
            with sealed_folder(folder, kind="merged", digest=found.digest) as aside:
                loaded.model.save_pretrained(aside)
                loaded.tokenizer.save_pretrained(aside)
    return resolve(str(folder))


# --------------------------------------------------------------------------------------------------------------------
# A pipeline's model before its files are whole here: what a plan knows of it without fetching, converting or merging any.


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingModel:
    """What a model still needs before its files are whole here. `base`, below all adapters and versions, has its config."""

    base: ModelRef
    fetch: bool = False
    convert: bool = False
    merge: bool = False

    def bytes_fetched(self, parameters: float) -> float:
        """What comes over the network before the first stage."""
        return 2 * parameters if self.fetch else 0.0

    def bytes_on_disk(self, parameters: float) -> float:
        """What is written to the disk before the first stage."""
        return sum(size for size, _ in self._steps(parameters))

    def said(self, parameters: float) -> str:
        """What is done before the first stage, in words."""
        return "; ".join(f"{words}: {size / 2**30:.1f} GiB" for size, words in self._steps(parameters))

    def _steps(self, parameters: float) -> list[tuple[float, str]]:
        steps = (
            (self.fetch, self.bytes_fetched(parameters), "the model is not here and will be fetched"),
            (self.convert, NEEDED_BYTES, "the embedded model is converted first, once, into the cache"),
            (self.merge, 4 * parameters, "the adapter is merged into its base first, once, in the cache"),
        )
        return [(size, words) for needed, size, words in steps if needed]


def missing_model(spec: PipelineSpec, root: Path) -> MissingModel | None:
    """What `spec.model` still needs before it loads as a whole model; None where it is here.

    Of a registered version that is not in the cache, its description is read and nothing else. What only steers stands for
    its base.

    Raises:
        UserError: no such version or store, or an adapter that names no base.
        RefusedError: a version whose files are gone, or an adapter whose base is another now.
    """
    found = _needs(spec.model, spec.track.uri or tracking_uri(root))
    return found if found.fetch or found.convert or found.merge else None


def _needs(ref: str, uri: str) -> MissingModel:
    """As :func:`missing_model`; a model that is here needs nothing."""
    about, folder = _description(ref, uri)
    if about is None:
        return _needs_of_files(parse_model_ref(ref), uri)
    if about.weights is not None and folder is not None:
        return _needs_of_files(parse_model_ref(str(folder / MODEL)), uri)
    below = _needs(about.base.ref, uri)
    if about.weights is None:
        return below
    return replace(below, merge=True) if about.weights == "adapter" else MissingModel(base=below.base, fetch=True)


def _description(ref: str, uri: str) -> tuple[BundleManifest | None, Path | None]:
    """What the version that `ref` names says of itself, None where it names none; and its folder where it is here."""
    folder = Path(ref).expanduser()
    if (folder / BUNDLE).is_file():
        return read_bundle(folder).described, folder
    if not ref.startswith("models:"):
        return None, None
    with connect(store_of(ref, uri)) as client:
        return described(ref, client=client)


def _needs_of_files(ref: ModelRef, uri: str) -> MissingModel:
    path = Path(ref.name)
    if ref.kind == "local" and is_adapter(path):
        below = _needs(base_of(path).name, uri)
        made = below == MissingModel(base=below.base) and is_merged(resolve(ref))
        return below if made else replace(below, merge=True)
    here, embedded = is_fetched(ref), ref.kind == "embedded"
    return MissingModel(base=ref, convert=embedded and not here, fetch=not embedded and not here)
