"""A bundle: the folder of a registered version, with all that is needed to use one point of the plane and to judge it.

```
README.md             model card
bundle.json           base, weights, languages, lineage, and `point`: bundles of the same point have the same digest
intervention.json     components: kind, layer, γ, languages, and the folder of their vectors
vectors/en, vectors/loc   as `SteeringVectors.save` writes them; only the kinds that a component uses
scores.json           test scores, deltas to the unaligned model, and that model's own scores
model/                the adapter or the whole model, only where something was trained
manifest.json         size and sha256 of every file, written last
```
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from isogloss.errors import RefusedError, UserError
from isogloss.files import (
    MANIFEST,
    damage,
    digest_of,
    read_json,
    read_manifest,
    sealed_folder,
    write_atomic,
    write_json,
)
from isogloss.models.load import adapter_digest, model_digest
from isogloss.registry.contents import (
    Base,
    BundleKind,
    BundleManifest,
    BundleScores,
    BundleSpec,
    ComponentEntry,
    InterventionEntry,
    Lineage,
    Weights,
)
from isogloss.steering.apply import Positions
from isogloss.steering.intervention import Component, Intervention
from isogloss.steering.vectors import Kind, SteeringVectors

CARD = "README.md"
BUNDLE = "bundle.json"
INTERVENTION = "intervention.json"
SCORES = "scores.json"
MODEL = "model"
VECTORS: dict[Kind, str] = {"en": "vectors/en", "loc": "vectors/loc"}

Content = TypeVar("Content", bound=BaseModel)


@dataclass(frozen=True, eq=False, kw_only=True)
class Bundle:
    """A bundle that was read and verified. Bundles of the same point have the same `point`."""

    folder: Path
    manifest: BundleManifest
    steering: Intervention
    positions: Positions
    scores: BundleScores

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def kind(self) -> BundleKind:
        return self.manifest.kind

    @property
    def point(self) -> str:
        return self.manifest.point

    @property
    def base(self) -> Base:
        return self.manifest.base

    @property
    def weights(self) -> Weights | None:
        return self.manifest.weights

    @property
    def checkpoint(self) -> str:
        return self.manifest.checkpoint

    @property
    def languages(self) -> tuple[str, ...]:
        return self.manifest.languages

    @property
    def regions(self) -> dict[str, str]:
        return self.manifest.regions

    @property
    def scoring(self) -> dict[str, str]:
        return self.manifest.scoring

    @property
    def lineage(self) -> Lineage:
        return self.manifest.lineage

    @property
    def model_folder(self) -> Path | None:
        """The folder of the adapter or whole model; None where the base is used as it is."""
        return self.folder / MODEL if self.weights else None

    @property
    def model_ref(self) -> str:
        """The reference that loads the model to be steered: the folder of the trained one, or the base."""
        return str(self.model_folder) if self.model_folder else self.base.ref

    @property
    def model_digest(self) -> str:
        """Digest of the model that is steered: the trained one, or the base."""
        return _weights_digest(self.model_folder, self.weights, self.base.digest) or self.base.digest

    def intervention(self) -> Intervention:
        """Vectors, layers and strengths; without components where the trained model is used unsteered."""
        return self.steering


def point_digest(
    intervention: Intervention, *, base_digest: str, weights_digest: str | None, positions: Positions
) -> str:
    """Digest of everything that changes an answer: base, weights, and each vector with its language, layer and γ.

    Names, the grouping of vectors into components, and components with γ = 0 make no difference.
    """
    added = [
        [one.vectors.header.kind, one.layer, float(one.gamma), language, one.vectors.at(language, one.layer).tolist()]
        for one in intervention.components
        if one.gamma != 0
        for language in one.vectors.languages
    ]
    return digest_of([base_digest, weights_digest, positions if added else None, sorted(map(digest_of, added))])


def write_bundle(
    folder: Path,
    *,
    spec: BundleSpec,
    intervention: Intervention,
    scores: BundleScores,
    card: Callable[[Bundle], str],
    model_folder: Path | None = None,
) -> Bundle:
    """Write a bundle, completely or not at all, and return it as :func:`read_bundle` would.

    `card` gets the bundle (all but its card in place) and gives the text of README.md. `model_folder` is the adapter or
    whole model that was trained, given exactly where `spec.weights` says what it is.

    Raises:
        RefusedError: vectors of another model, or a file in `model_folder` that may not be shipped (a pickle, a link).
        UserError: nothing to ship, components of a kind that contradict each other, or weights missing or not declared.
    """
    if (model_folder is None) != (spec.weights is None):
        raise UserError(f"bundle '{spec.name}': weights are {spec.weights}, and the model's folder is {model_folder}")
    if model_folder is None and not intervention.components:
        raise UserError(f"bundle '{spec.name}': neither trained nor steered, so there is nothing to ship")
    with sealed_folder(folder, kind="bundle") as aside:
        if model_folder is not None:
            if wrong := unsafe_file(model_folder):
                raise RefusedError(f"the trained model cannot be shipped: {wrong}")
            shutil.copytree(model_folder, aside / MODEL)
        by_kind = _by_kind(intervention)
        for kind, vectors in by_kind.items():
            vectors.save(aside / VECTORS[kind])
        weights_digest = _weights_digest(aside / MODEL, spec.weights, spec.base.digest)
        point = point_digest(
            intervention, base_digest=spec.base.digest, weights_digest=weights_digest, positions=spec.positions
        )
        manifest = BundleManifest(
            **spec.model_dump(exclude={"positions"}), kind=_kind(spec.weights, intervention), point=point
        )
        write_json(aside / BUNDLE, manifest.model_dump(mode="json"))
        write_json(aside / INTERVENTION, _describe(intervention, positions=spec.positions).model_dump(mode="json"))
        write_json(aside / SCORES, scores.model_dump(mode="json"))
        _check_vectors(by_kind, manifest, weights_digest)
        bundle = Bundle(folder=aside, manifest=manifest, steering=intervention, positions=spec.positions, scores=scores)
        write_atomic(aside / CARD, card(bundle))
    return read_bundle(folder)


def read_bundle(folder: Path) -> Bundle:
    """Read a bundle and verify it: manifest, no pickle, no link, no path outside, digests that agree.

    Raises:
        UserError: there is no bundle.
        RefusedError: it is not what was written, or not what it says; the message names file and reason.
    """
    if not (folder / BUNDLE).is_file():
        raise UserError(
            f"{folder}: no bundle there ({BUNDLE} is missing). Get one: isogloss fetch models:/NAME@champion DIR"
        )
    check_safe(folder)
    manifest = read_bundle_manifest(folder)
    steering = _parsed(folder / INTERVENTION, InterventionEntry)
    scores = _parsed(folder / SCORES, BundleScores)
    by_kind = {one.kind: SteeringVectors.load(folder / VECTORS[one.kind]) for one in steering.components}
    model = folder / MODEL
    if (manifest.weights is not None) != model.is_dir():
        raise RefusedError(
            f"{folder / BUNDLE}: weights are {manifest.weights}, and {MODEL}/ is {'' if model.is_dir() else 'not '}there"
        )
    weights_digest = _weights_digest(model, manifest.weights, manifest.base.digest)
    _check_vectors(by_kind, manifest, weights_digest)
    components = [_component(one, by_kind[one.kind], folder) for one in steering.components]
    intervention = Intervention(tuple(components))
    point = point_digest(
        intervention,
        base_digest=manifest.base.digest,
        weights_digest=weights_digest,
        positions=steering.positions,
    )
    if point != manifest.point:
        raise RefusedError(
            f"{folder / BUNDLE}: it is point {manifest.point[:12]}, and its base, weights and intervention make "
            f"{point[:12]}; fetch the version again"
        )
    return Bundle(folder=folder, manifest=manifest, steering=intervention, positions=steering.positions, scores=scores)


def read_bundle_manifest(folder: Path) -> BundleManifest:
    """Read `bundle.json` alone. Raises RefusedError where it is not what was written."""
    return _parsed(folder / BUNDLE, BundleManifest)


def _kind(weights: Weights | None, intervention: Intervention) -> BundleKind:
    if weights is None:
        return "steered"
    return "trained-steered" if intervention.components else "trained"


def _weights_digest(folder: Path | None, weights: Weights | None, base_digest: str) -> str | None:
    if weights is None or folder is None:
        return None
    return adapter_digest(folder, base_digest) if weights == "adapter" else model_digest(folder)


def _describe(intervention: Intervention, *, positions: Positions) -> InterventionEntry:
    return InterventionEntry(
        positions=positions,
        components=tuple(
            ComponentEntry(
                kind=one.vectors.header.kind,
                layer=one.layer,
                gamma=one.gamma,
                languages=one.vectors.languages,
                vectors=VECTORS[one.vectors.header.kind],
                digest=one.vectors.digest,
            )
            for one in intervention.components
        ),
    )


def _by_kind(intervention: Intervention) -> dict[Kind, SteeringVectors]:
    """The vectors of all components of a kind together. Raises UserError where they do not come from one extraction."""
    found: dict[Kind, SteeringVectors] = {}
    for component in intervention.components:
        vectors = component.vectors
        kind = vectors.header.kind
        found[kind] = _united(found[kind], vectors) if kind in found else vectors
    return found


def _united(first: SteeringVectors, second: SteeringVectors) -> SteeringVectors:
    per_language = ("pairs", "norms", "residual_norms")
    shared = [one.header.model_dump(exclude=set(per_language)) for one in (first, second)]
    both = set(first.languages) & set(second.languages)
    if shared[0] != shared[1] or (both and first.only(sorted(both)).digest != second.only(sorted(both)).digest):
        raise UserError(
            f"{first.header.kind.upper()} components with vectors of different extractions cannot share a bundle"
        )
    fields = {name: {**getattr(first.header, name), **getattr(second.header, name)} for name in per_language}
    return SteeringVectors(first.header.model_copy(update=fields), {**first.tensors, **second.tensors})


def _check_vectors(
    by_kind: Mapping[Kind, SteeringVectors], manifest: BundleManifest, weights_digest: str | None
) -> None:
    base = manifest.base
    for vectors in by_kind.values():
        vectors.check_model(
            weights_digest or base.digest,
            num_layers=base.num_layers,
            hidden_size=base.hidden_size,
            where=f"the model of bundle '{manifest.name}' ({manifest.checkpoint}, base '{base.ref}')",
        )


def _component(entry: ComponentEntry, vectors: SteeringVectors, folder: Path) -> Component:
    where = f"{folder / INTERVENTION}: {entry.kind.upper()} in layer {entry.layer}"
    if entry.vectors != VECTORS[entry.kind]:
        raise RefusedError(f"{where}: its vectors are looked for in {VECTORS[entry.kind]}, not '{entry.vectors}'")
    try:
        component = Component(vectors=vectors.only(entry.languages), layer=entry.layer, gamma=entry.gamma)
    except UserError as error:
        raise RefusedError(f"{where}: {error}") from error
    if component.vectors.digest != entry.digest:
        raise RefusedError(
            f"{where}: it was made with vectors {entry.digest[:12]}, and {folder / entry.vectors} holds "
            f"{component.vectors.digest[:12]}; fetch the version again"
        )
    return component


def _parsed(path: Path, model: type[Content]) -> Content:
    try:
        return model.model_validate(read_json(path))
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors(include_url=False))
        raise RefusedError(f"{path}: not as a bundle has it: {'; '.join(problems)}") from error
    except (OSError, ValueError) as error:
        raise RefusedError(f"{path}: cannot be read: {error}") from error


# --------------------------------------------------------------------------------------------------------------------
# Safety: a bundle's folder has only files that its manifest lists, no link, no pickle, and nothing leads out of it

_PICKLE_NAMES = (".pkl", ".pickle", ".bin", ".pt", ".pth", ".ckpt", ".joblib", ".npy", ".npz", ".dill", ".cloudpickle")
#: How a pickle of protocol 2 to 5 and a zip (what torch.save writes) begin.
_PICKLE_STARTS = (*(bytes([0x80, protocol]) for protocol in range(2, 6)), b"PK\x03\x04")


def check_safe(folder: Path) -> None:
    """Raise RefusedError unless `folder` holds what its manifest lists, byte for byte, and nothing else."""
    again = "fetch the version again, and do not use this copy"
    if wrong := unsafe_file(folder):
        raise RefusedError(f"{wrong}; {again}")
    manifest = read_manifest(folder)
    if manifest is None:
        raise RefusedError(f"{folder}: no readable {MANIFEST}; {again}")
    for name in manifest["files"]:
        if wrong := climbs_out(name):
            raise RefusedError(f"{folder / MANIFEST}: the file name {name!r} {wrong}; {again}")
    if wrong := damage(folder):
        raise RefusedError(f"{wrong}; {again}")
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if unlisted := sorted(there - set(manifest["files"]) - {MANIFEST}):
        raise RefusedError(f"{folder / unlisted[0]}: not in {MANIFEST}; {again}")


def climbs_out(name: str) -> str | None:
    """Why a relative file name must not be followed, or None for a plain one."""
    path = PurePosixPath(name)
    if path.is_absolute() or "\\" in name or (len(name) > 1 and name[1] == ":"):
        return "is not a plain relative path"
    if not name or ".." in path.parts or path.as_posix() != name:
        return "leads out of the folder"
    return None


def unsafe_file(folder: Path) -> str | None:
    """The first link, special file or pickle below `folder`, in words; None where there is none.

    Links count even where they lead to a harmless place: what they lead to is not what was shipped.
    """
    if folder.is_symlink():
        return f"{folder}: a symbolic link, not a folder"
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            return f"{path}: a symbolic link (to {path.readlink()}), which could lead out of the folder"
        if path.is_dir():
            continue
        if not path.is_file():
            return f"{path}: neither a file nor a folder"
        if is_pickle(path):
            return f"{path}: a pickle, which can run code when it is read; only safetensors are loaded"
    return None


def is_pickle(path: Path) -> bool:
    """True if a file is a pickle by its name or by its first bytes."""
    if path.suffix in _PICKLE_NAMES:
        return True
    if path.suffix == ".safetensors":  # begins with a length, which may look like anything
        return False
    with path.open("rb") as file:
        return file.read(4).startswith(_PICKLE_STARTS)


# --------------------------------------------------------------------------------------------------------------------
# Bases that were trained themselves: a registered version whose adapter was merged into its base

#: The kind, in its manifest, of a folder that holds a model with its adapter merged in.
MERGED = "merged"


def merged_from(folder: Path) -> str | None:
    """Digest of the base and adapter that the model in `folder` was merged from; None where it was not.

    It is the same on every machine. Merged files need not be: they hold a library's version and the rounding of a processor.
    """
    manifest = read_manifest(folder)
    return str(manifest["digest"]) if manifest is not None and manifest.get("kind") == MERGED else None
