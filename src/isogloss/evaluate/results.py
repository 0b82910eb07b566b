"""The results of a pipeline as one serialisable value: what the table, the figures, the report and MLflow are made from."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from isogloss.data.rows import Axis

#: The pseudo-language under which the mean over the non-English languages stands.
MACRO = "macro"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Estimate(_Value):
    """A measured value with its 95 % bootstrap interval, over `n` items in `groups` question groups.

    Fractions, not percent: 0.38 is 38 %. Where there is too little to resample, low and high are None.
    """

    value: float
    low: float | None
    high: float | None
    n: int
    groups: int


class Condition(_Value):
    """One model under one condition, measured on the test items.

    `accuracy[axis][language]`, `delta[axis][language]` (paired difference to the baseline; empty for the baseline
    itself) and `bias[language]` / `bias_delta[language]` (English-bias rate on localized items). Each inner mapping
    holds the languages and `macro`.

    `role` says what the row is for: the `baseline`, a `method` (EN, LOC, SUR), or a `control` (country in the prompt, a
    random vector of equal norm, another language's vector).
    """

    name: str
    label: str
    role: Literal["baseline", "method", "control"]
    note: str = ""
    accuracy: dict[Axis, dict[str, Estimate]]
    delta: dict[Axis, dict[str, Estimate]]
    bias: dict[str, Estimate]
    bias_delta: dict[str, Estimate]


class SweepPoint(_Value):
    """Effect of one vector at one layer with one strength on dev2: macro paired differences to the baseline."""

    kind: Literal["en", "loc"]
    layer: int
    gamma: float
    transfer: Estimate
    localization: Estimate
    bias: Estimate | None
    transfer_probability: float
    localization_probability: float
    """Macro paired changes of the gold option's probability among the options: the steadier statistic, for choosing."""
    relative_norm: float
    """γ‖v‖ over the mean residual norm of that layer."""


class Choice(_Value):
    """The layer and strength that the written rule chose on dev2, and what it decided by."""

    kind: Literal["en", "loc"]
    layer: int
    gamma: float
    rule: str
    reason: str


class Results(_Value):
    """Everything that the report shows."""

    pipeline: str
    model: str
    model_digest: str
    benchmark_digest: str
    num_layers: int
    languages: tuple[str, ...]
    regions: dict[str, str]
    scoring: str
    counts: dict[str, int]
    """Number of test items actually scored by axis, and what else is worth counting."""
    baseline: Condition
    conditions: tuple[Condition, ...]
    sweep: tuple[SweepPoint, ...]
    choices: tuple[Choice, ...]
    seconds: dict[str, float]
    """Wall time by stage."""
    machine: str
    date: str


class CurvePoint(_Value):
    """A model scored on a dev subset after `step` optimizer steps; 0 is the model before training (figure 5b)."""

    step: int
    accuracy: dict[Axis, dict[str, Estimate]]
    bias: dict[str, Estimate]


class TrainedModel(_Value):
    """A model and its steered variants on the test items: a column of the paper's table 3.

    `conditions` are unsteered (`none`), EN, LOC at EN's layer (`loc_mid`), LOC at its own, and SUR; their `delta` is
    against the unaligned, unsteered model. `over_own` is the paired difference of each steered condition to this model
    unsteered, by condition. `curve` and `losses` are over training and empty for the unaligned model; `losses` holds
    (step, loss) by the parts of the method's loss, or under `loss` where it has one part.
    """

    name: str
    label: str
    note: str = ""
    conditions: tuple[Condition, ...]
    over_own: dict[str, dict[Axis, dict[str, Estimate]]]
    curve: tuple[CurvePoint, ...] = ()
    losses: dict[str, tuple[tuple[int, float], ...]] = {}


class Comparison(_Value):
    """Every model of a pipeline under every steering, the unaligned one first."""

    models: tuple[TrainedModel, ...]
    languages: tuple[str, ...]
    regions: dict[str, str]
    curve_items: dict[str, int]
    """Number of dev items behind the curves, by axis."""
