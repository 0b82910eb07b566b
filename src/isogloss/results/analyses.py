"""The results of the analyses: what their figures, the report and MLflow are made from.

Layers are 1…L; layer l is the output of decoder block l. Numbers are fractions, not percent, and angles are in degrees.
A *panel* is one model in one condition (unsteered, EN-, LOC- or SUR-steered). What could not be computed is absent, and
`missing` says in words what and why.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Self

from pydantic import Field, model_validator

from isogloss.data.rows import Axis
from isogloss.results.names import CONDITIONS, UNSTEERED, VectorKind
from isogloss.results.scores import Estimate, Frozen

#: Beside a saved `Pca`: float32 [panels, layers, rows, 2], in the order of its `panels`, `layers` and `rows`.
COORDINATES = "coordinates.npy"


class Panel(Frozen):
    """One model in one condition: names to compute with, and labels to show."""

    model: str
    label: str
    condition: str = UNSTEERED
    condition_label: str = CONDITIONS[UNSTEERED].label

    @property
    def name(self) -> str:
        """`MIST`; steered, `MIST, LOC-steered`."""
        return self.label if self.condition == UNSTEERED else f"{self.label}, {self.condition_label}"


def conditions_of(panels: Iterable[Panel]) -> dict[str, str]:
    """{condition: label} of the panels, in their order."""
    return {panel.condition: panel.condition_label for panel in panels}


class LayerCurve(Frozen):
    """An estimate at each of `layers`."""

    layers: tuple[int, ...]
    values: tuple[Estimate, ...]

    @model_validator(mode="after")
    def _one_value_a_layer(self) -> Self:
        if len(self.layers) != len(self.values):
            raise ValueError(f"{len(self.values)} values for {len(self.layers)} layers")
        return self

    def points(self) -> list[tuple[int, Estimate]]:
        """(layer, estimate) in order."""
        return list(zip(self.layers, self.values, strict=True))

    def peak(self) -> tuple[int, Estimate]:
        """The layer of the highest value, and that; the first of equals. ValueError for an empty curve."""
        return max(self.points(), key=lambda point: (point[1].value, -point[0]))


class Perpendicularity(Frozen):
    """S = 90 − |angle − 90| between the mean EN and the mean LOC difference (Han et al. 2025, equation 6), in degrees:
    90 is orthogonal, 0 parallel. One per model.

    `by_language` has `macro` too; intervals resample pairs. `split_half[kind]` is what S is between means of two random
    halves of the same kind's pairs (macro; the mean over splits, low and high its central 95 %); `random` what it is
    between two random directions of this width. Both are nulls: the first says what sameness looks like, the second what
    unrelatedness looks like.
    """

    model: str
    label: str
    by_language: dict[str, LayerCurve]
    split_half: dict[VectorKind, LayerCurve]
    random: LayerCurve
    missing: tuple[str, ...] = ()


class PcaRow(Frozen):
    """The item behind a point."""

    id: str
    group: str
    language: str
    axis: Axis


class PcaPanel(Frozen):
    """`share` by layer: the part of this panel's own variance that lies on each of the two axes."""

    panel: Panel
    share: dict[int, tuple[float, float]]


class Pca(Frozen):
    """Projections of last-token states to two axes a layer, the same axes for all panels; `basis` says in words whose.

    The points themselves are in `coordinates.npy` beside it, float32 [panels, layers, rows, 2].
    """

    layers: tuple[int, ...]
    rows: tuple[PcaRow, ...]
    panels: tuple[PcaPanel, ...]
    basis: str
    missing: tuple[str, ...] = ()


class Convergence(Frozen):
    """How alike the languages' states of the same questions are, by layer; one per panel and axis.

    `cka` is debiased linear CKA and `cosine` the mean cosine of the same question in two languages, each a mean over
    pairs of languages. Both have a baseline. `baseline_cosine` is the cosine of different questions in two languages:
    what a common direction alone gives. `baseline_cka` is the alignment that is left when questions are exchanged within
    their kinds: what the kinds of questions alone give (no intervals). `with_english[language]` holds the pair with
    English. Empty curves where there is nothing to compare.
    """

    panel: Panel
    axis: Axis
    cka: LayerCurve
    cosine: LayerCurve
    baseline_cosine: LayerCurve
    baseline_cka: LayerCurve = LayerCurve(layers=(), values=())
    with_english: dict[str, dict[Literal["cka", "cosine"], LayerCurve]]
    missing: tuple[str, ...] = ()


class Retrieval(Frozen):
    """Top-1 retrieval of the same sentence in another language by cosine of mean-pooled states; one per panel.

    `by_language` is the mean of both directions, to and from English, with `macro`; `chance` is 1 / `sentences`. `centred`
    is the same after each language's own mean state is taken off: what its constant offset hides.
    """

    panel: Panel
    sentences: int
    chance: float
    by_language: dict[str, LayerCurve]
    centred: dict[str, LayerCurve] = Field(default_factory=dict)
    missing: tuple[str, ...] = ()


class Agreement(Frozen):
    """Where languages pick the same, and where they do not; one per model and condition, from scores alone.

    `universal`: share of universal questions where the language picks the option English picks; besides `macro` (the mean
    over the other languages) it has `pairs`, the mean over all pairs of languages. `localized`: divergence, the share of
    localized questions where it picks another option than English does; `expected`: how often the gold answers differ
    in the same comparisons. `by_label`: accuracy on universal items by their label (culturally sensitive or agnostic),
    where they have one.
    """

    panel: Panel
    universal: dict[str, Estimate]
    localized: dict[str, Estimate]
    expected: dict[str, Estimate]
    by_label: dict[str, dict[str, Estimate]]
    missing: tuple[str, ...] = ()
