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


def unmade(spec: PipelineSpec, root: Path) -> Unmade | None:
    """What `spec.model` still needs before it loads as a whole model; None where it is here.

    Of a registered version that is not in the cache, its description is read and nothing else. What only steers stands for
    its base.

    Raises:
        UserError: no such version or store, or an adapter that names no base.
        RefusedError: a version whose files are gone, or an adapter whose base is another now.
    """
    found = _needs(spec.model, spec.track.uri or tracking_uri(root))
    return found if found.fetch or found.convert or found.merge else None


def _needs(ref: str, uri: str) -> Unmade:
    """As :func:`unmade`; a model that is here needs nothing."""
    about, folder = _description(ref, uri)
    if about is None:
        return _needs_of_files(parse_model_ref(ref), uri)
    if about.weights is not None and folder is not None:
        return _needs_of_files(parse_model_ref(str(folder / MODEL)), uri)
    below = _needs(about.base.ref, uri)
    if about.weights is None:
        return below
    return replace(below, merge=True) if about.weights == "adapter" else Unmade(base=below.base, fetch=True)


def _description(ref: str, uri: str) -> tuple[Described | None, Path | None]:
    """What the version that `ref` names says of itself, None where it names none; and its folder where it is here."""
    folder = Path(ref).expanduser()
    if (folder / BUNDLE).is_file():
        return read_bundle(folder).described, folder
    if not ref.startswith("models:"):
        return None, None
    with connect(store_of(ref, uri)) as client:
        return described(ref, client=client)


def _needs_of_files(ref: ModelRef, uri: str) -> Unmade:
    path = Path(ref.name)
    if ref.kind == "local" and is_adapter(path):
        below = _needs(base_of(path).name, uri)
        made = below == Unmade(base=below.base) and is_merged(resolve(ref))
        return below if made else replace(below, merge=True)
    here, embedded = is_fetched(ref), ref.kind == "embedded"
    return Unmade(base=ref, convert=embedded and not here, fetch=not embedded and not here)
