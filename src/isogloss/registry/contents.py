"""The schema of a bundle's files `bundle.json`, `intervention.json` and `scores.json`, and of a registered version's tags."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from isogloss.data.rows import Axis
from isogloss.models.layers import LAYER_CONVENTION
from isogloss.results.names import UNALIGNED
from isogloss.results.scores import Condition, Estimate
from isogloss.steering.apply import Positions
from isogloss.steering.vectors import Kind

#: Tag of a registered version: the digest of its point.
POINT_TAG = "isogloss.point"
#: Tag of a registered version: sha256 of its bundle's `manifest.json`, which ties the version to its files.
MANIFEST_TAG = "isogloss.manifest"
#: The folder of a version's artifacts that holds its bundle, beside what MLflow needs to load it.
BUNDLE_FOLDER = "bundle"

BundleKind = Literal["steered", "trained", "trained-steered"]
Weights = Literal["adapter", "full"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Base(_Value):
    """The base model: its reference, content digest and shape; `merged_from` as :func:`registry.bundle.merged_from` gives it."""

    ref: str
    digest: str
    num_layers: int
    hidden_size: int
    architecture: str
    merged_from: str | None = None


class Git(_Value):
    """The state of the working tree that the point was made from; None where it is not known."""

    commit: str | None = None
    dirty: bool | None = None


class Lineage(_Value):
    """Where the point comes from. Digests are of content; None where nothing of the kind was used (no corpus, no study)."""

    pipeline: str
    spec_digest: str
    benchmark_digest: str | None = None
    corpus_digest: str | None = None
    code_version: str | None = None
    git: Git = Git()
    run_id: str | None = None
    study: str | None = None


class BundleSpec(_Value):
    """Input of :func:`write_bundle` besides intervention, weights and scores. `checkpoint` is the training method."""

    name: str
    base: Base
    checkpoint: str = UNALIGNED
    weights: Weights | None = None
    languages: tuple[str, ...]
    regions: dict[str, str] = {}
    scoring: dict[str, str] = {}
    positions: Positions = "all"
    lineage: Lineage


class BundleManifest(_Value):
    """`bundle.json`: the point, its base and weights, what it is for, and where it comes from."""

    format: Literal[1] = 1
    name: str
    kind: BundleKind
    base: Base
    weights: Weights | None
    point: str
    checkpoint: str
    languages: tuple[str, ...]
    regions: dict[str, str]
    scoring: dict[str, str]
    lineage: Lineage


class ComponentEntry(_Value):
    """One component of the intervention. `vectors` is their folder; `digest` covers the vectors of these languages only."""

    kind: Kind
    layer: Annotated[int, Field(ge=1)]
    gamma: Annotated[float, Field(allow_inf_nan=False)]
    languages: tuple[str, ...]
    vectors: str
    digest: str


class InterventionEntry(_Value):
    """`intervention.json`: the components and the positions that they act on."""

    format: Literal[1] = 1
    layer_convention: str = LAYER_CONVENTION
    positions: Positions = "all"
    components: tuple[ComponentEntry, ...] = ()

    @field_validator("layer_convention")
    @classmethod
    def _ours(cls, value: str) -> str:
        if value != LAYER_CONVENTION:
            raise ValueError(f"layers are counted by another convention here ({LAYER_CONVENTION})")
        return value


class Measured(_Value):
    """Accuracies by axis and language (with `macro`) and English bias; the deltas are against the unaligned model."""

    axes: dict[Axis, dict[str, Estimate]]
    delta: dict[Axis, dict[str, Estimate]] = {}
    bias: dict[str, Estimate] = {}
    bias_delta: dict[str, Estimate] = {}

    @classmethod
    def of(cls, condition: Condition) -> Measured:
        """The numbers of a condition."""
        return cls(axes=condition.accuracy, delta=condition.delta, bias=condition.bias, bias_delta=condition.bias_delta)


class BundleScores(Measured):
    """`scores.json`: the point's test scores, and the unaligned model's on the same items."""

    baseline: Measured

    @classmethod
    def between(cls, condition: Condition, baseline: Condition) -> BundleScores:
        """The scores of a point beside those of the unaligned model."""
        return cls(**Measured.of(condition).model_dump(), baseline=Measured.of(baseline))
