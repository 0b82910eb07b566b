"""A pipeline's model before its files are whole here: what a plan knows of it without fetching, converting or merging any."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from isogloss.models.adapters import base_of, is_adapter
from isogloss.models.embedded import NEEDED_BYTES
from isogloss.models.load import resolve
from isogloss.models.reference import ModelRef, parse_model_ref
from isogloss.models.unfetched import is_fetched
from isogloss.pipeline.model import is_merged, store_of
from isogloss.registry.bundle import BUNDLE, MODEL, read_bundle
from isogloss.registry.contents import Described
from isogloss.registry.fetch import described
from isogloss.spec import PipelineSpec
from isogloss.tracking.client import connect
from isogloss.tracking.store import tracking_uri


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmade:
    """A model whose files are not whole here. `base` has its config, and its weights where it has no other."""

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


def unmade(spec: PipelineSpec, root: Path) -> Unmade | None:
    """What `spec.model` still needs before it loads as a whole model; None where it is here.

    Of a registered version that is not in the cache, its description is read and nothing else. What only steers stands for
    its base.

    Raises:
        UserError: no such version or store, or an adapter that names no base.
        RefusedError: a version whose files are gone, or an adapter whose base is another now.
    """
    return _unmade(spec.model, spec.track.uri or tracking_uri(root))


def _unmade(ref: str, uri: str) -> Unmade | None:
    about, folder = _description(ref, uri)
    if about is None:
        return _of_files(parse_model_ref(ref), uri)
    if about.weights is not None and folder is not None:
        return _of_files(parse_model_ref(str(folder / MODEL)), uri)
    below = _unmade(about.base.ref, uri)
    if about.weights is None:
        return below
    if about.weights == "adapter":
        return _merge(about.base.ref, below, uri)
    return Unmade(base=_root(about.base.ref, uri), fetch=True)


def _description(ref: str, uri: str) -> tuple[Described | None, Path | None]:
    """What the version that `ref` names says of itself, None where it names none; and its folder where it is here."""
    folder = Path(ref).expanduser()
    if (folder / BUNDLE).is_file():
        return read_bundle(folder).described, folder
    if not ref.startswith("models:"):
        return None, None
    with connect(store_of(ref, uri)) as client:
        return described(ref, client=client)


def _of_files(ref: ModelRef, uri: str) -> Unmade | None:
    path = Path(ref.name)
    if ref.kind == "local" and is_adapter(path):
        name = base_of(path).name
        below = _unmade(name, uri)
        if below is None and is_merged(resolve(ref)):
            return None
        return _merge(name, below, uri)
    if is_fetched(ref):
        return None
    embedded = ref.kind == "embedded"
    return Unmade(base=ref, convert=embedded, fetch=not embedded)


def _merge(base: str, below: Unmade | None, uri: str) -> Unmade:
    """An adapter that is yet to be merged into `base`, which itself may be to be made."""
    return Unmade(base=_root(base, uri), merge=True) if below is None else replace(below, merge=True)


def _root(ref: str, uri: str) -> ModelRef:
    """The model below all adapters and versions: it has the config of what is made on it."""
    about, _ = _description(ref, uri)
    if about is not None:
        return _root(about.base.ref, uri)
    found = parse_model_ref(ref)
    if found.kind == "local" and is_adapter(Path(found.name)):
        return _root(base_of(Path(found.name)).name, uri)
    return found
