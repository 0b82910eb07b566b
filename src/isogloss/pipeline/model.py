"""The model that a pipeline measures, trains and steers, from its reference: files that load as a whole model.

A registered version, or the folder of one, stands for what was trained: its weights, or its adapter merged into its base. Its
steering is left aside, since a pipeline steers by vectors of its own. A version that only steers stands for its base.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from isogloss.errors import RefusedError, UserError
from isogloss.files import damage, sealed_folder
from isogloss.models.cache import require_space, writable_cache_dir
from isogloss.models.load import ResolvedModel, load_model, resolve
from isogloss.models.reference import parse_model_ref
from isogloss.registry.bundle import BUNDLE, Bundle, read_bundle
from isogloss.spec import PipelineSpec
from isogloss.tracking.store import URI_VARIABLE, database_path, shown_uri, tracking_uri

MERGED = "merged"


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineModel:
    """`ref` loads it, `path` holds its config and weights; `notices` say what became of the reference in the settings."""

    ref: str
    path: Path
    digest: str
    notices: tuple[str, ...] = ()


def pipeline_model(spec: PipelineSpec, root: Path) -> PipelineModel:
    """Find `spec.model`; a registered one in the store of the pipeline in `root`.

    Raises:
        UserError: there is no such model or version, or no store.
        RefusedError: a version is damaged, or its base is not the one that it was made on.
    """
    bundle = _bundle(spec, root)
    if bundle is None:
        found, notices = resolve(spec.model), []
        ref = spec.model
    else:
        found, notices = _of_bundle(bundle), [_notice(spec.model, bundle)]
        ref = bundle.model_ref
    if found.base is not None:
        found = _merged(found, ref)
        ref = str(found.path)
    return PipelineModel(ref=ref, path=found.path, digest=found.digest, notices=tuple(notices))


def _bundle(spec: PipelineSpec, root: Path) -> Bundle | None:
    """The version that the pipeline names, read and verified; None where it names something else."""
    if (Path(spec.model).expanduser() / BUNDLE).is_file():
        return read_bundle(Path(spec.model).expanduser())
    if not spec.model.startswith("models:") or parse_model_ref(spec.model).kind != "registry":
        return None
    from isogloss.registry.fetch import cached
    from isogloss.tracking.client import connect

    uri = spec.track.uri or tracking_uri(root)
    database = database_path(uri)
    if database is not None and not database.is_file():  # asking would make an empty one
        raise UserError(
            f"model '{spec.model}': there is no MLflow store at {shown_uri(uri)}; set track.uri or {URI_VARIABLE}"
        )
    with connect(uri) as client:
        return read_bundle(cached(spec.model, client=client))


def _of_bundle(bundle: Bundle) -> ResolvedModel:
    """What was trained, or the base, which must be the one that the version was made on."""
    found = resolve(bundle.model_ref)
    if found.digest != bundle.model_digest:
        raise RefusedError(
            f"{bundle.folder}: '{bundle.name}' was made on '{bundle.base.ref}' with digest {bundle.base.digest}, and what is "
            f"there now makes a model with digest {found.digest}; name the right model in its place"
        )
    return found


def _notice(ref: str, bundle: Bundle) -> str:
    if bundle.weights is None:
        return f"model '{ref}' only steers '{bundle.base.ref}': that is what is measured, its steering left aside"
    what = "adapter on" if bundle.weights == "adapter" else "weights, trained from"
    aside = ", its steering left aside" if bundle.steering.components else ""
    return f"model '{ref}' is measured by its {bundle.checkpoint} {what} '{bundle.base.ref}'{aside}"


def _merged(found: ResolvedModel, ref: str) -> ResolvedModel:
    """The whole model that an adapter makes of its base, in float32, kept in the cache: training and plans need one."""
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
